//! The core, with what surrounds it as long as the daemon lives: clocks, threads, observers.

use super::{handler::Handler, tick_at};
use crate::{
    daemon::{
        compute::{Finished, Pool, Shares},
        observe::observer::Observer,
    },
    wall_clock,
};
use fibrpc_core::server::{Clocks, Command, Core, Input, Limits, LinkEvent, Moment, SessionId};
use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use uuid::Uuid;

/// So long without a turn is a standstill of the process: a session has one every second.
const STANDSTILL: Duration = Duration::from_millis(2500);

/// Carries inputs to the core, and its commands to the threads.
#[derive(Debug)]
pub(crate) struct Engine {
    core: Core,
    pub(super) handler: Handler,
    pub(super) observer: Observer,
    pool: Pool,
    finished: mpsc::Receiver<Finished>,
    start: Instant,
    /// Both clocks when the batch of inputs began.
    batch: Clocks,
    /// Both clocks at the end of the last turn of this session.
    turned: Option<Clocks>,
    session: SessionId,
}

impl Engine {
    /// `start` is where the moments of the core begin.
    pub(crate) fn new(
        (threads, shares): (NonZeroUsize, Shares),
        (pool, finished): (Pool, mpsc::Receiver<Finished>),
        handler: Handler,
        observer: Observer,
        start: Instant,
    ) -> Self {
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        let limits = Limits { threads: threads.get(), shares: shares.of_core(), seed };
        let core = Core::new(&limits);
        let mut engine = Self {
            core,
            handler,
            observer,
            pool,
            finished,
            start,
            batch: Clocks::default(),
            turned: None,
            session: 0,
        };
        engine.observer.conclude(&engine.core);
        engine
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// A session begins.
    pub(super) fn attached(&mut self, prefetch: u16) {
        self.turned = None;
        self.begin_batch();
        self.session += 1;
        self.handle(Input::Attached { session: self.session, prefetch });
    }

    pub(super) fn link(&mut self, event: LinkEvent) {
        self.handle(Input::Link { session: self.session, event });
    }

    /// A batch of inputs begins.
    pub(super) fn begin_batch(&mut self) {
        let unix_ms = wall_clock::unix_ms(wall_clock::now());
        self.batch = Clocks { now: self.now(), unix_ms };
        if let Some(since_ms) = self.stood_still_since() {
            self.handle(Input::StoodStill { since_ms });
        }
    }

    /// Not by the clock of the machine: one that is set is no standstill.
    fn stood_still_since(&self) -> Option<i64> {
        let turned = self.turned.filter(|it| self.batch.now.since(it.now) >= STANDSTILL);
        turned.map(|it| it.unix_ms)
    }

    /// When something arrived that is in this batch: when it was read from the network, as far as
    /// that is known, and else when the batch began.
    pub(super) fn arrived(&self, read: Option<Instant>) -> Moment {
        let read = read.map(|at| Moment::after_start(at.saturating_duration_since(self.start)));
        read.map_or(self.batch.now, |read| read.min(self.batch.now))
    }

    /// Gives an input to the core. All of a batch came at one time, to spare looks at the clock.
    pub(super) fn handle(&mut self, input: Input) {
        self.core.handle(self.batch, input, &mut self.handler);
    }

    /// A thread is free.
    pub(super) fn finished(&mut self, finished: Finished) {
        let Finished { job, result } = finished;
        self.pool.forget(job);
        let digits = result.as_ref().map(|computed| computed.digits.clone()).map_err(|why| *why);
        self.handle(Input::Finished { job, result: digits });
        self.observer.finished(&result, self.handler.cached());
    }

    /// Ends a batch of inputs: tells observers and threads what follows from it, and adds what the
    /// link is to do.
    pub(super) fn conclude(&mut self, for_link: &mut Vec<Command>) {
        let clocks = self.clocks();
        self.turned = Some(clocks);
        self.core.conclude(clocks, &mut self.handler);
        for note in self.core.notes() {
            self.observer.note(note);
        }
        self.observer.conclude(&self.core);
        for command in self.core.commands() {
            match command {
                Command::Compute { job, work } => self.pool.run(job, work.key),
                Command::Stop { job } => self.pool.stop(job),
                command => for_link.push(command),
            }
        }
    }

    /// Waits for a thread that is free again.
    pub(super) async fn next_finished(&mut self) -> Finished {
        match self.finished.recv().await {
            Some(finished) => finished,
            None => std::future::pending().await, // the pool has a sender
        }
    }

    pub(super) fn next_finished_now(&mut self) -> Option<Finished> {
        self.finished.try_recv().ok()
    }

    /// When the core wants to hear of the time.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        let after_start = |moment: Moment| self.start.checked_add(moment.since_start());
        self.core.next_timer().and_then(after_start)
    }

    /// Goes on without a session.
    pub(super) async fn idle(&mut self) {
        loop {
            self.turned = None; // turns are as rare as what there is to do
            let timer = tick_at(self.next_timer());
            let finished = tokio::select! {
                finished = self.finished.recv() => match finished {
                    Some(finished) => Some(finished),
                    None => return std::future::pending().await,
                },
                () = timer => None,
            };
            self.begin_batch();
            match finished {
                Some(finished) => self.finished(finished),
                None => self.handle(Input::Time { written: 0 }),
            }
            self.conclude(&mut Vec::new()); // without a session there is nothing for a link
        }
    }

    fn now(&self) -> Moment {
        Moment::after_start(self.start.elapsed())
    }

    /// Both clocks now; the one of the machine moves on from where it was when the batch began.
    fn clocks(&self) -> Clocks {
        let now = self.now();
        let passed = i64::try_from(now.since(self.batch.now).as_millis()).unwrap_or(i64::MAX);
        Clocks { now, unix_ms: self.batch.unix_ms.saturating_add(passed) }
    }
}
