//! Exact Fibonacci numbers in decimal, free of I/O.
//!
//! Up to n = 100,000 a number is one multiplication of a tabulated one (`table`). Above, doublings
//! lead from the table to n, in a radix that is a power of ten, so that what takes a binary
//! library most of its time, the conversion to decimal, is not there. In the order to read:
//!
//! - `identity`: how F(k) and F(k-1) lead to F(2k), and the chain of doublings to n
//! - `radix`: the power of ten, and how large it may be
//! - `transform`: products of numbers of millions of digits, by Fourier transforms
//! - `carry`: from coefficients back to digits: rounding and carrying
//! - `ascii`: from digits to characters
//! - `certificate`: the proof of every result, modulo a random prime
//! - [`Arena`] puts them together; `size` knows beforehand what it takes
//!
//! Below them all is `lanes`: the vectors of the processor, AVX-512, AVX2, or none.

#![expect(
    clippy::inline_always,
    reason = "what runs on vectors has to be inlined into a function compiled for them"
)]
#![expect(clippy::many_single_char_names, reason = "the letters of the formulas")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "numbers are kept within the ranges that the comments give"
)]

mod arena;
mod ascii;
mod carry;
mod certificate;
mod identity;
mod lanes;
mod radix;
mod size;
mod table;
#[cfg(test)]
mod tests;
mod transform;

pub use arena::Arena;
pub use lanes::Backend;

/// Up to this n a number is ready in a few microseconds, without an [`Arena`]: cheaper to compute
/// in place than to hand over to another thread.
pub const SMALL: u64 = table::SMALL_N;

/// The largest n there is an answer for: its digits, 2 * 10^8 of them, are far beyond what a
/// broker takes in one message.
pub const MAX_N: u64 = 1_000_000_000;

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

/// What the computation of F(n) will take.
#[must_use]
pub fn estimate(n: u64) -> Estimate {
    size::estimate(n)
}

/// How much memory the computation of F(n) takes, digits included, in bytes.
#[must_use]
pub fn memory(n: u64) -> u64 {
    estimate(n).memory
}

/// The number of decimal digits of F(n).
#[must_use]
pub fn digits(n: u64) -> u64 {
    size::digits(n)
}

/// How a computation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// How often the certificate found digits wrong, which were then computed anew in a smaller
    /// radix: normally never.
    pub misses: u32,
}

/// Why there are no digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// It was told to stop.
    #[error("the computation was stopped")]
    Stopped,
    /// Beyond [`MAX_N`].
    #[error("{n} is too large: ask for at most {MAX_N}")]
    TooLarge {
        /// What was asked for.
        n: u64,
    },
    /// The system gave no memory.
    #[error("no memory for F({n}): lower compute.memory or compute.max_n")]
    OutOfMemory {
        /// What was asked for.
        n: u64,
    },
    /// No radix led to digits that agree with F(n) modulo a prime.
    #[error("F({n}) was computed wrongly time and again: check the memory of this machine")]
    Unproved {
        /// What was asked for.
        n: u64,
    },
}

/// The decimal digits of F(n), with an [`Arena`] for this one computation if it needs one.
///
/// # Errors
/// As [`Arena::decimal`].
pub fn decimal(n: u64, stop: impl Fn() -> bool) -> Result<Vec<u8>, DecimalError> {
    let mut out = Vec::new();
    if n <= table::MAX_N {
        table::append(n, Backend::best(), &mut out);
        return Ok(out);
    }
    Arena::new().decimal(n, &mut out, &stop)?;
    Ok(out)
}

/// The computation was told to stop.
#[derive(Clone, Copy, Debug)]
struct Interrupt;

impl From<Interrupt> for DecimalError {
    fn from(_: Interrupt) -> Self {
        Self::Stopped
    }
}

/// Asks whether to stop, now and then.
struct Pace<'a> {
    stop: &'a dyn Fn() -> bool,
    /// Cells to go until it asks again.
    left: usize,
}

impl<'a> Pace<'a> {
    /// Cells of eight points that one step is done with in less than a millisecond.
    const CELLS: usize = 1 << 14;

    fn new(stop: &'a dyn Fn() -> bool) -> Self {
        Self { stop, left: 0 }
    }

    /// Counts work on so many cells, done or about to be.
    fn worked(&mut self, cells: usize) -> Result<(), Interrupt> {
        if cells < self.left {
            self.left -= cells;
            return Ok(());
        }
        self.left = Self::CELLS;
        if (self.stop)() { Err(Interrupt) } else { Ok(()) }
    }
}
