//! Whether the server's loop and the compute threads still work, for the service manager's
//! watchdog.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Armed before a thread or a loop waits or works, armed anew by its progress; expired if it stays
/// silent past that moment.
#[derive(Debug)]
pub(crate) struct WatchdogTimer(AtomicU64);

/// Moments are counted from here, in milliseconds.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Not armed.
const DISARMED: u64 = u64::MAX;

impl Default for WatchdogTimer {
    /// Not armed yet.
    fn default() -> Self {
        Self(AtomicU64::new(DISARMED))
    }
}

impl WatchdogTimer {
    /// Expires after this time, unless it is armed again or disarmed before.
    pub(crate) fn arm(&self, time: Duration) {
        let until = millis(EPOCH.elapsed().saturating_add(time)).min(DISARMED - 1);
        self.0.store(until, Ordering::Relaxed);
    }

    /// Does not expire until it is armed again.
    pub(crate) fn disarm(&self) {
        self.0.store(DISARMED, Ordering::Relaxed);
    }

    /// Whether it has expired before `now`.
    pub(crate) fn expired(&self, now: Instant) -> bool {
        let until = self.0.load(Ordering::Relaxed);
        until != DISARMED && until < millis(now.saturating_duration_since(*EPOCH))
    }
}

/// The timers of all that must be alive for requests to flow.
pub(crate) struct Watchdog {
    /// The server's loop.
    pub(crate) server: Arc<WatchdogTimer>,
    /// The compute threads.
    pub(crate) compute: Arc<[WatchdogTimer]>,
}

impl Watchdog {
    pub(crate) fn all_alive(&self, now: Instant) -> bool {
        let compute = self.compute.iter();
        !compute.chain([&*self.server]).any(|timer| timer.expired(now))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_expired_by_silence_and_by_nothing_else() {
        let timer = WatchdogTimer::default();
        let in_an_hour = Instant::now() + Duration::from_hours(1);
        assert!(!timer.expired(in_an_hour), "it is not armed");
        timer.arm(Duration::from_mins(30));
        assert!(!timer.expired(Instant::now()));
        assert!(timer.expired(in_an_hour));
        timer.arm(Duration::from_hours(2));
        assert!(!timer.expired(in_an_hour), "it was armed anew");
        timer.disarm();
        assert!(!timer.expired(in_an_hour));
        timer.arm(Duration::MAX);
        assert!(!timer.expired(in_an_hour));
    }

    #[test]
    fn one_that_is_silent_for_too_long_is_enough() {
        let compute: Arc<[_]> = (0..3).map(|_| WatchdogTimer::default()).collect();
        let watchdog = Watchdog { server: Arc::default(), compute };
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_mins(2));
        for timer in watchdog.compute.iter().chain([&*watchdog.server]) {
            timer.arm(Duration::from_mins(1));
            assert!(watchdog.all_alive(now) && !watchdog.all_alive(later));
            timer.disarm();
            assert!(watchdog.all_alive(later));
        }
    }
}
