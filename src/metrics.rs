//! What the daemon counts and measures, for Prometheus.
//!
//! One struct of handles, made once and passed by `Arc`; the subsystems count through it where
//! things happen. Names follow <https://prometheus.io/docs/practices/naming/>: base units,
//! `_total` on counters; every label is a bounded set and every series is there from the start.

use crate::wire::{Method, Status};
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder, process_collector::ProcessCollector,
};
use std::time::{Duration, SystemTime};

/// Bucket bounds of request durations, in seconds: from a small call on an idle machine to the
/// largest number the default limits allow.
const DURATION_BUCKETS: [f64; 18] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Why a request was not answered with what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An error reply with this status.
    Status(Status),
    /// The request named no reply queue and was rejected.
    NoReplyTo,
}

impl Reason {
    fn all() -> impl Iterator<Item = Self> {
        Status::ALL
            .into_iter()
            .filter(|status| *status != Status::Ok)
            .map(Self::Status)
            .chain([Self::NoReplyTo])
    }

    fn label(self) -> &'static str {
        match self {
            Self::NoReplyTo => "no_reply_to",
            Self::Status(Status::Ok) => "ok",
            Self::Status(Status::InvalidArgument) => "invalid_argument",
            Self::Status(Status::Unimplemented) => "unimplemented",
            Self::Status(Status::ResourceExhausted) => "resource_exhausted",
            Self::Status(Status::DeadlineExceeded) => "deadline_exceeded",
            Self::Status(Status::Internal) => "internal",
        }
    }
}

/// The handles of all metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    failures: IntCounterVec,
    durations: Vec<Histogram>,
    /// Deliveries held and not settled yet.
    pub in_flight: IntGauge,
    /// The configured bound of `in_flight`.
    pub prefetch: IntGauge,
    /// Messages received from the queue.
    pub deliveries: IntCounter,
    /// Those of them the broker had delivered to somebody before.
    pub redeliveries: IntCounter,
    /// Requests acknowledged: their replies were confirmed.
    pub acks: IntCounter,
    /// Requests rejected for good.
    pub rejects: IntCounter,
    /// Requests given back to the queue.
    pub requeues: IntCounter,
    /// Replies confirmed by the broker.
    pub replies: IntCounter,
    /// Replies whose queue was gone: the caller did not wait.
    pub replies_unroutable: IntCounter,
    /// Replies the broker refused to take.
    pub replies_refused: IntCounter,
    /// Large results computed.
    pub computations: IntCounter,
    /// Times digits were found wrong and computed anew.
    pub certificate_misses: IntCounter,
    /// Large requests whose result was in the cache.
    pub cache_hits: IntCounter,
    /// Large requests whose result was not.
    pub cache_misses: IntCounter,
    /// What the cache holds.
    pub cache_bytes: IntGauge,
    /// 1 while attached to a broker and consuming.
    pub connected: IntGauge,
    /// 1 while the broker refuses to take publishes for lack of memory or disk.
    pub blocked: IntGauge,
    /// Times the daemon attached to a broker.
    pub connects: IntCounter,
    /// Attempts to attach that failed.
    pub connect_failures: IntCounter,
    /// 1 unless the configuration that was read last was wrong.
    pub reload_successful: IntGauge,
    /// When a good configuration was read last, in Unix time.
    pub reload_success_time: IntGauge,
}

/// Metrics could not be registered or rendered.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

