//! Ends of channels and connections, alarms, restarts, and the time.

use super::{
    Broker, Fate, Job,
    types::{ChannelId, ConnectionId, Event},
};

/// The reply code with which a broker that stops closes connections.
const CONNECTION_FORCED: u16 = 320;

impl Broker {
    /// A channel ends. What it had not told a queue yet is forgotten.
    pub(super) fn end_channel(&mut self, id: ChannelId) {
        let channels = self.connections.get_mut(&id.0).map(|connection| &mut connection.channels);
        let Some(channel) = channels.and_then(|channels| channels.remove(&id.1)) else {
            return;
        };
        let held = channel.unacked.into_values().map(|one| one.queue);
        let waiting = channel.windows.into_keys();
        let mut queues: Vec<_> =
            channel.consumers.into_values().chain(held).chain(waiting).collect();
        queues.sort_unstable();
        queues.dedup();
        for queue in queues {
            self.post(&queue, Job::Gone(id));
        }
    }

    /// A connection breaks. Of what the client has sent, so many methods still arrive; it receives
    /// nothing more. The broker knows nothing of it until it [`notice`](Self::notice)s.
    pub(crate) fn cut(&mut self, id: ConnectionId, arriving: usize) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.cut = true;
            connection.to_broker.truncate(arriving);
            connection.to_client.clear();
        }
    }

    /// The broker notices that a connection has ended. False: it does not, as it reads nothing from
    /// a connection that is blocked, or has not come to its end.
    pub(crate) fn notice(&mut self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        if connection.is_some_and(|one| one.blocked || !one.to_broker.is_empty()) {
            return false;
        }
        let channels = self.connections.get(&id).map(|connection| connection.channels.keys());
        let channels: Vec<_> = channels.into_iter().flatten().copied().collect();
        for channel in channels {
            self.end_channel((id, channel));
        }
        self.connections.remove(&id);
        let owned = self.owners.iter().filter(|(_, owner)| **owner == id);
        let owned: Vec<_> = owned.map(|(name, _)| name.clone()).collect();
        for name in owned {
            self.remove_queue(&name);
        }
        true
    }

    /// Memory is short, or is not any more. A connection hears of it once it publishes.
    pub(crate) fn set_alarm(&mut self, alarm: bool) {
        self.alarm = alarm;
        if alarm {
            return;
        }
        for connection in self.connections.values_mut().filter(|connection| connection.blocked) {
            connection.blocked = false;
            if !connection.cut {
                connection.to_client.push_back((0, Event::Unblocked));
            }
        }
    }

    /// The broker stops in good order and starts again. What the clients have not received yet
    /// can still be received.
    pub(crate) fn restart(&mut self) {
        for connection in self.connections.values_mut() {
            connection.channels.clear();
            connection.to_broker.clear();
            connection.cut = true;
            connection.blocked = false;
            connection
                .to_client
                .push_back((0, Event::ConnectionClosed { code: CONNECTION_FORCED }));
        }
        self.inboxes.clear();
        self.owners.clear();
        for (name, mut queue) in std::mem::take(&mut self.queues) {
            if let Some(lost) = queue.restart() {
                for message in lost {
                    self.note(&name, message.body, Fate::Dropped("restart"));
                }
                self.queues.insert(name, queue);
            }
        }
        self.alarm = false;
    }

    /// When the next message expires.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.queues.values().filter_map(super::queue::Queue::head_expires).min()
    }

    /// It is later now.
    pub(crate) fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        for name in self.queues.keys().cloned().collect::<Vec<_>>() {
            self.turn(&name);
        }
    }
}
