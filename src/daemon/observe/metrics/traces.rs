//! The export of traces.
#![cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "its series are shown at 0"))]

use super::maker::Maker;
use prometheus::IntCounter;

/// What became of the trace of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exported {
    /// The collector took it.
    Done,
    /// Dropped: too many were waiting.
    QueueFull,
    /// Dropped: the collector did not take it.
    Failed,
}

impl Exported {
    /// In the order of their declaration.
    const LABELS: [&'static str; 3] = ["exported", "queue_full", "failed"];
}

/// What is counted of traces.
#[derive(Debug)]
pub(crate) struct Traces(Vec<IntCounter>);

impl Traces {
    pub(super) fn new(make: &Maker) -> Result<Self, prometheus::Error> {
        let counters = make.counters(
            "fibrpcd_traced_requests_total",
            "Requests that were traced, by what became of their spans.",
            "outcome",
            Exported::LABELS,
        )?;
        Ok(Self(counters))
    }

    /// Counts requests.
    pub(crate) fn count(&self, outcome: Exported, requests: u64) {
        if let Some(counter) = self.0.get(outcome as usize) {
            counter.inc_by(requests);
        }
    }

    /// How many there were.
    #[must_use]
    pub(crate) fn get(&self, outcome: Exported) -> u64 {
        self.0.get(outcome as usize).map_or(0, IntCounter::get)
    }
}
