//! Whether those that work are still working.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The word of a thread or a loop to be heard of again by some moment. One that hangs cannot keep
/// it, so a watchdog need not know what it does.
#[derive(Debug)]
pub(crate) struct WatchdogTimer(AtomicU64);

/// Moments are counted from here, in milliseconds.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nothing is promised.
const RESTING: u64 = u64::MAX;

impl Default for WatchdogTimer {
    /// Nothing is promised yet.
    fn default() -> Self {
        Self(AtomicU64::new(RESTING))
    }
}

impl WatchdogTimer {
    /// Promises a sign of life within this time, instead of what was promised before.
    pub(crate) fn arm(&self, time: Duration) {
        let until = millis(EPOCH.elapsed().saturating_add(time)).min(RESTING - 1);
        self.0.store(until, Ordering::Relaxed);
    }

    /// Promises nothing any more.
    pub(crate) fn disarm(&self) {
        self.0.store(RESTING, Ordering::Relaxed);
    }

    /// Whether a sign of life was due before `now`.
    pub(crate) fn expired(&self, now: Instant) -> bool {
        let until = self.0.load(Ordering::Relaxed);
        until != RESTING && until < millis(now.saturating_duration_since(*EPOCH))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_broken_by_silence_and_by_nothing_else() {
        let watchdog = WatchdogTimer::default();
        let in_an_hour = Instant::now() + Duration::from_hours(1);
        assert!(!watchdog.expired(in_an_hour), "nothing was promised");
        watchdog.arm(Duration::from_mins(30));
        assert!(!watchdog.expired(Instant::now()));
        assert!(watchdog.expired(in_an_hour));
        watchdog.arm(Duration::from_hours(2));
        assert!(!watchdog.expired(in_an_hour), "it was renewed");
        watchdog.disarm();
        assert!(!watchdog.expired(in_an_hour));
        watchdog.arm(Duration::MAX);
        assert!(!watchdog.expired(in_an_hour));
    }
}
