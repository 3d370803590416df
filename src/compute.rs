//! The threads that compute large Fibonacci numbers, so that the I/O thread never does.
//!
//! A fixed number of threads, each busy with at most one job, and a fixed amount of memory for
//! them and for their results. There is no queue here: who wants a job done waits for a [`Slot`]
//! first, so what has not started can still be given back to the broker.

use crate::{
    fibonacci::{self, DecimalError},
    vitals::Promise,
};
use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
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
    /// It panicked or failed: a bug, contained, or no memory.
    Panicked,
}

/// One number to compute.
pub(crate) struct Job {
    pub(crate) deadline: Option<Instant>,
    pub(crate) stop: StopSwitch,
    /// Called with the digits, on the thread that computed them.
    pub(crate) done: Box<dyn FnOnce(Result<Digits, Unfinished>) + Send>,
}

/// The right to run one job: a thread, and the memory it takes.
#[derive(Debug)]
pub(crate) struct Slot {
    n: u64,
    thread: OwnedSemaphorePermit,
    memory: OwnedSemaphorePermit,
}

/// The digits of a number, and their share of the memory, which is free again when they are gone.
#[derive(Debug)]
pub(crate) struct Digits {
    pub(crate) bytes: Vec<u8>,
    pub(crate) held: Held,
}

/// A share of the memory.
#[derive(Debug)]
pub(crate) struct Held {
    _memory: OwnedSemaphorePermit,
}

/// Memory is counted in units of so many bytes.
const UNIT: u64 = 1 << 10;

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// What a reply takes until it is confirmed: the digits, their copy in the frames of lapin, and
/// some room.
fn reply_memory(n: u64) -> u64 {
    fibonacci::digits(n).saturating_mul(5) / 2
}

/// How long a computation may go on between two places where it can be stopped.
fn patience(n: u64) -> Duration {
    Duration::from_mins(1).saturating_add(Duration::from_micros(n))
}

/// The threads.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// One for each thread, given while it works.
    promises: Arc<[Promise]>,
    jobs: mpsc::SyncSender<(Job, Slot)>,
    threads: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} compute threads: {source}; set compute.threads lower")]
pub(crate) struct PoolError {
    threads: NonZeroUsize,
    source: std::io::Error,
}

impl Pool {
    /// Starts the threads, with so many bytes for all of them. They end when the last clone of the
    /// pool is gone.
    pub(crate) fn start(threads: NonZeroUsize, memory: u64) -> Result<Self, PoolError> {
        // As many places as slots: a send by a slot's owner never blocks.
        let (jobs, inbox) = mpsc::sync_channel(threads.get());
        let inbox = Arc::new(Mutex::new(inbox));
        let promises: Arc<[Promise]> = (0..threads.get()).map(|_| Promise::default()).collect();
        for index in 0..threads.get() {
            let (inbox, promises) = (Arc::clone(&inbox), Arc::clone(&promises));
            thread::Builder::new()
                .name(format!("compute-{index}"))
                .spawn(move || work(&inbox, &promises[index]))
                .map_err(|source| PoolError { threads, source })?;
        }
        let memory = usize::try_from(memory.div_ceil(UNIT)).unwrap_or(usize::MAX);
        Ok(Self {
            promises,
            jobs,
            threads: Arc::new(Semaphore::new(threads.get())),
            memory: Arc::new(Semaphore::new(memory.min(Semaphore::MAX_PERMITS))),
        })
    }

