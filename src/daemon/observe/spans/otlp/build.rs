//! The spans of one request.
//!
//! Names and attributes follow OpenTelemetry's conventions for messaging and RabbitMQ
//! (<https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/>):
//!
//! - `process QUEUE`, from the delivery to the outcome; its parent is the caller's span
//! - `compute`, within it
//! - `publish and confirm`, within it: from the reply's publishing to the broker's confirm
//! - `queue wait`, from the request's time stamp to its delivery. It ends when `process` begins, so
//!   it is a sibling of that, below the caller's span. A request that begins a trace has no such
//!   parent; the wait is then only an attribute of `process`.

use crate::{
    daemon::observe::{
        request_record::{Moments, Outcome, Settled},
        traced::Traced,
    },
    wire::Status,
};
use opentelemetry::{
    InstrumentationScope, KeyValue, TraceId,
    trace::{SpanContext, SpanId, SpanKind, Status as SpanStatus, TraceFlags, TraceState},
};
use opentelemetry_sdk::trace::{
    IdGenerator as _, RandomIdGenerator, SpanData, SpanEvents, SpanLinks,
};
use std::{
    borrow::Cow,
    time::{Duration, Instant, SystemTime},
};

/// All spans of a request that is traced; none if it is not.
pub(super) fn spans(settled: &Settled, scope: &InstrumentationScope) -> Vec<SpanData> {
    let Some(traced) = &settled.record.traced else { return Vec::new() };
    let maker = Maker::new(traced, scope);
    let parent = traced.parent.map(SpanId::from_bytes);
    let Moments { received, replied, settled: end } = settled.moments;
    let name = format!("process {}", traced.queue).into();
    let mut process = maker.span(name, parent, (received, end));
    process.span_kind = SpanKind::Consumer;
    process.parent_span_is_remote = parent.is_some();
    process.attributes = process_attributes(settled, traced);
    if let Some(error) = error(settled) {
        process.attributes.push(KeyValue::new("error.type", error));
        process.status = SpanStatus::error(error);
    }
    let inside = Some(process.span_context.span_id());
    let mut spans = vec![process];
    if let (Some(parent), Some(waited)) = (parent, settled.record.queue_wait) {
        spans.push(maker.queue_wait(parent, received, waited));
    }
    spans.extend(settled.computing().map(|span| maker.span("compute".into(), inside, span)));
    if let (Some(replied), Some(_)) = (replied, settled.confirming()) {
        let mut publish = maker.span("publish and confirm".into(), inside, (replied, end));
        publish.span_kind = SpanKind::Producer;
        publish.attributes = publish_attributes(settled);
        spans.push(publish);
    }
    spans
}

fn process_attributes(settled: &Settled, traced: &Traced) -> Vec<KeyValue> {
    let record = &*settled.record;
    let mut attributes = vec![
        KeyValue::new("messaging.system", "rabbitmq"),
        KeyValue::new("messaging.operation.type", "process"),
        KeyValue::new("messaging.operation.name", "process"),
        KeyValue::new("messaging.destination.name", traced.queue.to_string()),
        KeyValue::new("messaging.message.body.size", bytes(record.request_bytes)),
        KeyValue::new("fibrpc.method", record.method.name()),
        KeyValue::new("fibrpc.outcome", settled.outcome.name()),
    ];
    if record.correlation_id.is_some() {
        let id = record.shown_id();
        attributes.push(KeyValue::new("messaging.message.conversation_id", id));
    }
    if let Some(n) = &record.n {
        attributes.push(KeyValue::new("fibrpc.n", n.clone()));
    }
    if let Some(status) = settled.status {
        attributes.push(KeyValue::new("fibrpc.status", status.name()));
    }
    if let Some(waited) = record.queue_wait {
        attributes.push(KeyValue::new("fibrpc.queue_wait", waited.as_secs_f64()));
    }
    attributes
}

fn publish_attributes(settled: &Settled) -> Vec<KeyValue> {
    let record = &*settled.record;
    let mut attributes = vec![
        KeyValue::new("messaging.system", "rabbitmq"),
        KeyValue::new("messaging.operation.type", "send"),
        KeyValue::new("messaging.operation.name", "publish"),
        KeyValue::new("messaging.destination.temporary", true),
    ];
    if let Some(peer) = &record.peer {
        attributes.push(KeyValue::new("messaging.destination.name", peer.clone()));
    }
    if let Some(size) = record.reply_bytes {
        attributes.push(KeyValue::new("messaging.message.body.size", bytes(size)));
    }
    attributes
}

/// Why a request was not answered with what it asked for, or not at all.
fn error(settled: &Settled) -> Option<&'static str> {
    match settled.outcome {
        Outcome::Answered | Outcome::Returned => {
            settled.status.filter(|status| *status != Status::Ok).map(Status::name)
        }
        Outcome::Refused | Outcome::GivenBack | Outcome::Rejected | Outcome::Lost => {
            Some(settled.outcome.name())
        }
    }
}

fn bytes(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Turns moments of the monotonic clock, by which everything was measured, into times.
struct Clock {
    now: Instant,
    time: SystemTime,
}

impl Clock {
    fn now() -> Self {
        Self { now: Instant::now(), time: SystemTime::now() }
    }

    fn time(&self, moment: Instant) -> SystemTime {
        let ago = self.now.saturating_duration_since(moment);
        self.time.checked_sub(ago).unwrap_or(self.time)
    }
}

/// Makes the spans of one trace, all by one clock, so that spans nest to the nanosecond.
struct Maker<'a> {
    trace_id: TraceId,
    state: TraceState,
    scope: &'a InstrumentationScope,
    clock: Clock,
}

impl<'a> Maker<'a> {
    fn new(traced: &Traced, scope: &'a InstrumentationScope) -> Self {
        let state = traced.state.as_deref().and_then(|state| state.parse().ok());
        Self {
            trace_id: TraceId::from_bytes(traced.trace_id),
            state: state.unwrap_or_default(),
            scope,
            clock: Clock::now(),
        }
    }

    fn span(
        &self,
        name: Cow<'static, str>,
        parent: Option<SpanId>,
        (from, to): (Instant, Instant),
    ) -> SpanData {
        let (trace_id, state) = (self.trace_id, self.state.clone());
        let id = RandomIdGenerator::default().new_span_id();
        let context = SpanContext::new(trace_id, id, TraceFlags::SAMPLED, false, state);
        SpanData {
            span_context: context,
            parent_span_id: parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name,
            start_time: self.clock.time(from),
            end_time: self.clock.time(to),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: SpanStatus::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }

    fn queue_wait(&self, parent: SpanId, received: Instant, waited: Duration) -> SpanData {
        let mut span = self.span("queue wait".into(), Some(parent), (received, received));
        span.start_time = span.end_time.checked_sub(waited).unwrap_or(span.end_time);
        span.parent_span_is_remote = true;
        span
    }
}
