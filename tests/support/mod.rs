//! What the tests are made with: brokers, the two programs as processes, callers of all kinds,
//! certificates.

pub(crate) mod alarm;
pub(crate) mod broker;
pub(crate) mod browser;
pub(crate) mod caller;
pub(crate) mod calls;
pub(crate) mod certificates;
pub(crate) mod cluster;
#[cfg(feature = "otlp")]
pub(crate) mod collector;
pub(crate) mod durable;
pub(crate) mod fake_broker;
pub(crate) mod helper;
pub(crate) mod load;
pub(crate) mod port;
pub(crate) mod program;
pub(crate) mod prometheus;
pub(crate) mod random;
pub(crate) mod raw;
pub(crate) mod relay;
pub(crate) mod tally;

use std::time::Duration;

/// How long a test waits for an event before it gives up. Nothing is asserted about time: this
/// only turns a hang into a failure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A runtime with one thread of its own, which works while the blocking test does something else.
pub(crate) fn background_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}
