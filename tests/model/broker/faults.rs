//! What the simulator adds: trouble that a script cannot make on one real node, and looks inside.

use super::{
    Broker, Job,
    queue::Queue,
    types::{ChannelId, ConnectionId, Event, Version},
};

/// Something became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Happening {
    pub(crate) queue: String,
    pub(crate) body: String,
    pub(crate) fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Stored,
    /// There was no queue for it, or not any more.
    Unroutable,
    Acked,
    /// The queue let go of it, for this reason.
    Dropped(&'static str),
}

impl Broker {
    /// From now on, [`happened`](Self::happened) tells what becomes of messages.
    pub(crate) fn keep_journal(&mut self) {
        self.journal = Some(Vec::new());
    }

    pub(crate) fn happened(&mut self) -> Vec<Happening> {
        self.journal.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn note(&mut self, queue: &str, body: String, fate: Fate) {
        if let Some(journal) = &mut self.journal {
            journal.push(Happening { queue: queue.to_owned(), body, fate });
        }
    }

    /// It is later now, which nobody looks at yet.
    pub(crate) fn set_time(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// Whether a connection has something that the broker would read.
    pub(crate) fn is_readable(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|one| !one.blocked && !one.to_broker.is_empty())
    }

    /// Whether an alarm keeps the broker from reading.
    pub(crate) fn is_blocked(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|one| one.blocked)
    }

    /// Whether there is something to receive.
    pub(crate) fn is_receivable(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|one| !one.to_client.is_empty())
    }

    pub(crate) fn is_busy(&self, queue: &str) -> bool {
        !self.stalled.contains(queue)
            && self.inboxes.get(queue).is_some_and(|inbox| !inbox.is_empty())
    }

    pub(crate) fn has_queue(&self, queue: &str) -> bool {
        self.queues.contains_key(queue)
    }

    /// The bodies that a queue holds, or is about to.
    pub(crate) fn bodies(&self, name: &str) -> Vec<&str> {
        let stored = self.queues.get(name).into_iter().flat_map(Queue::messages);
        let coming = self.inboxes.get(name).into_iter().flatten().filter_map(|job| match job {
            Job::Enqueue(message, _) => Some(message),
            Job::Settle(..) | Job::Gone(_) => None,
        });
        stored.chain(coming).map(|message| message.body.as_str()).collect()
    }

    /// A quorum queue has lost its majority, or a queue its disk: it handles nothing.
    pub(crate) fn set_stalled(&mut self, queue: &str, stalled: bool) {
        if stalled {
            self.stalled.insert(queue.to_owned());
        } else {
            self.stalled.remove(queue);
        }
    }

    /// A queue takes nothing, or does again.
    pub(crate) fn set_full(&mut self, queue: &str, full: bool) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.full = full;
        }
    }

    /// An operator deletes a queue.
    pub(crate) fn drop_queue(&mut self, queue: &str) {
        self.remove_queue(queue);
    }

    /// The broker closes a channel by itself.
    pub(crate) fn close_channel(&mut self, id: ChannelId, code: u16) {
        self.tell(id, Event::ChannelClosed { code, class: 0, method: 0 });
        self.end_channel(id);
    }

    /// A consumer has held a delivery for too long. Until 4.2 that ends its channel, then only the
    /// consumer.
    pub(crate) fn time_out(&mut self, id: ChannelId, tag: &str, queue: &str) {
        if self.version < Version::V4_3 {
            return self.close_channel(id, 406);
        }
        if let Some(channel) = self.channel(id) {
            channel.consumers.remove(tag);
        }
        self.tell(id, Event::Cancelled { tag: tag.to_owned() });
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.time_out(&(id, tag.to_owned()));
        }
        self.turn(queue);
    }
}