    /// Whether a thread should have been heard of before `now`, and was not.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        self.promises.iter().any(|promise| promise.is_broken(now))
    }

    /// Waits for a free thread and for the memory that F(n) takes. Cancel safe.
    pub(crate) async fn slot(&self, n: u64) -> Option<Slot> {
        let thread = Arc::clone(&self.threads).acquire_owned().await.ok()?;
        let memory = Arc::clone(&self.memory);
        let memory = memory.acquire_many_owned(units(fibonacci::memory(n))).await.ok()?;
        Some(Slot { n, thread, memory })
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

impl Slot {
    /// Gives the thread free, and the memory but for what the reply takes.
    fn keep(mut self, bytes: Vec<u8>) -> Digits {
        drop(self.thread);
        let kept = usize::try_from(reply_memory(self.n) / UNIT + 1).unwrap_or(usize::MAX);
        let share = self.memory.split(kept.min(self.memory.num_permits()));
        Digits { bytes, held: Held { _memory: share.unwrap_or(self.memory) } }
    }
}

fn work(inbox: &Mutex<mpsc::Receiver<(Job, Slot)>>, promise: &Promise) {
    loop {
        let next = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((job, slot)) = next else { return };
        let Job { deadline, stop, done } = job;
        let result = catch_unwind(AssertUnwindSafe(|| compute(slot.n, deadline, &stop, promise)))
            .unwrap_or(Err(Unfinished::Panicked));
        done(result.map(|bytes| slot.keep(bytes)));
        promise.rest(); // only now: a thread that ends in `done` is one that is missing
    }
}

fn compute(
    n: u64,
    deadline: Option<Instant>,
    stop: &StopSwitch,
    promise: &Promise,
) -> Result<Vec<u8>, Unfinished> {
    promise.within(patience(n));
    let late = || {
        promise.within(patience(n));
        deadline.is_some_and(|deadline| Instant::now() >= deadline)
    };
    fibonacci::decimal(n, || stop.stopped() || late()).map_err(|error| match error {
        DecimalError::Stopped if stop.stopped() => Unfinished::Stopped,
        DecimalError::Stopped => Unfinished::TooLate,
        _ => Unfinished::Panicked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    fn pool(threads: usize, memory: u64) -> Pool {
        Pool::start(NonZeroUsize::new(threads).unwrap(), memory).unwrap()
    }

    async fn run(pool: &Pool, n: u64, deadline: Option<Instant>, stop: StopSwitch) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |result: Result<Digits, _>| sender.send(result).unwrap());
        pool.run(pool.slot(n).await.unwrap(), Job { deadline, stop, done });
        receiver.await.unwrap()
    }

    type Outcome = Result<Digits, Unfinished>;

    const ENOUGH: u64 = 1 << 30;

    #[tokio::test]
    async fn computes_and_frees_the_slot() {
        let pool = pool(1, ENOUGH);
        for _ in 0..3 {
            let digits = run(&pool, 30, None, StopSwitch::default()).await;
            assert_eq!(digits.unwrap().bytes, b"832040");
        }
    }

    #[tokio::test]
    async fn a_thrown_switch_and_a_passed_deadline_end_a_job() {
        let pool = pool(1, ENOUGH);
        let stop = StopSwitch::default();
        stop.stop();
        let stopped = run(&pool, 50_000_000, None, stop).await;
        assert_eq!(stopped.unwrap_err(), Unfinished::Stopped);
        let late = run(&pool, 50_000_000, Some(Instant::now()), StopSwitch::default()).await;
        assert_eq!(late.unwrap_err(), Unfinished::TooLate);
    }

    #[tokio::test]
    async fn a_thread_that_is_busy_for_too_long_is_stuck() {
        let pool = pool(1, ENOUGH);
        let later = || Instant::now() + Duration::from_hours(1);
        assert!(!pool.is_stuck(later()), "nothing to do");
        let (sender, receiver) = oneshot::channel();
        let (release, held) = mpsc::channel();
        let done = Box::new(move |_| {
            sender.send(()).unwrap();
            held.recv().unwrap();
        });
        let stop = StopSwitch::default();
        pool.run(pool.slot(20_000).await.unwrap(), Job { deadline: None, stop, done });
        receiver.await.unwrap();
        assert!(!pool.is_stuck(Instant::now()));
        assert!(pool.is_stuck(later()), "it was to be heard of long before");
        release.send(()).unwrap();
        // The only thread is free for this when the first job is over.
        run(&pool, 20_000, None, StopSwitch::default()).await.unwrap();
    }

    #[tokio::test]
    async fn there_are_as_many_slots_as_threads() {
        let pool = pool(2, ENOUGH);
        let (_first, _second) = (pool.slot(1).await, pool.slot(1).await);
        assert!(pool.slot(1).now_or_never().is_none());
    }

    #[tokio::test]
    async fn memory_is_held_until_the_digits_are_gone() {
        let n = 1_000_000;
        let pool = pool(8, fibonacci::memory(n));
        let slot = pool.slot(n).await.unwrap();
        assert!(pool.slot(n).now_or_never().is_none(), "one fills it");
        drop(slot);
        let digits = run(&pool, n, None, StopSwitch::default()).await.unwrap();
        assert!(pool.slot(n).now_or_never().is_none(), "the reply has its share");
        assert!(pool.slot(n / 10).now_or_never().is_some(), "and no more");
        drop(digits);
        assert!(pool.slot(n).now_or_never().is_some());
    }
}
