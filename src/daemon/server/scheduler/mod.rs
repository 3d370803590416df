//! The large requests of a session: which numbers they are for, and which of them is next.
//!
//! Requests for the same n share one computation. The next turn goes to the least "time of arrival
//! plus [`AGING_FACTOR`] times the estimated compute time": small requests overtake large ones, but
//! only for a bounded time, so none starves.

use crate::{
    daemon::{
        compute::{Class, Computed, MemoryPermit, StopOnDrop, StopSwitch, reply_memory},
        observe::request_record::ComputeTime,
    },
    wire::Envelope,
};
use bytes::Bytes;
use std::{
    collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry},
    time::{Duration, Instant},
};

/// A request may be overtaken for at most this multiple of its own estimated compute time.
const AGING_FACTOR: u64 = 4;

/// A large request.
pub(super) struct Large {
    pub(super) tag: u64,
    pub(super) n: u64,
    pub(super) deadline: Option<Instant>,
    pub(super) received: Instant,
    pub(super) envelope: Envelope,
    pub(super) reply_queue: String,
    /// When F(n) was computed; known once the scheduler hands the request out.
    pub(super) compute_time: ComputeTime,
}

/// The next numbers of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) class: Class,
    /// A number whose reply only has to enter the window.
    pub(super) ready: Option<u64>,
    /// A number that waits for a thread or for memory first.
    pub(super) waiting: Option<Waiting>,
}

/// What a number waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// A thread, and memory, to compute F(n).
    Slot(u64),
    /// Memory for a reply with F(n), and then space in the window.
    Memory(u64),
}

/// The requests for one number, never none, and the state of its computation.
struct Computation {
    class: Class,
    turn: Instant,
    requests: VecDeque<Large>,
    state: State,
}

enum State {
    Waiting,
    /// Dropping it stops the computation.
    Running {
        id: u64,
        since: Instant,
        _stop: StopOnDrop,
    },
    /// Computed, or found in the cache. `_memory` is for the digits, `permit` for a first reply.
    Ready {
        digits: Bytes,
        compute_time: ComputeTime,
        _memory: Option<MemoryPermit>,
        permit: Option<MemoryPermit>,
    },
}

/// Numbers of each class, by turn.
type Turns = [BTreeSet<(Instant, u64)>; Class::ALL.len()];

/// All large requests of a session. Bounded by the prefetch.
#[derive(Default)]
pub(super) struct Scheduler {
    computations: HashMap<u64, Computation>,
    /// Numbers that wait for a thread or for memory.
    turns: Turns,
    /// Numbers that are ready and have the memory for their first reply. They never queue behind
    /// those in `turns`, which may be waiting for that memory.
    ready: Turns,
    /// By deadline, n and tag.
    deadlines: BTreeSet<(Instant, u64, u64)>,
    started: u64,
}

impl Scheduler {
    /// Enters a request. `found` is its result, if it is known.
    pub(super) fn enter(&mut self, large: Large, class: Class, found: Option<Bytes>) {
        let n = large.n;
        if let Some(deadline) = large.deadline {
            self.deadlines.insert((deadline, n, large.tag));
        }
        match self.computations.entry(n) {
            Entry::Occupied(computation) => computation.into_mut().requests.push_back(large),
            Entry::Vacant(place) => {
                let work = if found.is_some() { 0 } else { fibonacci::estimate(n).work };
                let aging = Duration::from_nanos(work.saturating_mul(AGING_FACTOR));
                let turn = large.received.checked_add(aging).unwrap_or(large.received);
                let state = found.map_or(State::Waiting, |digits| State::Ready {
                    digits,
                    compute_time: ComputeTime::NotComputed,
                    _memory: None,
                    permit: None,
                });
                let computation =
                    Computation { class, turn, requests: VecDeque::from([large]), state };
                self.turns[class as usize].insert((turn, n));
                place.insert(computation);
            }
        }
    }

    /// The next numbers of a class. One class never waits for the other.
    pub(super) fn turn(&self, class: Class) -> Turn {
        let first = |turns: &Turns| turns[class as usize].first().map(|(_, n)| *n);
        let waiting = first(&self.turns).map(|n| {
            match self.computations.get(&n).map(|computation| &computation.state) {
                Some(State::Ready { .. }) => Waiting::Memory(n),
                _ => Waiting::Slot(n),
            }
        });
        Turn { class, ready: first(&self.ready), waiting }
    }

    /// Notes that F(n), which waited, is computed from now on. Returns the id of the computation
    /// and its switch.
    pub(super) fn start(&mut self, n: u64) -> Option<(u64, StopSwitch)> {
        let computation = self.computations.get_mut(&n)?;
        self.turns[computation.class as usize].remove(&(computation.turn, n));
        self.started += 1;
        let (id, stop) = (self.started, StopOnDrop::default());
        let switch = stop.switch();
        computation.state = State::Running { id, since: Instant::now(), _stop: stop };
        Some((id, switch))
    }

