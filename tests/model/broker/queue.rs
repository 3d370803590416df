//! A queue: what is in it, in which order it goes out, and to whom.

use super::types::{ChannelId, Kind, Message, Settle, Shape, Version};
use std::collections::{BTreeMap, VecDeque};

/// A message in a queue.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Its place in a classic queue, which it keeps.
    place: u64,
    pub(crate) message: Message,
    /// How often it was handed out.
    acquired: u32,
    /// How often that counted as a failure (quorum queues only).
    failed: u32,
    /// When it expires, in milliseconds.
    expires: Option<u64>,
}

impl Stored {
    /// `redelivered`, `x-delivery-count`, `x-acquired-count`
    pub(crate) fn flags(&self, kind: Kind, version: Version) -> (bool, Option<u32>, Option<u32>) {
        if kind == Kind::Classic {
            // Until 4.2 a classic queue does not look at the count that a dead letter brings.
            let own = if version < Version::V4_3 { self.message.failures } else { 0 };
            return (self.acquired > own, None, None);
        }
        let some = |count| (count > 0).then_some(count);
        if version < Version::V4_3 {
            return (self.failed > 0, some(self.failed), None);
        }
        (self.acquired > 0, some(self.failed), some(self.acquired))
    }
}

/// A consumer: its channel and its tag.
pub(crate) type ConsumerId = (ChannelId, String);

#[derive(Debug)]
struct Consumer {
    id: ConsumerId,
    no_ack: bool,
    /// How many it may hold; 0 is no limit.
    prefetch: u16,
    holds: u16,
    cancelled: bool,
}

impl Consumer {
    fn is_ready(&self) -> bool {
        !self.cancelled && (self.prefetch == 0 || self.holds < self.prefetch)
    }
}

/// Why a message comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    Nacked,
    Rejected,
    /// Its channel ended.
    Lost,
    /// It was not settled in time.
    TimedOut,
}

