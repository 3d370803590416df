//! How long F(n) is, and the limits of n.

/// The largest n there is an answer for: its digits, 2 * 10^8 of them, are far beyond what a
/// broker takes in one message.
pub const MAX_N: u64 = 1_000_000_000;

/// Up to this n a number is ready in a few microseconds, without an [`Arena`](crate::Arena):
/// cheaper to compute in place than to hand over to another thread.
pub const SMALL: u64 = 20_000;

/// The largest n of the table. A table of twice the n takes four times the memory: 14 MB at this
/// size.
pub(crate) const TABLE_MAX_N: u64 = 100_000;

/// log10 of the golden ratio, and of the root of 5, times 2^96.
const LOG_PHI: u128 = 0x3580_36c8_2451_b7f3_65d3_db23;
const LOG_ROOT_5: u128 = 0x5977_d95e_c10c_0219_dc1d_a994;

/// The number of decimal digits of F(n).
///
/// F(n) is phi^n / sqrt(5), rounded, so it has floor(n log10(phi) - log10(sqrt(5))) + 1 digits. The
/// logarithms are good to 2^-96, and no F(n) up to [`MAX_N`] is so near a power of ten. Beyond, it
/// is an upper bound.
#[must_use]
pub fn digits(n: u64) -> u64 {
    match n {
        0 | 1 => 1,
        2..=MAX_N => ((u128::from(n) * LOG_PHI - LOG_ROOT_5) >> 96) as u64 + 1,
        _ => n / 4,
    }
}
