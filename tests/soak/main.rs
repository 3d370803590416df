//! One fault after the other, each repeated for its share of `MINUTES`, and what daemons and clients
//! hold of memory, files, threads and tasks: as much in the last tenth as in the first.
//!
//! Without `MINUTES` it does nothing, so that `cargo test` does not wait for it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the result")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

mod client;
mod faults;
mod measure;

use faults::{FAULTS, Setup};
use measure::{Holds, growth};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    if let Ok(uri) = std::env::var(client::URI) {
        client::run(&uri);
        return ExitCode::SUCCESS;
    }
    let minutes = std::env::var("MINUTES").ok().filter(|text| !text.is_empty());
    let minutes = minutes.filter(|_| !std::env::args().any(|argument| argument == "--list"));
    let Some(minutes) = minutes else { return ExitCode::SUCCESS };
    let minutes: f64 = minutes.parse().unwrap_or_else(|_| panic!("MINUTES is not a number"));
    let share = Duration::from_secs_f64(minutes * 60.0) / u32::try_from(FAULTS.len()).unwrap();
    if soak(share) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether nothing has grown.
fn soak(share: Duration) -> bool {
    let mut setup = Setup::start();
    // Everything once, so that what is made once is there.
    for (_, fault) in FAULTS {
        fault(&mut setup);
    }
    setup.fill_buffers();
    println!("| fault | times | process | KiB | files | threads | tasks |");
    println!("|---|---|---|---|---|---|---|");
    let mut flat = true;
    for (name, fault) in FAULTS {
        let names = setup.processes().map(|(name, _)| name);
        let mut samples: [Vec<Holds>; 4] = Default::default();
        let started = Instant::now();
        while started.elapsed() < share {
            fault(&mut setup);
            for (samples, (_, holds)) in samples.iter_mut().zip(setup.processes()) {
                samples.push(holds);
            }
        }
        for (process, samples) in names.into_iter().zip(&samples) {
            let (row, is_flat) = growth(samples);
            let verdict = if is_flat { "" } else { " GROWS" };
            println!("| {name} | {} | {process} | {row} |{verdict}", samples.len());
            flat &= is_flat;
        }
    }
    flat
}
