//! The export: a future that the daemon runs beside the server.
//!
//! It is no task and no thread of its own, so it cannot die unnoticed: the daemon waits for it as
//! for its other parts. opentelemetry's batch processor would be a thread that nobody watches, and
//! does not report what it drops.

use super::{build, http::Client};
use crate::daemon::observe::{
    metrics::{Metrics, traces::Exported},
    request_record::Settled,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, RetryPolicy, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _,
};
use opentelemetry_sdk::{Resource, trace::SpanExporter as _};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use uuid::Uuid;

/// Most requests in one export: few enough not to keep the I/O thread from requests while they are
/// encoded.
const BATCH: usize = 128;

/// How long a request may wait for others to be exported with.
const LINGER: Duration = Duration::from_secs(1);

/// How long the collector may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Sends the spans of settled requests to the collector.
pub(crate) struct Exporter {
    inbox: mpsc::Receiver<Settled>,
    /// `None` where nothing is traced.
    target: Option<Target>,
    metrics: Arc<Metrics>,
    /// Requests dropped since the collector failed; `None` while it works.
    failing: Option<u64>,
    /// Requests that did not fit the queue, up to the last look.
    overflowed: u64,
    /// How many of them since the collector last kept up.
    overflowing: u64,
}

struct Target {
    endpoint: String,
    exporter: SpanExporter,
    client: Client,
    scope: InstrumentationScope,
}

impl Target {
    fn new(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let client = Client::default();
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client.clone())
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(TIMEOUT)
            // The crate would sleep between its attempts, and with it this thread.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        exporter.set_resource(&resource());
        let scope = InstrumentationScope::builder("fibrpcd").with_version(crate::VERSION).build();
        Ok(Self { endpoint: endpoint.to_owned(), exporter, client, scope })
    }

    async fn export(&self, batch: &mut Vec<Settled>) -> Result<(), String> {
        let spans = batch.drain(..).flat_map(|settled| build::spans(&settled, &self.scope));
        match timeout(TIMEOUT, self.exporter.export(spans.collect())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(self.client.take_last_error().unwrap_or_else(|| error.to_string()))
            }
            Err(_) => Err(format!("no answer within {TIMEOUT:?}")),
        }
    }
}

/// Who sends the spans.
fn resource() -> Resource {
    Resource::builder_empty()
        .with_service_name("fibrpcd")
        .with_attribute(KeyValue::new("service.version", crate::VERSION))
        .with_attribute(KeyValue::new("service.instance.id", Uuid::new_v4().to_string()))
        .build()
}

impl Exporter {
    /// Without a target if its settings are of no use: calls are answered all the same. Of the
    /// variables of OpenTelemetry those count that `trace.*` has no key for.
    pub(super) fn new(
        endpoint: Option<&str>,
        inbox: mpsc::Receiver<Settled>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let target = endpoint.and_then(|endpoint| {
            let failed = |error| {
                tracing::error!(
                    %error,
                    "nothing is traced; see the variables OTEL_EXPORTER_OTLP_* of the environment"
                );
            };
            Target::new(endpoint).map_err(failed).ok()
        });
        Self { inbox, target, metrics, failing: None, overflowed: 0, overflowing: 0 }
    }

    /// Whether anything can be exported.
    pub(super) fn has_target(&self) -> bool {
        self.target.is_some()
    }

    /// Exports until nobody is left to hand over a request.
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.gather(&mut batch).await {
            let requests = batch.len() as u64;
            let Some(target) = &self.target else { continue };
            match target.export(&mut batch).await {
                Ok(()) => self.exported(requests),
                Err(reason) => self.failed(requests, &reason),
            }
            self.tell_overflow();
        }
    }

    /// Waits for requests; false when there will be none.
    async fn gather(&mut self, batch: &mut Vec<Settled>) -> bool {
        batch.clear();
        if self.inbox.recv_many(batch, BATCH).await == 0 {
            return false;
        }
        let over = sleep(LINGER);
        tokio::pin!(over);
        while batch.len() < BATCH {
            let space = BATCH - batch.len();
            tokio::select! {
                more = self.inbox.recv_many(batch, space) => if more == 0 { break },
                () = &mut over => break,
            }
        }
        true
    }

    fn exported(&mut self, requests: u64) {
        self.metrics.traces.count(Exported::Done, requests);
        if let Some(dropped) = self.failing.take() {
            tracing::info!(requests = dropped, "traces are exported again; these were dropped");
        }
    }

    /// Logs once for each outage of the collector, however long.
    fn failed(&mut self, requests: u64, reason: &str) {
        self.metrics.traces.count(Exported::Failed, requests);
        if self.failing.is_none() {
            let endpoint = self.target.as_ref().map(|target| target.endpoint.as_str());
            tracing::warn!(
                endpoint,
                reason,
                "cannot export traces; they are dropped until the collector takes them again"
            );
        }
        *self.failing.get_or_insert_default() += requests;
    }

    /// Logs once for each period in which more is traced than the collector takes.
    fn tell_overflow(&mut self) {
        let overflowed = self.metrics.traces.get(Exported::QueueFull);
        let dropped = overflowed - self.overflowed;
        self.overflowed = overflowed;
        if dropped > 0 && self.overflowing == 0 {
            tracing::warn!(
                "more requests are traced than the collector takes; what is beyond is dropped"
            );
        }
        if dropped == 0 && self.overflowing > 0 {
            tracing::info!(requests = self.overflowing, "the collector takes all traces again");
        }
        self.overflowing = if dropped == 0 { 0 } else { self.overflowing + dropped };
    }
}
