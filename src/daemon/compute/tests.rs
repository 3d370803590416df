//! The pool: slots, memory, stops and watchdog timers.

use super::*;
use futures_util::FutureExt;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

fn pool(threads: usize, memory: u64) -> Pool {
    let threads = NonZeroUsize::new(threads).unwrap();
    Pool::start(threads, Shares::new(memory, LONG, threads)).unwrap()
}

async fn run(pool: &Pool, n: u64, stop: StopSwitch) -> Result<Computed, Unfinished> {
    let (sender, receiver) = oneshot::channel();
    let done = Box::new(move |result| drop(sender.send(result)));
    pool.run(pool.slot(n).await.unwrap(), Job { stop, done });
    receiver.await.unwrap()
}

const ENOUGH: u64 = 1 << 30;

/// Takes long, by the estimate.
const LONG: u64 = 50_000_000;

#[tokio::test]
async fn computes_and_frees_the_slot() {
    let pool = pool(1, ENOUGH);
    let expected = fibonacci::decimal(30_000, || false).unwrap();
    for _ in 0..3 {
        let computed = run(&pool, 30_000, StopSwitch::default()).await.unwrap();
        assert_eq!(computed.digits, expected);
    }
}

#[tokio::test]
async fn a_thrown_switch_ends_a_job() {
    let pool = pool(1, ENOUGH);
    let stop = StopOnDrop::default().switch();
    assert_eq!(run(&pool, LONG, stop).await.unwrap_err(), Unfinished::Stopped);
}

fn is_stuck(pool: &Pool, now: Instant) -> bool {
    pool.watchdog_timers().iter().any(|timer| timer.expired(now))
}

#[tokio::test]
async fn a_thread_that_is_busy_for_too_long_is_stuck() {
    let pool = pool(1, ENOUGH);
    let later = || Instant::now() + Duration::from_hours(1);
    assert!(!is_stuck(&pool, later()), "nothing to do");
    let (sender, receiver) = oneshot::channel();
    let (release, released) = mpsc::channel();
    let done = Box::new(move |_| {
        sender.send(()).unwrap();
        released.recv().unwrap();
    });
    let stop = StopSwitch::default();
    assert_eq!((pool.usage().threads, pool.usage().threads_busy), (2, 0));
    let slot = pool.slot(30_000).await.unwrap();
    assert_eq!(pool.usage().threads_busy, 1);
    assert!(pool.usage().memory_reserved >= fibonacci::memory(30_000));
    assert!(pool.usage().memory_reserved < pool.usage().memory);
    pool.run(slot, Job { stop, done });
    receiver.await.unwrap();
    assert!(!is_stuck(&pool, Instant::now()));
    assert!(is_stuck(&pool, later()), "it was to be heard of long before");
    release.send(()).unwrap();
}

#[tokio::test]
async fn there_are_as_many_slots_as_threads_and_one_for_quick_jobs() {
    let pool = pool(2, ENOUGH);
    let _long = (pool.slot(LONG).await, pool.slot(LONG).await);
    assert!(pool.slot(LONG).now_or_never().is_none());
    let _quick = pool.slot(30_000).now_or_never().expect("a thread of its own");
    assert!(pool.slot(30_000).now_or_never().is_none());
}

#[tokio::test]
async fn quick_jobs_have_memory_that_long_ones_do_not_take() {
    let pool = pool(8, needed(LONG));
    let _long = pool.slot(LONG).await.unwrap();
    assert!(pool.slot(LONG).now_or_never().is_none(), "one fills it");
    assert!(pool.slot(30_000).now_or_never().is_some());
}

#[tokio::test]
async fn memory_is_held_until_the_reply_is_gone() {
    let n = 10_000_000;
    let memory = needed(n);
    let threads = NonZeroUsize::new(8).unwrap();
    let pool = Pool::start(threads, Shares::new(memory, n, threads)).unwrap();
    let slot = pool.slot(n).await.unwrap();
    assert!(pool.slot(n).now_or_never().is_none(), "one fills it");
    drop(slot);
    let computed = run(&pool, n, StopSwitch::default()).await.unwrap();
    assert!(pool.slot(n).now_or_never().is_none(), "the reply has its share");
    assert!(pool.reserve_reply(n).now_or_never().is_some(), "and no more");
    drop(computed);
    assert!(pool.slot(n).now_or_never().is_some());
}
