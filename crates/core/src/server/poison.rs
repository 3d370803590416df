//! Requests whose replies end the session again and again.
//!
//! Only what this process saw counts: a reply was on its way when the broker ended the session, or
//! the connection broke. What was lost while it waited, or while the broker blocked, is not to
//! blame. The broker's own count of deliveries grows with every restart and every node that is lost,
//! so it is no more than a warning ([`NEAR_LIMIT`]).

use super::{
    broken::{Rule, is_broken},
    hash::{Build, keyed},
};
use crate::wire::Envelope;
use std::collections::HashMap;

/// A reply that was on its way at the end of more sessions than this is poison.
pub const MAX_LOSSES: u32 = 15;

/// How many losses one counts for, if the broker ended the session and the reply was for a direct
/// reply-to caller: RabbitMQ before 4.1 ends the connection (`INTERNAL_ERROR`) for an address that
/// was made up. Three of them are enough.
pub(super) const DIRECT_WEIGHT: u32 = 6;

/// A request that was delivered this often before is answered rather than given back: the next
/// return might be its last, as RabbitMQ drops it after 20 deliveries unless a policy says otherwise
/// (quorum queues, since 4.0).
pub const NEAR_LIMIT: i64 = 15;

/// Most requests remembered. More than a session holds with a sensible prefetch.
const CAPACITY: usize = 4096;

/// How much of a body makes a fingerprint, in bytes, beside its length: a long body costs no more
/// than a short one.
const HASHED: usize = 1024;

/// Identifies a request from one delivery to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64);

/// Whether one more return may be too many for the broker.
pub(super) fn is_near_limit(envelope: &Envelope) -> bool {
    envelope.delivery_count.is_some_and(|count| count >= NEAR_LIMIT)
}

/// How often a reply was on its way when a session ended.
#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    count: u32,
    /// The last of these sessions.
    session: u64,
}

/// The requests whose replies were.
#[derive(Debug)]
pub(super) struct PoisonTracker {
    seed: u64,
    losses: HashMap<Fingerprint, Losses, Build>,
}

impl PoisonTracker {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, losses: HashMap::default() }
    }

    /// The fingerprint of a request. Identical requests share one, which matters only if they are
    /// poison.
    pub(super) fn fingerprint(&self, envelope: &Envelope, body: &[u8]) -> Fingerprint {
        let Envelope { reply_to, correlation_id, message_id, .. } = envelope;
        let start = &body[..body.len().min(HASHED)];
        Fingerprint(keyed(self.seed, &(reply_to, correlation_id, message_id, start, body.len())))
    }

    /// Notes that this reply was on its way when this session ended; once for all that are equal. A
    /// request that was not `redelivered` is another one than those before, which another server
    /// may have answered.
    pub(super) fn lost(
        &mut self,
        fingerprint: Fingerprint,
        session: u64,
        redelivered: bool,
        weight: u32,
    ) {
        if self.losses.len() >= CAPACITY && !self.losses.contains_key(&fingerprint) {
            // One that another server may have answered long ago.
            let oldest = self.losses.iter().min_by_key(|(one, losses)| (losses.session, one.0));
            if let Some(oldest) = oldest.map(|(one, _)| *one) {
                self.losses.remove(&oldest);
            }
        }
        let losses = self.losses.entry(fingerprint).or_default();
        if losses.session < session {
            let again = losses.count == 0 || redelivered;
            *losses = Losses { count: losses.count + if again { weight } else { 0 }, session };
        }
    }

    /// Notes that a request was settled.
    pub(super) fn settled(&mut self, fingerprint: Fingerprint) {
        if !self.losses.is_empty() && !is_broken(Rule::PoisonForgotten) {
            self.losses.remove(&fingerprint);
        }
    }

    /// Whether a reply has ended too many sessions.
    pub(super) fn is_poison(&self, fingerprint: Fingerprint) -> bool {
        self.losses.get(&fingerprint).is_some_and(|losses| losses.count > MAX_LOSSES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(id: &str) -> Envelope {
        Envelope { correlation_id: Some(id.into()), ..Envelope::default() }
    }

    #[test]
    fn a_reply_that_ended_too_many_sessions_is_poison_until_it_is_settled() {
        let mut tracker = PoisonTracker::new(7);
        let (bad, good) = (envelope("bad"), envelope("good"));
        let print = tracker.fingerprint(&bad, b"30");
        for session in 1..=MAX_LOSSES.into() {
            tracker.lost(print, session, true, 1);
            tracker.lost(print, session, true, 1); // another one that is equal
            assert!(!tracker.is_poison(print));
        }
        tracker.lost(print, 100, false, 1);
        assert!(!tracker.is_poison(print), "a new one");
        tracker.lost(print, 101, true, 1);
        assert!(tracker.is_poison(print));
        assert!(!tracker.is_poison(tracker.fingerprint(&good, b"30")));
        assert!(!tracker.is_poison(tracker.fingerprint(&bad, b"31")));
        tracker.settled(print);
        assert!(!tracker.is_poison(print));
    }

    #[test]
    fn memory_is_bounded_and_never_full() {
        let mut tracker = PoisonTracker::new(7);
        for n in 0..2 * CAPACITY as u64 {
            tracker.lost(Fingerprint(n), n + 1, true, 1);
        }
        assert_eq!(tracker.losses.len(), CAPACITY);
        assert!(tracker.losses.contains_key(&Fingerprint(2 * CAPACITY as u64 - 1)), "the last");
    }

    #[test]
    fn a_long_body_is_not_hashed_whole() {
        let tracker = PoisonTracker::new(7);
        let print = |body: &[u8]| tracker.fingerprint(&envelope("x"), body);
        let (mut one, mut other) = (vec![b'1'; 2 * HASHED], vec![b'1'; 2 * HASHED]);
        other[HASHED] = b'2';
        assert_eq!(print(&one), print(&other));
        one.pop();
        assert_ne!(print(&one), print(&other));
    }
}
