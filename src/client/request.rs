//! What may be asked of any server, and what it answers.

use super::Timing;
use crate::wire::{Header, Method, Properties, TIMING_HEADER};
use bytes::Bytes;
use std::time::Duration;

/// The longest text that a property can hold, in bytes.
const MAX_TEXT: usize = 255;

/// Most bytes that the headers of a request may take: they have to fit one frame, of 32 KiB.
const MAX_HEADERS: usize = 24 << 10;

/// A request to any RPC server: one that sends its reply to `reply_to`, with the request's
/// `correlation_id`.
///
/// It goes to the client's queue unless [`Request::to`] says otherwise. What it does not say is
/// filled in: `correlation_id` (a UUID), `reply_to`, `expiration` and the header `x-deadline` (what is
/// left of the timeout), `timestamp`, `delivery_mode` (transient).
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use fibrpc::{Client, Request};
///
/// let uri = "amqp://guest:guest@127.0.0.1:5672/%2f".parse()?;
/// let client = Client::builder(uri).queue("prices").build()?;
/// let request = Request::new(r#"{"item": 7}"#)
///     .content_type("application/json")
///     .header("x-tenant", "acme");
/// let reply = client.request(request).await?;
/// println!("{}: {}", reply.properties.content_type.unwrap_or_default(), reply.body.len());
/// client.close().await;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub(super) body: Bytes,
    pub(super) properties: Properties,
    /// Exchange and routing key.
    pub(super) to: Option<(String, String)>,
    pub(super) resend: bool,
}

/// A reply that is no error.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// What it says beside its body.
    pub properties: Properties,
    /// The body.
    pub body: Vec<u8>,
    /// How long it took, connecting included.
    pub elapsed: Duration,
    /// Where that time went.
    pub timing: Timing,
}

/// Why a [`Request`] cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A text is too long.
    #[error("{what} is {length} bytes long; at most {MAX_TEXT} are possible")]
    TooLong {
        /// The property, or what it is.
        what: String,
        /// How many bytes it has.
        length: usize,
    },
    /// The headers are too long together.
    #[error("the headers take {size} bytes; at most {MAX_HEADERS} are possible")]
    Headers {
        /// How many bytes they take.
        size: usize,
    },
    /// No broker takes such an expiration.
    #[error("the expiration {0:?} is no number of milliseconds; give digits only, such as 5000")]
    Expiration(String),
    /// Replies could not be told apart.
    #[error("another call with the correlation id {0:?} is under way; give each its own")]
    SameId(String),
}

impl Request {
    /// A request with this body.
    #[must_use]
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// A call of a method of our server: it may be made twice.
    pub(crate) fn of_method(method: Method, body: Vec<u8>) -> Self {
        let said = Self::new(body).method(method.name()).content_type("text/plain");
        said.resend_if_lost(true)
    }

    /// The same request with this body.
    #[must_use]
    pub fn body_of(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The method: the property `type`.
    #[must_use]
    pub fn method(mut self, name: impl Into<String>) -> Self {
        self.properties.kind = Some(name.into());
        self
    }

    /// The media type of the body.
    #[must_use]
    pub fn content_type(mut self, name: impl Into<String>) -> Self {
        self.properties.content_type = Some(name.into());
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Header>) -> Self {
        self.properties.headers.push((name.into(), value.into()));
        self
    }

    /// An id of your own; no other call under way may have it.
    #[must_use]
    pub fn correlation_id(mut self, id: impl Into<String>) -> Self {
        self.properties.correlation_id = Some(id.into());
        self
    }

    /// These properties instead of those given so far. `reply_to` is always the client's.
    #[must_use]
    pub fn properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// Where it goes instead of the client's queue.
    ///
    /// Whether a server consumes there is not known then: without one, a request that was routed
    /// times out. With [`ClientBuilder::wait_for_server`] it waits for a
    /// route.
    ///
    /// [`ClientBuilder::wait_for_server`]: super::ClientBuilder::wait_for_server
    #[must_use]
    pub fn to(mut self, exchange: impl Into<String>, routing_key: impl Into<String>) -> Self {
        self.to = Some((exchange.into(), routing_key.into()));
        self
    }

    /// Whether it is sent again where the connection is lost before the reply. The server may then
    /// get it twice, so by default it is not: [`CallError::Lost`](super::CallError::Lost).
    #[must_use]
    pub fn resend_if_lost(mut self, resend: bool) -> Self {
        self.resend = resend;
        self
    }

    /// Asks the server to say how long it had the request, in [`Timing::server`]. Ours does; others
    /// see one more header.
    #[must_use]
    pub fn timed(self) -> Self {
        self.header(TIMING_HEADER, true)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether the broker may object to it, and not to others.
    pub(super) fn is_special(&self) -> bool {
        self.to.is_some() || self.properties.user_id.is_some()
    }

    /// Whether AMQP can carry it.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
        let properties = self
            .properties
            .texts()
            .into_iter()
            .filter_map(|(name, text)| Some((format!("the property {name}"), text?.len())));
        let to = self.to.iter().flat_map(|(exchange, key)| {
            [("the exchange".to_owned(), exchange.len()), ("the routing key".to_owned(), key.len())]
        });
        let headers = &self.properties.headers;
        let names = headers.iter().map(|(name, _)| ("the name of a header".to_owned(), name.len()));
        let long = properties.chain(to).chain(names).find(|(_, length)| *length > MAX_TEXT);
        if let Some((what, length)) = long {
            return Err(RequestError::TooLong { what, length });
        }
        match self.properties.headers_size() {
            0..=MAX_HEADERS => {}
            size => return Err(RequestError::Headers { size }),
        }
        match &self.properties.expiration {
            Some(text) if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(RequestError::Expiration(text.clone()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_amqp_cannot_carry_is_refused_with_its_name() {
        let long = "x".repeat(256);
        let refused = |request: Request| request.check().unwrap_err().to_string();
        let too_long = "is 256 bytes long; at most 255 are possible";
        let request = || Request::new("");
        assert_eq!(refused(request().method(&long)), format!("the property type {too_long}"));
        assert_eq!(refused(request().to("", &long)), format!("the routing key {too_long}"));
        assert_eq!(refused(request().header(&long, 1)), format!("the name of a header {too_long}"));
        let request = |text: &str| {
            let expiration = Some(text.to_owned());
            request().properties(Properties { expiration, ..Properties::default() })
        };
        for wrong in ["", "5s", "-1"] {
            assert!(refused(request(wrong)).contains("give digits only"), "{wrong}");
        }
        assert_eq!(request("5000").check(), Ok(()));
        let headers = Request::new("").header("a", "x".repeat(MAX_HEADERS));
        assert!(refused(headers).contains("the headers take 24583 bytes"));
    }
}
