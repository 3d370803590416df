//! The large requests of a session: which numbers they are for, and whose turn it is.
//!
//! Requests for the same n share one computation, running or still to run. The turn goes to the
//! least "time of arrival plus some times the work it takes": small ones overtake large ones, but
//! only those that were there early enough, so nobody starves.

use crate::{
    daemon::{
        compute::{Class, Computed, Held, StopOnDrop, StopSwitch, reply_memory},
        observe::request_record::ComputeTime,
    },
    wire::Envelope,
};
use bytes::Bytes;
use std::{
    collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry},
    time::{Duration, Instant},
};

/// How many times the duration of its work a request lets others go first.
const COURTESY: u64 = 4;

/// A large request.
pub(super) struct Large {
    pub(super) tag: u64,
    pub(super) n: u64,
    pub(super) deadline: Option<Instant>,
    pub(super) received: Instant,
    pub(super) envelope: Envelope,
    pub(super) reply_queue: String,
    /// Known when the agenda gives it back.
    pub(super) compute_time: ComputeTime,
}

/// Those whose turn it is in a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) class: Class,
    /// A number whose reply only needs to be let into the window.
    pub(super) ready: Option<u64>,
    /// A number that needs more than that.
    pub(super) need: Option<Need>,
}

/// What one needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A thread, and memory, to compute F(n).
    Slot(u64),
    /// Memory for a reply with F(n), and to be let into the window.
    Room(u64),
}

/// The requests for one number; there is always one at least.
struct Work {
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
    /// Computed, or found in the cache. The memory is for the digits, and for a first reply.
    Ready {
        digits: Bytes,
        compute_time: ComputeTime,
        _held: Option<Held>,
        room: Option<Held>,
    },
}

/// Numbers of each class, by turn.
type Turns = [BTreeSet<(Instant, u64)>; Class::ALL.len()];

/// All of them. Bounded by the prefetch.
#[derive(Default)]
pub(super) struct Agenda {
    works: HashMap<u64, Work>,
    /// What waits for a thread or for memory.
    turns: Turns,
    /// What is ready, and has the memory for its first reply. It waits for none of those above,
    /// which may wait for its memory.
    ready: Turns,
    /// By deadline, n and tag.
    deadlines: BTreeSet<(Instant, u64, u64)>,
    started: u64,
}

impl Agenda {
    /// Enters a request. `found` is its result, if that is known.
    pub(super) fn enter(&mut self, large: Large, class: Class, found: Option<Bytes>) {
        let n = large.n;
        if let Some(deadline) = large.deadline {
            self.deadlines.insert((deadline, n, large.tag));
        }
        match self.works.entry(n) {
            Entry::Occupied(work) => work.into_mut().requests.push_back(large),
            Entry::Vacant(place) => {
                let work = if found.is_some() { 0 } else { fibonacci::estimate(n).work };
                let courtesy = Duration::from_nanos(work.saturating_mul(COURTESY));
                let turn = large.received.checked_add(courtesy).unwrap_or(large.received);
                let state = found.map_or(State::Waiting, |digits| State::Ready {
                    digits,
                    compute_time: ComputeTime::NotComputed,
                    _held: None,
                    room: None,
                });
                let work = Work { class, turn, requests: VecDeque::from([large]), state };
                self.turns[class as usize].insert((turn, n));
                place.insert(work);
            }
        }
    }

    /// Whose turn it is in a class. One class never waits for the other.
    pub(super) fn next(&self, class: Class) -> Next {
        let first = |turns: &Turns| turns[class as usize].first().map(|(_, n)| *n);
        let need = first(&self.turns).map(|n| match self.works.get(&n).map(|work| &work.state) {
            Some(State::Ready { .. }) => Need::Room(n),
            _ => Need::Slot(n),
        });
        Next { class, ready: first(&self.ready), need }
    }

    /// Notes that F(n), which waited, is computed from now on. Returns the name of the computation
    /// and its switch.
    pub(super) fn start(&mut self, n: u64) -> Option<(u64, StopSwitch)> {
        let work = self.works.get_mut(&n)?;
        self.turns[work.class as usize].remove(&(work.turn, n));
        self.started += 1;
        let (id, stop) = (self.started, StopOnDrop::default());
        let switch = stop.switch();
        work.state = State::Running { id, since: Instant::now(), _stop: stop };
        Some((id, switch))
    }