impl Metrics {
    /// Registers every metric, all series at 0.
    ///
    /// # Errors
    /// A metric's definition is wrong, which the tests exclude.
    pub fn new() -> Result<Self, MetricsError> {
        let make = Maker(Registry::new());
        let durations = make.histograms(
            "fibrpcd_request_duration_seconds",
            "Time from the delivery of a request to the broker's confirm of its reply.",
        )?;
        let metrics = Self {
            requests: make.counters(
                "fibrpcd_requests_total",
                "Requests answered or rejected, by method.",
                "method",
                Method::ALL.map(Method::name),
            )?,
            failures: make.counters(
                "fibrpcd_request_failures_total",
                "Requests answered with an error reply or rejected, by reason.",
                "reason",
                Reason::all().map(Reason::label),
            )?,
            durations,
            in_flight: make
                .gauge("fibrpcd_requests_in_flight", "Requests delivered and not settled yet.")?,
            prefetch: make
                .gauge("fibrpcd_prefetch_limit", "Most requests held at once (amqp.prefetch).")?,
            deliveries: make.counter("fibrpcd_deliveries_total", "Messages received.")?,
            redeliveries: make.counter(
                "fibrpcd_redeliveries_total",
                "Messages received that had been delivered before.",
            )?,
            acks: make.counter("fibrpcd_acks_total", "Requests acknowledged.")?,
            rejects: make
                .counter("fibrpcd_rejects_total", "Requests rejected without requeueing.")?,
            requeues: make
                .counter("fibrpcd_requeues_total", "Requests given back to the queue.")?,
            replies: make.counter("fibrpcd_replies_total", "Replies confirmed by the broker.")?,
            replies_unroutable: make.counter(
                "fibrpcd_replies_unroutable_total",
                "Replies returned because their queue was gone.",
            )?,
            replies_refused: make.counter(
                "fibrpcd_replies_refused_total",
                "Replies the broker did not take; their requests were given back.",
            )?,
            computations: make.counter("fibrpcd_computations_total", "Large numbers computed.")?,
            certificate_misses: make.counter(
                "fibrpcd_certificate_misses_total",
                "Times the digits of a number were found wrong, and computed anew.",
            )?,
            cache_hits: make.counter(
                "fibrpcd_cache_hits_total",
                "Requests for large numbers whose result was in the cache.",
            )?,
            cache_misses: make.counter(
                "fibrpcd_cache_misses_total",
                "Requests for large numbers whose result was not in the cache.",
            )?,
            cache_bytes: make
                .gauge("fibrpcd_cache_bytes", "What the cache of results holds, in bytes.")?,
            connected: make.gauge(
                "fibrpcd_amqp_connected",
                "Whether the daemon is attached to a broker and consumes.",
            )?,
            blocked: make.gauge(
                "fibrpcd_amqp_blocked",
                "Whether the broker blocks publishing for lack of resources.",
            )?,
            connects: make.counter("fibrpcd_amqp_connects_total", "Times attached to a broker.")?,
            connect_failures: make.counter(
                "fibrpcd_amqp_connect_failures_total",
                "Attempts to attach to a broker that failed.",
            )?,
            reload_successful: make.gauge(
                "fibrpcd_config_last_reload_successful",
                "Whether the configuration that was read last was good.",
            )?,
            reload_success_time: make.gauge(
                "fibrpcd_config_last_reload_success_timestamp_seconds",
                "When a good configuration was read last, in Unix time.",
            )?,
            registry: make.0,
        };
        metrics.register_build_info()?;
        metrics.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Counts a request that was answered with `status` after `elapsed`.
    pub fn answered(&self, method: Method, status: Status, elapsed: Duration) {
        self.requests.with_label_values(&[method.name()]).inc();
        if let Some(histogram) = self.durations.get(method as usize) {
            histogram.observe(elapsed.as_secs_f64());
        }
        if status != Status::Ok {
            self.failed(Reason::Status(status));
        }
    }

    /// Counts a request that was rejected because it named no reply queue.
    pub fn rejected(&self, method: Method) {
        self.requests.with_label_values(&[method.name()]).inc();
        self.failed(Reason::NoReplyTo);
    }

    fn failed(&self, reason: Reason) {
        self.failures.with_label_values(&[reason.label()]).inc();
    }

    /// Notes that the configuration was read, and whether it was good.
    pub fn configured(&self, good: bool) {
        self.reload_successful.set(good.into());
        if good {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            self.reload_success_time.set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        }
    }

    /// The Prometheus text format (version 0.0.4).
    ///
    /// # Errors
    /// The encoder failed.
    pub fn render(&self) -> Result<String, MetricsError> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn register_build_info(&self) -> Result<(), MetricsError> {
        let info = IntGaugeVec::new(
            Opts::new("fibrpcd_build_info", "1, with the version of the daemon as label."),
            &["version"],
        )?;
        self.registry.register(Box::new(info.clone()))?;
        info.with_label_values(&[crate::VERSION]).set(1);
        Ok(())
    }
}

/// Makes metrics and registers them on the way.
struct Maker(Registry);

impl Maker {
    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        let counter = IntCounter::new(name, help)?;
        self.0.register(Box::new(counter.clone()))?;
        Ok(counter)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        let gauge = IntGauge::new(name, help)?;
        self.0.register(Box::new(gauge.clone()))?;
        Ok(gauge)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
        for value in values {
            counters.with_label_values(&[value]);
        }
        self.0.register(Box::new(counters.clone()))?;
        Ok(counters)
    }

    /// One histogram for each method, in the order of [`Method::ALL`].
    fn histograms(&self, name: &str, help: &str) -> Result<Vec<Histogram>, prometheus::Error> {
        let options = HistogramOpts::new(name, help).buckets(DURATION_BUCKETS.to_vec());
        let histograms = HistogramVec::new(options, &["method"])?;
        self.0.register(Box::new(histograms.clone()))?;
        Ok(Method::ALL.map(|method| histograms.with_label_values(&[method.name()])).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_at_zero() {
        let text = Metrics::new().unwrap().render().unwrap();
        for series in [
            "fibrpcd_requests_total{method=\"fib\"} 0",
            "fibrpcd_requests_total{method=\"unknown\"} 0",
            "fibrpcd_request_failures_total{reason=\"no_reply_to\"} 0",
            "fibrpcd_request_failures_total{reason=\"deadline_exceeded\"} 0",
            "fibrpcd_request_duration_seconds_count{method=\"ping\"} 0",
            "fibrpcd_requests_in_flight 0",
            "fibrpcd_amqp_connected 0",
            "fibrpcd_amqp_connects_total 0",
            "fibrpcd_redeliveries_total 0",
            "fibrpcd_replies_unroutable_total 0",
        ] {
            assert!(text.lines().any(|line| line == series), "{series} in {text}");
        }
        assert!(text.contains("fibrpcd_build_info{version="));
        assert!(text.contains("process_open_fds "));
        assert!(!text.contains("reason=\"ok\""), "success is no failure");
    }

    #[test]
    fn answers_are_counted_by_method_and_failures_by_reason() {
        let metrics = Metrics::new().unwrap();
        metrics.answered(Method::Fib, Status::Ok, Duration::from_micros(70));
        metrics.answered(Method::Fib, Status::InvalidArgument, Duration::from_micros(70));
        metrics.rejected(Method::Info);
        let text = metrics.render().unwrap();
        for series in [
            "fibrpcd_requests_total{method=\"fib\"} 2",
            "fibrpcd_requests_total{method=\"info\"} 1",
            "fibrpcd_request_failures_total{reason=\"invalid_argument\"} 1",
            "fibrpcd_request_failures_total{reason=\"no_reply_to\"} 1",
            "fibrpcd_request_duration_seconds_bucket{method=\"fib\",le=\"0.00005\"} 0",
            "fibrpcd_request_duration_seconds_bucket{method=\"fib\",le=\"0.0001\"} 2",
        ] {
            assert!(text.lines().any(|line| line == series), "{series} in {text}");
        }
    }
}
