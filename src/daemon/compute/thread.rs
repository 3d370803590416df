//! What a compute thread does.

use super::{Job, Slot, Unfinished};
use crate::daemon::watchdog::WatchdogTimer;
use bytes::Bytes;
use fibonacci::{Arena, DecimalError};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

/// A job, and the right to run it.
pub(super) type Assignment = (Job, Slot);

/// The state of one compute thread.
pub(super) struct Worker {
    pub(super) inbox: Arc<Mutex<mpsc::Receiver<Assignment>>>,
    /// The timers of all threads; the one at `index` is armed while this thread works.
    pub(super) watchdogs: Arc<[WatchdogTimer]>,
    pub(super) index: usize,
    /// Bytes that may stay in the arena between computations.
    pub(super) keep: u64,
}

impl Worker {
    /// Runs jobs until there is nobody left who could send one.
    pub(super) fn work(&self) {
        let watchdog = &self.watchdogs[self.index];
        let mut arena = Arena::new();
        loop {
            let next = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((job, slot)) = next else { return };
            let Job { stop, done } = job;
            let n = slot.n;
            let started = Instant::now();
            let computing = || compute(n, &mut arena, watchdog, &|| stop.stopped());
            let result = catch_unwind(AssertUnwindSafe(computing)).unwrap_or_else(|_| {
                arena = Arena::new(); // whatever state it was left in
                Err(Unfinished::Failed)
            });
            // Before this job's memory is free for another one.
            arena.trim_to(usize::try_from(self.keep).unwrap_or(usize::MAX));
            done(result.map(|(digits, check_failures)| {
                slot.keep(digits, check_failures, started.elapsed())
            }));
            watchdog.disarm(); // only now, so that a thread that dies in `done` is noticed
        }
    }
}

fn compute(
    n: u64,
    arena: &mut Arena,
    watchdog: &WatchdogTimer,
    stopped: &dyn Fn() -> bool,
) -> Result<(Bytes, u32), Unfinished> {
    let patience = patience(n);
    watchdog.arm(patience);
    let mut digits = Vec::new();
    let stop = || {
        watchdog.arm(patience);
        stopped()
    };
    match arena.decimal(n, &mut digits, &stop) {
        Ok(report) => Ok((digits.into(), report.check_failures)),
        Err(DecimalError::Stopped) => Err(Unfinished::Stopped),
        Err(error @ DecimalError::OutOfMemory { .. }) => {
            tracing::error!(n, "{error}; lower compute.memory or compute.max_n");
            Err(Unfinished::Failed)
        }
        Err(error) => {
            tracing::error!(n, "{error}");
            Err(Unfinished::Failed)
        }
    }
}

/// How long a computation may go on between two places where it can be stopped: far more than it
/// should, on any machine.
fn patience(n: u64) -> Duration {
    Duration::from_secs(10).saturating_add(Duration::from_nanos(fibonacci::estimate(n).work))
}