    /// Enters what was computed, unless nobody waits for it any more.
    pub(super) fn computed(&mut self, id: u64, n: u64, computed: Computed) {
        let Some(work) = self.works.get_mut(&n).filter(|work| work.is_computed_by(id)) else {
            return;
        };
        let Computed { digits, mut held, .. } = computed;
        let room = held.as_mut().and_then(|held| held.split(reply_memory(n)));
        let turns = if room.is_some() { &mut self.ready } else { &mut self.turns };
        turns[work.class as usize].insert((work.turn, n));
        work.state = State::Ready { digits, compute_time: work.compute_time(), _held: held, room };
    }

    /// The next request for a number that is ready. The room is for its reply, unless the number has
    /// some.
    pub(super) fn due(&mut self, n: u64, room: Option<Held>) -> Option<Due> {
        let work = self.works.get_mut(&n)?;
        let State::Ready { digits, room: own, .. } = &mut work.state else { return None };
        let (digits, own) = (digits.clone(), own.take());
        if own.is_some() {
            let (class, turn) = (work.class as usize, (work.turn, n));
            self.ready[class].remove(&turn);
            self.turns[class].insert(turn);
        }
        let room = own.or(room);
        let mut large = work.requests.pop_front()?;
        large.compute_time = work.compute_time();
        self.forget(&large);
        self.remove_if_done(n);
        Some(Due { large, digits, room })
    }

    /// Takes the requests out that a failed computation was for.
    pub(super) fn failed(&mut self, id: u64, n: u64) -> Vec<Large> {
        if self.works.get(&n).is_none_or(|work| !work.is_computed_by(id)) {
            return Vec::new();
        }
        let Some(work) = self.works.remove(&n) else { return Vec::new() };
        let compute_time = work.compute_time();
        let mut requests = Vec::from(work.requests);
        for large in &mut requests {
            large.compute_time = compute_time;
            self.forget(large);
        }
        requests
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    /// Takes a request out whose deadline has passed. A computation that nobody else waits for
    /// stops.
    pub(super) fn late(&mut self, now: Instant) -> Option<Large> {
        let (deadline, n, tag) = *self.deadlines.first().filter(|first| first.0 <= now)?;
        self.deadlines.remove(&(deadline, n, tag));
        let work = self.works.get_mut(&n)?;
        let place = work.requests.iter().position(|large| large.tag == tag)?;
        let mut large = work.requests.remove(place)?;
        large.compute_time = work.compute_time();
        self.remove_if_done(n);
        Some(large)
    }

    /// Takes out what is not started.
    pub(super) fn unstarted(&mut self) -> Vec<Large> {
        let waits = |_: &u64, work: &mut Work| matches!(work.state, State::Waiting);
        let works: Vec<_> = self.works.extract_if(waits).collect();
        let mut requests = Vec::new();
        for (n, work) in works {
            self.turns[work.class as usize].remove(&(work.turn, n));
            for large in &work.requests {
                self.forget(large);
            }
            requests.extend(work.requests);
        }
        requests
    }

    /// How many requests there are.
    pub(super) fn len(&self) -> usize {
        self.works.values().map(|work| work.requests.len()).sum()
    }

    fn forget(&mut self, large: &Large) {
        if let Some(deadline) = large.deadline {
            self.deadlines.remove(&(deadline, large.n, large.tag));
        }
    }

    fn remove_if_done(&mut self, n: u64) {
        if let Entry::Occupied(work) = self.works.entry(n)
            && work.get().requests.is_empty()
        {
            let work = work.remove();
            for turns in [&mut self.turns, &mut self.ready] {
                turns[work.class as usize].remove(&(work.turn, n));
            }
        }
    }
}

/// A request, its answer, and the memory for its reply.
pub(super) struct Due {
    pub(super) large: Large,
    pub(super) digits: Bytes,
    pub(super) room: Option<Held>,
}

impl Work {
    /// What it took up to now.
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
