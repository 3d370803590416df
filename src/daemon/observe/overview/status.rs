//! The state of the daemon as `/status` reports it; docs/monitoring.md describes each field.

use super::{
    Overview,
    history::{History, INTERVAL, Point},
};
use crate::daemon::observe::log::Warning;
use prometheus::IntGauge;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) version: &'static str,
    /// The machine, and the address that answers.
    pub(super) instance: String,
    pub(super) state: &'static str,
    /// What the state means for callers; for the page.
    #[serde(skip)]
    pub(super) meaning: &'static str,
    /// The state as one sentence, with the queue and the broker, or why there is none.
    pub(super) detail: String,
    pub(super) uptime_seconds: u64,
    pub(super) configuration_good: bool,
    pub(super) requests: Requests,
    pub(super) latency: Latency,
    pub(super) link: Link,
    pub(super) compute: Compute,
    pub(super) warnings: Vec<LogLine>,
    pub(super) history: HistoryView,
}

#[derive(Debug, Serialize)]
pub(super) struct Requests {
    pub(super) total: u64,
    pub(super) failures: BTreeMap<&'static str, u64>,
    pub(super) per_second: f64,
    pub(super) failures_per_second: f64,
    pub(super) in_flight: i64,
    pub(super) prefetch: i64,
    pub(super) redeliveries: u64,
}

/// Of the last minute, in microseconds.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names in /status tell the unit")]
pub(super) struct Latency {
    pub(super) p50_us: Option<u64>,
    pub(super) p90_us: Option<u64>,
    pub(super) p99_us: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub(super) connects: u64,
    pub(super) consumer_cancels: u64,
    pub(super) unconfirmed: i64,
    pub(super) replies: u64,
    pub(super) replies_unroutable: u64,
    pub(super) replies_refused: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Compute {
    pub(super) threads: u64,
    pub(super) threads_busy: u64,
    pub(super) memory_bytes: u64,
    pub(super) memory_reserved_bytes: u64,
    pub(super) cache_bytes: i64,
    pub(super) cache_limit_bytes: i64,
    pub(super) cache_hits: u64,
    pub(super) cache_misses: u64,
}

/// A line of the log.
#[derive(Debug, Serialize)]
pub(super) struct LogLine {
    pub(super) time: String,
    pub(super) level: &'static str,
    pub(super) text: String,
}

/// The last quarter of an hour, the oldest first.
#[derive(Debug, Serialize)]
pub(super) struct HistoryView {
    pub(super) interval_seconds: u64,
    pub(super) requests_per_second: Vec<f64>,
    pub(super) failures_per_second: Vec<f64>,
    pub(super) p50_us: Vec<Option<u64>>,
    pub(super) p99_us: Vec<Option<u64>>,
    pub(super) in_flight: Vec<u64>,
    pub(super) consuming: Vec<bool>,
}

impl Status {
    pub(super) fn of(overview: &Overview) -> Self {
        let history = overview.history();
        let state = overview.states.borrow().clone();
        Self {
            version: crate::VERSION,
            instance: overview.instance.clone(),
            state: state.name(),
            meaning: state.meaning(),
            detail: state.to_string(),
            uptime_seconds: overview.started.elapsed().as_secs(),
            configuration_good: overview.metrics.daemon.is_configured_well(),
            requests: Requests::of(overview, &history),
            latency: Latency::of(&history),
            link: Link::of(overview),
            compute: Compute::of(overview),
            warnings: overview.log_monitor.warnings().into_iter().map(LogLine::from).collect(),
            history: HistoryView::of(&history),
        }
    }
}

impl Requests {
    fn of(overview: &Overview, history: &History) -> Self {
        let requests = &overview.metrics.requests;
        let last = history.points().next_back();
        Self {
            total: requests.ended(),
            failures: requests.failures().collect(),
            per_second: last.map_or(0.0, |point| tenths(point.rate)),
            failures_per_second: last.map_or(0.0, |point| tenths(point.failures)),
            in_flight: requests.in_flight.get(),
            prefetch: requests.prefetch.get(),
            redeliveries: requests.redeliveries.get(),
        }
    }
}

impl Latency {
    fn of(history: &History) -> Self {
        let [p50_us, p90_us, p99_us] =
            [0.5, 0.9, 0.99].map(|share| history.recent_quantile(share).map(micros));
        Self { p50_us, p90_us, p99_us }
    }
}

impl Link {
    fn of(overview: &Overview) -> Self {
        let link = &overview.metrics.link;
        Self {
            connects: link.connects.get(),
            consumer_cancels: link.consumer_cancels.get(),
            unconfirmed: link.unconfirmed.get(),
            replies: link.replies.get(),
            replies_unroutable: link.replies_unroutable.get(),
            replies_refused: link.replies_refused.get(),
        }
    }
}

impl Compute {
    fn of(overview: &Overview) -> Self {
        let metrics = &overview.metrics.compute;
        let count = |gauge: &IntGauge| u64::try_from(gauge.get()).unwrap_or_default();
        Self {
            threads: count(&metrics.threads),
            threads_busy: count(&metrics.threads_busy),
            memory_bytes: count(&metrics.memory),
            memory_reserved_bytes: count(&metrics.memory_reserved),
            cache_bytes: metrics.cache_bytes.get(),
            cache_limit_bytes: metrics.cache_limit.get(),
            cache_hits: metrics.cache_hits.get(),
            cache_misses: metrics.cache_misses.get(),
        }
    }
}

impl From<Warning> for LogLine {
    fn from(warning: Warning) -> Self {
        Self {
            time: humantime::format_rfc3339_seconds(warning.time).to_string(),
            level: if warning.level == tracing::Level::ERROR { "error" } else { "warn" },
            text: warning.text,
        }
    }
}

impl HistoryView {
    fn of(history: &History) -> Self {
        fn all<T>(history: &History, of: impl Fn(&Point) -> T) -> Vec<T> {
            history.points().map(of).collect()
        }
        Self {
            interval_seconds: INTERVAL.as_secs(),
            requests_per_second: all(history, |point| tenths(point.rate)),
            failures_per_second: all(history, |point| tenths(point.failures)),
            p50_us: all(history, |point| point.quantile(0.5).map(micros)),
            p99_us: all(history, |point| point.quantile(0.99).map(micros)),
            in_flight: all(history, |point| point.in_flight),
            consuming: all(history, |point| point.consuming),
        }
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a duration of 30 s at most"
)]
pub(super) fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}
