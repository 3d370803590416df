//! The client: makes calls and matches replies by correlation id.
//!
//! [`Client`] is a handle; clones share one connection, one callback queue, and one task that
//! keeps both. A call is sent again when the connection was lost before its reply came (the calls
//! are idempotent), within the call's timeout.

mod calls;
mod link;
mod probe;
mod request;

pub use self::request::{Reply, Request, RequestError};

use self::calls::Calls;
use crate::{
    amqp::connect::Dial,
    broker_uri::BrokerUri,
    tls::Tls,
    wire::{
        Failure, Method, NO_ARGUMENT, PONG, QueueNameError, ReplyError, ReplyQueue, TraceParent,
        check_queue_name,
    },
};
use serde_json::{Map, Value};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, mpsc};

/// The longest timeout of a call.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// The longest name of a connection, in bytes.
const MAX_CONNECTION_NAME: usize = 255;

/// Most calls of one client at once; further ones wait for a place, within their timeout.
pub const MAX_CALLS_IN_FLIGHT: usize = 4096;

/// The longest reply that is taken by default, in bytes: more than F(10^9) has digits, which is the
/// largest that any server computes.
pub const MAX_REPLY: u64 = 256 << 20;

/// How long an attempt to connect may take, whatever the timeout of the call that it is made for: a
/// later call finds the connection made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The least that one of several brokers gets of it.
const LEAST_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Makes calls.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let uri = "amqp://guest:guest@127.0.0.1:5672/%2f".parse()?;
/// let client = fibrpc::Client::builder(uri).build()?;
/// assert_eq!(client.fibonacci(30).await?, "832040");
/// client.close().await;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    calls: Arc<Calls>,
    places: Arc<Semaphore>,
    fresh: mpsc::Sender<String>,
    timeout: Duration,
    waits_for_server: bool,
}

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    uris: Vec<BrokerUri>,
    queue: String,
    timeout: Duration,
    waits_for_server: bool,
    name: String,
    heartbeat: Duration,
    tls: Option<Tls>,
    trace: Option<TraceParent>,
    max_reply: u64,
    reply_queue: ReplyQueue,
}

/// Why a [`ClientBuilder`] makes no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No queue has such a name.
    #[error("{0}")]
    Queue(#[from] QueueNameError),
    /// None, or more than [`MAX_TIMEOUT`].
    #[error("the timeout is {0:?}; it must be more than 0 and at most 1 day")]
    Timeout(Duration),
    /// More than brokers show.
    #[error("the name of the connection is {length} bytes long; at most 255 are possible")]
    ConnectionName {
        /// How many bytes it has.
        length: usize,
    },
}

/// The answer to a ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// How long it took.
    pub elapsed: Duration,
    /// The reply of a server that does not know `ping`, such as those of RabbitMQ's tutorial, which
    /// take every request for a number.
    pub instead: Option<Vec<u8>>,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server answered with an error.
    #[error("{0}")]
    Failed(Failure),
    /// The server answered with something this version does not understand.
    #[error("{0}")]
    BadReply(#[from] ReplyError),
    /// No reply came in time, though the broker had the request.
    #[error(
        "no reply within {0:?}, though the broker has the request; is the server busy? allow more time"
    )]
    TimedOut(Duration),
    /// No reply came in time, and nobody consumes from the request queue any more; nor does the
    /// request wait there.
    #[error(
        "no reply within {timeout:?}; queue \"{queue}\" shows neither a consumer nor the request: \
         is its server being stopped, or the queue not available?"
    )]
    NoConsumer {
        /// The request queue.
        queue: String,
        /// How long the call waited.
        timeout: Duration,
    },
    /// The time was over before the broker said that it has the request.
    #[error("the broker did not confirm within {0:?} that it has the request; is it overloaded?")]
    Unconfirmed(Duration),
    /// The time was over before the call could be made: too many others were under way.
    #[error(
        "not sent within {0:?}: {MAX_CALLS_IN_FLIGHT} calls of this client were under way all the \
         time"
    )]
    NotSent(Duration),
    /// The request queue does not exist.
    #[error("there is no queue \"{0}\"; is the server running, and the queue's name right?")]
    NoQueue(String),
    /// The request queue exists, but nobody consumes from it.
    #[error("no server is consuming from queue \"{0}\"; start fibrpcd")]
    NoServer(String),
    /// The broker refuses the request: the request queue is full.
    #[error(
        "the broker refuses the call: queue \"{0}\" is full (its max-length, with the overflow \
         reject-publish) or not available; is the server too slow?"
    )]
    Refused(String),
    /// The request is larger than the broker takes.
    #[error("the request of {size} bytes is larger than the broker takes, which is {limit} bytes")]
    TooLarge {
        /// The size of the body.
        size: usize,
        /// The largest the broker takes (`max_message_size` of `RabbitMQ`).
        limit: usize,
    },
    /// The reply is longer than the client takes ([`ClientBuilder::max_reply`]).
    #[error("the reply is longer than this client takes, which is {limit} bytes")]
    ReplyTooLarge {
        /// The longest that it takes.
        limit: u64,
    },
    /// The exchange has no queue for the routing key ([`Request::to`]).
    #[error(
        "exchange \"{exchange}\" has no queue for the routing key \"{key}\"; is the server running, and \
         the key right?"
    )]
    NoRoute {
        /// The exchange.
        exchange: String,
        /// The routing key.
        key: String,
    },
    /// The broker objects to the request: an exchange that does not exist or may not be used, a
    /// `user_id` that is another user's.
    #[error("the broker rejects the request: {0}")]
    Rejected(String),
    /// The connection was lost after the request was sent ([`Request::resend_if_lost`]).
    #[error(
        "the connection was lost before the reply: {0}; the server may have done the work, or do it yet"
    )]
    Lost(String),
    /// No message can carry the request.
    #[error("{0}")]
    Invalid(#[from] RequestError),
    /// The broker could not be reached, or refused.
    #[error("{0}")]
    Unreachable(String),
    /// The client was closed, or its task died.
    #[error("the client is closed")]
    Closed,
}

