//! How `compute.memory` is shared out.

use std::num::NonZeroUsize;

/// Computations of no more work than this, in units of [`fibonacci::Estimate::work`] (about
/// nanoseconds), are quick: a thread and memory are reserved for them, so they never wait for long
/// ones.
const QUICK: u64 = 2_000_000;

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

/// Which of the shares a computation takes its memory from, and which threads are for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Takes any thread, the one that is reserved included.
    Quick,
    /// Takes any thread but the reserved one.
    Long,
}

impl Class {
    pub(crate) const ALL: [Self; 2] = [Self::Quick, Self::Long];
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

    pub(super) fn class(&self, n: u64) -> Class {
        let estimate = fibonacci::estimate(n);
        // A quarter, so that one reply that waits to be sent does not keep the others waiting.
        if estimate.work <= QUICK && estimate.memory <= self.quick / 4 {
            Class::Quick
        } else {
            Class::Long
        }
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

    #[test]
    fn what_takes_long_is_not_quick() {
        let shares = Shares::new(512 << 20, 50_000_000, NonZeroUsize::MIN);
        assert_eq!(shares.class(fibonacci::SMALL + 1), Class::Quick);
        assert_eq!(shares.class(50_000_000), Class::Long);
        let tight = Shares::new(1 << 20, 0, NonZeroUsize::MIN);
        assert_eq!(tight.class(1_000_000), Class::Long);
    }
}
