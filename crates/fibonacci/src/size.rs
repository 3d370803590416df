//! How large F(n) is, and what it takes to compute it: known before.

use super::{Estimate, MAX_N, carry::Digits, radix::Radix, table, transform::Shape};

/// log10 of the golden ratio, and of the root of 5, times 2^96.
const LOG_PHI: u128 = 0x3580_36c8_2451_b7f3_65d3_db23;
const LOG_ROOT_5: u128 = 0x5977_d95e_c10c_0219_dc1d_a994;

/// The number of decimal digits of F(n).
///
/// F(n) is phi^n / sqrt(5), rounded, so it has floor(n log10(phi) - log10(sqrt(5))) + 1 digits. The
/// logarithms are good to 2^-96, and no F(n) up to [`MAX_N`] is so near a power of ten. Beyond, it
/// is an upper bound.
#[must_use]
pub(super) fn digits(n: u64) -> u64 {
    match n {
        0 | 1 => 1,
        2..=MAX_N => ((u128::from(n) * LOG_PHI - LOG_ROOT_5) >> 96) as u64 + 1,
        _ => n / 4,
    }
}

/// Bytes for the small tables of an arena, and for what is rounded up to pages.
const TABLES: u64 = 256 << 10;

/// See [`super::estimate`].
pub(super) fn estimate(n: u64) -> Estimate {
    let digits = digits(n);
    if n <= table::MAX_N {
        return Estimate { digits, memory: digits + 64, work: 20 + digits };
    }
    let shape = Shape::for_digits(Radix::for_n(n).digits_for(n));
    let cells = shape.cells() as u64;
    let numbers = number_lengths(shape).iter().sum::<usize>() * size_of::<Digits>();
    Estimate {
        digits,
        memory: (shape.memory() + numbers) as u64 + digits + TABLES,
        work: cells * u64::from(cells.ilog2() + 4) * 15,
    }
}

/// Room for the digits, in groups of eight, of the two numbers of the doublings up to a shape.
///
/// The last doubling makes one number; the one before makes two, of half the length, which need
/// room up to the shape's length.
pub(super) fn number_lengths(shape: Shape) -> [usize; 2] {
    [2 * shape.cells(), shape.cells() + shape.cells() / 2 + 64]
}
