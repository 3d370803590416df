//! How long to wait between attempts: the one place that knows the `backoff` crate.

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff as _};
use std::time::Duration;

/// Exponential backoff that never gives up: each pause is half as long again as the one before, up
/// to a limit, so that the wait after an outage stays in proportion to its length. Each pause is
/// then varied by up to half either way, so that programs that lost the same broker do not return
/// in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: ExponentialBackoff,
    max: Duration,
}

impl Backoff {
    const MULTIPLIER: f64 = 1.5;
    const JITTER: f64 = 0.5;

    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        let policy = ExponentialBackoffBuilder::new()
            .with_initial_interval(initial)
            .with_max_interval(max)
            .with_multiplier(Self::MULTIPLIER)
            .with_randomization_factor(Self::JITTER)
            .with_max_elapsed_time(None)
            .build();
        Self { policy, max }
    }

    /// The next pause; never more than the limit.
    pub(crate) fn pause(&mut self) -> Duration {
        self.policy.next_backoff().unwrap_or(self.max).min(self.max)
    }

    /// Starts again from the initial pause.
    pub(crate) fn reset(&mut self) {
        self.policy.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(2);

    #[test]
    fn grows_to_the_limit_and_stays_there_for_ever() {
        let mut backoff = Backoff::new(INITIAL, MAX);
        assert!(backoff.pause() <= INITIAL * 3 / 2);
        for _ in 0..100 {
            assert!(backoff.pause() <= MAX);
        }
        assert!(backoff.pause() >= MAX / 2);
    }

    #[test]
    fn starts_again_after_a_reset() {
        let mut backoff = Backoff::new(INITIAL, MAX);
        let _ = (0..10).map(|_| backoff.pause()).collect::<Vec<_>>();
        backoff.reset();
        assert!(backoff.pause() <= INITIAL * 3 / 2);
    }

    #[test]
    fn two_programs_do_not_pause_in_step() {
        let pauses = || {
            let mut backoff = Backoff::new(INITIAL, MAX);
            (0..10).map(|_| backoff.pause()).collect::<Vec<_>>()
        };
        assert_ne!(pauses(), pauses());
    }
}
