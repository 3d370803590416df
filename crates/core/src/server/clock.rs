//! Time, as it is handed in.

use std::time::Duration;

/// A moment of the monotonic clock: nanoseconds since some beginning, the same for one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment this long after the beginning.
    #[must_use]
    pub fn after_start(time: Duration) -> Self {
        Self(nanos(time))
    }

    /// How long after the beginning it is.
    #[must_use]
    pub fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The moment this much later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(nanos(time)))
    }

    /// The time from an earlier moment to this one; zero from a later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Of the monotonic clock.
    pub now: Moment,
    /// Unix time in milliseconds, as this machine has it.
    pub unix_ms: i64,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
