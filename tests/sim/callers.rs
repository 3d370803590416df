//! The callers: they share a connection, and send what the plan says.

use crate::{
    broker::types::{ConnectionId, Event, Message, Method},
    ground::{Ground, Owner},
    ledger::{Taken, Uid, parse},
    plan::QUEUES,
};
use std::collections::BTreeMap;

const CHANNEL: u16 = 1;

#[derive(Debug, Default)]
pub(crate) struct Callers {
    connection: Option<ConnectionId>,
    published: u64,
    /// What is not confirmed.
    pending: BTreeMap<u64, Uid>,
    /// What is sent once there is a connection.
    waiting: Vec<Uid>,
}

impl Callers {
    /// Connects, and declares all queues.
    pub(crate) fn connect(&mut self, ground: &mut Ground<'_>) {
        let connection = ground.connect(Owner::Callers);
        self.connection = Some(connection);
        self.published = 0;
        ground.send(connection, CHANNEL, Method::OpenChannel);
        ground.send(connection, CHANNEL, Method::ConfirmSelect);
        for uid in std::mem::take(&mut self.waiting) {
            self.send(uid, ground);
        }
    }

    /// Connects once the broker is there again.
    pub(crate) fn connect_again(&mut self, ground: &mut Ground<'_>) {
        if self.connection.is_none() {
            self.connect(ground);
        }
    }

    pub(crate) fn declare(&self, ground: &mut Ground<'_>) {
        let Some(connection) = self.connection else { return };
        for (queue, name) in QUEUES.iter().enumerate() {
            let shape = ground.plan.setup.shape(queue);
            ground.send(connection, CHANNEL, Method::Declare { queue: (*name).to_owned(), shape });
        }
    }

    pub(crate) fn send(&mut self, uid: Uid, ground: &mut Ground<'_>) {
        let Some(connection) = self.connection else {
            return self.waiting.push(uid);
        };
        self.published += 1;
        self.pending.insert(self.published, uid);
        ground.ledger.sent(uid);
        let request = &ground.ledger.requests[uid].request;
        let message = Message {
            body: format!("q{uid}"),
            persistent: request.persistent,
            expiration: request.expiration,
            ..Message::default()
        };
        ground.tell(|| format!("caller: sends q{uid}"));
        ground.publish(connection, CHANNEL, QUEUES[0], message);
    }

    pub(crate) fn receive(&mut self, id: ConnectionId, ground: &mut Ground<'_>) {
        while let Some((_, event)) = ground.broker.receive(id) {
            match event {
                Event::Return { body, .. } => {
                    if let Some((_, uid)) = parse(&body) {
                        ground.ledger.taken(uid, Taken::Refused);
                    }
                }
                Event::Confirm { tag, ack, .. } => {
                    if let Some(uid) = self.pending.remove(&tag) {
                        ground.tell(|| format!("caller: q{uid} is taken: {ack}"));
                        let taken = if ack { Taken::Accepted } else { Taken::Refused };
                        ground.ledger.taken(uid, taken);
                    }
                }
                Event::ConnectionClosed { .. } if self.connection == Some(id) => {
                    self.lost(ground);
                    ground.hang_up(id);
                }
                _ => {}
            }
        }
    }

    /// The broker is gone: whether it has taken what was under way nobody knows.
    fn lost(&mut self, ground: &mut Ground<'_>) {
        self.connection = None;
        ground.tell(|| "caller: the broker is gone".into());
        for uid in std::mem::take(&mut self.pending).into_values() {
            ground.ledger.taken(uid, Taken::Refused);
        }
    }
}
