//! One request over HTTP/1.1 without TLS: for what runs nearby.

use crate::lookup;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, Uri, client::conn::http1, header::HOST, http::HeaderValue,
    http::uri::PathAndQuery,
};
use hyper_util::rt::TokioIo;
use std::error::Error;
use tokio::net::TcpStream;

/// Sends a request on a connection of its own, and reads the answer if its body has no more than so
/// many bytes. The caller sets a deadline.
///
/// # Errors
/// There is no such answer.
pub(crate) async fn exchange(
    request: Request<Bytes>,
    most: usize,
) -> Result<Response<Bytes>, Box<dyn Error + Send + Sync>> {
    let (host, port) = address(request.uri());
    let stream = TcpStream::connect(&*lookup::addresses(host, port).await?).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let answer = sender.send_request(relative(request)?).await?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, most).collect().await?;
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
fn relative(request: Request<Bytes>) -> Result<Request<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    let (mut parts, body) = request.into_parts();
    if let Some(authority) = parts.uri.authority() {
        parts.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    }
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    parts.uri = path.parse()?;
    Ok(Request::from_parts(parts, Full::new(body)))
}
