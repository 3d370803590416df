//! What it costs to be observed: calls while nobody looks, while Prometheus scrapes, and while
//! people have the page open as well; and the work of one answer of each kind.
//!
//! The kinds take turns, `ROUNDS` times, so that other work on the machine hits all of them; the
//! medians count. CPU time is that of the daemon, as Linux accounts it in nanoseconds.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

mod callers;

use callers::Callers;
use std::{
    fs,
    time::{Duration, Instant},
};
use support::{
    broker::Broker,
    program::{Daemon, get},
    sustained_load::pause,
};

/// Calls under way at once.
const CALLS: u64 = 64;

/// How long a kind has its turn.
const TURN: Duration = Duration::from_secs(5);

/// How often everything of a kind is asked for.
const EVERY: Duration = Duration::from_secs(1);

/// Answers of a kind whose work is measured.
const ANSWERS: u32 = 1000;

const KINDS: [(&str, &[&str]); 3] = [
    ("nobody looks", &[]),
    ("/metrics", &["/metrics"]),
    ("/metrics, / and /status", &["/metrics", "/", "/status"]),
];

/// Of one turn.
#[derive(Clone, Copy, Debug)]
struct Figures {
    calls_per_s: f64,
    cpu_us_per_call: f64,
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return; // cargo test --all-targets runs it as well
    }
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(15);
    let broker = Broker::private();
    let daemon = Daemon::serving(&broker.uri(), &[]);
    let load = Callers::start(&broker.uri(), CALLS, |n| n);
    measure(&load, &daemon, &[]); // warms up
    let mut figures = KINDS.map(|_| Vec::new());
    for round in 0..rounds {
        for turn in 0..KINDS.len() {
            let kind = (round + turn) % KINDS.len(); // none is always the first
            figures[kind].push(measure(&load, &daemon, KINDS[kind].1));
        }
    }
    load.stop();
    println!("asked for every second      calls/s   (middle half)   CPU a call");
    for ((name, _), figures) in KINDS.iter().zip(&figures) {
        let [low, middle, high] = quartiles(figures.iter().map(|one| one.calls_per_s));
        let [_, cpu, _] = quartiles(figures.iter().map(|one| one.cpu_us_per_call));
        println!("{name:24} {middle:10.0}   {low:6.0} {high:6.0}   {cpu:8.2} us");
    }
    println!("\nCPU of one answer, without load");
    for path in ["/metrics", "/", "/status"] {
        let before = cpu(&daemon);
        let bytes: usize = (0..ANSWERS).map(|_| daemon.get(path).1.len()).sum();
        let each = cpu(&daemon).saturating_sub(before) / ANSWERS;
        println!("{path:24} {:8} us, {} bytes", each.as_micros(), bytes / ANSWERS as usize);
    }
}

fn measure(load: &Callers, daemon: &Daemon, paths: &[&str]) -> Figures {
    let address = daemon.http_address();
    let (started, calls, used) = (Instant::now(), load.answered(), cpu(daemon));
    while started.elapsed() < TURN {
        let asked = Instant::now();
        for path in paths {
            assert_eq!(get(&address, path).0, 200);
        }
        pause(EVERY.saturating_sub(asked.elapsed()));
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let calls = (load.answered() - calls) as f64;
    Figures {
        calls_per_s: calls / started.elapsed().as_secs_f64(),
        cpu_us_per_call: cpu(daemon).saturating_sub(used).as_secs_f64() * 1e6 / calls,
    }
}

/// What all threads of the daemon have used.
fn cpu(daemon: &Daemon) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let of_each = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(of_each.sum())
}

/// The quartiles.
fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
