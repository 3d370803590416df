//! What the tests are made with: brokers, the two programs as processes, callers of all kinds,
//! certificates.

/// Resource alarms of a broker.
pub(crate) mod alarm;
/// A RabbitMQ for all tests, and private ones.
pub(crate) mod broker;
/// A headless Chromium.
pub(crate) mod browser;
/// Certificates and their authorities.
pub(crate) mod certificates;
/// A batch of calls, every answer of which is checked.
pub(crate) mod checked_calls;
/// Three brokers in a cluster.
pub(crate) mod cluster;
/// A collector of traces.
#[cfg(feature = "otlp")]
pub(crate) mod collector;
/// A caller without pause whose replies outlive connections and brokers: it finds what is lost.
pub(crate) mod durable_caller;
/// A broker that says what a script tells it.
pub(crate) mod fake_broker;
/// Programs beside the test.
pub(crate) mod helper;
/// The caller of most tests: whatever lapin can send, one call at a time, and what comes back.
pub(crate) mod lapin_caller;
/// Ports that stay free for one server.
pub(crate) mod port;
/// The two programs as processes.
pub(crate) mod program;
/// A Prometheus.
pub(crate) mod prometheus;
/// Random numbers from a seed.
pub(crate) mod random;
/// AMQP byte by byte, without a library: for what no library would send, and replies as they are.
pub(crate) mod raw_amqp;
/// A network between a client and its broker, with faults at will.
pub(crate) mod relay;
/// `fibrpcctl serve` as a process.
pub(crate) mod stub;
/// Load for the tests of faults: a durable caller and library clients that call without pause.
pub(crate) mod sustained_load;
/// What became of calls under faults.
pub(crate) mod tally;

use std::time::Duration;

/// How long a test waits for an event before it gives up. Nothing is asserted about time: this
/// only turns a hang into a failure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A runtime with one thread of its own, which works while the blocking test does something else.
pub(crate) fn background_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}
