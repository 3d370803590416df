//! Exact Fibonacci numbers in decimal: no I/O, one thread, no unsafe code.
//!
//! ```
//! let digits = fibonacci::decimal(100, || false)?;
//! assert_eq!(digits, b"354224848179261915075");
//! # Ok::<(), fibonacci::DecimalError>(())
//! ```
//!
//! A thread that computes many numbers keeps an [`Arena`]: it reuses memory and tables.
//! [`estimate()`] says in advance what a computation takes, and every computation can be stopped.
//!
//! # How
//!
//! Up to n = 100,000 a number is one multiplication of a tabulated number by a short one. Above,
//! doublings lead from the table to n. They are computed in a radix that is a power of ten: a
//! library that computes in binary spends most of its time on the conversion to decimal, which is
//! not needed here. Products are floating-point Fourier transforms; the result is checked modulo a
//! random prime, and computed again in a smaller radix if the check fails.
//!
//! # The files, in the order to read
//!
//! - `arena`: a computation from start to end, and the memory it reuses
//! - `identity`: how F(k) and F(k-1) lead to F(2k), and the chain of doublings to n
//! - `radix`: the power of ten, and how large it may be
//! - `transform`: products of numbers of millions of digits
//! - `carry`: from coefficients to digits: rounding and carrying
//! - `ascii`: from digits to characters
//! - `check`: the check of every result
//! - `table`: the numbers up to n = 100,000
//! - `estimate`: time and memory, known in advance
//! - `lanes`: vectors of eight numbers, with AVX-512, AVX2, or plain code
//! - `length`, `pace`, `error`: what all of them build on: the limits of n and the number of digits
//!   of F(n), when to ask whether to stop, and the errors
//!
//! No two of them use each other.
//!
//! # Sources
//!
//! Each is named where it is used: the doublings (D. E. Knuth) in `identity`; the transform of a
//! product modulo x^(2M) + 1 (R. Crandall and B. Fagin), of lengths that are not powers of two
//! (I. J. Good), and as a tree of remainders (D. J. Bernstein) in `transform`; the check (after
//! R. Freivalds), arithmetic modulo a prime (P. Montgomery), and the test of primes (G. Miller,
//! M. Rabin; J. Sorenson and J. Webster) in `check`.

#![expect(
    clippy::inline_always,
    reason = "vector code must be inlined into a function compiled for its instructions"
)]
#![expect(clippy::many_single_char_names, reason = "the letters of the formulas")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the comments give the ranges that numbers stay in"
)]

mod arena;
mod ascii;
mod carry;
mod check;
mod error;
mod estimate;
mod identity;
mod lanes;
mod length;
mod pace;
mod radix;
mod table;
#[cfg(test)]
mod tests;
mod transform;

pub use arena::{Arena, Report};
pub use error::DecimalError;
pub use estimate::{Estimate, estimate, memory};
pub use lanes::Backend;
pub use length::{MAX_N, SMALL, digits};

use length::TABLE_MAX_N;

/// The decimal digits of F(n), with an [`Arena`] for this one computation if it needs one.
///
/// # Errors
/// As [`Arena::decimal`].
pub fn decimal(n: u64, stop: impl Fn() -> bool) -> Result<Vec<u8>, DecimalError> {
    let mut out = Vec::new();
    if n <= TABLE_MAX_N {
        table::append(n, Backend::best(), &mut out);
        return Ok(out);
    }
    Arena::new().decimal(n, &mut out, &stop)?;
    Ok(out)
}
