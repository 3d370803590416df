//! What the computation of F(n) takes: known beforehand.

use crate::{
    carry::Digits,
    length::{TABLE_MAX_N, digits},
    radix::Radix,
    transform::Shape,
};

/// What a computation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The number of decimal digits.
    pub digits: u64,
    /// Memory in bytes, digits included, for an arena that is new: an upper bound, unless the
    /// certificate misses (then a quarter more).
    pub memory: u64,
    /// Nanoseconds on a machine of 2024 with AVX-512, roughly: good to compare and to add up.
    pub work: u64,
}

/// Bytes for the small tables of an arena, and for what is rounded up to pages.
const TABLES: u64 = 256 << 10;

/// What the computation of F(n) will take.
#[must_use]
pub fn estimate(n: u64) -> Estimate {
    let digits = digits(n);
    if n <= TABLE_MAX_N {
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

/// How much memory the computation of F(n) takes, digits included, in bytes.
#[must_use]
pub fn memory(n: u64) -> u64 {
    estimate(n).memory
}

/// Room for the digits, in groups of eight, of the two numbers of the doublings up to a shape.
///
/// The last doubling makes one number; the one before makes two, of half the length, which need
/// room up to the shape's length.
pub(crate) fn number_lengths(shape: Shape) -> [usize; 2] {
    [2 * shape.cells(), shape.cells() + shape.cells() / 2 + 64]
}
