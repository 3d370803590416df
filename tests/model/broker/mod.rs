//! A model of RabbitMQ, cut at the methods that fibrpc uses: pure, synchronous and deterministic.
//!
//! Nothing happens by itself. A client [`send`](Broker::send)s a method, which is then on the wire
//! until the broker [`read`](Broker::read)s it. What a channel tells a queue waits in the queue's
//! inbox until the queue [`work`](Broker::work)s. Events wait on the wire until the client
//! [`receive`](Broker::receive)s them. So whoever drives the model chooses how far each side has
//! come when something breaks; [`settle_down`](Broker::settle_down) lets all of it happen.
//!
//! As in RabbitMQ, a channel waits for the queue's answer to a method that has one (declare,
//! consume, cancel, purge, delete): the queue then handles its whole inbox first.
//!
//! Not shown by scripts, as a single node does not do it or not soon, and only in `faults`, for the
//! simulator: a quorum queue without a majority, which confirms nothing, and consumer timeouts,
//! which the broker checks once a minute.
//!
//! Not modelled: clusters otherwise; the disk alarm, which is like that of memory; exchanges but
//! the default one, `x-expires` (whoever looks whether a queue is gone keeps it alive),
//! transactions, `basic.get`, `basic.recover`, priorities, direct reply-to.
//!
//! A connection that breaks while it is blocked may or may not lose what it sent last: that depends
//! on who closes its socket how, so no script compares it; `cut` says how much still arrives.

mod channel;
mod faults;
mod life;
mod methods;
mod queue;
pub(crate) mod types;

use channel::{Channel, WINDOW, Window};
pub(crate) use faults::{Fate, Happening};
use queue::Queue;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use types::{ChannelId, ConnectionId, Delivery, Event, Kind, Message, Method, Settle, Version};

#[derive(Debug)]
pub(crate) struct Broker {
    version: Version,
    /// Milliseconds since some beginning.
    now: u64,
    alarm: bool,
    connections: BTreeMap<ConnectionId, Connection>,
    last_connection: ConnectionId,
    queues: BTreeMap<String, Queue>,
    inboxes: BTreeMap<String, VecDeque<Job>>,
    /// The connections that exclusive queues belong to.
    owners: BTreeMap<String, ConnectionId>,
    /// The channel whose method is being handled. What queues tell it meanwhile waits in `mail`.
    busy: Option<ChannelId>,
    mail: VecDeque<Mail>,
    /// Queues that handle nothing at present.
    stalled: BTreeSet<String>,
    /// What became of messages, if anyone wants to know.
    journal: Option<Vec<Happening>>,
}

#[derive(Debug, Default)]
struct Connection {
    to_broker: VecDeque<(u16, Method)>,
    to_client: VecDeque<(u16, Event)>,
    channels: BTreeMap<u16, Channel>,
    /// It published during an alarm, and nothing is read from it.
    blocked: bool,
    /// Broken, which the broker has not noticed.
    cut: bool,
}

/// What a channel has told a queue.
#[derive(Debug)]
enum Job {
    /// A message; with confirms, the channel and the number of the publish.
    Enqueue(Message, Option<(ChannelId, u64)>),
    Settle(ChannelId, Vec<u64>, Settle),
    /// A channel has ended.
    Gone(ChannelId),
}

/// What a queue tells a channel.
#[derive(Debug)]
enum Mail {
    Event(Event),
    /// A message, with what the queue calls this delivery unless it needs no ack.
    Deliver(Delivery, String, Option<u64>),
}

impl Broker {
    pub(crate) fn new(version: Version) -> Self {
        Self {
            version,
            now: 0,
            alarm: false,
            connections: BTreeMap::new(),
            last_connection: 0,
            queues: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            owners: BTreeMap::new(),
            busy: None,
            mail: VecDeque::new(),
            stalled: BTreeSet::new(),
            journal: None,
        }
    }

    /// A new connection.
    pub(crate) fn connect(&mut self) -> ConnectionId {
        self.last_connection += 1;
        self.connections.insert(self.last_connection, Connection::default());
        self.last_connection
    }

