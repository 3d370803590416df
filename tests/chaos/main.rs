//! Random faults under load, and a table of what became of every call.
//!
//! `MINUTES` says for how long, `SEED` which faults. Fails when a call was lost, answered wrongly,
//! or left hanging.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the result")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

mod faults;
mod programs;

use faults::{Faults, trouble_broker, trouble_daemons};
use programs::Programs;
use std::{process::ExitCode, sync::mpsc, thread, time::Duration};
use support::{
    broker::Broker,
    program::Daemon,
    random::Random,
    sustained_load::{Load, pause},
    tally::Tally,
};

/// Daemons at work at once.
const DAEMONS: usize = 3;

fn main() -> ExitCode {
    if !is_asked_for() {
        return ExitCode::SUCCESS;
    }
    let minutes: f64 = setting("MINUTES").unwrap_or(1.0);
    let seed = setting("SEED").unwrap_or_else(Random::any_seed);
    println!("chaos: {minutes} minutes, seed {seed}");
    let (tally, faults) = run(Duration::from_secs_f64(minutes * 60.0), seed);
    println!("{tally}");
    println!("  faults                 {:>8}", faults.values().sum::<u64>());
    for (kind, count) in &faults {
        println!("    {kind:<20} {count:>8}");
    }
    println!("  seed                   {seed:>8}");
    if tally.is_bad() || tally.answered == 0 {
        eprintln!("wrong: {:#?}\nlost: {:#?}", tally.wrong, tally.lost);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(time: Duration, seed: u64) -> (Tally, Faults) {
    let mut random = Random::new(seed);
    let broker = Broker::private();
    let uri = broker.uri();
    let daemons = (0..DAEMONS).map(|_| Daemon::serving(&uri, &faults::SETTINGS)).collect();
    let load = Load::start(std::slice::from_ref(&uri), random.next());
    let programs = Programs::start(&uri, random.next());
    broker.write_queues();
    let (stop_broker, broker_stop) = mpsc::channel();
    let (stop_daemons, daemons_stop) = mpsc::channel();
    let (of_broker, of_daemons) = (Random::new(random.next()), Random::new(random.next()));
    let brokers = thread::spawn(move || trouble_broker(broker, of_broker, &broker_stop));
    let daemons = thread::spawn(move || trouble_daemons(daemons, &uri, of_daemons, &daemons_stop));
    pause(time);
    drop((stop_broker, stop_daemons));
    let (_broker, mut faults) = brokers.join().unwrap();
    let (mut daemons, more) = daemons.join().unwrap();
    faults.extend(more);
    let mut tally = programs.stop();
    tally.add(load.stop());
    for daemon in &mut daemons {
        assert!(daemon.is_running(), "a daemon ended unasked: {}", daemon.log());
    }
    (tally, faults)
}

/// `cargo test FILTER` and `cargo test -- --list` run every test program.
fn is_asked_for() -> bool {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let mut filters = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    let filtered = filters.peek().is_some() && !filters.any(|filter| "chaos".contains(filter));
    !filtered && !arguments.iter().any(|argument| argument == "--list")
}

/// A number from the environment; an empty text is none, for make's sake.
fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}