/// A message that leaves without being acknowledged, and why.
pub(crate) type Dead = (Message, &'static str);

#[derive(Debug)]
pub(crate) struct Queue {
    version: Version,
    pub(crate) shape: Shape,
    /// Those that came back, of a quorum queue: they go out first.
    returned: VecDeque<Stored>,
    ready: VecDeque<Stored>,
    /// In the order in which they are served; those that hold all they may are asked again later.
    consumers: VecDeque<Consumer>,
    held: BTreeMap<u64, (ConsumerId, Stored)>,
    places: u64,
    handouts: u64,
    /// A quorum queue that refuses what is published.
    pub(crate) refuses: bool,
    /// It takes nothing, whatever is in it.
    pub(crate) full: bool,
    dead: Vec<Dead>,
}

impl Queue {
    pub(crate) fn new(version: Version, shape: Shape) -> Self {
        Self {
            version,
            shape,
            returned: VecDeque::new(),
            ready: VecDeque::new(),
            consumers: VecDeque::new(),
            held: BTreeMap::new(),
            places: 0,
            handouts: 0,
            refuses: false,
            full: false,
            dead: Vec::new(),
        }
    }

    pub(crate) fn ready(&self) -> usize {
        self.returned.len() + self.ready.len()
    }

    pub(crate) fn consumers(&self) -> impl Iterator<Item = &ConsumerId> {
        self.consumers.iter().map(|consumer| &consumer.id)
    }

    /// Takes a message in, or does not. Only what is ready counts towards the length.
    pub(crate) fn enqueue(&mut self, message: Message, now: u64) -> bool {
        let full = self.shape.max_length.is_some_and(|most| self.ready() >= most);
        if self.full || self.shape.kind == Kind::Classic && full && self.shape.reject_publish {
            return false;
        }
        let ttl = self.shape.message_ttl.into_iter().chain(message.expiration).min();
        let expires = ttl.map(|ttl| now + ttl);
        let place = self.next_place();
        // A dead letter brings its count along.
        let failed = message.failures;
        self.ready.push_back(Stored { place, message, acquired: failed, failed, expires });
        true
    }

    fn next_place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    pub(crate) fn consume(&mut self, id: ConsumerId, no_ack: bool, prefetch: u16) {
        let prefetch = if no_ack { 0 } else { prefetch };
        self.consumers.push_back(Consumer { id, no_ack, prefetch, holds: 0, cancelled: false });
    }

    /// A consumer ends; what it holds stays with its channel. As long as there is any, a quorum
    /// queue counts it as a consumer.
    pub(crate) fn cancel(&mut self, id: &ConsumerId) {
        for consumer in self.consumers.iter_mut().filter(|consumer| consumer.id == *id) {
            consumer.cancelled = true;
        }
        self.forget_cancelled();
    }

    fn forget_cancelled(&mut self) {
        let quorum = self.shape.kind == Kind::Quorum;
        self.consumers.retain(|one| !one.cancelled || quorum && one.holds > 0);
    }

    /// The next message for the next consumer that may have one. The number is `None` if it is
    /// acknowledged by being sent.
    pub(crate) fn hand_out(&mut self) -> Option<(ConsumerId, Option<u64>, Stored)> {
        if self.ready() == 0 {
            return None;
        }
        let next = self.consumers.iter().position(Consumer::is_ready)?;
        let mut consumer = self.consumers.remove(next)?;
        let stored = self.returned.pop_front().or_else(|| self.ready.pop_front())?;
        let (id, as_sent) = (consumer.id.clone(), stored.clone());
        let number = (!consumer.no_ack).then(|| {
            consumer.holds += 1;
            self.handouts += 1;
            self.held.insert(self.handouts, (id.clone(), stored));
            self.handouts
        });
        self.consumers.push_back(consumer);
        Some((id, number, as_sent))
    }

    /// Takes in what a channel has settled; returns what is done. What was handed out to another
    /// one, as the queue is not the one of before with this name, stays.
    pub(crate) fn settle(
        &mut self,
        channel: ChannelId,
        handouts: &[u64],
        how: Settle,
    ) -> Vec<Message> {
        let mut done = Vec::new();
        for handout in handouts {
            let own = self.held.get(handout).is_some_and(|(id, _)| id.0 == channel);
            if !own {
                continue;
            }
            let Some(stored) = self.take_back(*handout) else {
                continue;
            };
            match how {
                Settle::Ack => done.push(stored.message),
                Settle::Nack { requeue: true } => self.requeue(stored, Back::Nacked),
                Settle::Reject { requeue: true } => self.requeue(stored, Back::Rejected),
                Settle::Nack { requeue: false } => self.reject(stored, Back::Nacked),
                Settle::Reject { requeue: false } => self.reject(stored, Back::Rejected),
            }
        }
        done
    }

    fn take_back(&mut self, handout: u64) -> Option<Stored> {
        let (id, stored) = self.held.remove(&handout)?;
        // The one it frees is served after those that were waiting.
        if let Some(at) = self.consumers.iter().position(|consumer| consumer.id == id) {
            let was_ready = self.consumers[at].is_ready();
            self.consumers[at].holds -= 1;
            if !was_ready {
                self.consumers.rotate_to_back(at);
            }
            self.forget_cancelled();
        }
        Some(stored)
    }

    /// A channel has ended: its consumers end, and what it held comes back.
    pub(crate) fn lose(&mut self, channel: ChannelId) {
        self.consumers.retain(|consumer| consumer.id.0 != channel);
        let lost = self.held.iter().filter(|(_, (id, _))| id.0 == channel);
        let lost: Vec<_> = lost.map(|(handout, _)| *handout).collect();
        for handout in lost {
            if let Some((_, stored)) = self.held.remove(&handout) {
                self.requeue(stored, Back::Lost);
            }
        }
    }

    fn requeue(&mut self, mut stored: Stored, why: Back) {
        stored.acquired += 1;
        if self.shape.kind == Kind::Classic {
            let at = self.ready.partition_point(|other| other.place < stored.place);
            self.ready.insert(at, stored);
            return;
        }
        if self.counts(why) {
            stored.failed += 1;
        }
        match self.limit() {
            Some(limit) if stored.failed > limit => {
                self.bury(stored, "delivery_limit");
            }
            // Until 4.0 a message that is given back to a queue without a limit is as if published
            // again.
            None if why != Back::Lost => self.ready.push_back(stored),
            _ => self.returned.push_back(stored),
        }
    }

    fn reject(&mut self, mut stored: Stored, why: Back) {
        stored.failed += u32::from(self.counts(why));
        self.bury(stored, "rejected");
    }

    /// A message is for the dead letters. From 4.0 on it keeps its count; one that comes from a
    /// classic queue has one from 4.3 on.
    fn bury(&mut self, mut stored: Stored, reason: &'static str) {
        let quorum = self.shape.kind == Kind::Quorum;
        if self.version >= Version::V4_3 || self.version == Version::V4_0 && quorum {
            stored.message.failures = stored.failed;
        }
        self.dead.push((stored.message, reason));
    }

    fn counts(&self, why: Back) -> bool {
        self.version < Version::V4_3 || !matches!(why, Back::Nacked | Back::TimedOut)
    }

    fn limit(&self) -> Option<u32> {
        let default = (self.version >= Version::V4_0).then_some(20);
        self.shape.delivery_limit.or(default)
    }

    /// Drops what is too much or too old at the head, and decides whether more is taken.
    pub(crate) fn tidy(&mut self, now: u64) {
        while self.head_expires().is_some_and(|expires| expires <= now) {
            self.drop_head("expired");
        }
        let Some(most) = self.shape.max_length else {
            return;
        };
        if !self.shape.reject_publish {
            while self.ready() > most {
                self.drop_head("maxlen");
            }
        } else if self.shape.kind == Kind::Quorum {
            // It learns of the limit when it is over it, and forgets it well below.
            self.refuses = self.ready() > most || self.refuses && self.ready() * 5 > most * 4;
        }
    }

    fn drop_head(&mut self, reason: &'static str) {
        let head = self.returned.pop_front().or_else(|| self.ready.pop_front());
        self.dead.extend(head.map(|stored| (stored.message, reason)));
    }

    /// When the message that would go out next expires. Only the head is looked at.
    pub(crate) fn head_expires(&self) -> Option<u64> {
        self.returned.front().or_else(|| self.ready.front())?.expires
    }

    /// Messages for the dead letters.
    pub(crate) fn take_dead(&mut self) -> Vec<Dead> {
        std::mem::take(&mut self.dead)
    }

    pub(crate) fn purge(&mut self) -> usize {
        let count = self.ready();
        self.returned.clear();
        self.ready.clear();
        count
    }

    /// The broker has stopped and started: what is lost; `None` if there is no such queue any more.
    pub(crate) fn restart(&mut self) -> Option<Vec<Message>> {
        self.consumers.clear();
        for (_, stored) in std::mem::take(&mut self.held).into_values() {
            self.requeue(stored, Back::Lost);
        }
        if !self.shape.durable || self.shape.exclusive {
            return None;
        }
        let transient = |stored: &Stored| !stored.message.persistent;
        if self.shape.kind == Kind::Quorum {
            return Some(Vec::new());
        }
        let lost = self.ready.iter().filter(|stored| transient(stored));
        let lost = lost.map(|stored| stored.message.clone()).collect();
        self.ready.retain(|stored| !transient(stored));
        Some(lost)
    }

    /// A consumer has held something for too long: it ends, and what it holds comes back.
    pub(crate) fn time_out(&mut self, id: &ConsumerId) {
        self.consumers.retain(|consumer| consumer.id != *id);
        let held = self.held.iter().filter(|(_, (holder, _))| holder == id);
        let held: Vec<_> = held.map(|(handout, _)| *handout).collect();
        for handout in held {
            if let Some((_, stored)) = self.held.remove(&handout) {
                self.requeue(stored, Back::TimedOut);
            }
        }
    }

    /// The messages that are ready or handed out.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        let ready = self.returned.iter().chain(&self.ready);
        ready.chain(self.held.values().map(|(_, stored)| stored)).map(|stored| &stored.message)
    }
}

/// What `VecDeque` lacks.
trait RotateToBack {
    /// Moves an element behind all others.
    fn rotate_to_back(&mut self, at: usize);
}

impl<T> RotateToBack for VecDeque<T> {
    fn rotate_to_back(&mut self, at: usize) {
        if let Some(element) = self.remove(at) {
            self.push_back(element);
        }
    }
}
