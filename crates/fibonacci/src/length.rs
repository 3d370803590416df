//! The number of digits of F(n), and the limits of n.

/// The largest n that is accepted. F(n) has 2.1 * 10^8 digits then.
pub const MAX_N: u64 = 1_000_000_000;

/// Up to this n, F(n) takes a few microseconds and no [`Arena`](crate::Arena): handing it over to
/// another thread would cost more than computing it in place.
pub const SMALL: u64 = 20_000;

/// The largest n of the table. The memory of the table grows with the square of n: 14 MB for this.
pub(crate) const TABLE_MAX_N: u64 = 100_000;

/// log10 of the golden ratio, times 2^96.
const LOG_PHI: u128 = 0x3580_36c8_2451_b7f3_65d3_db23;

/// log10 of the square root of 5, times 2^96.
const LOG_ROOT_5: u128 = 0x5977_d95e_c10c_0219_dc1d_a994;

/// The number of decimal digits of F(n).
///
/// F(n) is phi^n / sqrt(5), rounded, so it has floor(n log10(phi) - log10(sqrt(5))) + 1 digits. The
/// logarithms have an error below 2^-96, and no F(n) up to [`MAX_N`] is close enough to a power of
/// ten for that to matter. Beyond [`MAX_N`] this is an upper bound.
#[must_use]
pub fn digits(n: u64) -> u64 {
    match n {
        0 | 1 => 1,
        2..=MAX_N => ((u128::from(n) * LOG_PHI - LOG_ROOT_5) >> 96) as u64 + 1,
        _ => n / 4,
    }
}
