//! Why a computation has no result.

use crate::{length::MAX_N, pace::Interrupt};

/// Why a computation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The caller stopped it.
    #[error("the computation was stopped")]
    Stopped,
    /// n is above [`MAX_N`].
    #[error("{n} is too large: ask for at most {MAX_N}")]
    TooLarge {
        /// The n that was asked for.
        n: u64,
    },
    /// The system gave no memory.
    #[error("no memory for F({n}): free some, or ask for a smaller n")]
    OutOfMemory {
        /// The n that was asked for.
        n: u64,
    },
    /// The digits failed the check in every radix.
    #[error("F({n}) failed its check in every radix: check the memory of this machine")]
    CheckFailed {
        /// The n that was asked for.
        n: u64,
    },
}

impl From<Interrupt> for DecimalError {
    fn from(_: Interrupt) -> Self {
        Self::Stopped
    }
}
