//! The requests that wait for work: which of them share it, and in which order it is done.
//!
//! Requests for the same work share one computation. The next turn goes to the least "time of
//! arrival plus [`AGING_FACTOR`] times the estimated compute time": small requests overtake large
//! ones, but only for a bounded time, so none starves.

use super::{
    broken::{Rule, is_broken},
    budget::{Class, Lane},
    clock::Moment,
    hash::Build,
    ids::{JobId, RequestId},
    output::ComputeTime,
    service::Work,
};
use bytes::Bytes;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    ops::Bound,
    time::Duration,
};

/// A request may be overtaken for at most this multiple of its own estimated compute time.
const AGING_FACTOR: u64 = 4;

/// How long work goes on for requests that were lost with their session: the broker delivers them
/// again once there is another one.
pub const GRACE: Duration = Duration::from_mins(1);

/// After so much of a session the requests that were lost with the last one are there again, and
/// work that nobody has asked for anew makes way for others.
pub(super) const REDELIVERED: Duration = Duration::from_secs(1);

/// Names a computation, and its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ComputationId(pub(super) JobId);

/// The requests for the same work, and how far it is. Without requests it runs on, for a while, for
/// those that were lost.
#[derive(Debug)]
pub(super) struct Computation {
    pub(super) work: Work,
    pub(super) class: Class,
    pub(super) turn: Moment,
    pub(super) requests: VecDeque<RequestId>,
    pub(super) progress: Progress,
}

#[derive(Debug)]
pub(super) enum Progress {
    Waiting,
    Running {
        since: Moment,
    },
    /// Done, or known from before.
    Ready {
        result: Bytes,
        compute_time: ComputeTime,
        /// Memory of the result, in bytes.
        memory: u64,
        /// Memory for a first reply.
        first: Option<u64>,
    },
}

/// A thread that works.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) class: Class,
    pub(super) lane: Lane,
}

/// Computations of each class, by turn.
pub(super) type Turns = [BTreeSet<(Moment, ComputationId)>; Class::ALL.len()];

/// Everything that waits for work. The requests are bounded by the prefetch.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub(super) computations: HashMap<ComputationId, Computation, Build>,
    pub(super) by_key: HashMap<u64, ComputationId, Build>,
    pub(super) jobs: HashMap<JobId, Job, Build>,
    /// Those that wait for a thread or for memory, and hold none.
    pub(super) waiting: Turns,
    /// Those that are ready and hold memory: they give it back when they are sent, so they never
    /// queue behind those in `waiting`, which may be waiting for just that memory.
    pub(super) ready: Turns,
    pub(super) deadlines: BTreeSet<(Moment, RequestId)>,
    /// Those that run for requests that were lost, since when.
    pub(super) orphans: BTreeSet<(Moment, ComputationId)>,
    requests: usize,
    last: JobId,
}

impl Computation {
    /// When its work is done, or was, up to now.
    pub(super) fn compute_time(&self, now: Moment) -> ComputeTime {
        match &self.progress {
            Progress::Waiting => ComputeTime::NotComputed,
            Progress::Running { since } => ComputeTime::OnThread(*since, now),
            Progress::Ready { compute_time, .. } => *compute_time,
        }
    }
}

impl Schedule {
    pub(super) fn requests(&self) -> usize {
        self.requests
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The ready computation that has the next turn after another one.
    pub(super) fn next_ready(
        &self,
        class: Class,
        after: Option<(Moment, ComputationId)>,
    ) -> Option<(Moment, ComputationId)> {
        let ready = &self.ready[class as usize];
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        ready.range((from, Bound::Unbounded)).next().copied()
    }

    /// Enters a request that shares a computation.
    pub(super) fn join(&mut self, id: ComputationId, request: RequestId, deadline: Option<Moment>) {
        if let Some(computation) = self.computations.get_mut(&id) {
            computation.requests.push_back(request);
            if computation.requests.len() == 1 {
                self.orphans.retain(|(_, orphan)| *orphan != id);
            }
            self.requests += 1;
            self.deadlines.extend(deadline.map(|deadline| (deadline, request)));
        }
    }

    /// Enters a computation that waits, so far without requests. A known `result` needs no thread.
    pub(super) fn begin(
        &mut self,
        work: Work,
        class: Class,
        now: Moment,
        result: Option<Bytes>,
    ) -> ComputationId {
        self.last += 1;
        let id = ComputationId(self.last);
        let nanos = if result.is_some() { 0 } else { work.nanos };
        let factor = if is_broken(Rule::Aging) { 1_000_000 } else { AGING_FACTOR };
        let turn = now.plus(Duration::from_nanos(nanos.saturating_mul(factor)));
        let progress = result.map_or(Progress::Waiting, |result| Progress::Ready {
            result,
            compute_time: ComputeTime::NotComputed,
            memory: 0,
            first: None,
        });
        let requests = VecDeque::new();
        self.computations.insert(id, Computation { work, class, turn, requests, progress });
        self.by_key.insert(work.key, id);
        self.waiting[class as usize].insert((turn, id));
        id
    }

    /// The computation that a request for this work shares, if there is one.
    ///
    /// A result that holds memory takes no more requests while another computation has waited for
    /// longer: a number that is asked for again and again would keep its memory for ever.
    pub(super) fn shared(&self, key: u64, now: Moment) -> Option<ComputationId> {
        let id = *self.by_key.get(&key)?;
        let computation = self.computations.get(&id)?;
        let holds = matches!(computation.progress, Progress::Ready { memory, .. } if memory > 0);
        let first = self.waiting[computation.class as usize].first();
        let overtakes = holds && first.is_some_and(|(turn, _)| *turn < now);
        (!overtakes).then_some(id)
    }

    /// Takes a request out of its computation.
    pub(super) fn leave(
        &mut self,
        id: ComputationId,
        request: RequestId,
        deadline: Option<Moment>,
    ) {
        let Some(computation) = self.computations.get_mut(&id) else { return };
        let place = computation.requests.iter().position(|one| *one == request);
        if place.and_then(|place| computation.requests.remove(place)).is_some() {
            self.requests -= 1;
        }
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, request));
        }
    }

    /// Takes a computation out if nobody waits for it any more.
    pub(super) fn remove_if_done(&mut self, id: ComputationId) -> Option<Computation> {
        self.computations.get(&id).filter(|computation| computation.requests.is_empty())?;
        let computation = self.computations.remove(&id)?;
        if self.by_key.get(&computation.work.key) == Some(&id) {
            self.by_key.remove(&computation.work.key);
        }
        self.orphans.retain(|(_, orphan)| *orphan != id);
        for turns in [&mut self.waiting, &mut self.ready] {
            turns[computation.class as usize].remove(&(computation.turn, id));
        }
        Some(computation)
    }
}
