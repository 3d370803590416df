//! Small calls beside large ones: how long `fib(30)` takes while nothing else is computed, and
//! while eight callers ask for numbers of n = 30,000,000.
//!
//! The two take turns, `ROUNDS` times; the medians of the turns' percentiles count.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

mod callers;

use callers::{Callers, client, runtime};
use fibrpc::Client;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use support::{broker::Broker, program::Daemon};
use tokio::runtime::Runtime;

const SMALL: u64 = 30;
const LARGE: u64 = 30_000_000;
const LARGE_CALLERS: u64 = 8;

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
    let mut figures = [Vec::new(), Vec::new()];
    let small = Small::connect(&broker.uri());
    small.turn(); // warms up
    let (mut answered, mut elapsed) = (0, Duration::ZERO);
    for _ in 0..rounds {
        figures[0].push(small.turn());
        let large =
            Callers::start(&broker.uri(), LARGE_CALLERS, |_| NEXT.fetch_add(1, Ordering::Relaxed));
        let (started, before) = (Instant::now(), large.answered());
        figures[1].push(small.turn());
        answered += large.answered() - before;
        elapsed += started.elapsed();
        large.stop();
    }
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
    let rate = f64::from(u32::try_from(answered).unwrap()) / elapsed.as_secs_f64();
    println!("large numbers answered: {answered}, {rate:.0} a second");
}

/// One small call after the other.
struct Small {
    runtime: Runtime,
    client: Client,
}

impl Small {
    fn connect(uri: &str) -> Self {
        let runtime = runtime();
        let client = runtime.block_on(async { client(uri) });
        Self { runtime, client }
    }

    /// The median and the 99th percentile.
    fn turn(&self) -> [Duration; 2] {
        self.runtime.block_on(async {
            let mut times = Vec::with_capacity(CALLS);
            for _ in 0..CALLS {
                let started = Instant::now();
                self.client.fibonacci(SMALL).await.unwrap();
                times.push(started.elapsed());
            }
            times.sort();
            [times[CALLS / 2], times[CALLS * 99 / 100]]
        })
    }
}
