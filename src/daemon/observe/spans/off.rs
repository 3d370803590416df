//! No trace spans: takes their place in a build without the feature `otlp`.

use crate::{
    daemon::{
        config::Trace,
        observe::{metrics::Metrics, request_record::Settled, traced::Traced},
    },
    wire::Envelope,
};
use std::{convert::Infallible, sync::Arc};
use tokio::sync::mpsc;

/// Chooses no request.
#[derive(Clone, Debug)]
pub(crate) struct Spans {
    /// Keeps the exporter waiting.
    _open: mpsc::Sender<Infallible>,
}

/// Ends when the last clone of [`Spans`] is gone.
pub(crate) struct Exporter(mpsc::Receiver<Infallible>);

pub(crate) fn start(_: &Trace, _: &Arc<Metrics>) -> (Spans, Exporter) {
    let (open, closed) = mpsc::channel(1);
    (Spans { _open: open }, Exporter(closed))
}

#[expect(clippy::unused_self, reason = "as in a build that has them")]
impl Spans {
    pub(crate) fn choose(&self, _: &Envelope, _: &Arc<str>) -> Option<Traced> {
        None
    }

    pub(crate) fn hand_over(&self, _: Settled) {}
}

impl Exporter {
    pub(crate) async fn run(mut self) {
        while self.0.recv().await.is_some() {}
    }
}
