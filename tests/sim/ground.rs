//! What all daemons and callers share: the broker, the time, and what is to come.

use crate::{
    broker::{
        Broker,
        types::{ConnectionId, Message, Method},
    },
    coverage::Coverage,
    ledger::{Ledger, Wrong},
    mutants::Mutant,
    plan::{Plan, QUEUES},
    random::{Random, mix},
};
use std::{cmp::Reverse, collections::BinaryHeap};

pub(crate) const MS: u64 = 1_000_000;

/// A moment, in nanoseconds from the beginning.
pub(crate) type Nanos = u64;

/// What is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Coming {
    /// The entry of the plan.
    Entry(usize),
    /// A fault of this entry is over.
    Over(usize),
    /// The broker reads from a connection, a queue works, a client receives.
    Read(ConnectionId),
    Work(usize),
    Receive(ConnectionId),
    /// A client learns that a connection is lost; the broker does.
    Seen(ConnectionId),
    Noticed(ConnectionId),
    /// By now all good callers have their answers.
    Bound,
    /// The first message of a queue expires.
    Expiry,
    /// A daemon looks at its inputs; its timer is due.
    Wake(usize),
    Timer(usize),
    /// A daemon attaches, starts, or has waited long enough for a drain. The second number says in
    /// which of its lives.
    Attach(usize, u32),
    Start(usize, u32),
    Impatient(usize, u32),
    /// A job is over. In which life, and which job.
    Done(usize, u32, u64),
}

impl Coming {
    /// Tells what happens at one moment apart. Chance depends on the moment and on this alone, so
    /// that most of a run stays the same when an entry is left out of its plan.
    fn salt(self) -> u64 {
        let number = |kind: u64, number: usize| mix(kind << 32 | number as u64);
        match self {
            Self::Entry(_) | Self::Over(_) | Self::Bound | Self::Expiry => 0,
            Self::Read(id) | Self::Receive(id) | Self::Seen(id) | Self::Noticed(id) => {
                mix(1 << 32 | u64::from(id))
            }
            Self::Work(queue) => number(2, queue),
            Self::Wake(daemon) | Self::Timer(daemon) => number(3, daemon),
            Self::Attach(daemon, _) | Self::Start(daemon, _) => number(4, daemon),
            Self::Impatient(daemon, _) | Self::Done(daemon, ..) => number(5, daemon),
        }
    }
}

/// Who a connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Callers,
    Daemon(usize),
}

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) id: ConnectionId,
    pub(crate) owner: Owner,
    /// A read and a receive are to come.
    pub(crate) reading: bool,
    pub(crate) receiving: bool,
}

pub(crate) struct Ground<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) now: Nanos,
    coming: BinaryHeap<Reverse<(Nanos, u64, Coming)>>,
    count: u64,
    pub(crate) random: Random,
    pub(crate) broker: Broker,
    /// Until when nobody can connect.
    pub(crate) down_until: Nanos,
    pub(crate) wires: Vec<Wire>,
    working: [bool; QUEUES.len()],
    expiry: Option<u64>,
    pub(crate) ledger: Ledger,
    pub(crate) coverage: Coverage,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) wrong: Option<Wrong>,
    pub(crate) story: Option<Vec<String>>,
    /// When the last of the faults is over.
    pub(crate) quiet_from: Nanos,
    /// How often a core has given up a session since.
    pub(crate) abandoned: u32,
}

impl<'a> Ground<'a> {
    pub(crate) fn new(plan: &'a Plan, mutant: Option<Mutant>, told: bool) -> Self {
        let mut broker = Broker::new(plan.setup.version);
        broker.keep_journal();
        let ends = plan.faults().map(|(at, fault)| at + fault.end());
        let quiet_from = ends.max().unwrap_or_default() * MS;
        Self {
            plan,
            now: 0,
            coming: BinaryHeap::new(),
            count: 0,
            random: Random::new(plan.setup.seed),
            broker,
            down_until: 0,
            wires: Vec::new(),
            working: [false; QUEUES.len()],
            expiry: None,
            ledger: Ledger::new(plan, quiet_from),
            coverage: Coverage::default(),
            mutant,
            wrong: None,
            story: told.then(Vec::new),
            quiet_from,
            abandoned: 0,
        }
    }

    pub(crate) fn at(&mut self, at: Nanos, what: Coming) {
        self.count += 1;
        self.coming.push(Reverse((at.max(self.now), self.count, what)));
    }

    pub(crate) fn after(&mut self, time: Nanos, what: Coming) {
        self.at(self.now.saturating_add(time), what);
    }

    pub(crate) fn next(&mut self) -> Option<Coming> {
        let Reverse((at, _, what)) = self.coming.pop()?;
        self.now = at;
        self.ledger.now = at;
        self.random = Random::new(self.plan.setup.seed ^ mix(at ^ what.salt()));
        Some(what)
    }

