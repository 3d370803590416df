//! A run: everything that happens, one after the other.

use crate::{
    broker::types::ConnectionId,
    callers::Callers,
    coverage::Coverage,
    daemon::{Daemon, Phase},
    ground::{Coming, Ground, MS, Nanos, Owner},
    ledger::{Uid, Wrong},
    mutants::{Mutant, break_core},
    plan::{Plan, QUEUES, What},
};
use std::{cell::RefCell, collections::BTreeSet, panic};

/// How long good callers may wait from the last fault on, beside the work of all.
pub(crate) const ANSWERED_BY: Nanos = 150_000 * MS;

/// How often the cores may give up sessions once there are no more faults.
const MOST_ABANDONED: u32 = 2;

/// Most events of a run: more means that something goes round in circles.
const MOST_EVENTS: u64 = 400_000;

/// How a run ended.
pub(crate) struct Outcome {
    pub(crate) wrong: Option<Wrong>,
    pub(crate) coverage: Coverage,
    pub(crate) story: Vec<String>,
    pub(crate) events: u64,
    /// How long a good caller has waited at most since the last fault, in nanoseconds.
    pub(crate) slowest: Nanos,
}

pub(crate) struct World<'a> {
    pub(crate) ground: Ground<'a>,
    pub(crate) daemons: Vec<Daemon>,
    pub(crate) callers: Callers,
    /// The requests of the plan by the entries that name them.
    uids: Vec<Uid>,
    entries_left: usize,
    events: u64,
    ending: bool,
}

/// Runs a plan to its end, or until something is wrong, which a panic is.
pub(crate) fn run(plan: &Plan, mutant: Option<Mutant>, told: bool) -> Outcome {
    break_core(mutant);
    let mut world = World::new(plan, mutant, told);
    let run = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        world.begin();
        world.run();
    }));
    if run.is_err() {
        world.ground.check(Err(format!("panicked: {}", PANIC.take())));
    }
    let World { mut ground, events, .. } = world;
    ground.coverage.drops = std::mem::take(&mut ground.ledger.drops);
    let Ground { wrong, coverage, story, ledger, .. } = ground;
    let slowest = ledger.slowest;
    Outcome { wrong, coverage, story: story.unwrap_or_default(), events, slowest }
}

