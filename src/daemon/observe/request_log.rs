//! Keeps records of requests, for the log at level debug and for traces.
//!
//! Only requests that are logged or traced have a record; the others cost nothing.

use super::{
    request_record::{Moments, Outcome, RequestRecord, Settled},
    spans::Spans,
};
use crate::wire::{Envelope, Status};
use std::{sync::Arc, time::Duration};
use tracing::Level;

/// Decides which requests get a record, and logs and exports those.
#[derive(Debug)]
pub(crate) struct RequestLog {
    queue: Arc<str>,
    spans: Spans,
}

impl RequestLog {
    /// For the requests of a queue.
    pub(crate) fn new(queue: &str, spans: Spans) -> Self {
        Self { queue: queue.into(), spans }
    }

    /// The requests from now on come from this queue.
    pub(crate) fn serves(&mut self, queue: &str) {
        if *self.queue != *queue {
            self.queue = queue.into();
        }
    }

    /// Starts the record of a request that has just arrived, if it is to be logged or traced.
    /// `queue_wait` is how long it was in the queue, if that is known.
    pub(crate) fn begin(
        &self,
        envelope: &Envelope,
        body: &[u8],
        queue_wait: Option<Duration>,
    ) -> Option<Box<RequestRecord>> {
        let traced = self.spans.choose(envelope, &self.queue);
        if traced.is_none() && !tracing::enabled!(Level::DEBUG) {
            return None;
        }
        Some(Box::new(RequestRecord::new(envelope, body, queue_wait, traced)))
    }

    /// Ends a record: logs it, and hands it to the exporter of traces if it is to be traced.
    pub(crate) fn settle(
        &self,
        record: Box<RequestRecord>,
        outcome: Outcome,
        status: Option<Status>,
        moments: Moments,
    ) {
        let settled = Settled::new(record, outcome, status, moments);
        settled.log();
        if settled.record.traced.is_some() {
            self.spans.hand_over(settled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::{
        config::Trace,
        observe::{metrics::Metrics, spans},
    };

    #[test]
    fn only_a_request_that_somebody_wants_to_know_about_has_a_record() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let (spans, _) = spans::start(&Trace::default(), &metrics);
        let log = RequestLog::new("rpc_queue", spans);
        let begin = || log.begin(&Envelope::default(), b"30", None);
        assert!(begin().is_none());
        assert!(tracing::subscriber::with_default(tracing_subscriber::registry(), begin).is_some());
    }
}
