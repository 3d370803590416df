//! A daemon: a core, and what carries out its commands.

mod attach;
mod carry;
mod jobs;
mod link;
mod turn;

use crate::{
    ground::{Coming, Ground, MS, Nanos},
    ledger::Uid,
    service::Works,
};
use fibrpc_core::server::{Core, Input, JobId, Limits, RequestId, Shares, State};
use link::Link;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Most inputs that are taken in before what follows from them is done.
const BATCH: usize = 256;

/// How often a timer may be due at one moment before it stands still.
const STANDSTILL: u32 = 100;

/// A moment that no run reaches.
const FOREVER: Nanos = Nanos::MAX / 4;

/// How long after the limit of a drain the daemon may still be there.
const DRAINED_BY: Nanos = 2_000 * MS;

pub(crate) struct Daemon {
    index: usize,
    /// Counts its processes, so that what was meant for one does not reach the next.
    pub(crate) life: u32,
    pub(crate) phase: Phase,
    core: Core,
    service: Works,
    inbox: VecDeque<Input>,
    waking: bool,
    timer: Option<Nanos>,
    /// The moment of the last timer, and how often it was due.
    ticks: (Nanos, u32),
    session: u64,
    /// Whether the core has a session, for all it knows.
    in_session: bool,
    link: Option<Link>,
    /// How many attempts to attach have failed since the last that did not.
    failures: u32,
    /// What was delivered in this session and is not settled.
    held: BTreeMap<u64, Held>,
    states: BTreeMap<u64, (Uid, State)>,
    jobs: BTreeMap<JobId, jobs::Running>,
    /// By how much its Unix clock is ahead, in milliseconds.
    pub(crate) skew: i64,
    stop_by: Option<Nanos>,
    /// Another process starts when this one has stopped.
    restarts: bool,
    /// For a mutant: confirms of the last session.
    old: Vec<u64>,
}

/// What a daemon is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    Stopping,
    Down,
}

/// A delivery.
#[derive(Clone, Copy, Debug)]
struct Held {
    uid: Uid,
    /// The broker has confirmed its reply.
    confirmed: bool,
    /// On the monotonic clock.
    deadline: Option<Nanos>,
    arrived: Nanos,
}

impl Daemon {
    pub(crate) fn new(index: usize, ground: &Ground<'_>) -> Self {
        let setup = &ground.plan.setup;
        let skew = [0, setup.skew, -setup.skew][index % 3];
        Self {
            index,
            life: 0,
            phase: Phase::Down,
            core: core(ground),
            service: Works::default(),
            inbox: VecDeque::new(),
            waking: false,
            timer: None,
            ticks: (0, 0),
            session: 0,
            in_session: false,
            link: None,
            failures: 0,
            held: BTreeMap::new(),
            states: BTreeMap::new(),
            jobs: BTreeMap::new(),
            skew,
            stop_by: None,
            restarts: false,
            old: Vec::new(),
        }
    }

    /// The process starts.
    pub(crate) fn start(&mut self, ground: &mut Ground<'_>) {
        let (life, skew) = (self.life + 1, self.skew);
        *self = Self { life, skew, phase: Phase::Serving, ..Self::new(self.index, ground) };
        ground.tell(|| format!("daemon {}: starts", self.index));
        self.attach_after(0, ground);
    }

    /// The session is over. Work for the requests that are lost with it may go on for a while.
    fn forget_session(&mut self) {
        self.held.clear();
        self.in_session = false;
        self.jobs.values_mut().for_each(jobs::Running::lose);
    }

    /// The process ends at once: the kernel closes its sockets.
    pub(crate) fn kill(&mut self) {
        self.phase = Phase::Down;
        self.life += 1;
        self.link = None;
        self.inbox.clear();
        self.held.clear();
        self.states.clear();
        self.jobs.clear();
    }

    pub(crate) fn drain(&mut self, patience: Option<Nanos>, ground: &mut Ground<'_>) {
        let name = if patience.is_some() { "reloads" } else { "is told to stop" };
        ground.tell(|| format!("daemon {}: {name}", self.index));
        let patience = patience.map(Duration::from_nanos);
        self.input(Input::Drain { patience }, ground);
    }

    /// The process is told to stop in good order.
    pub(crate) fn stop(&mut self, ground: &mut Ground<'_>) {
        let limit = ground.plan.setup.drain * MS;
        self.phase = Phase::Stopping;
        self.stop_by = Some(ground.now + limit + DRAINED_BY);
        ground.after(limit, Coming::Impatient(self.index, self.life));
        ground.after(limit + DRAINED_BY, Coming::Impatient(self.index, self.life));
        if !self.is_attached() {
            return self.end(ground);
        }
        self.drain(None, ground);
    }

    /// A drain has taken long.
    pub(crate) fn impatient(&mut self, ground: &mut Ground<'_>) {
        if self.stop_by.is_some_and(|by| ground.now >= by) {
            ground.check(Err(format!("drain too long: daemon {} still runs", self.index)));
        }
        self.input(Input::GiveUp, ground);
    }

    /// The process ends by itself.
    fn end(&mut self, ground: &mut Ground<'_>) {
        ground.tell(|| format!("daemon {}: has stopped", self.index));
        self.hang_up(ground);
        self.kill();
        if std::mem::take(&mut self.restarts) {
            ground.after(0, Coming::Start(self.index, self.life));
        }
    }

    pub(crate) fn start_after_stop(&mut self) {
        self.restarts = self.phase == Phase::Stopping;
    }

    /// The process reads other settings of its link.
    pub(crate) fn reload(&mut self, ground: &mut Ground<'_>) {
        if self.phase == Phase::Serving && self.is_attached() {
            let patience = ground.plan.setup.drain * MS;
            self.drain(Some(patience), ground);
            self.input(Input::ForgetReplyLimit, ground);
        }
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = State> {
        self.states.values().map(|(_, state)| *state)
    }

    fn input(&mut self, input: Input, ground: &mut Ground<'_>) {
        self.inbox.push_back(input);
        self.wake_soon(ground);
    }

    fn wake_soon(&mut self, ground: &mut Ground<'_>) {
        if !std::mem::replace(&mut self.waking, true) {
            let after = ground.random.between(5_000, 200_000);
            ground.after(after, Coming::Wake(self.index));
        }
    }

    pub(crate) fn timer(&mut self, ground: &mut Ground<'_>) {
        self.timer = None;
        if self.phase != Phase::Down && !self.waking {
            self.waking = true;
            self.wake(ground);
        }
    }
}

fn core(ground: &Ground<'_>) -> Core {
    let setup = &ground.plan.setup;
    Core::new(&Limits {
        threads: usize::try_from(setup.threads).unwrap_or(1),
        shares: Shares { quick: setup.quick, long: setup.long },
        seed: setup.seed,
    })
}

fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

/// The request that a reply of the core answers, as its trace says.
fn answered(core: &Core, id: RequestId) -> Option<Uid> {
    let (envelope, _) = core.outgoing(id)?;
    let (_, uid) = envelope.trace.first()?;
    std::str::from_utf8(uid).ok()?.parse().ok()
}
