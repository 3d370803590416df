//! What the daemon has done since it started, as the method `stats` reports it; docs/protocol.md
//! describes each field.

use super::{
    Overview,
    history::{INTERVAL, RECENT},
    status::micros,
};
use crate::{daemon::observe::metrics::quantile, wire::Method};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

#[derive(Debug, Serialize)]
pub(super) struct Stats {
    name: &'static str,
    version: &'static str,
    uptime_seconds: f64,
    in_flight: i64,
    oldest_seconds: Option<f64>,
    recent: Option<Recent>,
    methods: BTreeMap<&'static str, OfMethod>,
}

/// Of all methods, over as long as is said.
#[derive(Debug, Serialize)]
struct Recent {
    seconds: u64,
    requests: u64,
    failures: u64,
    p50_us: Option<u64>,
    p99_us: Option<u64>,
}

#[derive(Debug, Serialize)]
struct OfMethod {
    requests: u64,
    failures: BTreeMap<&'static str, u64>,
    p50_us: Option<u64>,
    p99_us: Option<u64>,
}

impl Stats {
    pub(super) fn of(overview: &Overview) -> Self {
        let requests = &overview.metrics.requests;
        let uptime = overview.started.elapsed();
        let age = |oldest| millis(uptime.saturating_sub(oldest));
        Self {
            name: "fibrpcd",
            version: crate::VERSION,
            uptime_seconds: millis(uptime),
            in_flight: requests.in_flight.get(),
            oldest_seconds: requests.oldest().map(age),
            recent: Recent::of(overview),
            methods: Method::ALL
                .map(|method| (method.name(), OfMethod::of(overview, method)))
                .into(),
        }
    }
}

impl Recent {
    fn of(overview: &Overview) -> Option<Self> {
        let history = overview.history();
        let (requests, failures) = history.recent_counts()?;
        Some(Self {
            seconds: INTERVAL.as_secs() * history.points().len().min(RECENT) as u64,
            requests,
            failures,
            p50_us: history.recent_quantile(0.5).map(micros),
            p99_us: history.recent_quantile(0.99).map(micros),
        })
    }
}

impl OfMethod {
    fn of(overview: &Overview, method: Method) -> Self {
        let requests = &overview.metrics.requests;
        let (ended, durations) = requests.of_method(method);
        Self {
            requests: ended,
            failures: requests.failures_of(method).collect(),
            p50_us: quantile(&durations, 0.5).map(micros),
            p99_us: quantile(&durations, 0.99).map(micros),
        }
    }
}

/// In seconds, to a millisecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}
