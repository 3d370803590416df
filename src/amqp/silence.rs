//! Whether the broker still delivers.
//!
//! RabbitMQ 3.10 may forget a consumer without a word, when its queue is deleted and declared again
//! at once by somebody else: everything is up, and nothing ever comes. So a session to which nothing
//! comes looks at the queue now and then.
//!
//! Requests may wait beside a consumer that gets none and yet is in order, such as one that stands by
//! (single active consumer, consumer priorities). Attaching anew does no harm to that one, but is no
//! help either; so it is done ever more rarely, until something comes: four times in a quarter of an hour,
//! which is no alert yet.

use super::{Cause, LinkError};
use std::time::{Duration, Instant};

/// How long nothing has come when the queue is looked at, and then the least time between two looks
/// that found something wrong.
const LOOK_AFTER: Duration = Duration::from_secs(10);

/// How long until the next look where nothing was wrong.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The longest time that something may be wrong before the session is ended.
const MOST_PATIENCE: Duration = Duration::from_mins(10);

/// How long nothing has come, and what was seen meanwhile. Lives longer than a session.
#[derive(Debug)]
pub(crate) struct Silence {
    /// When to look at the queue; `None` while the answer is waited for.
    look_at: Option<Instant>,
    /// Since when every look has found something wrong.
    wrong_since: Option<Instant>,
    /// How long that may be so.
    patience: Duration,
}

impl Silence {
    pub(crate) fn new() -> Self {
        Self { look_at: None, wrong_since: None, patience: LOOK_AFTER }
    }

    /// A session begins.
    pub(crate) fn attached(&mut self, now: Instant) {
        (self.look_at, self.wrong_since) = (Some(now + LOOK_AFTER), None);
    }

    /// A request came.
    pub(crate) fn broken(&mut self, now: Instant) {
        self.attached(now);
        self.patience = LOOK_AFTER;
    }

    /// Whether the queue is to be looked at now; then [`Self::heard`] is to follow.
    pub(crate) fn look_is_due(&mut self, now: Instant) -> bool {
        let due = self.look_at.is_some_and(|at| at <= now);
        if due {
            self.look_at = None;
        }
        due
    }

    /// What a look has found: how many consumers the queue has, we among them, and how many requests
    /// wait. An error ends the session.
    pub(crate) fn heard(
        &mut self,
        now: Instant,
        found: Result<(u32, u32), LinkError>,
    ) -> Result<(), LinkError> {
        match found {
            Ok((consumers, waiting)) => self.seen(now, consumers, waiting),
            // A queue that is gone has no consumers.
            Err(error) if error.cause == Cause::NoQueue => self.seen(now, 0, 0),
            // Whatever ends the session is told as well; where it goes on, there will be another look.
            Err(error) => {
                tracing::debug!("cannot look at the queue: {error}");
                self.look_at = Some(now + LOOK_AGAIN);
                Ok(())
            }
        }
    }

    fn seen(&mut self, now: Instant, consumers: u32, waiting: u32) -> Result<(), LinkError> {
        if consumers > 0 && waiting == 0 {
            (self.look_at, self.wrong_since) = (Some(now + LOOK_AGAIN), None);
            return Ok(());
        }
        self.look_at = Some(now + LOOK_AFTER);
        let since = *self.wrong_since.get_or_insert(now);
        if now < since + self.patience {
            return Ok(());
        }
        self.patience = (4 * self.patience).min(MOST_PATIENCE);
        Err(LinkError::new(
            Cause::ConsumerCancelled,
            match consumers {
                0 => "the broker has forgotten this consumer".to_owned(),
                _ => format!("the broker delivers nothing though {waiting} requests wait"),
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a session lasts in which each look finds this, up to an hour.
    fn lasts(silence: &mut Silence, start: Instant, consumers: u32, waiting: u32) -> Option<u64> {
        silence.attached(start);
        (0..3600).find(|second| {
            let now = start + Duration::from_secs(*second);
            silence.look_is_due(now) && silence.seen(now, consumers, waiting).is_err()
        })
    }

    #[test]
    fn a_session_to_which_nothing_comes_ends_after_two_looks_then_ever_later() {
        for (consumers, waiting) in [(0, 0), (0, 3), (1, 3)] {
            let (mut silence, start) = (Silence::new(), Instant::now());
            let durations =
                [(); 5].map(|()| lasts(&mut silence, start, consumers, waiting).unwrap());
            assert_eq!(durations, [20, 50, 170, 610, 610]);
            silence.broken(start);
            assert_eq!(lasts(&mut silence, start, consumers, waiting), Some(20));
        }
        assert_eq!(lasts(&mut Silence::new(), Instant::now(), 1, 0), None, "nobody calls");
    }

    #[test]
    fn what_comes_between_two_looks_is_no_silence() {
        let (mut silence, start) = (Silence::new(), Instant::now());
        silence.attached(start);
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            if second % 15 == 14 {
                silence.broken(now);
            }
            if silence.look_is_due(now) {
                assert!(!silence.look_is_due(now), "one at a time");
                silence.seen(now, 1, 5).unwrap();
            }
        }
    }

    #[test]
    fn a_look_that_fails_is_followed_by_another() {
        let (mut silence, start) = (Silence::new(), Instant::now());
        silence.attached(start);
        assert!(silence.look_is_due(start + LOOK_AFTER));
        let failed = LinkError::new(Cause::Timeout, "no answer");
        silence.heard(start + LOOK_AFTER, Err(failed)).unwrap();
        assert!(silence.look_is_due(start + LOOK_AFTER + LOOK_AGAIN));
    }
}
