//! The threads that compute large Fibonacci numbers, so that the I/O thread never does.
//!
//! A fixed number of threads, each busy with at most one job, and a fixed amount of memory for them
//! and for their results. There is no queue here: a [`Slot`] has to be waited for before a job is
//! submitted, so what has not started can still be given back to the broker. One more thread, and a
//! share of the memory, are for quick jobs only.

mod shares;
mod stop;
#[cfg(test)]
mod tests;
mod thread;

pub(crate) use self::{
    shares::{Class, Shares, needed},
    stop::{StopOnDrop, StopSwitch},
};

use self::thread::{Assignment, Worker};
use crate::daemon::watchdog::WatchdogTimer;
use bytes::Bytes;
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// Its switch was thrown.
    Stopped,
    /// It panicked or failed: a contained bug, or a machine that is out of memory or computes
    /// wrongly.
    Failed,
}

/// One number to compute.
pub(crate) struct Job {
    pub(crate) stop: StopSwitch,
    /// Called on the thread that computed.
    pub(crate) done: Box<dyn FnOnce(Result<Computed, Unfinished>) + Send>,
}

/// The digits of a number, and the memory for them and for a first reply.
#[derive(Debug)]
pub(crate) struct Computed {
    pub(crate) digits: Bytes,
    pub(crate) memory: Option<MemoryPermit>,
    /// How often the digits failed their check and were computed again.
    pub(crate) check_failures: u32,
    /// How long the thread took.
    pub(crate) elapsed: Duration,
}

/// The right to run one job: a thread, and the memory it takes.
#[derive(Debug)]
pub(crate) struct Slot {
    n: u64,
    lane: Lane,
    memory: MemoryPermit,
    _thread: OwnedSemaphorePermit,
}

/// A share of the memory, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct MemoryPermit(OwnedSemaphorePermit);

impl MemoryPermit {
    /// Splits off this many bytes; `None` if there are fewer.
    pub(crate) fn split(&mut self, bytes: u64) -> Option<Self> {
        self.0.split(usize::try_from(units(bytes)).ok()?).map(Self)
    }
}

/// The memory of a reply until it is confirmed: the digits, even if others share them, and their
/// copy in lapin's frames.
pub(crate) fn reply_memory(n: u64) -> u64 {
    fibonacci::digits(n).saturating_mul(2)
}

/// The unit in which memory is counted, in bytes.
const UNIT: u64 = 1 << 10;

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// The two kinds of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// For every job.
    General,
    /// For quick ones only.
    Reserved,
}

/// The threads of one kind.
#[derive(Clone, Debug)]
struct Threads {
    jobs: mpsc::SyncSender<Assignment>,
    free: Arc<Semaphore>,
}

/// How much of a pool is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) threads: u64,
    pub(crate) threads_busy: u64,
    /// In bytes, like the next one.
    pub(crate) memory: u64,
    pub(crate) memory_reserved: u64,
}