impl Client {
    /// Starts with the defaults: queue `rpc_queue`, timeout 10 s.
    #[must_use]
    pub fn builder(uri: BrokerUri) -> ClientBuilder {
        ClientBuilder {
            uris: vec![uri],
            queue: "rpc_queue".to_owned(),
            timeout: Duration::from_secs(10),
            waits_for_server: false,
            name: "fibrpc client".to_owned(),
            heartbeat: Duration::from_secs(10),
            tls: None,
            trace: None,
            max_reply: MAX_REPLY,
            reply_queue: ReplyQueue::default(),
        }
    }

    /// F(n) in decimal.
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer.
    pub async fn fibonacci(&self, n: u64) -> Result<String, CallError> {
        let body = self.call(Method::Fib, n.to_string().into_bytes()).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer.
    pub async fn ping(&self) -> Result<Pong, CallError> {
        let started = Instant::now();
        let answer = self.call(Method::Ping, NO_ARGUMENT.to_vec()).await?;
        let elapsed = started.elapsed();
        Ok(Pong { elapsed, instead: (answer != PONG).then_some(answer) })
    }

    /// What the server says of itself: a JSON object.
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer; [`ReplyError::NoInfo`] that the one there is
    /// comes from a server that does not know `info`.
    pub async fn info(&self) -> Result<Map<String, Value>, CallError> {
        let body = self.call(Method::Info, NO_ARGUMENT.to_vec()).await?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(info)) => Ok(info),
            _ => Err(ReplyError::no_info(&body).into()),
        }
    }

    /// Calls a method with any body; the server judges it. Returns the body of the reply.
    ///
    /// The timeout covers everything: connecting, waiting for a place, sending, the reply.
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer.
    pub async fn call(&self, method: Method, body: Vec<u8>) -> Result<Vec<u8>, CallError> {
        self.request(Request::of_method(method, body)).await.map(|reply| reply.body)
    }

    /// Sends any request, to any server that answers in the way of RPC over AMQP, and waits for its
    /// reply. Dropping the future gives the call up. [`Request`] has an example.
    ///
    /// A reply whose header `x-fibrpc-status` is not `OK` is [`CallError::Failed`] or
    /// [`CallError::BadReply`]; other servers have no such header.
    ///
    /// # Errors
    /// [`CallError`] says why there is no reply.
    pub async fn request(&self, request: Request) -> Result<Reply, CallError> {
        request.check()?;
        let deadline = Instant::now() + self.timeout;
        let late = tokio::time::sleep_until(deadline.into());
        tokio::pin!(late);
        let _place = tokio::select! {
            place = self.places.acquire() => place.map_err(|_| CallError::Closed)?,
            () = &mut late => return Err(CallError::NotSent(self.timeout)),
        };
        let mut pending = self.calls.begin(request, deadline, self.waits_for_server)?;
        tokio::select! {
            sent = self.fresh.send(pending.id().to_owned()) => sent.map_err(|_| CallError::Closed)?,
            () = &mut late => return Err(pending.late(self.timeout)),
        }
        tokio::select! {
            biased;
            outcome = pending.outcome() => outcome,
            () = &mut late => Err(pending.late(self.timeout)),
        }
    }

    /// Replies that matched no call: late ones, duplicates, and foreign ones.
    #[must_use]
    pub fn unmatched_replies(&self) -> u64 {
        self.calls.unmatched()
    }

    /// What calls wait for at the moment beside their answers, in words: a broker that cannot be
    /// reached or takes no messages, a server that is not there.
    #[must_use]
    pub fn waiting_for(&self) -> Option<String> {
        self.calls.waiting_for()
    }

    /// Ends the connection; calls that are under way get [`CallError::Closed`].
    pub async fn close(self) {
        self.calls.close();
        // The task ends, and with it the receiver, once it has said goodbye to the broker.
        self.fresh.closed().await;
    }
}

