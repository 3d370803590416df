//! When a request has to be answered.

use super::clock::{Clocks, Moment};
use crate::wire::Envelope;
use std::time::Duration;

/// The deadline of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    /// On our monotonic clock.
    pub(super) at: Option<Moment>,
    /// The caller's deadline had passed when the request arrived, although the broker, which counts
    /// by one clock, says that it has time left: the clock of the caller is wrong, or ours is. It is
    /// not heeded. Both times, in Unix milliseconds: the deadline and the arrival.
    pub(super) wrong_clock: Option<(i64, i64)>,
}

impl Deadline {
    /// The deadline of a request that arrived at this moment: that of its caller, by its clock, but
    /// its expiration after the arrival at the latest. How long it was in the queue nobody says, so
    /// this is an upper bound.
    pub(super) fn new(clocks: Clocks, arrived: Moment, envelope: &Envelope) -> Self {
        let since = i64::try_from(clocks.now.since(arrived).as_millis()).unwrap_or(i64::MAX);
        let arrived_ms = clocks.unix_ms.saturating_sub(since);
        let after = |ms: u64| arrived.plus(Duration::from_millis(ms));
        let bound = envelope.expiration_ms.map(after);
        let Some(deadline_ms) = envelope.deadline_ms else {
            return Self { at: bound, wrong_clock: None };
        };
        match u64::try_from(deadline_ms.saturating_sub(arrived_ms)) {
            Ok(left) if left > 0 => {
                let asked = after(left);
                Self { at: Some(bound.map_or(asked, |bound| bound.min(asked))), wrong_clock: None }
            }
            _ if bound.is_some() => {
                Self { at: bound, wrong_clock: Some((deadline_ms, arrived_ms)) }
            }
            _ => Self { at: Some(arrived), wrong_clock: None },
        }
    }

    /// Whether it has passed.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.at.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;

    /// In milliseconds after the arrival; the second says whether a clock is wrong.
    fn deadline(deadline: Option<i64>, expiration_ms: Option<u64>) -> (Option<u64>, bool) {
        let arrived = Moment::after_start(Duration::from_secs(5));
        let clocks = Clocks { now: arrived, unix_ms: NOW_MS };
        let deadline_ms = deadline.map(|after| NOW_MS.saturating_add(after));
        let envelope = Envelope { deadline_ms, expiration_ms, ..Envelope::default() };
        let found = Deadline::new(clocks, arrived, &envelope);
        let after = |at: Moment| u64::try_from(at.since(arrived).as_millis()).unwrap();
        (found.at.map(after), found.wrong_clock.is_some())
    }

    #[test]
    fn the_earlier_of_both_holds() {
        assert_eq!(deadline(None, None), (None, false));
        assert_eq!(deadline(Some(700), None), (Some(700), false));
        assert_eq!(deadline(None, Some(700)), (Some(700), false));
        assert_eq!(deadline(Some(700), Some(10_000)), (Some(700), false));
        assert_eq!(deadline(Some(40_000), Some(10_000)), (Some(10_000), false));
        assert_eq!(deadline(Some(i64::MAX), Some(10_000)), (Some(10_000), false));
    }

    #[test]
    fn a_deadline_that_has_passed_holds_only_without_an_expiration() {
        for past in [0, -1, -20_000, i64::MIN] {
            assert_eq!(deadline(Some(past), Some(10_000)), (Some(10_000), true));
            assert_eq!(deadline(Some(past), None), (Some(0), false));
        }
    }

    #[test]
    fn what_counts_is_the_arrival_and_not_when_it_is_looked_at() {
        let arrived = Moment::after_start(Duration::from_secs(5));
        let now = arrived.plus(Duration::from_secs(20));
        let envelope = Envelope {
            deadline_ms: Some(NOW_MS - 20_000 + 10_000),
            expiration_ms: Some(10_000),
            ..Envelope::default()
        };
        let found = Deadline::new(Clocks { now, unix_ms: NOW_MS }, arrived, &envelope);
        assert_eq!(found.wrong_clock, None, "the clocks agree: this process stood still");
        assert!(found.is_over(now));
    }

    #[test]
    fn no_numbers_are_too_large() {
        assert!(deadline(Some(i64::MAX), Some(u64::MAX)).0.is_some());
        assert!(deadline(Some(i64::MIN), Some(u64::MAX)).1);
    }
}
