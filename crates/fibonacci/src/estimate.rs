//! The memory and time that a computation takes, known in advance.

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
    /// Memory in bytes, digits included, in a new arena: an upper bound, unless the digits fail the
    /// check; then it takes a quarter more.
    pub memory: u64,
    /// Roughly the nanoseconds on a machine of 2024 with AVX-512: good for comparing and adding.
    pub work: u64,
}

/// Bytes for the small tables of an arena, and for rounding up to pages.
const TABLES: u64 = 256 << 10;

/// What the computation of F(n) takes.
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

/// The memory that the computation of F(n) takes, digits included, in bytes.
#[must_use]
pub fn memory(n: u64) -> u64 {
    estimate(n).memory
}

/// The lengths, in groups of eight digits, of the buffers for the two numbers of the doublings up
/// to a shape.
///
/// The last doubling makes one number. The one before makes two of about half that length, which
/// are padded with zeros to the number of points of the shape.
pub(crate) fn number_lengths(shape: Shape) -> [usize; 2] {
    [2 * shape.cells(), shape.cells() + shape.cells() / 2 + 64]
}
