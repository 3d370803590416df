//! A model of RabbitMQ, and scripts that show that it does what RabbitMQ does.
//!
//! Every script runs against the model, then against a real broker, and what comes of each step
//! has to be the same. Arguments are parts of names of scripts.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the result is what it prints")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

#[expect(dead_code, reason = "the simulator uses the rest")]
mod broker;
mod modelled;
mod real;
mod script;
mod transcript;

use broker::types::Version;
use real::Where;
use script::Script;
use std::{panic, process::ExitCode, sync::Mutex, thread};
use support::broker::{Broker, shared};

/// Scripts that run at once; they mostly wait.
const AT_ONCE: usize = 6;

const FILES: [(&str, &str); 7] = [
    ("channels", include_str!("scripts/channels.txt")),
    ("confirms", include_str!("scripts/confirms.txt")),
    ("deliveries", include_str!("scripts/deliveries.txt")),
    ("expiry", include_str!("scripts/expiry.txt")),
    ("queues", include_str!("scripts/queues.txt")),
    ("requeue", include_str!("scripts/requeue.txt")),
    ("trouble", include_str!("scripts/trouble.txt")),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let all = FILES.iter().flat_map(|(file, text)| Script::parse_all(file, text));
    let scripts: Vec<_> = all
        .filter(|script| {
            let name = format!("model::{}: {}", script.file, script.name);
            words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
        })
        .collect();
    if arguments.iter().any(|argument| argument == "--list") || scripts.is_empty() {
        return ExitCode::SUCCESS;
    }
    run(scripts)
}

fn run(scripts: Vec<Script>) -> ExitCode {
    let release = real::release(&shared().vhost());
    let version = Version::of(&release)
        .unwrap_or_else(|| panic!("the model knows nothing as old as RabbitMQ {release}"));
    let scripts: Vec<_> = scripts.into_iter().filter(|script| script.is_for(version)).collect();
    let count = scripts.len();
    let (private, shared): (Vec<_>, Vec<_>) =
        scripts.into_iter().partition(Script::wants_private_broker);
    let queue = Mutex::new(shared);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        scope.spawn(|| failures.lock().unwrap().extend(run_privately(&private, version)));
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(script) = next(&queue) {
                    let failure = check(&script, version, None);
                    failures.lock().unwrap().extend(failure);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    for failure in &failures {
        println!("{failure}\n");
    }
    println!(
        "model: {count} scripts against RabbitMQ {release}; {} differ from the model",
        failures.len()
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn next(queue: &Mutex<Vec<Script>>) -> Option<Script> {
    queue.lock().unwrap().pop()
}

/// One after the other, with a broker that they may stop.
fn run_privately(scripts: &[Script], version: Version) -> Vec<String> {
    if scripts.is_empty() {
        return Vec::new();
    }
    let mut broker = Broker::private();
    scripts.iter().filter_map(|script| check(script, version, Some(&mut broker))).collect()
}

/// What is wrong with a script, if anything.
fn check(script: &Script, version: Version, private: Option<&mut Broker>) -> Option<String> {
    let title = format!("{}: {}", script.file, script.name);
    let checked =
        panic::catch_unwind(panic::AssertUnwindSafe(|| compare(script, version, private)));
    match checked {
        Ok(None) => None,
        Ok(Some(sides)) => Some(format!("{title}\n{sides}")),
        Err(_) => Some(format!("{title}: panicked, as said above")),
    }
}

/// Both transcripts up to the step at which they differ, if they do.
fn compare(script: &Script, version: Version, private: Option<&mut Broker>) -> Option<String> {
    let expected = modelled::run(script, version);
    let vhost = private.as_deref().unwrap_or_else(|| shared()).vhost();
    let place = private.map_or(Where::Shared, Where::Private);
    let found = real::run(script, &expected, &vhost, place);
    if found == expected {
        return None;
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for ((step, expected), found) in script.steps.iter().zip(&expected).zip(&found) {
        let sides = [(&mut left, expected), (&mut right, found)];
        for (side, outcome) in sides {
            side.push(step.text.clone());
            side.extend(outcome.lines());
        }
        let rows = left.len().max(right.len());
        left.resize(rows, String::new());
        right.resize(rows, String::new());
    }
    Some(transcript::side_by_side(&left, &right))
}
