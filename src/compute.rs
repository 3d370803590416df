//! The threads that compute large Fibonacci numbers, so that the I/O thread never does.
//!
//! A fixed number of threads, each busy with at most one job. There is no queue here: who wants a
//! job done waits for a [`Slot`] first, so what has not started can still be given back to the
//! broker.

use crate::fibonacci::{self, Stopped};
use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Tells running jobs to stop; clones share one switch.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopSwitch(Arc<AtomicBool>);

impl StopSwitch {
    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Throws its switch when dropped: whatever still runs then, nobody waits for it.
#[derive(Debug, Default)]
pub(crate) struct StopOnDrop(StopSwitch);

impl StopOnDrop {
    pub(crate) fn switch(&self) -> StopSwitch {
        self.0.clone()
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// Its switch was thrown.
    Stopped,
    /// Its deadline passed.
    TooLate,
    /// It panicked: a bug, contained.
    Panicked,
}

/// One number to compute.
pub(crate) struct Job {
    pub(crate) n: u64,
    pub(crate) deadline: Option<Instant>,
    pub(crate) stop: StopSwitch,
    /// Called with the digits, on the thread that computed them.
    pub(crate) done: Box<dyn FnOnce(Result<Vec<u8>, Unfinished>) + Send>,
}

/// The right to run one job: one for each thread.
#[derive(Debug)]
pub(crate) struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// The threads.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    jobs: mpsc::SyncSender<(Job, Slot)>,
    slots: Arc<Semaphore>,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} compute threads: {source}; set compute.threads lower")]
pub(crate) struct PoolError {
    threads: NonZeroUsize,
    source: std::io::Error,
}

impl Pool {
    /// Starts the threads. They end when the last clone of the pool is gone.
    pub(crate) fn start(threads: NonZeroUsize) -> Result<Self, PoolError> {
        // As many places as slots: a send by a slot's owner never blocks.
        let (jobs, inbox) = mpsc::sync_channel(threads.get());
        let inbox = Arc::new(Mutex::new(inbox));
        for index in 0..threads.get() {
            let inbox = Arc::clone(&inbox);
            thread::Builder::new()
                .name(format!("compute-{index}"))
                .spawn(move || work(&inbox))
                .map_err(|source| PoolError { threads, source })?;
        }
        Ok(Self { jobs, slots: Arc::new(Semaphore::new(threads.get())) })
    }

    /// Waits for a free thread. Cancel safe.
    pub(crate) async fn slot(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        Some(Slot { _permit: permit })
    }

    /// Runs a job on the thread the slot stands for.
    pub(crate) fn run(&self, slot: Slot, job: Job) {
        // The threads live as long as `jobs`, and catch every panic of a job.
        if let Err(
            mpsc::TrySendError::Full((job, _)) | mpsc::TrySendError::Disconnected((job, _)),
        ) = self.jobs.try_send((job, slot))
        {
            (job.done)(Err(Unfinished::Panicked));
        }
    }
}

fn work(inbox: &Mutex<mpsc::Receiver<(Job, Slot)>>) {
    loop {
        let next = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((job, slot)) = next else { return };
        let Job { n, deadline, stop, done } = job;
        let result = catch_unwind(AssertUnwindSafe(|| compute(n, deadline, &stop)))
            .unwrap_or(Err(Unfinished::Panicked));
        drop(slot);
        done(result);
    }
}

fn compute(n: u64, deadline: Option<Instant>, stop: &StopSwitch) -> Result<Vec<u8>, Unfinished> {
    let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    fibonacci::decimal(n, || stop.stopped() || late())
        .map_err(|Stopped| if stop.stopped() { Unfinished::Stopped } else { Unfinished::TooLate })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    fn pool(threads: usize) -> Pool {
        Pool::start(NonZeroUsize::new(threads).unwrap()).unwrap()
    }

    async fn run(pool: &Pool, n: u64, deadline: Option<Instant>, stop: StopSwitch) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |result| sender.send(result).unwrap());
        pool.run(pool.slot().await.unwrap(), Job { n, deadline, stop, done });
        receiver.await.unwrap()
    }

    type Outcome = Result<Vec<u8>, Unfinished>;

    #[tokio::test]
    async fn computes_and_frees_the_slot() {
        let pool = pool(1);
        for _ in 0..3 {
            let digits = run(&pool, 30, None, StopSwitch::default()).await;
            assert_eq!(digits.unwrap(), b"832040");
        }
    }

    #[tokio::test]
    async fn a_thrown_switch_and_a_passed_deadline_end_a_job() {
        let pool = pool(1);
        let stop = StopSwitch::default();
        stop.stop();
        assert_eq!(run(&pool, 50_000_000, None, stop).await, Err(Unfinished::Stopped));
        let late = run(&pool, 50_000_000, Some(Instant::now()), StopSwitch::default()).await;
        assert_eq!(late, Err(Unfinished::TooLate));
    }

    #[tokio::test]
    async fn there_are_as_many_slots_as_threads() {
        let pool = pool(2);
        let (_first, _second) = (pool.slot().await, pool.slot().await);
        assert!(futures_util::FutureExt::now_or_never(pool.slot()).is_none());
    }
}