    /// How long something small takes.
    pub(crate) fn moment(&mut self) -> Nanos {
        let most = if self.random.one_in(50) { 20 * MS } else { MS / 2 };
        self.random.between(10_000, most)
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.story.is_some() {
            let (line, at) = (line(), self.now);
            let (seconds, micros) = (at / (1_000 * MS), at % (1_000 * MS) / 1_000);
            self.story
                .iter_mut()
                .for_each(|story| story.push(format!("{seconds:4}.{micros:06} {line}")));
        }
    }

    /// Something is wrong: the run ends.
    pub(crate) fn check(&mut self, result: Result<(), Wrong>) {
        if let Err(wrong) = result {
            self.wrong.get_or_insert(wrong);
        }
    }

    pub(crate) fn connect(&mut self, owner: Owner) -> ConnectionId {
        let id = self.broker.connect();
        self.wires.push(Wire { id, owner, reading: false, receiving: false });
        id
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, channel: u16, method: Method) {
        self.broker.send((connection, channel), method);
        self.stir_connection(connection);
    }

    pub(crate) fn publish(
        &mut self,
        connection: ConnectionId,
        channel: u16,
        queue: &str,
        message: Message,
    ) {
        let queue = queue.to_owned();
        self.send(connection, channel, Method::Publish { queue, mandatory: true, message });
    }

    /// A client closes a connection, after what it has sent.
    pub(crate) fn hang_up(&mut self, connection: ConnectionId) {
        self.broker.cut(connection, usize::MAX);
        let after = self.moment();
        self.after(after, Coming::Noticed(connection));
        self.stir();
    }

    /// The broker notices that a connection is gone, once it has read what still arrived.
    pub(crate) fn noticed(&mut self, connection: ConnectionId) {
        if !self.wires.iter().any(|wire| wire.id == connection) {
            return;
        }
        if self.broker.notice(connection) {
            self.wires.retain(|wire| wire.id != connection);
            self.tell(|| format!("broker: connection {connection} is gone"));
        } else {
            let blocked = self.broker.is_blocked(connection);
            let again = if blocked { 5_000 * MS } else { 20 * MS };
            self.after(again, Coming::Noticed(connection));
        }
        self.stir();
    }

    pub(crate) fn read(&mut self, connection: ConnectionId) {
        self.broker.set_time(self.now / MS);
        let methods = self.random.between(1, 16);
        for _ in 0..methods {
            if !self.broker.read(connection) {
                break;
            }
        }
        if let Some(wire) = self.wires.iter_mut().find(|wire| wire.id == connection) {
            wire.reading = false;
        }
        self.stir();
    }

    pub(crate) fn work(&mut self, queue: usize) {
        self.broker.set_time(self.now / MS);
        let jobs = self.random.between(1, 16);
        for _ in 0..jobs {
            if !self.broker.work(QUEUES[queue]) {
                break;
            }
        }
        self.working[queue] = false;
        self.stir();
    }

    pub(crate) fn expire(&mut self) {
        self.expiry = None;
        self.broker.advance(self.now / MS);
        self.stir();
    }

    /// Sees to it that what can move does, and hears what became of messages.
    pub(crate) fn stir(&mut self) {
        for happening in self.broker.happened() {
            self.tell(|| {
                format!("broker: {}: {} {:?}", happening.queue, happening.body, happening.fate)
            });
            let heard = self.ledger.happened(&happening);
            self.check(heard);
        }
        for index in 0..self.wires.len() {
            self.stir_wire(index);
        }
        for (queue, name) in QUEUES.iter().enumerate() {
            if !self.working[queue] && self.broker.is_busy(name) {
                self.working[queue] = true;
                let after = self.moment();
                self.after(after, Coming::Work(queue));
            }
        }
        let next = self.broker.next_expiry();
        if let Some(next) = next.filter(|next| self.expiry.is_none_or(|at| *next < at)) {
            self.expiry = Some(next);
            self.at(next * MS, Coming::Expiry);
        }
    }

    fn stir_wire(&mut self, index: usize) {
        let Wire { id, reading, receiving, .. } = self.wires[index];
        if !reading && self.broker.is_readable(id) {
            self.wires[index].reading = true;
            let after = self.moment();
            self.after(after, Coming::Read(id));
        }
        if !receiving && self.broker.is_receivable(id) {
            self.wires[index].receiving = true;
            let after = self.moment();
            self.after(after, Coming::Receive(id));
        }
    }

    /// Sees to it that what is left on one connection moves.
    pub(crate) fn stir_connection(&mut self, connection: ConnectionId) {
        if let Some(index) = self.wires.iter().position(|wire| wire.id == connection) {
            self.stir_wire(index);
        }
    }
}
