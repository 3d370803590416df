//! The threads of a daemon.

use super::{Daemon, Held, nanos};
use crate::{
    ground::{Coming, Ground, MS, Nanos},
    ledger::Record,
    mutants::Mutant,
    plan::WorkSpec,
    service,
};
use fibrpc_core::server::{GRACE, Input, JobId, Shares, State, Unfinished, Work};

#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    key: u64,
    stopped: bool,
    /// Since when nobody waits for it.
    idle: Option<Nanos>,
    /// Those who waited for it were lost with their session.
    lost: bool,
}

impl Running {
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }
}

impl Daemon {
    /// Starts a job. `started` are the keys of all that start now.
    pub(super) fn compute(
        &mut self,
        job: JobId,
        work: Work,
        started: &[u64],
        ground: &mut Ground<'_>,
    ) {
        let (index, key) = (self.index, work.key);
        ground.tell(|| format!("daemon {index}: starts job {job}, key {key}"));
        let now = ground.now;
        let waiters: Vec<_> = self.waiters(key, ground).collect();
        if waiters.is_empty() {
            ground.check(Err(format!("started for nobody: job {job} of daemon {index}")));
        } else if waiters.iter().all(|deadline| deadline.is_some_and(|at| at <= now)) {
            ground.check(Err(format!("started too late: job {job} of daemon {index}")));
        }
        self.check_order(work, started, ground);
        let running = Running { key, stopped: false, idle: None, lost: false };
        if self.jobs.insert(job, running).is_some() {
            ground.check(Err(format!("two jobs: {job} of daemon {index}")));
        }
        let threads = ground.plan.setup.threads + 1;
        if self.jobs.len() as u64 > threads {
            ground.check(Err(format!("threads: {} of {threads}, daemon {index}", self.jobs.len())));
        }
        let takes = ground.random.between(work.nanos / 2, work.nanos * 2);
        ground.after(takes, Coming::Done(index, self.life, job));
    }

    /// Nobody who waits was overtaken for longer than the rule allows: four times its own work.
    fn check_order(&self, work: Work, started: &[u64], ground: &mut Ground<'_>) {
        let requests = &ground.ledger.requests;
        let key = |held: &Held| requests[held.uid].request.work.key;
        // Whose turn comes by another request, which has left since, is not known here.
        let mine: Vec<_> = self.held.values().filter(|held| key(held) == work.key).collect();
        let Some(first) = mine.iter().map(|held| held.arrived).min() else { return };
        let leaves = |one: &Record| {
            let request = &one.request;
            let is_bounded = request.deadline.is_some() || request.expiration.is_some();
            request.work.key == work.key && is_bounded
        };
        if requests.iter().any(leaves) {
            return;
        }
        let setup = &ground.plan.setup;
        let class = Shares { quick: setup.quick, long: setup.long }.class(&work);
        let overtaken = self.held.iter().find(|(tag, held)| {
            let spec = requests[held.uid].request.work;
            let WorkSpec { key, nanos, memory, length, .. } = spec;
            let shares = Shares { quick: setup.quick, long: setup.long };
            let waits = matches!(self.states.get(tag), Some((_, State::Waiting)));
            waits
                && held.deadline.is_none_or(|at| at > ground.now)
                && !started.contains(&key)
                && shares.class(&Work { key, nanos, memory, length }) == class
                && held.arrived + 4 * nanos < first
        });
        if let Some(uid) = overtaken.map(|(_, held)| held.uid) {
            let key = work.key;
            ground.check(Err(format!("overtaken: request {uid}, by work {key} that came late")));
        }
    }

    /// The deadlines of the open requests for this work.
    fn waiters(&self, key: u64, ground: &Ground<'_>) -> impl Iterator<Item = Option<Nanos>> {
        let requests = &ground.ledger.requests;
        let held =
            self.held.values().filter(move |held| requests[held.uid].request.work.key == key);
        held.map(|held| held.deadline)
    }

    /// Whether an open request waits for this work and has its share in what runs.
    fn computing(&self, key: u64, ground: &Ground<'_>) -> bool {
        let requests = &ground.ledger.requests;
        let mut states = self.states.values();
        states.any(|(uid, state)| {
            *state == State::Computing && requests[*uid].request.work.key == key
        })
    }

    pub(super) fn stop_job(&mut self, job: JobId, ground: &mut Ground<'_>) {
        let Some(running) = self.jobs.get_mut(&job) else { return };
        if ground.mutant == Some(Mutant::RunOn) {
            return;
        }
        running.stopped = true;
        let after = ground.random.between(1_000, 5 * MS);
        ground.after(after, Coming::Done(self.index, self.life, job));
    }

    /// A job is over. It may have been told to stop and be done all the same.
    pub(crate) fn job_over(&mut self, job: JobId, ground: &mut Ground<'_>) {
        let Some(running) = self.jobs.get(&job).copied() else { return };
        let named =
            |input: &Input| matches!(input, Input::Finished { job: named, .. } if *named == job);
        if self.inbox.iter().any(named) {
            return;
        }
        if running.stopped && ground.mutant == Some(Mutant::ForgottenThread) {
            return;
        }
        let work = ground.ledger.requests.iter().map(|record| record.request.work);
        let spec = work.into_iter().find(|work| work.key == running.key).unwrap_or_default();
        let result = match spec {
            _ if running.stopped && ground.random.one_in(2) => Err(Unfinished::Stopped),
            WorkSpec { fails: true, .. } => Err(Unfinished::Failed),
            spec => Ok(service::result(spec)),
        };
        self.input(Input::Finished { job, result }, ground);
    }

    /// Nothing runs that nobody waits for.
    pub(super) fn check_jobs(&mut self, ground: &mut Ground<'_>) {
        let mut idle = None;
        let jobs: Vec<_> = self.jobs.iter().map(|(job, running)| (*job, *running)).collect();
        for (job, running) in jobs.into_iter().filter(|(_, running)| !running.stopped) {
            let waited_for = self.waiters(running.key, ground).next().is_some();
            let asked_again = self.computing(running.key, ground);
            let since = if waited_for { None } else { Some(running.idle.unwrap_or(ground.now)) };
            if let Some(running) = self.jobs.get_mut(&job) {
                running.idle = since;
                running.lost &= !asked_again;
            }
            // Only work for requests that were lost goes on.
            let grace = if running.lost { nanos(GRACE) } else { 0 };
            idle = idle.or(since.filter(|at| ground.now - at > grace).map(|_| job));
        }
        // A result that is on its way here is not stopped any more.
        let finished = |job| {
            let named = |input: &Input| matches!(input, Input::Finished { job: named, .. } if *named == job);
            self.inbox.iter().any(named)
        };
        if let Some(job) = idle.filter(|job| !finished(*job)) {
            ground.check(Err(format!("runs for nobody: job {job} of daemon {}", self.index)));
        }
    }
}
