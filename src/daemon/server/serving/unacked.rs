//! The unacknowledged deliveries: which are open, which may be acknowledged, and how.
//!
//! Delivery tags of a channel count up from 1 without gaps (AMQP 0-9-1, basic.deliver), so they are
//! kept as a queue of entries in the order of their tags, indexed by tag.

use crate::{
    daemon::{
        observe::{
            metrics::Times,
            request_record::{Moments, RequestRecord},
        },
        server::poison::Fingerprint,
    },
    wire::{Method, Status},
};
use std::{collections::VecDeque, time::Instant};

/// A delivery that is not settled.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) method: Method,
    pub(super) fingerprint: Fingerprint,
    /// Delivered too often: it is rejected, not acknowledged, when its reply is confirmed.
    pub(super) poison: bool,
    /// The record of the request, if it is to be logged or traced.
    pub(super) record: Option<Box<RequestRecord>>,
    /// The status of the reply and when it was published, once it is on its way.
    reply: Option<(Status, Instant)>,
    received: Instant,
}

#[derive(Debug)]
enum Delivery {
    Open(Entry),
    /// Its reply is confirmed; the ack is not sent yet.
    Confirmed,
    /// Acknowledged, rejected or given back.
    Settled,
}

#[derive(Debug, Default)]
pub(super) struct UnackedDeliveries {
    /// Tag of the first delivery, less one.
    settled_up_to: u64,
    deliveries: VecDeque<Delivery>,
    open: usize,
    /// How many of the open ones have a record.
    recorded: usize,
    draining: bool,
}

/// Acks to send, as (tag, multiple).
#[derive(Debug, Default)]
pub(super) struct Acks {
    confirmed: Vec<u64>,
    batch: Option<u64>,
}

impl Entry {
    pub(super) fn new(method: Method, fingerprint: Fingerprint, poison: bool) -> Self {
        let received = Instant::now();
        Self { method, fingerprint, poison, record: None, reply: None, received }
    }

    /// The status of the reply, once it is on its way.
    pub(super) fn status(&self) -> Option<Status> {
        self.reply.map(|(status, _)| status)
    }

    /// How long each stage took, up to now.
    pub(super) fn times(&self) -> Times {
        let answer = self.reply.map(|(_, published)| published.duration_since(self.received));
        Times { total: self.received.elapsed(), answer }
    }

    /// When the request was received, answered and settled, which is taken to be now.
    pub(super) fn moments(&self) -> Moments {
        let replied = self.reply.map(|(_, published)| published);
        Moments { received: self.received, replied, settled: Instant::now() }
    }
}

impl Acks {
    /// The acks, the batch first.
    pub(super) fn take(self) -> impl Iterator<Item = (u64, bool)> {
        let batch = self.batch;
        let single = self.confirmed.into_iter().filter(move |tag| Some(*tag) > batch);
        batch.map(|tag| (tag, true)).into_iter().chain(single.map(|tag| (tag, false)))
    }
}

impl UnackedDeliveries {
    /// Whether any open request has a record.
    pub(super) fn has_records(&self) -> bool {
        self.recorded > 0
    }

    pub(super) fn outstanding(&self) -> usize {
        self.open
    }

    pub(super) fn draining(&self) -> bool {
        self.draining
    }

    /// Notes that consuming stops; false if it was noted before.
    pub(super) fn drain(&mut self) -> bool {
        !std::mem::replace(&mut self.draining, true)
    }

    /// Enters a delivery; false if its tag is not the next one.
    pub(super) fn received(&mut self, tag: u64, entry: Entry) -> bool {
        if tag != self.settled_up_to + self.deliveries.len() as u64 + 1 {
            return false;
        }
        self.recorded += usize::from(entry.record.is_some());
        self.deliveries.push_back(Delivery::Open(entry));
        self.open += 1;
        true
    }

    /// Notes that the reply is on its way; returns the record of the request, if there is one.
    pub(super) fn replying(&mut self, tag: u64, status: Status) -> Option<&mut RequestRecord> {
        let Some(Delivery::Open(entry)) = self.delivery(tag) else { return None };
        entry.reply = Some((status, Instant::now()));
        entry.record.as_deref_mut()
    }

