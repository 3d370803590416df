//! When the client looks whether there is a server, when it sends again what the broker has not
//! kept, and what the looks amount to.

use super::calls::Calls;
use std::time::{Duration, Instant};

/// A call that is not answered after this long makes the client look whether there is a server.
const PROBE_AFTER: Duration = Duration::from_millis(50);

/// How often it looks, at first; each pause is twice as long as the one before. A look opens a
/// channel, and where it finds no queue, the broker logs an error.
const PROBE_EVERY: Duration = Duration::from_millis(500);
const PROBE_EVERY_AT_MOST: Duration = Duration::from_secs(4);

/// When what the broker has not kept is sent again, at first.
const RETRY_AFTER: Duration = Duration::from_millis(250);
const RETRY_AFTER_AT_MOST: Duration = Duration::from_secs(1);

/// What a look at the request queue found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Somebody consumes.
    Server,
    /// Nobody consumes, and requests wait: `certain` if that was so the last time as well. Once is
    /// not enough, as a server that attaches anew, or a queue that moves, is without for a moment.
    Nobody { certain: bool },
    /// Nobody consumes, and nothing waits. `RabbitMQ` also says so of a quorum queue whose leader
    /// does not answer at once (`rabbit_quorum_queue:stat`), and a server that stops may have the
    /// request.
    Nothing,
}

/// When to look for a server.
#[derive(Debug)]
pub(super) struct ServerProbe {
    /// It has been asked, and not been answered yet.
    pub(super) under_way: bool,
    /// Before then, there is no need to go through the calls.
    check_at: Instant,
    looked: Option<Instant>,
    pause: Duration,
    seen: Option<Seen>,
}

impl ServerProbe {
    pub(super) fn new() -> Self {
        let check_at = Instant::now();
        Self { under_way: false, check_at, looked: None, pause: PROBE_EVERY, seen: None }
    }

    /// Notes an answer, and says what it means.
    pub(super) fn answered(&mut self, consumers: u32, messages: u32) -> Seen {
        self.under_way = false;
        let seen = match (consumers, messages) {
            (0, 0) => Seen::Nothing,
            (0, _) => Seen::Nobody { certain: matches!(self.seen, Some(Seen::Nobody { .. })) },
            _ => Seen::Server,
        };
        let is_news = self
            .seen
            .is_none_or(|before| std::mem::discriminant(&before) != std::mem::discriminant(&seen));
        self.pause = match self.looked {
            Some(_) if !is_news => (self.pause * 2).min(PROBE_EVERY_AT_MOST),
            _ => PROBE_EVERY,
        };
        self.looked = Some(Instant::now());
        self.check_at = Instant::now() + PROBE_EVERY;
        self.seen = Some(seen);
        seen
    }

    /// Notes that there is no queue to look at.
    pub(super) fn failed(&mut self) {
        self.answered(0, 0);
    }

    /// Waits until there is a call that has waited for long enough. Cancel safe.
    pub(super) async fn due(&mut self, calls: &Calls) {
        loop {
            tokio::time::sleep_until(self.check_at.into()).await;
            let now = Instant::now();
            match self.next(calls) {
                Some(at) if at <= now => return,
                Some(at) => self.check_at = at,
                // The next call comes with a turn of the loop.
                None => std::future::pending().await,
            }
        }
    }

    /// When to look next: for a call that no look was made for, soon.
    fn next(&self, calls: &Calls) -> Option<Instant> {
        let (oldest, fresh) = calls.oldest(self.looked);
        let again = oldest.map(|oldest| match self.looked {
            Some(looked) => (oldest + PROBE_AFTER).max(looked + self.pause),
            None => oldest + PROBE_AFTER,
        });
        let soon = fresh.map(|fresh| match self.looked {
            Some(looked) => (fresh + PROBE_AFTER).max(looked + PROBE_EVERY),
            None => fresh + PROBE_AFTER,
        });
        again.min(soon).or(again)
    }
}

/// When to send again what the broker has not kept.
#[derive(Debug, Default)]
pub(super) struct Retry {
    at: Option<Instant>,
    /// How many there were in a row that came to nothing.
    attempts: u32,
}

impl Retry {
    /// After how many attempts it is certain that the broker takes nothing. Its channel is a new
    /// one by then.
    const ENOUGH: u32 = 2;

    /// Notes that the broker has not kept something; true if that is certain by now.
    pub(super) fn not_kept(&mut self) -> bool {
        let pause = RETRY_AFTER * 2_u32.pow(self.attempts.min(8));
        self.at.get_or_insert_with(|| Instant::now() + pause.min(RETRY_AFTER_AT_MOST));
        self.attempts >= Self::ENOUGH
    }

    /// Notes that the broker has kept something; true if others are to be sent again at once.
    pub(super) fn kept(&mut self) -> bool {
        let others_wait = self.attempts > 0 || self.at.is_some();
        *self = Self::default();
        others_wait
    }

    /// Notes that nobody knows any more what became of an attempt, as its call is over: by its reply, which
    /// may come before the confirm, or because its time is up. The next one follows at once, or
    /// others would wait for ever.
    pub(super) fn is_over(&mut self) {
        if self.attempts > 0 {
            self.attempts -= 1;
            self.at = Some(Instant::now());
        }
    }

    /// Waits for the next attempt. Cancel safe.
    pub(super) async fn due(&mut self) {
        match self.at {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => std::future::pending().await,
        }
        self.at = None;
        self.attempts += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_certain_only_where_requests_wait_twice_in_a_row() {
        let mut probe = ServerProbe::new();
        let looks = [(0, 1), (0, 1), (0, 0), (0, 1), (1, 1), (0, 3), (0, 2), (0, 0), (0, 0)];
        let seen = looks.map(|(consumers, messages)| probe.answered(consumers, messages));
        let nobody = |certain| Seen::Nobody { certain };
        let expected = [
            nobody(false),
            nobody(true),
            Seen::Nothing,
            nobody(false),
            Seen::Server,
            nobody(false),
            nobody(true),
            Seen::Nothing,
            Seen::Nothing,
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn looks_become_rare_while_nothing_changes() {
        let mut probe = ServerProbe::new();
        let pauses = [(); 6].map(|()| {
            probe.answered(1, 0);
            probe.pause.as_millis()
        });
        assert_eq!(pauses, [500, 1000, 2000, 4000, 4000, 4000]);
        probe.answered(0, 1);
        assert_eq!(probe.pause, PROBE_EVERY);
    }

    #[tokio::test]
    async fn an_attempt_whose_call_is_over_is_followed_by_another() {
        let mut retry = Retry::default();
        retry.is_over();
        assert!(retry.at.is_none(), "nothing was tried");
        retry.not_kept();
        retry.due().await;
        assert!(retry.at.is_none(), "its outcome is waited for");
        retry.is_over();
        retry.due().await;
        assert!(!retry.not_kept(), "an attempt that is over has not failed");
    }

    #[test]
    fn a_refusal_is_certain_after_two_more() {
        let mut retry = Retry::default();
        for certain in [false, false, true] {
            assert_eq!(retry.not_kept(), certain);
            retry.at = None;
            retry.attempts += 1;
        }
        retry.not_kept();
        assert!(retry.kept() && !retry.kept() && !retry.not_kept());
    }
}
