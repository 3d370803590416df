//! Requests that are delivered again and again without ever being settled.
//!
//! Such a request may be what ends the service each time. Quorum queues count deliveries in a
//! header; for other queues the server remembers, from one session to the next, which requests were
//! open when a session ended.

use super::hash::{Build, keyed};
use crate::wire::Envelope;
use std::collections::HashMap;

/// A request that was delivered more often than this, and never settled, is poison. Less than
/// RabbitMQ's own limit for quorum queues, 20 since 4.0, beyond which the caller would get no
/// answer.
pub const MAX_DELIVERIES: u32 = 15;

/// Most requests remembered. More than a session holds with a sensible prefetch.
const CAPACITY: usize = 4096;

/// How much of a body makes a fingerprint, in bytes, beside its length: a long body costs no more
/// than a short one.
const HASHED: usize = 1024;

/// Identifies a request from one delivery to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64);

/// How often each request was lost with its session.
#[derive(Debug)]
pub(super) struct PoisonTracker {
    seed: u64,
    counts: HashMap<Fingerprint, u32, Build>,
}

impl PoisonTracker {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, counts: HashMap::default() }
    }

    /// The fingerprint of a request. Identical requests share one, which matters only if they are
    /// poison.
    pub(super) fn fingerprint(&self, envelope: &Envelope, body: &[u8]) -> Fingerprint {
        let Envelope { reply_to, correlation_id, message_id, .. } = envelope;
        let start = &body[..body.len().min(HASHED)];
        Fingerprint(keyed(self.seed, &(reply_to, correlation_id, message_id, start, body.len())))
    }

    /// Notes that a session ended while this request was open.
    pub(super) fn lost(&mut self, fingerprint: Fingerprint) {
        if self.counts.len() < CAPACITY || self.counts.contains_key(&fingerprint) {
            *self.counts.entry(fingerprint).or_default() += 1;
        }
    }

    /// Notes that a request was settled.
    pub(super) fn settled(&mut self, fingerprint: Fingerprint) {
        if !self.counts.is_empty() {
            self.counts.remove(&fingerprint);
        }
    }

    /// Whether a request has been delivered too often.
    pub(super) fn is_poison(&self, envelope: &Envelope, fingerprint: Fingerprint) -> bool {
        let counted = envelope.delivery_count.unwrap_or_default();
        let remembered = self.counts.get(&fingerprint).copied().unwrap_or_default();
        counted > i64::from(MAX_DELIVERIES) || remembered > MAX_DELIVERIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(id: &str) -> Envelope {
        Envelope { correlation_id: Some(id.into()), ..Envelope::default() }
    }

    #[test]
    fn a_request_held_too_often_is_poison_until_it_is_settled() {
        let mut tracker = PoisonTracker::new(7);
        let (bad, good) = (envelope("bad"), envelope("good"));
        let print = tracker.fingerprint(&bad, b"30");
        for _ in 0..MAX_DELIVERIES {
            tracker.lost(print);
            assert!(!tracker.is_poison(&bad, print));
        }
        tracker.lost(print);
        assert!(tracker.is_poison(&bad, print));
        assert!(!tracker.is_poison(&good, tracker.fingerprint(&good, b"30")));
        assert!(!tracker.is_poison(&bad, tracker.fingerprint(&bad, b"31")));
        tracker.settled(print);
        assert!(!tracker.is_poison(&bad, print));
    }

    #[test]
    fn the_count_of_the_queue_is_believed() {
        let tracker = PoisonTracker::new(7);
        for (count, poison) in [(-1, false), (15, false), (16, true), (i64::MAX, true)] {
            let counted = Envelope { delivery_count: Some(count), ..envelope("x") };
            assert_eq!(tracker.is_poison(&counted, tracker.fingerprint(&counted, b"")), poison);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut tracker = PoisonTracker::new(7);
        for n in 0..2 * CAPACITY {
            tracker.lost(Fingerprint(n as u64));
        }
        assert_eq!(tracker.counts.len(), CAPACITY);
    }
}