    /// Enters a result, unless nobody waits for it any more.
    pub(super) fn computed(&mut self, id: u64, n: u64, computed: Computed) {
        let Some(computation) =
            self.computations.get_mut(&n).filter(|computation| computation.is_computed_by(id))
        else {
            return;
        };
        let Computed { digits, mut memory, .. } = computed;
        let permit = memory.as_mut().and_then(|memory| memory.split(reply_memory(n)));
        let turns = if permit.is_some() { &mut self.ready } else { &mut self.turns };
        turns[computation.class as usize].insert((computation.turn, n));
        computation.state = State::Ready {
            digits,
            compute_time: computation.compute_time(),
            _memory: memory,
            permit,
        };
    }

    /// Takes the next request for a ready number, with the memory permit for its reply: the
    /// number's own if it still has one, else the given one.
    pub(super) fn next_ready(
        &mut self,
        n: u64,
        permit: Option<MemoryPermit>,
    ) -> Option<ReadyReply> {
        let computation = self.computations.get_mut(&n)?;
        let State::Ready { digits, permit: own, .. } = &mut computation.state else { return None };
        let (digits, own) = (digits.clone(), own.take());
        if own.is_some() {
            let (class, turn) = (computation.class as usize, (computation.turn, n));
            self.ready[class].remove(&turn);
            self.turns[class].insert(turn);
        }
        let permit = own.or(permit);
        let mut large = computation.requests.pop_front()?;
        large.compute_time = computation.compute_time();
        self.forget(&large);
        self.remove_if_done(n);
        Some(ReadyReply { large, digits, permit })
    }

    /// Takes out the requests of a failed computation.
    pub(super) fn failed(&mut self, id: u64, n: u64) -> Vec<Large> {
        if self.computations.get(&n).is_none_or(|computation| !computation.is_computed_by(id)) {
            return Vec::new();
        }
        let Some(computation) = self.computations.remove(&n) else { return Vec::new() };
        let compute_time = computation.compute_time();
        let mut requests = Vec::from(computation.requests);
        for large in &mut requests {
            large.compute_time = compute_time;
            self.forget(large);
        }
        requests
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    /// Takes out a request whose deadline has passed. A computation that nobody else waits for
    /// stops.
    pub(super) fn late(&mut self, now: Instant) -> Option<Large> {
        let (deadline, n, tag) = *self.deadlines.first().filter(|first| first.0 <= now)?;
        self.deadlines.remove(&(deadline, n, tag));
        let computation = self.computations.get_mut(&n)?;
        let place = computation.requests.iter().position(|large| large.tag == tag)?;
        let mut large = computation.requests.remove(place)?;
        large.compute_time = computation.compute_time();
        self.remove_if_done(n);
        Some(large)
    }

    /// Takes out the requests whose computation has not started.
    pub(super) fn unstarted(&mut self) -> Vec<Large> {
        let waits =
            |_: &u64, computation: &mut Computation| matches!(computation.state, State::Waiting);
        let computations: Vec<_> = self.computations.extract_if(waits).collect();
        let mut requests = Vec::new();
        for (n, computation) in computations {
            self.turns[computation.class as usize].remove(&(computation.turn, n));
            for large in &computation.requests {
                self.forget(large);
            }
            requests.extend(computation.requests);
        }
        requests
    }

    /// How many requests there are.
    pub(super) fn len(&self) -> usize {
        self.computations.values().map(|computation| computation.requests.len()).sum()
    }

    fn forget(&mut self, large: &Large) {
        if let Some(deadline) = large.deadline {
            self.deadlines.remove(&(deadline, large.n, large.tag));
        }
    }

    fn remove_if_done(&mut self, n: u64) {
        if let Entry::Occupied(computation) = self.computations.entry(n)
            && computation.get().requests.is_empty()
        {
            let computation = computation.remove();
            for turns in [&mut self.turns, &mut self.ready] {
                turns[computation.class as usize].remove(&(computation.turn, n));
            }
        }
    }
}

/// A request, its answer, and the memory for its reply.
pub(super) struct ReadyReply {
    pub(super) large: Large,
    pub(super) digits: Bytes,
    pub(super) permit: Option<MemoryPermit>,
}

impl Computation {
    /// The compute time up to now.
    fn compute_time(&self) -> ComputeTime {
        match &self.state {
            State::Waiting => ComputeTime::NotComputed,
            State::Running { since, .. } => ComputeTime::OnThread(*since, Instant::now()),
            State::Ready { compute_time, .. } => *compute_time,
        }
    }

    fn is_computed_by(&self, id: u64) -> bool {
        matches!(&self.state, State::Running { id: running, .. } if *running == id)
    }
}

#[cfg(test)]
mod tests;
