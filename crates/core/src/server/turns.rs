//! Whose turn it is: for a thread, for memory, for the way to the broker.

use super::{
    Core,
    budget::{Class, ReplyMemory, reply_memory},
    clock::{Clocks, Moment},
    failures,
    ids::{JobId, RequestId},
    input::Unfinished,
    output::{Command, Note, State, WhyRejected},
    schedule::{Computation, ComputationId, GRACE, Job, Progress, REDELIVERED},
    service::{Service, Work},
};
use bytes::Bytes;
use std::collections::BTreeSet;

impl Core {
    /// Enters a request that work has to be done for.
    pub(super) fn enter(
        &mut self,
        clocks: Clocks,
        id: RequestId,
        work: Work,
        service: &mut impl Service,
    ) {
        let shared = self.schedule.shared(work.key, clocks.now);
        let found = service.recall(work.key);
        self.notes.push(Note::LookedUp { hit: found.is_some() });
        let computation = shared.unwrap_or_else(|| {
            self.schedule.begin(work, self.budget.class(&work), clocks.now, found)
        });
        let state = match self.schedule.computations.get(&computation).map(|one| &one.progress) {
            Some(Progress::Running { .. }) => State::Computing,
            Some(Progress::Ready { .. }) => State::Ready,
            Some(Progress::Waiting) | None => State::Waiting,
        };
        if let Some(request) = self.requests.get_mut(id) {
            request.computation = Some(computation);
            self.schedule.join(computation, id, request.deadline);
        }
        self.go(id, state);
    }

    /// Starts work and sends results, as far as threads, memory and the window allow.
    pub(super) fn take_turns(&mut self, clocks: Clocks, service: &mut impl Service) {
        loop {
            let sent = Class::ALL.into_iter().any(|class| self.send_ready(clocks, class, service));
            if !sent && !self.take_turn(clocks, service) {
                return;
            }
        }
    }

    /// Sends the first result that there is room for, of those that hold memory.
    fn send_ready(&mut self, clocks: Clocks, class: Class, service: &mut impl Service) -> bool {
        let mut after = None;
        while let Some(turn) = self.schedule.next_ready(class, after) {
            if self.send(clocks, turn.1, service) {
                return true;
            }
            after = Some(turn);
        }
        false
    }

    /// The next step of what holds nothing yet; false if there is none. Memory is of each class its
    /// own; for a thread, the earlier turn goes first.
    fn take_turn(&mut self, clocks: Clocks, service: &mut impl Service) -> bool {
        let first = |class: Class| self.schedule.waiting[class as usize].first().copied();
        let mut heads = Class::ALL.map(first);
        heads.sort_unstable();
        heads.into_iter().flatten().any(|(_, id)| {
            if self.is_ready(id) { self.send(clocks, id, service) } else { self.start(clocks, id) }
        })
    }

    fn is_ready(&self, id: ComputationId) -> bool {
        let computation = self.schedule.computations.get(&id);
        computation.is_some_and(|one| matches!(one.progress, Progress::Ready { .. }))
    }

    /// Starts a computation, if there are a thread and memory for it.
    fn start(&mut self, clocks: Clocks, id: ComputationId) -> bool {
        let Some(computation) = self.schedule.computations.get_mut(&id) else { return false };
        let Computation { work, class, turn, .. } = *computation;
        let Some(lane) = self.budget.start(class, work.memory) else { return false };
        computation.progress = Progress::Running { since: clocks.now };
        self.schedule.waiting[class as usize].remove(&(turn, id));
        self.schedule.jobs.insert(id.0, Job { work, class, lane });
        self.commands.push(Command::Compute { job: id.0, work });
        self.all_go(id, State::Computing);
        true
    }

    /// Sends a ready result to the next who waits for it, if there is room.
    fn send(&mut self, clocks: Clocks, id: ComputationId, service: &mut impl Service) -> bool {
        let Some(computation) = self.schedule.computations.get_mut(&id) else { return false };
        let Computation { work, class, .. } = *computation;
        let Some(request) = computation.requests.front().copied() else { return false };
        let named = self.requests.get(request).and_then(|one| one.envelope.reply_queue());
        if named.is_some_and(|queue| self.troubled.contains(clocks.now, queue)) {
            // It would keep the others waiting, as the one before it did.
            self.leave_schedule(request, clocks);
            self.reject(clocks, request, WhyRejected::TroubledQueue);
            return true;
        }
        let Progress::Ready { result, first, .. } = &mut computation.progress else { return false };
        let memory = first.map_or(ReplyMemory::Wanted(reply_memory(&work)), ReplyMemory::Held);
        let Some(holds) = self.budget.send(class, work.length, memory) else { return false };
        let result = result.clone();
        *first = None;
        self.leave_schedule(request, clocks);
        if let Some(request) = self.requests.get_mut(request) {
            request.holds = holds;
        }
        self.reply(clocks, request, service.reply(result));
        true
    }

