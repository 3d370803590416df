//! The tests that need a broker or the programs: one program, so that they share one broker.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "counts, shown when a test fails")]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod cluster;
mod configuration;
mod drain;
mod http;
mod interop;
mod kills;
mod outages;
mod queues;
mod raw_ids;
