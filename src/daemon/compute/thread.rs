//! What a compute thread does.

use super::{Computed, Finished, StopSwitch};
use crate::daemon::watchdog::WatchdogTimer;
use bytes::Bytes;
use fibonacci::{Arena, DecimalError};
use fibrpc_core::server::{JobId, Unfinished};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc as threads},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// A job for a thread: F(n).
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) job: JobId,
    pub(super) n: u64,
    pub(super) stop: StopSwitch,
}

/// The state of one compute thread.
pub(super) struct Worker {
    pub(super) inbox: Arc<Mutex<threads::Receiver<Assignment>>>,
    pub(super) finished: mpsc::Sender<Finished>,
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
            let Ok(Assignment { job, n, stop }) = next else { return };
            let started = Instant::now();
            let computing = || compute(n, &mut arena, watchdog, &|| stop.is_thrown());
            let result = catch_unwind(AssertUnwindSafe(computing)).unwrap_or_else(|_| {
                tracing::error!(n, "the computation panicked: please report this");
                arena = Arena::new(); // whatever state it was left in
                Err(Unfinished::Failed)
            });
            // Before this job's memory is free for another one.
            arena.trim_to(usize::try_from(self.keep).unwrap_or(usize::MAX));
            let result = result.map(|(digits, check_failures)| Computed {
                digits,
                check_failures,
                elapsed: started.elapsed(),
            });
            // There is a place for each thread. An error means that the daemon ends.
            let _ = self.finished.blocking_send(Finished { job, result });
            watchdog.disarm(); // only now, so that a thread that dies before is noticed
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
            tracing::error!(n, "{error}; if that is in order, please report this");
            Err(Unfinished::Failed)
        }
    }
}

/// How long a computation may go on between two places where it can be stopped: far more than it
/// should, on any machine.
fn patience(n: u64) -> Duration {
    Duration::from_secs(10).saturating_add(Duration::from_nanos(fibonacci::estimate(n).work))
}
