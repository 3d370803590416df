//! The threads that compute large Fibonacci numbers, so that the I/O thread never does.
//!
//! A fixed number of threads, each busy with at most one job. There is no queue here, and no
//! account of memory: the core starts a job only when a thread and memory are free for it, so what
//! has not started can still be given back to the broker.

mod shares;
#[cfg(test)]
mod tests;
mod thread;

pub(crate) use self::shares::{Shares, needed};

use self::thread::{Assignment, Worker};
use crate::daemon::watchdog::WatchdogTimer;
use bytes::Bytes;
use fibrpc_core::server::{JobId, Unfinished};
use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc as threads,
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// The digits of a number.
#[derive(Debug)]
pub(crate) struct Computed {
    pub(crate) digits: Bytes,
    /// How often they failed their check and were computed again.
    pub(crate) check_failures: u32,
    /// How long the thread took.
    pub(crate) elapsed: Duration,
}

/// A job that is over.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) job: JobId,
    pub(crate) result: Result<Computed, Unfinished>,
}

/// Tells a running job to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopSwitch(Arc<AtomicBool>);

impl StopSwitch {
    pub(crate) fn throw(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_thrown(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} compute threads; set compute.threads lower")]
pub(crate) struct PoolError {
    threads: NonZeroUsize,
    source: std::io::Error,
}

/// The threads. They end with the pool.
#[derive(Debug)]
pub(crate) struct Pool {
    jobs: threads::SyncSender<Assignment>,
    finished: mpsc::Sender<Finished>,
    stops: HashMap<JobId, StopSwitch>,
    watchdogs: Arc<[WatchdogTimer]>,
}

impl Pool {
    /// Starts the threads: as many as configured, and one more for quick jobs. Each job is reported
    /// to the receiver.
    pub(crate) fn start(
        threads: NonZeroUsize,
        shares: Shares,
    ) -> Result<(Self, mpsc::Receiver<Finished>), PoolError> {
        let count = threads.get() + 1;
        // As many places as threads: the core never has more jobs, so no send waits.
        let (jobs, inbox) = threads::sync_channel(count);
        let (finished, outcomes) = mpsc::channel(count);
        let inbox = Arc::new(Mutex::new(inbox));
        let watchdogs: Arc<[_]> = (0..count).map(|_| WatchdogTimer::default()).collect();
        for index in 0..count {
            let worker = Worker {
                inbox: Arc::clone(&inbox),
                finished: finished.clone(),
                watchdogs: Arc::clone(&watchdogs),
                index,
                keep: shares.kept,
            };
            crate::threads::start(format!("compute-{index}"), move || worker.work())
                .map_err(|source| PoolError { threads, source })?;
        }
        Ok((Self { jobs, finished, stops: HashMap::new(), watchdogs }, outcomes))
    }

    /// The timers of all threads, armed while they work.
    pub(crate) fn watchdog_timers(&self) -> Arc<[WatchdogTimer]> {
        Arc::clone(&self.watchdogs)
    }

    /// Computes F(n) on a thread that is free.
    pub(crate) fn run(&mut self, job: JobId, n: u64) {
        let stop = StopSwitch::default();
        self.stops.insert(job, stop.clone());
        if self.jobs.try_send(Assignment { job, n, stop }).is_err() {
            // Every thread has died, which their catching of panics excludes. There is a place: no
            // thread takes one.
            tracing::error!(n, "no thread takes the computation: please report this");
            let _ = self.finished.try_send(Finished { job, result: Err(Unfinished::Failed) });
        }
    }

    /// Tells a job to stop; it is reported all the same.
    pub(crate) fn stop(&self, job: JobId) {
        if let Some(stop) = self.stops.get(&job) {
            stop.throw();
        }
    }

    /// Forgets a job that is over.
    pub(crate) fn forget(&mut self, job: JobId) {
        self.stops.remove(&job);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stops.values().for_each(StopSwitch::throw);
    }
}
