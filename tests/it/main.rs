//! The tests that need a broker or the programs: one program, so that they share one broker.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "counts, shown when a test fails")]

#[path = "../support/mod.rs"]
mod support;

mod alerts;
mod broker_faults;
mod calls;
mod client;
mod cluster;
mod configuration;
mod drain;
mod frame_max;
mod generated;
mod helpers;
mod hostile_peers;
mod http;
mod interop;
mod kills;
mod link_faults;
mod max_message_size;
mod misbehaving;
mod monitoring;
mod outages;
mod page;
mod queues;
mod raw_ids;
mod records;
mod reload;
mod systemd;
mod tls;
#[cfg(feature = "otlp")]
mod traces;