    /// A thread is free again.
    pub(super) fn finished(
        &mut self,
        clocks: Clocks,
        job: JobId,
        result: Result<Bytes, Unfinished>,
        service: &mut impl Service,
    ) {
        let Some(Job { work, class, lane }) = self.schedule.jobs.remove(&job) else { return };
        let id = ComputationId(job);
        let computation = self.schedule.computations.get(&id);
        let waited_for = computation.is_some_and(|computation| !computation.requests.is_empty());
        let reply = reply_memory(&work);
        if !waited_for {
            self.schedule.remove_if_done(id);
        }
        match result {
            Ok(result) => {
                service.keep(work.key, &result);
                let kept = if waited_for { (work.length + reply).min(work.memory) } else { 0 };
                self.budget.finish(class, lane, work.memory, kept);
                if waited_for {
                    self.computed(clocks, id, result, kept);
                }
            }
            Err(why) => {
                self.budget.finish(class, lane, work.memory, 0);
                if why == Unfinished::Failed {
                    self.failed(clocks, id);
                }
            }
        }
    }

    /// A result is there, and somebody waits for it. `kept` is the memory for it and a first reply.
    fn computed(&mut self, clocks: Clocks, id: ComputationId, result: Bytes, kept: u64) {
        let Some(computation) = self.schedule.computations.get_mut(&id) else { return };
        let compute_time = computation.compute_time(clocks.now);
        let first = reply_memory(&computation.work).min(kept);
        computation.progress =
            Progress::Ready { result, compute_time, memory: kept - first, first: Some(first) };
        let turn = (computation.turn, id);
        self.schedule.ready[computation.class as usize].insert(turn);
        self.all_go(id, State::Ready);
    }

    fn failed(&mut self, clocks: Clocks, id: ComputationId) {
        let Some(computation) = self.schedule.computations.get(&id) else { return };
        for request in Vec::from(computation.requests.clone()) {
            self.leave_schedule(request, clocks);
            self.reply(clocks, request, failures::internal());
        }
    }

    /// Answers the requests whose deadline has passed. Work that nobody else waits for stops.
    pub(super) fn refuse_late(&mut self, clocks: Clocks) {
        while let Some((deadline, id)) = self.schedule.deadlines.first().copied()
            && deadline <= clocks.now
        {
            self.leave_schedule(id, clocks);
            self.reply(clocks, id, failures::too_late());
        }
    }

    /// Takes a request out of the schedule, if it is in there.
    pub(super) fn leave_schedule(&mut self, id: RequestId, clocks: Clocks) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let Some(computation) = request.computation.take() else { return };
        if let Some(shared) = self.schedule.computations.get(&computation) {
            request.compute_time = shared.compute_time(clocks.now);
        }
        self.schedule.leave(computation, id, request.deadline);
        self.drop_if_done(computation);
    }

    /// Takes a lost request out of the schedule. Its work goes on for a while.
    pub(super) fn orphan(&mut self, id: RequestId, clocks: Clocks) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let Some(computation) = request.computation.take() else { return };
        self.schedule.leave(computation, id, request.deadline);
        match self.schedule.computations.get(&computation) {
            Some(shared) if !shared.requests.is_empty() => {}
            Some(Computation { progress: Progress::Running { .. }, .. }) => {
                self.schedule.orphans.insert((clocks.now, computation));
            }
            _ => self.drop_if_done(computation),
        }
    }

    /// Stops work that has gone on for long enough, or that keeps others waiting, for requests that
    /// do not come again.
    pub(super) fn stop_orphans(&mut self, clocks: Clocks) {
        while let Some(due) = self.orphan_timer()
            && due <= clocks.now
            && let Some((_, id)) = self.schedule.orphans.pop_first()
        {
            self.drop_if_done(id);
        }
    }

    pub(super) fn orphan_timer(&self) -> Option<Moment> {
        let (since, _) = self.schedule.orphans.first()?;
        let in_the_way = !self.schedule.waiting.iter().all(BTreeSet::is_empty);
        let attached = self.attached.filter(|_| in_the_way);
        let redelivered = attached.map(|at| at.plus(REDELIVERED));
        redelivered.into_iter().chain([since.plus(GRACE)]).min()
    }

    fn drop_if_done(&mut self, id: ComputationId) {
        let Some(computation) = self.schedule.remove_if_done(id) else { return };
        match computation.progress {
            Progress::Waiting => {}
            Progress::Running { .. } => self.commands.push(Command::Stop { job: id.0 }),
            Progress::Ready { memory, first, .. } => {
                self.budget.free_memory(computation.class, memory + first.unwrap_or_default());
            }
        }
    }

    fn all_go(&mut self, id: ComputationId, state: State) {
        let Some(computation) = self.schedule.computations.get(&id) else { return };
        for request in Vec::from(computation.requests.clone()) {
            self.go(request, state);
        }
    }
}