    /// The record of a request that is not settled, if there is one.
    pub(super) fn record(&mut self, tag: u64) -> Option<&mut RequestRecord> {
        let Some(Delivery::Open(entry)) = self.delivery(tag) else { return None };
        entry.record.as_deref_mut()
    }

    /// The records of all requests that are not settled.
    pub(super) fn records(&mut self) -> impl Iterator<Item = &mut RequestRecord> {
        let deliveries = if self.recorded == 0 { 0 } else { self.deliveries.len() };
        self.deliveries.iter_mut().take(deliveries).filter_map(|delivery| match delivery {
            Delivery::Open(entry) => entry.record.as_deref_mut(),
            Delivery::Confirmed | Delivery::Settled => None,
        })
    }

    /// When the reply that has waited longest for its confirm was published.
    pub(super) fn oldest_reply(&self) -> Option<Instant> {
        self.open_entries().filter_map(|entry| entry.reply).map(|(_, published)| published).min()
    }

    /// Closes an entry whose request is rejected or given back; `None` if it was closed before.
    pub(super) fn settle(&mut self, tag: u64) -> Option<Entry> {
        let entry = self.close(tag, Delivery::Settled)?;
        self.forget_settled();
        Some(entry)
    }

    /// Closes an entry whose reply is confirmed.
    pub(super) fn confirmed(&mut self, tag: u64, acks: &mut Acks) -> Option<Entry> {
        let entry = self.close(tag, Delivery::Confirmed)?;
        acks.confirmed.push(tag);
        Some(entry)
    }

    pub(super) fn is_poison(&mut self, tag: u64) -> bool {
        matches!(self.delivery(tag), Some(Delivery::Open(entry)) if entry.poison)
    }

    /// The entries that are not settled.
    fn open_entries(&self) -> impl Iterator<Item = &Entry> {
        self.deliveries.iter().filter_map(|delivery| match delivery {
            Delivery::Open(entry) => Some(entry),
            Delivery::Confirmed | Delivery::Settled => None,
        })
    }

    /// Turns the run of settled and confirmed entries at the head into one ack of all of them
    /// ("multiple"), the rest into single ones.
    pub(super) fn collect(&mut self, acks: &mut Acks) {
        for tag in &acks.confirmed {
            if let Some(delivery) = self.delivery(*tag) {
                *delivery = Delivery::Settled;
            }
        }
        self.forget_settled();
        acks.batch = acks.confirmed.iter().copied().filter(|tag| *tag <= self.settled_up_to).max();
    }

    /// Takes out the entries that are not settled.
    pub(super) fn take_open(&mut self) -> Vec<Entry> {
        (self.open, self.recorded) = (0, 0);
        let open =
            std::mem::take(&mut self.deliveries).into_iter().filter_map(
                |delivery| match delivery {
                    Delivery::Open(entry) => Some(entry),
                    Delivery::Confirmed | Delivery::Settled => None,
                },
            );
        open.collect()
    }

    /// The tags that are not settled, in order.
    pub(super) fn unsettled(&self) -> Vec<u64> {
        (self.settled_up_to + 1..)
            .zip(&self.deliveries)
            .filter(|(_, delivery)| matches!(delivery, Delivery::Open(_)))
            .map(|(tag, _)| tag)
            .collect()
    }

    fn close(&mut self, tag: u64, to: Delivery) -> Option<Entry> {
        let delivery =
            self.delivery(tag).filter(|delivery| matches!(delivery, Delivery::Open(_)))?;
        let Delivery::Open(entry) = std::mem::replace(delivery, to) else { return None };
        self.open -= 1;
        self.recorded -= usize::from(entry.record.is_some());
        Some(entry)
    }

    fn forget_settled(&mut self) {
        while let Some(Delivery::Settled) = self.deliveries.front() {
            self.deliveries.pop_front();
            self.settled_up_to += 1;
        }
    }