thread_local! {
    /// What the last panic of this thread said.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are remembered instead of printed, as they are found again and again.
pub(crate) fn keep_panics() {
    panic::set_hook(Box::new(|panic| PANIC.set(panic.to_string().replace('\n', " "))));
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, mutant: Option<Mutant>, told: bool) -> Self {
        let ground = Ground::new(plan, mutant, told);
        let count = usize::try_from(plan.setup.daemons).unwrap_or(1);
        let daemons = (0..count).map(|index| Daemon::new(index, &ground)).collect();
        let mut next = 0;
        let uid = |entry: &crate::plan::Entry| {
            let uid = next;
            next += usize::from(matches!(entry.what, What::Request(_)));
            uid
        };
        let uids = plan.entries.iter().map(uid).collect();
        let callers = Callers::default();
        let entries_left = plan.entries.len();
        Self { ground, daemons, callers, uids, entries_left, events: 0, ending: false }
    }

    fn begin(&mut self) {
        let ground = &mut self.ground;
        self.callers.connect(ground);
        self.callers.declare(ground);
        ground.broker.settle_down();
        ground.broker.set_full("full", true);
        ground.broker.set_stalled("mute", true);
        for daemon in &mut self.daemons {
            daemon.start(ground);
        }
        // Plans begin when everyone is there.
        for (index, entry) in ground.plan.entries.iter().enumerate() {
            ground.at(entry.at * MS, Coming::Entry(index));
        }
    }

    fn run(&mut self) {
        let mut by = self.bound();
        self.ground.at(by, Coming::Bound);
        while self.ground.wrong.is_none() {
            let Some(coming) = self.ground.next() else { break };
            self.events += 1;
            if self.events > MOST_EVENTS {
                let at = self.ground.now / MS;
                self.ground.check(Err(format!("no end: {MOST_EVENTS} events by {at} ms")));
            }
            if !self.ending && (self.ground.now >= by || self.is_done()) {
                self.check_answers();
                self.ending = true;
                by = Nanos::MAX;
                self.stop_all();
            }
            self.happen(coming);
        }
        if self.ground.wrong.is_none() {
            self.check_end();
        }
    }

    /// By when every good caller has its answer.
    fn bound(&self) -> Nanos {
        let plan = self.ground.plan;
        let work: Nanos = plan.requests().map(|request| request.work.nanos).sum();
        let last = plan.entries.last().map_or(0, |entry| entry.at * MS);
        last.max(self.ground.quiet_from) + ANSWERED_BY + 3 * work
    }

    fn is_done(&self) -> bool {
        self.entries_left == 0
            && self.ground.ledger.open == 0
            && self.ground.now > self.ground.quiet_from
    }

    fn happen(&mut self, coming: Coming) {
        let ground = &mut self.ground;
        match coming {
            Coming::Entry(index) => self.entry(index),
            Coming::Over(index) => self.over(index),
            Coming::Read(id) => ground.read(id),
            Coming::Work(queue) => ground.work(queue),
            Coming::Receive(id) => self.receive(id),
            Coming::Seen(id) => {
                for daemon in &mut self.daemons {
                    daemon.seen(id, ground);
                }
            }
            Coming::Noticed(id) => ground.noticed(id),
            Coming::Bound => {}
            Coming::Expiry => ground.expire(),
            Coming::Wake(index) => self.daemons[index].wake(ground),
            Coming::Timer(index) => self.daemons[index].timer(ground),
            Coming::Attach(index, life) => {
                if self.daemons[index].life == life {
                    self.daemons[index].attach(ground);
                }
            }
            Coming::Start(index, life) => {
                if self.daemons[index].life == life && !self.ending {
                    self.daemons[index].start(ground);
                }
            }
            Coming::Impatient(index, life) => {
                if self.daemons[index].life == life {
                    self.daemons[index].impatient(ground);
                }
            }
            Coming::Done(index, life, job) => {
                if self.daemons[index].life == life {
                    self.daemons[index].job_over(job, ground);
                }
            }
        }
    }

    fn entry(&mut self, index: usize) {
        self.entries_left -= 1;
        match &self.ground.plan.entries[index].what {
            What::Request(_) => self.callers.send(self.uids[index], &mut self.ground),
            What::Fault(_) if self.ending => {}
            What::Fault(fault) => self.fault(index, fault),
        }
    }

    fn receive(&mut self, id: ConnectionId) {
        let ground = &mut self.ground;
        let Some(wire) = ground.wires.iter_mut().find(|wire| wire.id == id) else { return };
        wire.receiving = false;
        match wire.owner {
            Owner::Callers => self.callers.receive(id, ground),
            Owner::Daemon(index) => self.daemons[index].receive(id, ground),
        }
        ground.stir_connection(id);
    }

    /// Whether all good callers were answered in time, and how often sessions ended for nothing.
    fn check_answers(&mut self) {
        let ground = &mut self.ground;
        let seconds = ground.now / MS / 1_000;
        let waiting: Vec<_> = ground.ledger.waiting().collect();
        let good = waiting.iter().find(|uid| ground.ledger.requests[**uid].request.is_good());
        if let Some(uid) = good {
            let since = ground.quiet_from / MS / 1_000;
            let beside = beside(ground.plan);
            ground.check(Err(format!(
                "not answered{beside}: request {uid} is good, the last fault was over at {since} s, and it \
                 is {seconds} s now"
            )));
        }
        let abandoned = ground.abandoned;
        if abandoned > MOST_ABANDONED {
            ground.check(Err(format!(
                "sessions given up{}: {abandoned} although there were no more faults",
                beside(ground.plan)
            )));
        }
    }

    fn stop_all(&mut self) {
        let ground = &mut self.ground;
        ground.tell(|| "all daemons are stopped".into());
        for daemon in &mut self.daemons {
            match daemon.phase {
                Phase::Serving => daemon.stop(ground),
                Phase::Stopping | Phase::Down => {}
            }
        }
    }

    /// Everything is at rest: what is not over is in its queue.
    fn check_end(&mut self) {
        let ground = &mut self.ground;
        if let Some(daemon) = self.daemons.iter().position(|one| one.phase != Phase::Down) {
            ground.check(Err(format!("drain too long: daemon {daemon} never stops")));
        }
        let there: BTreeSet<_> = ground.broker.bodies(QUEUES[0]).into_iter().collect();
        let lost = ground.ledger.waiting().find(|uid| !there.contains(format!("q{uid}").as_str()));
        if let Some(uid) = lost {
            ground.check(Err(format!("lost: request {uid} is neither over nor in its queue")));
        }
    }
}

/// Names the kind of callers among which something is wrong.
fn beside(plan: &Plan) -> &'static str {
    let hostile = plan.requests().any(|request| !request.is_good());
    if hostile { " beside hostile callers" } else { "" }
}
