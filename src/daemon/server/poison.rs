//! Requests that are delivered again and again without ever being settled.
//!
//! Such a request may be what ends the service each time. Quorum queues count deliveries in a
//! header; for other queues the server remembers, from one session to the next, which requests were
//! open when a session ended.

use crate::wire::Envelope;
use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState},
};

/// A request that was delivered more often than this, and never settled, is poison. Less than
/// RabbitMQ's own limit for quorum queues, 20 since 4.0, beyond which the caller would get no
/// answer.
pub(crate) const MAX_DELIVERIES: u32 = 15;

/// Most requests remembered. More than a session holds with a sensible prefetch.
const CAPACITY: usize = 4096;

/// Identifies a request from one delivery to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(u64);

/// How often each request was lost with its session.
#[derive(Debug, Default)]
pub(crate) struct PoisonTracker {
    hasher: RandomState,
    counts: HashMap<Fingerprint, u32>,
}

impl PoisonTracker {
    /// The fingerprint of a request. Identical requests share one, which matters only if they are
    /// poison.
    pub(crate) fn fingerprint(&self, envelope: &Envelope, body: &[u8]) -> Fingerprint {
        let mut hasher = self.hasher.build_hasher();
        (&envelope.reply_to, &envelope.correlation_id, &envelope.message_id).hash(&mut hasher);
        body.hash(&mut hasher);
        Fingerprint(hasher.finish())
    }

    /// Notes that a session ended while this request was open.
    pub(crate) fn lost(&mut self, fingerprint: Fingerprint) {
        if self.counts.len() < CAPACITY || self.counts.contains_key(&fingerprint) {
            *self.counts.entry(fingerprint).or_default() += 1;
        }
    }

    /// Notes that a request was settled.
    pub(crate) fn settled(&mut self, fingerprint: Fingerprint) {
        if !self.counts.is_empty() {
            self.counts.remove(&fingerprint);
        }
    }

    /// Whether a request has been delivered too often.
    pub(crate) fn is_poison(&self, envelope: &Envelope, fingerprint: Fingerprint) -> bool {
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
        let mut tracker = PoisonTracker::default();
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
        let tracker = PoisonTracker::default();
        for (count, poison) in [(-1, false), (15, false), (16, true), (i64::MAX, true)] {
            let counted = Envelope { delivery_count: Some(count), ..envelope("x") };
            assert_eq!(tracker.is_poison(&counted, tracker.fingerprint(&counted, b"")), poison);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut tracker = PoisonTracker::default();
        for n in 0..2 * CAPACITY {
            tracker.lost(Fingerprint(n as u64));
        }
        assert_eq!(tracker.counts.len(), CAPACITY);
    }
}