    fn delivery(&mut self, tag: u64) -> Option<&mut Delivery> {
        let index = tag.checked_sub(self.settled_up_to + 1)?;
        self.deliveries.get_mut(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{daemon::server::poison::PoisonTracker, wire::Envelope};

    fn entry() -> Entry {
        let fingerprint = PoisonTracker::default().fingerprint(&Envelope::default(), b"");
        Entry::new(Method::Fib, fingerprint, false)
    }

    fn unacked(deliveries: u64) -> UnackedDeliveries {
        let mut unacked = UnackedDeliveries::default();
        assert!((1..=deliveries).all(|tag| unacked.received(tag, entry())));
        unacked
    }

    fn confirm(unacked: &mut UnackedDeliveries, tags: &[u64]) -> Vec<(u64, bool)> {
        let mut acks = Acks::default();
        for tag in tags {
            assert!(unacked.confirmed(*tag, &mut acks).is_some(), "{tag} was open");
        }
        unacked.collect(&mut acks);
        acks.take().collect()
    }

    #[test]
    fn deliveries_out_of_order_are_not_entered() {
        let mut unacked = unacked(2);
        for tag in [0, 1, 2, 4, u64::MAX] {
            assert!(!unacked.received(tag, entry()), "{tag}");
        }
        assert_eq!(unacked.unsettled(), [1, 2]);
        assert!(unacked.received(3, entry()));
    }

    #[test]
    fn confirms_in_order_become_one_ack() {
        let mut unacked = unacked(5);
        assert_eq!(confirm(&mut unacked, &[1, 2, 3]), [(3, true)]);
        assert_eq!(confirm(&mut unacked, &[5, 4]), [(5, true)]);
        assert_eq!(unacked.outstanding(), 0);
    }

    #[test]
    fn an_open_entry_is_never_acked_by_a_batch_behind_it() {
        let mut unacked = unacked(5);
        assert_eq!(confirm(&mut unacked, &[2, 3]), [(2, false), (3, false)]);
        assert_eq!(confirm(&mut unacked, &[5]), [(5, false)]);
        // 1 closes the gap up to 3; 4 is open.
        assert_eq!(confirm(&mut unacked, &[1]), [(1, true)]);
        assert_eq!(unacked.unsettled(), [4]);
    }

    #[test]
    fn what_is_given_back_is_not_acked() {
        let mut unacked = unacked(3);
        assert!(unacked.settle(2).is_some());
        assert!(unacked.settle(2).is_none(), "only once");
        assert_eq!(confirm(&mut unacked, &[1]), [(1, true)]);
        assert_eq!(confirm(&mut unacked, &[3]), [(3, true)]);
    }

    #[test]
    fn a_confirm_after_giving_back_acks_nothing() {
        let mut unacked = unacked(2);
        unacked.settle(1);
        let mut acks = Acks::default();
        assert!(unacked.confirmed(1, &mut acks).is_none());
        unacked.collect(&mut acks);
        assert_eq!(acks.take().count(), 0);
        assert_eq!(unacked.unsettled(), [2]);
    }

    #[test]
    fn any_order_of_confirms_acks_each_delivery_once() {
        // A broker's view: a set of unacked tags, from which acks remove.
        for seed in 0..200u64 {
            let mut unacked = UnackedDeliveries::default();
            let mut broker = std::collections::BTreeSet::new();
            let mut open: Vec<u64> = Vec::new();
            let (mut next, mut state) = (1, seed);
            for _ in 0..300 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let choice = (state >> 33) as usize;
                if open.is_empty() || (choice & 1 == 0 && next <= 150) {
                    assert!(unacked.received(next, entry()));
                    broker.insert(next);
                    open.push(next);
                    next += 1;
                    continue;
                }
                let tag = open.swap_remove(choice % open.len());
                for (tag, multiple) in confirm(&mut unacked, &[tag]) {
                    assert!(broker.contains(&tag), "ack of {tag}, which is settled");
                    broker.retain(|other| if multiple { *other > tag } else { *other != tag });
                }
                assert!(open.iter().all(|tag| broker.contains(tag)), "an open one was acked");
                assert_eq!(broker.len(), open.len(), "each confirmed one was acked");
            }
        }
    }
}
