//! The requests that are not settled, in the order of their tags, and which acks cover them.
//!
//! The memory is that of the most requests that were open at once, whatever was settled behind the
//! oldest of them.

use super::{
    budget::Holds,
    clock::Moment,
    ids::RequestId,
    output::{ComputeTime, State},
    poison::{Fingerprint, is_near_limit},
    schedule::ComputationId,
};
use crate::wire::{Envelope, Reply};

/// A request that is not settled.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) tag: u64,
    pub(super) envelope: Envelope,
    pub(super) fingerprint: Fingerprint,
    pub(super) redelivered: bool,
    /// Delivered too often: it is rejected, not acknowledged, when its reply is confirmed.
    pub(super) poison: bool,
    pub(super) received: Moment,
    pub(super) state: State,
    /// What it waits for, while it waits for work.
    pub(super) computation: Option<ComputationId>,
    pub(super) deadline: Option<Moment>,
    pub(super) compute_time: ComputeTime,
    pub(super) reply: Option<Reply>,
    /// The broker refused its reply before.
    pub(super) refused: bool,
    /// When its reply was published for the first time.
    pub(super) replied: Option<Moment>,
    /// Where its reply is in the order of publishes.
    pub(super) publish: Publish,
    /// Memory and window of its reply.
    pub(super) holds: Holds,
}

impl Request {
    /// Whether the broker has delivered it so often that it may drop it at the next return.
    pub(super) fn is_near_limit(&self) -> bool {
        is_near_limit(&self.envelope)
    }
}

/// A message in the order in which messages are published.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Publish {
    /// How many bytes were published in this session up to its end.
    pub(super) position: u64,
    pub(super) at: Moment,
    /// When it was found to be written.
    pub(super) written: Option<Moment>,
}

/// No slot.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot {
    generation: u32,
    request: Option<Request>,
    /// The slots of the requests delivered before and after it.
    before: u32,
    after: u32,
}

/// The requests of a session.
#[derive(Debug)]
pub(super) struct Requests {
    slots: Vec<Slot>,
    free: Vec<u32>,
    oldest: u32,
    newest: u32,
    open: usize,
    /// The tag of the last delivery.
    last_tag: u64,
    /// Tags whose replies are confirmed and which are not acknowledged yet.
    confirmed: Vec<u64>,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            open: 0,
            last_tag: 0,
            confirmed: Vec::new(),
        }
    }
}

impl Requests {
    /// Tags count from 1 again.
    pub(super) fn begin_session(&mut self) {
        self.last_tag = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.open
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Whether this is the next tag; if so, it is taken.
    pub(super) fn is_next_tag(&mut self, tag: u64) -> bool {
        let is_next = tag == self.last_tag + 1;
        self.last_tag += u64::from(is_next);
        is_next
    }

    /// Enters a request, which is the newest.
    pub(super) fn insert(&mut self, request: Request) -> RequestId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, request: None, before: NONE, after: NONE });
            u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
        });
        let before = std::mem::replace(&mut self.newest, slot);
        match self.slots.get_mut(before as usize) {
            Some(previous) => previous.after = slot,
            None => self.oldest = slot,
        }
        self.open += 1;
        let place = &mut self.slots[slot as usize];
        (place.request, place.before, place.after) = (Some(request), before, NONE);
        RequestId { slot, generation: place.generation }
    }

    pub(super) fn get(&self, id: RequestId) -> Option<&Request> {
        let slot = self.slots.get(id.slot as usize)?;
        slot.request.as_ref().filter(|_| slot.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: RequestId) -> Option<&mut Request> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        slot.request.as_mut().filter(|_| slot.generation == id.generation)
    }

    /// Takes a request out. Its id names nothing from now on.
    pub(super) fn remove(&mut self, id: RequestId) -> Option<Request> {
        self.get(id)?;
        let slot = self.slots.get_mut(id.slot as usize)?;
        let request = slot.request.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        let (before, after) = (slot.before, slot.after);
        match self.slots.get_mut(before as usize) {
            Some(previous) => previous.after = after,
            None => self.oldest = after,
        }
        match self.slots.get_mut(after as usize) {
            Some(next) => next.before = before,
            None => self.newest = before,
        }
        self.free.push(id.slot);
        self.open -= 1;
        Some(request)
    }

    /// The oldest request.
    pub(super) fn first(&self) -> Option<(RequestId, &Request)> {
        self.at(self.oldest)
    }

    /// All requests, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RequestId, &Request)> {
        std::iter::successors(self.first(), |(id, _)| self.at(self.slots[id.slot as usize].after))
    }

    /// All requests, to be changed, in no order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Request> {
        self.slots.iter_mut().filter_map(|slot| slot.request.as_mut())
    }

    /// The ids of all requests, the oldest first.
    pub(super) fn ids(&self) -> Vec<RequestId> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// Notes that a request, which is closed, is to be acknowledged.
    pub(super) fn acknowledge(&mut self, tag: u64) {
        self.confirmed.push(tag);
    }

    pub(super) fn forget_confirmed(&mut self) {
        self.confirmed.clear();
    }

    /// The acks that are due, as (tag, multiple): one for all that were delivered before the oldest
    /// open request, single ones for the rest.
    pub(super) fn take_acks(&mut self, mut ack: impl FnMut(u64, bool)) {
        let oldest = self.first().map_or(u64::MAX, |(_, request)| request.tag);
        if let Some(batch) = self.confirmed.iter().copied().filter(|tag| *tag < oldest).max() {
            ack(batch, true);
        }
        for tag in self.confirmed.drain(..).filter(|tag| *tag > oldest) {
            ack(tag, false);
        }
    }

    /// How many places there are, for open requests and those to come.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    fn at(&self, slot: u32) -> Option<(RequestId, &Request)> {
        let place = self.slots.get(slot as usize)?;
        Some((RequestId { slot, generation: place.generation }, place.request.as_ref()?))
    }
}
