//! Spans exported by OTLP to a collector.
//!
//! Only a request that its caller records, or that is sampled here, is traced, and its spans are
//! made from its record when it is settled, not while it runs. Whatever the collector does, calls
//! are answered: the way to it is a bounded queue, and what does not fit is dropped and counted.

mod build;
mod export;
mod http;

pub(crate) use self::export::Exporter;

use crate::{
    daemon::{
        config::Trace,
        observe::{
            metrics::{Metrics, traces::Exported},
            request_record::Settled,
            traced::Traced,
        },
    },
    wire::{Envelope, TRACE_STATE},
};
use opentelemetry::trace::TraceState;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most requests that wait for their export.
const QUEUE: usize = 2048;

/// Chooses requests to trace, and takes them when they are settled.
#[derive(Clone, Debug)]
pub(crate) struct Spans {
    /// Of a million requests that name no trace, this many are traced; `None` traces nothing.
    sample_ppm: Option<u32>,
    queue: mpsc::Sender<Settled>,
    metrics: Arc<Metrics>,
}

/// Sets up tracing as configured. The exporter ends when the last clone of [`Spans`] is gone and
/// all is exported.
pub(crate) fn start(config: &Trace, metrics: &Arc<Metrics>) -> (Spans, Exporter) {
    let (queue, inbox) = mpsc::channel(QUEUE);
    let exporter = Exporter::new(config.endpoint.as_deref(), inbox, Arc::clone(metrics));
    let sample_ppm = exporter.has_target().then(|| config.sample_ratio.per_million());
    (Spans { sample_ppm, queue, metrics: Arc::clone(metrics) }, exporter)
}

impl Spans {
    /// The trace of a request, if it is to be traced. A caller's decision counts for its requests.
    pub(crate) fn choose(&self, envelope: &Envelope, queue: &Arc<str>) -> Option<Traced> {
        let sample_ppm = self.sample_ppm?;
        let queue = || Arc::clone(queue);
        let Some(parent) = envelope.trace_parent() else {
            let begin = |trace_id| Traced { trace_id, parent: None, state: None, queue: queue() };
            return sample(sample_ppm).map(begin);
        };
        let state = envelope.trace_header(TRACE_STATE).and_then(|state| str::from_utf8(state).ok());
        let is_sound = |state: &&str| state.parse::<TraceState>().is_ok();
        parent.is_sampled().then(|| Traced {
            trace_id: parent.trace_id(),
            parent: Some(parent.parent_id()),
            state: state.filter(is_sound).map(str::to_owned),
            queue: queue(),
        })
    }

    /// Takes a request that is to be traced.
    pub(crate) fn hand_over(&self, settled: Settled) {
        if self.queue.try_send(settled).is_err() {
            self.metrics.traces.count(Exported::QueueFull, 1);
        }
    }
}

/// Begins a trace, for this many requests in a million.
fn sample(per_million: u32) -> Option<[u8; 16]> {
    if per_million == 0 {
        return None;
    }
    let trace_id = RandomIdGenerator::default().new_trace_id().to_bytes();
    let drawn = u128::from_be_bytes(trace_id) % 1_000_000;
    let chosen = drawn < u128::from(per_million);
    chosen.then_some(trace_id)
}

#[cfg(test)]
mod tests;
