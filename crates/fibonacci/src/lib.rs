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

pub use arena::{Arena, Decimal};
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