    /// A client puts a method on the wire.
    pub(crate) fn send(&mut self, (connection, channel): ChannelId, method: Method) {
        if let Some(connection) = self.connections.get_mut(&connection).filter(|one| !one.cut) {
            connection.to_broker.push_back((channel, method));
        }
    }

    /// A client takes the next event from the wire, with its channel.
    pub(crate) fn receive(&mut self, connection: ConnectionId) -> Option<(u16, Event)> {
        self.connections.get_mut(&connection)?.to_client.pop_front()
    }

    /// The broker takes the next method from the wire. False: there is none, or it does not want
    /// it now.
    pub(crate) fn read(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id).filter(|one| !one.blocked) else {
            return false;
        };
        match connection.to_broker.front() {
            None => return false,
            Some((_, Method::Publish { .. })) if self.alarm => {
                connection.blocked = true;
                if connection.cut {
                    return true;
                }
                connection.to_client.push_back((0, Event::Blocked));
                return true;
            }
            Some(_) => {}
        }
        if let Some((channel, method)) = connection.to_broker.pop_front() {
            let id = (id, channel);
            self.busy = Some(id);
            self.handle(id, method);
            self.busy = None;
            for mail in std::mem::take(&mut self.mail) {
                self.open_mail(id, mail);
            }
        }
        true
    }

    /// A queue handles what is first in its inbox. False: there was nothing.
    pub(crate) fn work(&mut self, name: &str) -> bool {
        if self.stalled.contains(name) {
            return false;
        }
        let Some(job) = self.inboxes.get_mut(name).and_then(VecDeque::pop_front) else {
            return false;
        };
        self.do_job(name, job);
        self.turn(name);
        true
    }

    /// Everything that is under way arrives, until nothing moves.
    pub(crate) fn settle_down(&mut self) {
        loop {
            let connections: Vec<_> = self.connections.keys().copied().collect();
            let mut moved = false;
            for id in connections {
                while self.read(id) {
                    moved = true;
                }
            }
            let queues: Vec<_> = self.queues.keys().cloned().collect();
            for name in queues {
                moved |= self.work(&name);
            }
            if !moved {
                return;
            }
        }
    }

    /// The queues that any connection may ask about: name, ready messages, consumers.
    pub(crate) fn visible_queues(&self) -> Vec<(String, u32, u32)> {
        let visible = self.queues.iter().filter(|(_, queue)| !queue.shape.exclusive);
        visible
            .map(|(name, queue)| {
                (name.clone(), count(queue.ready()), count(queue.consumers().count()))
            })
            .collect()
    }

    fn do_job(&mut self, name: &str, job: Job) {
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        match job {
            Job::Enqueue(message, publish) => {
                let body = self.journal.is_some().then(|| message.body.clone());
                let ack = queue.enqueue(message, self.now);
                if let Some(body) = body.filter(|_| ack) {
                    self.note(name, body, Fate::Stored);
                }
                if let Some((channel, tag)) = publish {
                    self.send_mail(
                        channel,
                        Mail::Event(Event::Confirm { tag, multiple: false, ack }),
                    );
                }
            }
            Job::Settle(channel, handouts, how) => {
                let done = queue.settle(channel, &handouts, how);
                for message in done {
                    self.note(name, message.body, Fate::Acked);
                }
                self.settled(name, channel);
            }
            Job::Gone(channel) => queue.lose(channel),
        }
    }

    /// What a queue does after each thing that happened to it.
    fn turn(&mut self, name: &str) {
        loop {
            let Some(queue) = self.queues.get_mut(name) else {
                return;
            };
            let expired = queue.head_expires().is_some_and(|expires| expires <= self.now);
            if !expired && let Some((id, handout, stored)) = queue.hand_out() {
                let (redelivered, count, acquired) = stored.flags(queue.shape.kind, self.version);
                let delivery = Delivery {
                    consumer: id.1,
                    tag: 0, // the channel's to say
                    redelivered,
                    count,
                    acquired,
                    death: stored.message.death.map(Into::into),
                    body: stored.message.body,
                };
                self.send_mail(id.0, Mail::Deliver(delivery, name.to_owned(), handout));
                continue;
            }
            let before = queue.ready();
            queue.tidy(self.now);
            if queue.ready() == before {
                break;
            }
        }
        self.bury(name);
    }

    /// Sends what a queue has dropped to its dead letters.
    fn bury(&mut self, name: &str) {
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        let dead = queue.take_dead();
        if self.journal.is_some() {
            for (message, reason) in &dead {
                self.note(name, message.body.clone(), Fate::Dropped(reason));
            }
        }
        let Some(queue) = self.queues.get(name) else {
            return;
        };
        let Some(letters) = queue.shape.dead_letters.clone() else {
            return;
        };
        if !self.queues.contains_key(&letters) {
            return;
        }
        for (mut message, reason) in dead {
            message.death.get_or_insert(reason);
            message.expiration = None;
            self.post(&letters, Job::Enqueue(message, None));
        }
    }

    fn send_mail(&mut self, id: ChannelId, mail: Mail) {
        if self.busy == Some(id) {
            self.mail.push_back(mail);
        } else {
            self.open_mail(id, mail);
        }
    }

    /// A channel hears from a queue. One that is gone does not, which the queue will hear.
    fn open_mail(&mut self, id: ChannelId, mail: Mail) {
        let event = match mail {
            Mail::Event(event) => event,
            Mail::Deliver(mut delivery, queue, handout) => {
                let kind = self.queues.get(&queue).map(|queue| queue.shape.kind);
                let Some(channel) = self.channel(id) else {
                    return;
                };
                // A channel gives back what a quorum queue sent to a consumer that it has cancelled.
                if kind == Some(Kind::Quorum) && !channel.consumers.contains_key(&delivery.consumer)
                {
                    let back = handout.into_iter().collect();
                    return self.post_settled(id, &queue, back, Settle::Nack { requeue: true });
                }
                delivery.tag = channel.next_tag();
                if let Some(handout) = handout {
                    channel.unacked.insert(delivery.tag, channel::Unacked { queue, handout });
                }
                Event::Deliver(delivery)
            }
        };
        self.tell(id, event);
    }

    fn post(&mut self, queue: &str, job: Job) {
        if self.queues.contains_key(queue) {
            self.inboxes.entry(queue.to_owned()).or_default().push_back(job);
        }
    }

    /// A channel tells a queue what a client has settled, at once or when there is room.
    fn post_settled(&mut self, id: ChannelId, queue: &str, handouts: Vec<u64>, how: Settle) {
        let kind = self.queues.get(queue).map(|queue| queue.shape.kind);
        if kind == Some(Kind::Quorum)
            && let Some(channel) = self.channel(id)
        {
            let window = channel.windows.entry(queue.to_owned()).or_default();
            if window.under_way >= WINDOW {
                window.waiting.push((handouts, how));
                return;
            }
            window.under_way += 1;
        }
        self.post(queue, Job::Settle(id, handouts, how));
    }

    /// A queue has taken in what a channel settled, so there is room for more.
    fn settled(&mut self, name: &str, id: ChannelId) {
        let window = self.channel(id).and_then(|channel| channel.windows.get_mut(name));
        let Some(window) = window else {
            return;
        };
        window.under_way = window.under_way.saturating_sub(1);
        let Window { under_way, waiting } = window;
        let room = (WINDOW - *under_way).min(waiting.len());
        let next: Vec<_> = waiting.drain(..room).collect();
        *under_way += room;
        for (handouts, how) in next {
            self.post(name, Job::Settle(id, handouts, how));
        }
    }

    /// A queue handles all that was told it before it answers a method.
    fn call(&mut self, name: &str) {
        while self.work(name) {}
    }

    fn channel(&mut self, (connection, channel): ChannelId) -> Option<&mut Channel> {
        self.connections.get_mut(&connection)?.channels.get_mut(&channel)
    }

    fn tell(&mut self, (connection, channel): ChannelId, event: Event) {
        if let Some(connection) = self.connections.get_mut(&connection)
            && !connection.cut
            && (channel == 0 || connection.channels.contains_key(&channel))
        {
            connection.to_client.push_back((channel, event));
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
