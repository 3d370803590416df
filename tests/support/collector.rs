//! A collector of traces: takes what is sent to it by OTLP over HTTP, and shows it.

use super::PATIENCE;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
};
use tokio::{net::TcpListener, runtime::Runtime};

/// Listens until it is dropped.
pub(crate) struct Collector {
    _runtime: Runtime,
    address: String,
    /// What it answers.
    status: Arc<AtomicU16>,
    exports: mpsc::Receiver<ExportTraceServiceRequest>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let runtime = super::background_runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let status = Arc::new(AtomicU16::new(200));
        let (sender, exports) = mpsc::channel();
        runtime.spawn(listen(listener, Arc::clone(&status), sender));
        Self { _runtime: runtime, address, status, exports }
    }

    /// For `trace.endpoint`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers with this status from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Waits until there are this many spans; returns them, and all that came with them, with the
    /// attributes of their sender.
    pub(crate) fn wait_for(&self, count: usize) -> Traced {
        let mut traced = Traced::default();
        while traced.spans.len() < count {
            traced.add(self.exports.recv_timeout(PATIENCE).expect("spans in time"));
        }
        traced
    }

    /// What has arrived since the last call.
    pub(crate) fn arrived(&self) -> Traced {
        let mut traced = Traced::default();
        self.exports.try_iter().for_each(|export| traced.add(export));
        traced
    }
}

/// Spans, and the attributes of the resource.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    pub(crate) spans: Vec<Span>,
    pub(crate) resource: HashMap<String, Value>,
}

impl Traced {
    fn add(&mut self, export: ExportTraceServiceRequest) {
        for resource in export.resource_spans {
            self.resource = attributes(&resource.resource.unwrap().attributes);
            self.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }

    /// The only span of this name.
    pub(crate) fn span(&self, name: &str) -> &Span {
        let mut named = self.spans.iter().filter(|span| span.name == name);
        let (Some(span), None) = (named.next(), named.next()) else {
            panic!("not one {name}: {:#?}", self.spans)
        };
        span
    }
}

/// Attributes by name.
pub(crate) fn attributes(list: &[KeyValue]) -> HashMap<String, Value> {
    let pairs = list.iter().cloned();
    pairs.map(|pair| (pair.key, pair.value.unwrap().value.unwrap())).collect()
}

async fn listen(
    listener: TcpListener,
    status: Arc<AtomicU16>,
    exports: mpsc::Sender<ExportTraceServiceRequest>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (status, exports) = (Arc::clone(&status), exports.clone());
        let take = service_fn(move |request: Request<Incoming>| {
            let status = StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap();
            take(request, status, exports.clone())
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), take));
    }
}

async fn take(
    request: Request<Incoming>,
    status: StatusCode,
    exports: mpsc::Sender<ExportTraceServiceRequest>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!(request.uri().path(), "/v1/traces");
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    assert!(request.headers().contains_key("host"));
    let body = request.into_body().collect().await.unwrap().to_bytes();
    if status.is_success() {
        drop(exports.send(ExportTraceServiceRequest::decode(body).unwrap()));
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}