/// The threads and the memory.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    shares: Shares,
    general: Threads,
    reserved: Threads,
    quick: Arc<Semaphore>,
    long: Arc<Semaphore>,
    watchdogs: Arc<[WatchdogTimer]>,
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
    pub(crate) fn start(threads: NonZeroUsize, shares: Shares) -> Result<Self, PoolError> {
        let watchdogs: Arc<[WatchdogTimer]> =
            (0..=threads.get()).map(|_| WatchdogTimer::default()).collect();
        let start = |first, count| {
            Threads::start(first, count, shares.kept, &watchdogs)
                .map_err(|source| PoolError { threads, source })
        };
        let (general, reserved) = (start(0, threads.get())?, start(threads.get(), 1)?);
        let memory = |bytes: u64| {
            let permits = usize::try_from(bytes / UNIT).unwrap_or(usize::MAX);
            Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)))
        };
        let (quick, long) = (memory(shares.quick), memory(shares.long + UNIT));
        Ok(Self { shares, general, reserved, quick, long, watchdogs })
    }

    pub(crate) fn class(&self, n: u64) -> Class {
        self.shares.class(n)
    }

    /// How much of it is taken at this moment.
    pub(crate) fn usage(&self) -> Usage {
        let threads = self.watchdogs.len();
        let free = self.general.free.available_permits() + self.reserved.free.available_permits();
        let memory = self.shares.quick / UNIT * UNIT + self.shares.long / UNIT * UNIT + UNIT;
        let unused = self.quick.available_permits() + self.long.available_permits();
        Usage {
            threads: threads as u64,
            threads_busy: threads.saturating_sub(free) as u64,
            memory,
            memory_reserved: memory.saturating_sub((unused as u64).saturating_mul(UNIT)),
        }
    }

    /// Whether F(n) can ever be computed.
    pub(crate) fn admits(&self, n: u64) -> bool {
        self.shares.admit(n)
    }

    /// The timers of all threads, armed while they work.
    pub(crate) fn watchdog_timers(&self) -> Arc<[WatchdogTimer]> {
        Arc::clone(&self.watchdogs)
    }

    /// Waits for a free thread and for the memory that F(n) takes. Cancel safe. Never returns
    /// `None`, which would mean that the pool is closed.
    pub(crate) async fn slot(&self, n: u64) -> Option<Slot> {
        let memory = self.memory(n, fibonacci::memory(n)).await?;
        let (general, reserved) = (Arc::clone(&self.general.free), Arc::clone(&self.reserved.free));
        let (lane, thread) = match self.class(n) {
            Class::Long => (Lane::General, general.acquire_owned().await),
            Class::Quick => tokio::select! {
                biased;
                thread = general.acquire_owned() => (Lane::General, thread),
                thread = reserved.acquire_owned() => (Lane::Reserved, thread),
            },
        };
        Some(Slot { n, lane, memory, _thread: thread.ok()? })
    }

    /// Waits for the memory of a reply that needs no computing. Cancel safe; `None` as above.
    pub(crate) async fn reserve_reply(&self, n: u64) -> Option<MemoryPermit> {
        self.memory(n, reply_memory(n)).await
    }

    async fn memory(&self, n: u64, bytes: u64) -> Option<MemoryPermit> {
        let share = match self.class(n) {
            Class::Quick => &self.quick,
            Class::Long => &self.long,
        };
        Arc::clone(share).acquire_many_owned(units(bytes)).await.ok().map(MemoryPermit)
    }

    /// Runs a job on the thread the slot stands for.
    pub(crate) fn run(&self, slot: Slot, job: Job) {
        let threads = match slot.lane {
            Lane::General => &self.general,
            Lane::Reserved => &self.reserved,
        };
        // The threads live as long as `jobs`, and catch every panic of a job.
        if let Err(
            mpsc::TrySendError::Full((job, _)) | mpsc::TrySendError::Disconnected((job, _)),
        ) = threads.jobs.try_send((job, slot))
        {
            (job.done)(Err(Unfinished::Failed));
        }
    }
}

impl Threads {
    fn start(
        first: usize,
        count: usize,
        keep: u64,
        watchdogs: &Arc<[WatchdogTimer]>,
    ) -> std::io::Result<Self> {
        // As many places as slots: a send by a slot's owner never blocks.
        let (jobs, inbox) = mpsc::sync_channel(count);
        let inbox = Arc::new(Mutex::new(inbox));
        for index in first..first + count {
            let (inbox, watchdogs) = (Arc::clone(&inbox), Arc::clone(watchdogs));
            let worker = Worker { inbox, watchdogs, index, keep };
            std::thread::Builder::new()
                .name(format!("compute-{index}"))
                .spawn(move || worker.work())?;
        }
        Ok(Self { jobs, free: Arc::new(Semaphore::new(count)) })
    }
}
