//! How `compute.memory` is shared out.

use fibrpc_core::server;
use std::num::NonZeroUsize;

/// The parts, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// For quick computations, and their replies until they are confirmed: an eighth.
    pub(super) quick: u64,
    /// The same for long ones: the rest of the half, or more if the largest n needs more.
    pub(super) long: u64,
    /// What each thread may keep between computations, so that the next one finds it warm. All of
    /// them together: the other half, or what the largest n leaves of it.
    pub(super) kept: u64,
}

impl Shares {
    pub(crate) fn new(memory: u64, max_n: u64, threads: NonZeroUsize) -> Self {
        let quick = memory / 8;
        let long = (memory / 2 - quick).max(fibonacci::memory(max_n)).min(memory - quick);
        let threads = threads.get() as u64 + 1; // one is reserved for quick ones
        Self { quick, long, kept: (memory - quick - long) / threads }
    }

    /// Whether F(n) can ever be computed.
    pub(crate) fn admit(&self, n: u64) -> bool {
        fibonacci::memory(n) <= self.long
    }

    /// The shares as the core has them.
    pub(crate) fn of_core(self) -> server::Shares {
        server::Shares { quick: self.quick, long: self.long }
    }
}

/// The least `compute.memory` for numbers up to F(n), in bytes.
pub(crate) fn needed(max_n: u64) -> u64 {
    (fibonacci::memory(max_n).saturating_mul(8) / 7).saturating_add(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_make_the_whole_and_the_largest_n_fits() {
        for threads in [1, 2, 64].map(|threads| NonZeroUsize::new(threads).unwrap()) {
            for max_n in [0, 20_000, 1_000_000, 50_000_000, 1_000_000_000] {
                for memory in [needed(max_n), needed(max_n) + 1, 1 << 20, 512 << 20, 1 << 40] {
                    let shares = Shares::new(memory, max_n, threads);
                    let kept = shares.kept * (threads.get() as u64 + 1);
                    assert!(shares.quick + shares.long + kept <= memory);
                    assert_eq!(shares.admit(max_n), memory >= needed(max_n), "{max_n} {memory}");
                }
            }
        }
    }
}
