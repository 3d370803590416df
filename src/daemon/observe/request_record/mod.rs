//! The record of a request: what is known of it once it is settled, for the log and the traces.

use super::traced::Traced;
use crate::{
    text::excerpt,
    wire::{Envelope, Method, Number, Status},
};
use std::time::{Duration, Instant};

/// How much of an id, or of a body that is not a number, is shown, in bytes.
const SHOWN: usize = 64;

/// What is remembered of a request until it is settled.
#[derive(Debug)]
pub(crate) struct RequestRecord {
    pub(crate) correlation_id: Option<Vec<u8>>,
    pub(crate) method: Method,
    /// What was asked for, escaped.
    pub(crate) n: Option<String>,
    /// The reply queue.
    pub(crate) peer: Option<String>,
    trace_id: Option<String>,
    /// Its trace, if it is to be traced.
    pub(crate) traced: Option<Traced>,
    pub(crate) queue_wait: Option<Duration>,
    pub(crate) request_bytes: usize,
    pub(crate) reply_bytes: Option<usize>,
    compute_time: ComputeTime,
    /// [`Outcome::Returned`] or [`Outcome::Refused`], if the broker reported that of the reply.
    reply_outcome: Option<Outcome>,
}

/// When the number that was asked for was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComputeTime {
    /// It was not: the result was known, or there is none.
    NotComputed,
    /// On the thread that serves, from the delivery of the request to its reply.
    InPlace,
    /// On a compute thread, from one moment to the other. It may have begun before the request
    /// arrived, for an earlier one.
    OnThread(Instant, Instant),
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The broker confirmed the reply.
    Answered,
    /// The broker confirmed the reply, but its queue was gone.
    Returned,
    /// The broker did not take the reply, and the request was rejected for good.
    Refused,
    /// The request went back to the queue: the server drains or gives up, or the broker blocks for
    /// long.
    GivenBack,
    /// The request was rejected for good.
    Rejected,
    /// The link was lost; the broker delivers the request again.
    Lost,
}

/// When things happened to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub(crate) received: Instant,
    /// When its reply was handed to the broker, if it was.
    pub(crate) replied: Option<Instant>,
    pub(crate) settled: Instant,
}

/// A request that is over.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) record: Box<RequestRecord>,
    pub(crate) outcome: Outcome,
    /// The status of the reply, if there was one.
    pub(crate) status: Option<Status>,
    pub(crate) moments: Moments,
}

impl RequestRecord {
    /// The record of a request that has just arrived. `queue_wait` is how long it was in the queue,
    /// if that is known.
    pub(crate) fn new(
        envelope: &Envelope,
        body: &[u8],
        queue_wait: Option<Duration>,
        traced: Option<Traced>,
    ) -> Self {
        let named = || envelope.trace_parent().map(|parent| parent.trace_id_text());
        let method = envelope.method();
        Self {
            correlation_id: envelope.reply_id().map(<[u8]>::to_vec),
            method,
            n: (method == Method::Fib).then(|| shown(body)),
            peer: envelope.reply_queue().map(str::to_owned),
            trace_id: traced.as_ref().map(Traced::trace_id_text).or_else(named),
            traced,
            queue_wait,
            request_bytes: body.len(),
            reply_bytes: None,
            compute_time: ComputeTime::NotComputed,
            reply_outcome: None,
        }
    }

    /// Notes what was sent, and when it was computed.
    pub(crate) fn replied(&mut self, bytes: usize, status: Status, compute_time: ComputeTime) {
        self.reply_bytes = Some(bytes);
        let computed = self.method == Method::Fib && status == Status::Ok;
        let in_place = compute_time == ComputeTime::InPlace;
        self.compute_time =
            if in_place && !computed { ComputeTime::NotComputed } else { compute_time };
    }

    /// Notes that the broker did not take the reply.
    pub(crate) fn refused(&mut self) {
        self.reply_outcome = Some(Outcome::Refused);
    }

    /// Notes that the reply was returned, if it went to this caller with this id and was not
    /// returned before; false if not.
    pub(crate) fn returned(&mut self, peer: &str, id: Option<&[u8]>) -> bool {
        let mine = self.reply_outcome.is_none()
            && self.reply_bytes.is_some()
            && self.peer.as_deref() == Some(peer)
            && self.correlation_id.as_deref() == id;
        if mine {
            self.reply_outcome = Some(Outcome::Returned);
        }
        mine
    }

    /// The correlation id, escaped.
    pub(crate) fn shown_id(&self) -> String {
        excerpt(self.correlation_id.as_deref().unwrap_or_default(), SHOWN)
    }
}

impl Outcome {
    /// The word for it in the log and in traces.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Returned => "returned",
            Self::Refused => "refused",
            Self::GivenBack => "given_back",
            Self::Rejected => "rejected",
            Self::Lost => "lost",
        }
    }
}

impl Settled {
    /// The request of this record, now that it ended in this way.
    pub(crate) fn new(
        record: Box<RequestRecord>,
        outcome: Outcome,
        status: Option<Status>,
        moments: Moments,
    ) -> Self {
        let outcome = match (outcome, record.reply_outcome) {
            (Outcome::Answered, Some(Outcome::Returned)) => Outcome::Returned,
            (Outcome::Rejected, Some(Outcome::Refused)) => Outcome::Refused,
            _ => outcome,
        };
        Self { record, outcome, status, moments }
    }

    /// When the number was computed, from the arrival of the request on.
    pub(crate) fn computing(&self) -> Option<(Instant, Instant)> {
        let Moments { received, replied, .. } = self.moments;
        let (from, to) = match self.record.compute_time {
            ComputeTime::NotComputed => return None,
            ComputeTime::InPlace => (received, replied?),
            ComputeTime::OnThread(from, to) => (from.max(received), to),
        };
        (from < to).then_some((from, to))
    }

    /// How long the broker took to confirm the reply, if it did.
    pub(crate) fn confirming(&self) -> Option<Duration> {
        let confirmed =
            matches!(self.outcome, Outcome::Answered | Outcome::Returned | Outcome::Rejected);
        let replied = self.moments.replied.filter(|_| confirmed)?;
        Some(self.moments.settled.duration_since(replied))
    }

    /// Writes the line of the log that every settled request has at the level debug.
    pub(crate) fn log(&self) {
        let Moments { received, replied, settled } = self.moments;
        let record = &*self.record;
        let compute = self.computing().map(|(from, to)| to.duration_since(from));
        let answer = replied.unwrap_or(settled).duration_since(received);
        tracing::debug!(
            correlation_id = %record.shown_id(),
            method = record.method.name(),
            n = record.n,
            outcome = self.outcome.name(),
            status = self.status.map(Status::name),
            request_bytes = record.request_bytes,
            reply_bytes = record.reply_bytes,
            queue_us = record.queue_wait.map(micros),
            wait_us = micros(answer.saturating_sub(compute.unwrap_or_default())),
            compute_us = compute.map(micros),
            confirm_us = self.confirming().map(micros),
            total_us = micros(settled.duration_since(received)),
            trace_id = record.trace_id,
            peer = record.peer,
            "settled"
        );
    }
}

/// What a request asks for: the number, or the start of the body that is not one.
fn shown(body: &[u8]) -> String {
    match Number::parse(body) {
        Ok(Number::Value(n)) => n.to_string(),
        Ok(Number::Huge) | Err(_) => excerpt(body.trim_ascii(), SHOWN),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
