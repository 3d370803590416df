//! The pool: jobs, stops and watchdog timers.

use super::*;
use std::time::Instant;

const MEMORY: u64 = 1 << 30;

/// Takes long, by the estimate.
const LONG: u64 = 50_000_000;

fn pool(threads: usize) -> (Pool, mpsc::Receiver<Finished>) {
    let threads = NonZeroUsize::new(threads).unwrap();
    Pool::start(threads, Shares::new(MEMORY, LONG, threads)).unwrap()
}

#[tokio::test]
async fn every_job_is_reported_with_its_number() {
    let (mut pool, mut finished) = pool(2);
    for round in 0..3 {
        for job in 0..3 {
            pool.run(3 * round + job, 30_000 + job);
        }
        for _ in 0..3 {
            let Finished { job, result } = finished.recv().await.unwrap();
            let n = 30_000 + job % 3;
            assert_eq!(result.unwrap().digits, fibonacci::decimal(n, || false).unwrap());
            pool.forget(job);
        }
    }
    assert!(pool.stops.is_empty());
}

#[tokio::test]
async fn a_job_that_is_told_to_stop_is_reported_as_stopped() {
    let (mut pool, mut finished) = pool(1);
    pool.run(1, LONG);
    pool.stop(1);
    let report = finished.recv().await.unwrap();
    assert_eq!((report.job, report.result.unwrap_err()), (1, Unfinished::Stopped));
}

#[tokio::test]
async fn the_end_of_the_pool_stops_its_jobs() {
    let (mut pool, mut finished) = pool(1);
    pool.run(1, LONG);
    drop(pool);
    assert_eq!(finished.recv().await.unwrap().result.unwrap_err(), Unfinished::Stopped);
    assert!(finished.recv().await.is_none(), "the threads have ended");
}

#[tokio::test]
async fn a_thread_that_works_has_its_timer_armed() {
    let (mut pool, mut finished) = pool(1);
    let later = || Instant::now() + Duration::from_hours(1);
    let is_armed = |pool: &Pool| pool.watchdogs.iter().any(|timer| timer.expired(later()));
    assert!(!is_armed(&pool), "nothing to do");
    pool.run(1, LONG);
    while !is_armed(&pool) {
        tokio::task::yield_now().await;
    }
    pool.stop(1);
    finished.recv().await.unwrap();
    while is_armed(&pool) {
        tokio::task::yield_now().await;
    }
}
