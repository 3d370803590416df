//! Small calls beside large ones: how long `fib(30)` takes while nothing else is computed, and while
//! eight callers ask for numbers of n = 30,000,000.
//!
//! The two take turns, `ROUNDS` times; the medians of the turns' percentiles count.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

use fibrpc::Client;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};
use support::{broker::Broker, program::Daemon};

const SMALL: u64 = 30;
const LARGE: u64 = 30_000_000;
const LARGE_CALLERS: usize = 8;

/// Small calls of a turn, one after the other.
const CALLS: usize = 2000;

/// Every large n is another one, so that none is in the cache.
static NEXT: AtomicU64 = AtomicU64::new(LARGE);

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // cargo test builds and runs it as well
    }
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(7);
    let broker = Broker::private();
    let daemon = Daemon::serving(&broker.uri(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut figures = [Vec::new(), Vec::new()];
    let mut answered = 0;
    runtime.block_on(async {
        let client = || {
            let uri = broker.uri().parse().unwrap();
            Client::builder(uri).timeout(Duration::from_mins(1)).build()
        };
        let (small, large) = (client(), client());
        turn(&small).await; // warms up
        for _ in 0..rounds {
            figures[0].push(turn(&small).await);
            let stop = AtomicBool::new(false);
            let callers = (0..LARGE_CALLERS).map(|_| ask(&large, &stop));
            let beside = async {
                let percentiles = turn(&small).await;
                stop.store(true, Ordering::Relaxed);
                percentiles
            };
            let (counts, percentiles) =
                tokio::join!(futures_util::future::join_all(callers), beside);
            answered += counts.into_iter().sum::<usize>();
            figures[1].push(percentiles);
        }
        small.close().await;
        large.close().await;
    });
    drop(daemon);
    println!("F({SMALL})                  median       p99");
    let names = ["alone".to_owned(), format!("beside {LARGE_CALLERS} F({LARGE})")];
    for (name, figures) in names.iter().zip(figures) {
        let middle = |which: usize| {
            let mut values: Vec<_> = figures.iter().map(|one: &[Duration; 2]| one[which]).collect();
            values.sort();
            values[values.len() / 2].as_micros()
        };
        println!("{name:22} {:6} us {:6} us", middle(0), middle(1));
    }
    println!("large numbers answered: {answered}");
}

/// The median and the 99th percentile of small calls.
async fn turn(client: &Client) -> [Duration; 2] {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let started = Instant::now();
        client.fibonacci(SMALL).await.unwrap();
        times.push(started.elapsed());
    }
    times.sort();
    [times[CALLS / 2], times[CALLS * 99 / 100]]
}

/// Asks for large numbers until told to stop; returns how many came.
async fn ask(client: &Client, stop: &AtomicBool) -> usize {
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        client.fibonacci(n).await.unwrap();
        answered += 1;
    }
    answered
}
