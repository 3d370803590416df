//! The client: makes calls and matches replies by correlation id.
//!
//! [`Client`] is a handle; clones share one connection, one callback queue, and one task that
//! keeps both. A call is sent again when the connection was lost before its reply came (the calls
//! are idempotent), within the call's timeout.

mod blocking;
mod builder;
mod calls;
mod error;
mod link;
mod look;
mod probe;
mod request;
mod timing;

pub use self::{
    blocking::BlockingClient,
    builder::ClientBuilder,
    error::{BuildError, CallError},
    look::{BrokerState, QueueState},
    request::{Reply, Request, RequestError},
    timing::Timing,
};

pub use crate::amqp::connect::Step as ConnectStep;

use self::{calls::Calls, look::Look};
use crate::{
    amqp::connect::Steps,
    broker_uri::BrokerUri,
    wire::{Method, NO_ARGUMENT, PONG, ReplyError},
};
use serde_json::{Map, Value};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, mpsc};

/// The longest timeout of a call.
pub const MAX_TIMEOUT: Duration = Duration::from_hours(24);

/// Most calls of one client at once; further ones wait for a place, within their timeout.
pub const MAX_CALLS_IN_FLIGHT: usize = 4096;

/// The longest reply that is taken by default, in bytes: more than F(10^9) has digits, which is the
/// largest that any server computes.
pub const MAX_REPLY: u64 = 256 << 20;

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
    steps: Steps,
    look: Arc<Look>,
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

impl Client {
    /// Starts with the defaults: queue `rpc_queue`, timeout 10 s.
    #[must_use]
    pub fn builder(uri: BrokerUri) -> ClientBuilder {
        ClientBuilder::new(uri)
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
        self.ping_timed(false).await.map(|(pong, _)| pong).map_err(|(error, _)| error)
    }

    /// The same, and where the time went, of which the server says its part if it is `asked` to.
    pub(crate) async fn ping_timed(
        &self,
        asked: bool,
    ) -> Result<(Pong, Timing), (CallError, Option<Timing>)> {
        let request = Request::of_method(Method::Ping, NO_ARGUMENT.to_vec());
        let request = if asked { request.timed() } else { request };
        let started = Instant::now();
        let Reply { body, timing, .. } = self.request_timed(request).await?;
        let elapsed = started.elapsed();
        Ok((Pong { elapsed, instead: (body != PONG).then_some(body) }, timing))
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

    /// What the server has done since it started, by method: a JSON object. Of several servers of a
    /// queue, one answers.
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer; [`ReplyError::NoStats`] that the one there is
    /// comes from a server that does not know `stats`.
    pub async fn stats(&self) -> Result<Map<String, Value>, CallError> {
        let body = self.call(Method::Stats, NO_ARGUMENT.to_vec()).await?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(stats)) => Ok(stats),
            _ => Err(ReplyError::no_stats(&body).into()),
        }
    }

    /// Looks at the broker and at the request queue, without a request: on a connection of its own,
    /// and by a passive declaration. It waits for nothing that is not there.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] if no broker can be reached, and its kin, such as
    /// [`CallError::LoginRefused`], if it does not let us look.
    pub async fn look(&self) -> Result<BrokerState, CallError> {
        self.look.within(self.timeout).await
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
    /// reply. [`Request`] has an example.
    ///
    /// Dropping the future gives the call up, at any moment, and nothing of it is kept. What was sent
    /// by then is not called back: the server may answer it, to nobody ([`Self::unmatched_replies`]).
    ///
    /// A reply whose header `x-fibrpc-status` is not `OK` is [`CallError::Failed`] or
    /// [`CallError::BadReply`]; other servers have no such header.
    ///
    /// # Errors
    /// [`CallError`] says why there is no reply.
    pub async fn request(&self, request: Request) -> Result<Reply, CallError> {
        self.request_timed(request).await.map_err(|(error, _)| error)
    }

    /// The same, and where the time went of a call that was late.
    pub(crate) async fn request_timed(
        &self,
        request: Request,
    ) -> Result<Reply, (CallError, Option<Timing>)> {
        let failed = |error: CallError| (error, None);
        request.check().map_err(|error| failed(error.into()))?;
        let deadline = Instant::now() + self.timeout;
        let late = tokio::time::sleep_until(deadline.into());
        tokio::pin!(late);
        let _place = tokio::select! {
            place = self.places.acquire() => place.map_err(|_| failed(CallError::Closed))?,
            () = &mut late => return Err(failed(CallError::NotSent(self.timeout))),
        };
        let begun = self.calls.begin(request, deadline, self.waits_for_server);
        let mut pending = begun.map_err(|error| failed(error.into()))?;
        // It is full where many calls were given up while none was sent.
        let told = self.fresh.send(pending.id().to_owned());
        tokio::select! {
            sent = told => sent.map_err(|_| failed(CallError::Closed))?,
            outcome = pending.outcome() => return outcome.map_err(failed),
            () = &mut late => return Err(failed(pending.late(self.timeout))),
        }
        tokio::select! {
            biased;
            outcome = pending.outcome() => outcome.map_err(failed),
            () = &mut late => Err((pending.late(self.timeout), pending.timing())),
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

    /// The steps of the connection that is made now, or was made last, and how long each took.
    #[must_use]
    pub fn connecting(&self) -> Vec<(ConnectStep, Duration)> {
        self.steps.taken()
    }

    /// Ends the connection; calls that are under way get [`CallError::Closed`].
    pub async fn close(self) {
        self.calls.close();
        // The task ends, and with it the receiver, once it has said goodbye to the broker.
        self.fresh.closed().await;
    }
}

#[cfg(test)]
mod tests;
