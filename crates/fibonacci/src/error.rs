//! Why there are no digits.

use crate::{length::MAX_N, pace::Interrupt};

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

impl From<Interrupt> for DecimalError {
    fn from(_: Interrupt) -> Self {
        Self::Stopped
    }
}
