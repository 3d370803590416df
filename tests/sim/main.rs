//! A simulator that torments the core: whole lives of requests between callers, a model of RabbitMQ
//! and daemons, with faults, on a virtual clock.
//!
//! A seed yields a plan as data, and the plan a run; the same seed leads to the same events. What
//! must hold is checked at every step. A plan that fails is shrunk and told as a story.
//!
//! - `SEED=7` runs and tells one seed, `SEEDS=10000` so many, `FIRST=` the first of them
//! - `PLAN=file` runs and tells a plan in its text form, as a failure prints it
//! - `MUTANTS=1` breaks rules on purpose and says after how many seeds that was noticed
//! - `COVERAGE=1` says what was reached and what was not

#![expect(clippy::print_stdout, reason = "the result is what it prints")]

#[path = "../model/broker/mod.rs"]
#[expect(dead_code, reason = "the scripts use the rest")]
mod broker;

mod callers;
mod coverage;
mod daemon;
mod faults;
mod ground;
mod ledger;
mod mutants;
mod plan;
mod random;
mod runs;
mod service;
mod shrink;
mod world;

use plan::Plan;
use random::mix;
use runs::{catch_mutants, check_determinism, run_kept, run_seeds, tell};
use std::{env, path::Path, process::Command, process::ExitCode};

/// How many fixed seeds and how many of the commit a test runs.
const FIXED: u64 = 500;
const OF_COMMIT: u64 = 500;

/// How many run twice, to see that they lead to the same events.
const SAME: u64 = 10;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let named = arguments.iter().find(|word| !word.starts_with('-'));
    if arguments.iter().any(|word| word == "--list") || named.is_some_and(|name| name != "sim") {
        return ExitCode::SUCCESS;
    }
    world::keep_panics();
    let number = |name| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    if let Ok(file) = env::var("PLAN") {
        return tell(&Plan::kept(Path::new(&file)));
    }
    if let Some(seed) = number("SEED") {
        return tell(&Plan::generate(seed));
    }
    if number("MUTANTS").is_some() {
        return catch_mutants();
    }
    if let Some(seeds) = number("SEEDS") {
        let first = number("FIRST").unwrap_or_default();
        return run_seeds(first..first + seeds);
    }
    check_determinism(0..SAME);
    let commit = commit();
    let kept = run_kept();
    let ran = run_seeds((0..FIXED).chain(commit..commit + OF_COMMIT));
    if kept == ExitCode::SUCCESS { ran } else { kept }
}

/// The first of the seeds that belong to a commit, so that it has one verdict.
fn commit() -> u64 {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let name = output.map(|output| output.stdout).unwrap_or_default();
    name.iter().fold(0, |hash, byte| mix(hash ^ u64::from(*byte))) >> 16
}
