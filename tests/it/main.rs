//! The tests that need a broker or the programs: one program, so that they share one broker.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "counts, shown when a test fails")]

#[path = "../support/mod.rs"]
mod support;

/// Faults of the daemon, the broker and the network, and peers that misbehave.
mod faults;
/// Metrics, logs, traces, the page, and the monitoring made with them.
mod observe;
/// Settings, service manager, reload, stop.
mod operations;
/// What the tests themselves rely on.
mod support_tests;
/// Calls, replies, queues, clients of all kinds, TLS.
mod wire;
