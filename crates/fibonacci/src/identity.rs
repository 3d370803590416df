//! The identities, and the chain of doublings that leads to n.
//!
//! With F(0) = 0 and F(1) = 1, and f = F(k), g = F(k-1):
//!
//! ```text
//! F(2k)   = f (f + 2 g)
//! F(2k-1) = f^2 + g^2
//! F(2k+1) = (f + g)^2 + f^2
//! ```
//!
//! (D. E. Knuth, The Art of Computer Programming, vol. 1, section 1.2.8: from
//! F(m+n) = F(m) F(n+1) + F(m-1) F(n).) So a pair F(k), F(k-1) leads to F(2k), F(2k-1) or to
//! F(2k+1), F(2k), with two products each. The chain starts at the leading bits of n, and each
//! further bit chooses one of the two. At the last bit, one number of the pair is enough.

use crate::length::TABLE_MAX_N;

/// One doubling, from F(k) and F(k-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To F(2k) and F(2k-1).
    Even,
    /// To F(2k+1) and F(2k).
    Odd,
    /// To F(2k).
    LastEven,
    /// To F(2k+1).
    LastOdd,
}

impl Step {
    pub(crate) fn wants_both(self) -> bool {
        matches!(self, Self::Even | Self::Odd)
    }
}

/// The index where the chain to n starts: small enough for the table.
pub(crate) fn start(n: u64) -> u64 {
    n >> doublings(n)
}

/// The doublings from there to n, each with the larger index that it leads to.
pub(crate) fn chain(n: u64) -> impl Iterator<Item = (Step, u64)> {
    (0..doublings(n)).rev().map(move |bit| {
        let to = n >> bit;
        let step = match (to.is_multiple_of(2), bit == 0) {
            (true, false) => Step::Even,
            (false, false) => Step::Odd,
            (true, true) => Step::LastEven,
            (false, true) => Step::LastOdd,
        };
        (step, to)
    })
}

fn doublings(n: u64) -> u32 {
    (0..u64::BITS).find(|&count| n >> count <= TABLE_MAX_N).unwrap_or(0)
}
