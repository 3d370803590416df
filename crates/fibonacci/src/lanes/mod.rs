//! Eight floating-point numbers at a time, on the best vectors that the machine has.
//!
//! The transform is written once, generic over [`Lanes`]: the few operations that it needs, on
//! eight lanes. Three back ends provide them: `avx512` (one vector of eight), `avx2` (two of four,
//! with fused multiply-add), and `portable` (plain arrays, on any machine). The crate `pulp` makes
//! the first two safe: its tokens exist only where the instructions do.
//!
//! Code compiled for any machine cannot contain these instructions, so code that uses them is a
//! [`Pass`]: [`Backend::run`] enters a function compiled for the back end, into which the whole
//! pass is inlined.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod backend;
mod portable;
#[cfg(test)]
mod tests;
mod vector;
mod word;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use backend::Backend;
pub(crate) use vector::{Cell, Lanes, Pair, Pass, eight};
pub(crate) use word::{characters, value};
