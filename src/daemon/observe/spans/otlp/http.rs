//! The way to the collector: HTTP/1.1 without TLS, as it runs beside the daemon.

use crate::lookup;
use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, Uri, client::conn::http1, header::HOST, http::HeaderValue,
    http::uri::PathAndQuery,
};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;

/// The largest answer that is read, in bytes. A good one has a few.
const MAX_ANSWER: usize = 64 << 10;

/// Makes a connection for each request: exports are far apart. The caller sets a deadline.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    /// The last error, whose text the exporter's own error lacks.
    last_error: Arc<Mutex<Option<String>>>,
}

impl Client {
    /// Takes the last error since this was called before.
    pub(super) fn take_last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = exchange(request).await;
        if let Err(error) = &answer {
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(error.to_string());
        }
        answer
    }
}

async fn exchange(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (host, port) = address(request.uri());
    let stream = TcpStream::connect(&*lookup::addresses(host, port).await?).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let answer = sender.send_request(relative(request)?).await?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // Nothing more will come, but the answer may be here already.
        _ = &mut connection => answer.await,
    }
}

/// Host and port, the former without the brackets of an IPv6 address.
fn address(uri: &Uri) -> (&str, u16) {
    let host = uri.host().unwrap_or_default();
    (host.trim_start_matches('[').trim_end_matches(']'), uri.port_u16().unwrap_or(80))
}

/// The request as it is sent to the host itself (RFC 9112, section 3.2.1).
fn relative(request: Request<Bytes>) -> Result<Request<Full<Bytes>>, HttpError> {
    let (mut parts, body) = request.into_parts();
    if let Some(authority) = parts.uri.authority() {
        parts.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    }
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    parts.uri = path.parse()?;
    Ok(Request::from_parts(parts, Full::new(body)))
}