impl ClientBuilder {
    /// Another node of the same cluster, tried when the ones before it cannot be reached.
    #[must_use]
    pub fn uri(mut self, uri: BrokerUri) -> Self {
        self.uris.push(uri);
        self
    }

    /// The request queue: a name of 1 to 255 bytes.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = queue.into();
        self
    }

    /// How long a call may take, connecting included; at most [`MAX_TIMEOUT`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether a call waits, within its timeout, for a server to come where there is none, for
    /// room in a full queue, and for a broker that was never reached: long enough to sit out a
    /// restart of any of them. Otherwise, and by default, [`CallError::NoQueue`],
    /// [`CallError::NoServer`], [`CallError::Refused`] and [`CallError::Unreachable`] come as soon
    /// as that is certain. A broker that goes away later is waited for in any case.
    #[must_use]
    pub fn wait_for_server(mut self, wait: bool) -> Self {
        self.waits_for_server = wait;
        self
    }

    /// The connection's name in the broker's management tools, of at most 255 bytes.
    #[must_use]
    pub fn connection_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Another password for the URIs given so far, from where secrets are kept.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.uris = self.uris.into_iter().map(|uri| uri.with_password(password)).collect();
        self
    }

    /// Whom to trust and who we are, for `amqps` URIs. Without it, the system's store is trusted.
    ///
    /// With a client certificate, and for a URI that names no user, the certificate is what the
    /// broker logs in by (SASL EXTERNAL).
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The span of the caller's that all calls are part of, sent with them in the header
    /// `traceparent`. A server that exports traces adds its spans to that trace, if it is sampled.
    #[must_use]
    pub fn trace(mut self, parent: TraceParent) -> Self {
        self.trace = Some(parent);
        self
    }

    /// The longest reply that is taken, in bytes; [`MAX_REPLY`] by default. Of a longer one no more
    /// is kept in memory.
    #[must_use]
    pub fn max_reply(mut self, bytes: u64) -> Self {
        self.max_reply = bytes;
        self
    }

    /// Where replies arrive: an exclusive queue by default.
    #[must_use]
    pub fn reply_queue(mut self, reply_queue: ReplyQueue) -> Self {
        self.reply_queue = reply_queue;
        self
    }

    /// How long an attempt to connect may take: so that each of several brokers is tried within a
    /// call.
    fn connect_timeout(&self) -> Duration {
        match u32::try_from(self.uris.len()).unwrap_or(u32::MAX) {
            0 | 1 => CONNECT_TIMEOUT,
            count => (self.timeout / count).clamp(LEAST_CONNECT_TIMEOUT, CONNECT_TIMEOUT),
        }
    }

    /// Makes the client. It connects with the first call.
    ///
    /// # Errors
    /// [`BuildError`] names the setting that makes no sense.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time enabled.
    pub fn build(self) -> Result<Client, BuildError> {
        self.check()?;
        let calls = Arc::new(Calls::default());
        let (fresh, inbox) = mpsc::channel(MAX_CALLS_IN_FLIGHT);
        let wants_tls = self.uris.iter().any(BrokerUri::is_tls);
        let dial = Dial {
            timeout: self.connect_timeout(),
            heartbeat: self.heartbeat,
            name: self.name,
            // The first call reports an empty system store, as there is no other place for it.
            tls: self.tls.or_else(|| wants_tls.then(Tls::system)?.ok()),
            max_body: self.max_reply,
            all_properties: true,
        };
        let table = Arc::clone(&calls);
        let reply_queue = self.reply_queue;
        let keeper = link::Keeper::new(self.uris, dial, self.queue, reply_queue, self.trace, table);
        // Should the task die, its end of the channel goes, and every call ends with `Closed`.
        tokio::spawn(keeper.run(inbox));
        Ok(Client {
            calls,
            places: Arc::new(Semaphore::new(MAX_CALLS_IN_FLIGHT)),
            fresh,
            timeout: self.timeout,
            waits_for_server: self.waits_for_server,
        })
    }

    fn check(&self) -> Result<(), BuildError> {
        check_queue_name(&self.queue)?;
        if self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            return Err(BuildError::Timeout(self.timeout));
        }
        match self.name.len() {
            0..=MAX_CONNECTION_NAME => Ok(()),
            length => Err(BuildError::ConnectionName { length }),
        }
    }
}
