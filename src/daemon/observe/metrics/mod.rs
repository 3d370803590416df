//! What the daemon counts and measures, for Prometheus; `docs/metrics.md` is the list.
//!
//! One struct of handles for each subject, made once and passed by `Arc`; the subsystems count
//! through it where things happen. What is a state rather than an event is looked up when metrics
//! are asked for. Names follow <https://prometheus.io/docs/practices/naming/>: base units, `_total`
//! on counters; every label is a bounded set and every series is there from the start.
//!
//! - [`Requests`]: rate, errors, durations; requests in flight
//! - [`Link`]: the broker, and the replies on their way to it
//! - [`Compute`]: threads, memory and cache for large numbers
//! - [`Traces`]: traces on their way to a collector
//! - [`DaemonMetrics`]: state, configuration, log, I/O thread, build

mod compute;
mod link;
mod maker;
mod process;
mod quantile;
mod requests;
#[cfg(test)]
mod tests;
mod threads;
pub(crate) mod traces;

pub(crate) use self::{
    compute::Compute,
    link::Link,
    process::{DaemonMetrics, LogMessages},
    quantile::quantile,
    requests::{Reason, Requests, Times},
    traces::Traces,
};

use self::maker::Maker;
use crate::daemon::{config::Config, state::State};
use prometheus::{Encoder, Registry, TextEncoder, process_collector::ProcessCollector};

use std::sync::Arc;

/// Bucket bounds of durations, in seconds: from a small call on an idle machine to the largest
/// number the default limits allow. The alerts in `packaging/monitoring` compare with some of them:
/// a threshold that is not a bound would be interpolated.
const DURATION_BUCKETS: [f64; 18] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The handles of all metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Requests.
    pub requests: Requests,
    /// The link to the broker.
    pub link: Link,
    /// Large numbers.
    pub compute: Compute,
    /// Traces.
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nothing counts there"))]
    pub traces: Traces,
    /// The daemon itself.
    pub daemon: DaemonMetrics,
}

/// Resets the gauges of a session when it ends, however it ends.
pub(crate) struct SessionGauges(pub(crate) Arc<Metrics>);

impl Drop for SessionGauges {
    fn drop(&mut self) {
        self.0.link.set_blocked(false);
        self.0.link.unconfirmed.set(0);
        self.0.requests.in_flight.set(0);
        self.0.requests.set_oldest(None);
    }
}

/// Metrics could not be registered or rendered.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub(crate) struct MetricsError(#[from] prometheus::Error);

impl Metrics {
    /// Registers every metric, all series at 0.
    ///
    /// # Errors
    /// A metric's definition is wrong, which the tests exclude.
    pub(crate) fn new() -> Result<Self, MetricsError> {
        let make = Maker(Registry::new());
        let (requests, link) = (Requests::new(&make)?, Link::new(&make)?);
        let (compute, traces, daemon) =
            (Compute::new(&make)?, Traces::new(&make)?, DaemonMetrics::new(&make)?);
        let registry = make.0;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self { registry, requests, link, compute, traces, daemon })
    }

    /// Notes the limits of a configuration that is now in force.
    pub(crate) fn configured(&self, config: &Config) {
        self.requests.prefetch.set(config.amqp.prefetch.into());
        let cache = i64::try_from(config.compute.cache).unwrap_or(i64::MAX);
        self.compute.cache_limit.set(cache);
        self.daemon.configured(true);
    }

    /// Looks up the states that are not counted as they change.
    pub(crate) fn sample(&self, state: &State) {
        self.link.sample();
        self.link.set_state(state);
        self.daemon.sample(state);
    }

    /// The Prometheus text format (version 0.0.4).
    ///
    /// # Errors
    /// The encoder failed.
    pub(crate) fn render(&self) -> Result<String, MetricsError> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
