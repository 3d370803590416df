//! The way to the collector: HTTP/1.1 without TLS, as it runs beside the daemon.

use crate::http_client::exchange;
use async_trait::async_trait;
use hyper::{Request, Response};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use std::sync::{Arc, Mutex, PoisonError};

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
        let answer = exchange(request, MAX_ANSWER).await;
        if let Err(error) = &answer {
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(error.to_string());
        }
        answer
    }
}
