//! When a request has to be answered.

use super::clock::{Clocks, Moment};
use crate::wire::{Envelope, TimeLimit};
use std::time::Duration;

/// So long after a standstill, what had come in it may still be read.
const READ_LATER: Duration = Duration::from_secs(5);

/// A time in which this process did nothing: it was stopped, or had no processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standstill {
    /// When it began, in Unix milliseconds.
    pub(super) since_ms: i64,
    pub(super) until: Moment,
}

/// The deadline of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    /// On our monotonic clock.
    pub(super) at: Option<Moment>,
    /// Where a clock is wrong, both times, in Unix milliseconds: the deadline and the arrival.
    pub(super) wrong_clock: Option<(i64, i64)>,
}

impl Deadline {
    /// The deadline of a request that arrived at this moment, or was there to be read since the
    /// last standstill.
    pub(super) fn new(
        clocks: Clocks,
        arrived: Moment,
        envelope: &Envelope,
        standstill: Option<Standstill>,
    ) -> Self {
        let since = i64::try_from(clocks.now.since(arrived).as_millis()).unwrap_or(i64::MAX);
        let arrived_ms = clocks.unix_ms.saturating_sub(since);
        let TimeLimit { lasts, wrong_clock } = envelope.time_limit(arrived_ms);
        let times = envelope.deadline_ms.map(|deadline_ms| (deadline_ms, arrived_ms));
        let standstill = standstill.filter(|it| arrived.since(it.until) < READ_LATER);
        if wrong_clock && standstill.is_some_and(|it| envelope.deadline_ms >= Some(it.since_ms)) {
            // It passed while nobody looked, which says nothing about clocks.
            return Self { at: Some(arrived), wrong_clock: None };
        }
        Self {
            at: lasts.map(|lasts| arrived.plus(lasts)),
            wrong_clock: times.filter(|_| wrong_clock),
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
    use std::time::Duration;

    const NOW_MS: i64 = 1_790_000_000_000;

    const ARRIVED: Duration = Duration::from_secs(20);

    /// In milliseconds after the arrival; the second says whether a clock is wrong.
    fn deadline(deadline: Option<i64>, expiration_ms: Option<u64>) -> (Option<u64>, bool) {
        deadline_after(None, deadline, expiration_ms)
    }

    fn deadline_after(
        standstill: Option<Standstill>,
        deadline: Option<i64>,
        expiration_ms: Option<u64>,
    ) -> (Option<u64>, bool) {
        let arrived = Moment::after_start(ARRIVED);
        let clocks = Clocks { now: arrived, unix_ms: NOW_MS };
        let deadline_ms = deadline.map(|after| NOW_MS.saturating_add(after));
        let envelope = Envelope { deadline_ms, expiration_ms, ..Envelope::default() };
        let found = Deadline::new(clocks, arrived, &envelope, standstill);
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
    fn a_deadline_that_passed_while_nobody_looked_says_nothing_about_clocks() {
        let passed = |until: Duration, deadline| {
            let until = Moment::after_start(until);
            let standstill = Standstill { since_ms: NOW_MS - 10_000, until };
            deadline_after(Some(standstill), Some(deadline), Some(10_000))
        };
        let long_ago = ARRIVED.saturating_sub(READ_LATER);
        for until in [ARRIVED, long_ago + Duration::from_millis(1)] {
            assert_eq!(passed(until, 0), (Some(0), false));
            assert_eq!(passed(until, -10_000), (Some(0), false));
            assert_eq!(passed(until, -10_001), (Some(10_000), true));
            assert_eq!(passed(until, 700), (Some(700), false));
        }
        assert_eq!(passed(long_ago, -1), (Some(10_000), true));
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
        let found = Deadline::new(Clocks { now, unix_ms: NOW_MS }, arrived, &envelope, None);
        assert_eq!(found.wrong_clock, None, "the clocks agree: this process stood still");
        assert!(found.is_over(now));
    }

    #[test]
    fn no_numbers_are_too_large() {
        assert!(deadline(Some(i64::MAX), Some(u64::MAX)).0.is_some());
        assert!(deadline(Some(i64::MIN), Some(u64::MAX)).1);
    }
}
