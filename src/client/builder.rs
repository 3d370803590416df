//! The settings of a client.

use super::{
    BuildError, Client, MAX_CALLS_IN_FLIGHT, MAX_REPLY, MAX_TIMEOUT, calls::Calls, link::Keeper,
    look::Look,
};
use crate::{
    amqp::connect::{Dial, Steps},
    broker_uri::BrokerUri,
    tls::Tls,
    wire::{ReplyQueue, TraceParent, check_queue_name},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Semaphore, mpsc};

/// The longest name of a connection, in bytes.
const MAX_CONNECTION_NAME: usize = 255;
/// How long an attempt to connect may take, whatever the timeout of the call that it is made for: a
/// later call finds the connection made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The least that one of several brokers gets of it.
const LEAST_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
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

impl ClientBuilder {
    /// The defaults: queue `rpc_queue`, timeout 10 s.
    pub(super) fn new(uri: BrokerUri) -> Self {
        Self {
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
    ///
    /// [`CallError::NoQueue`]: super::CallError::NoQueue
    /// [`CallError::NoServer`]: super::CallError::NoServer
    /// [`CallError::Refused`]: super::CallError::Refused
    /// [`CallError::Unreachable`]: super::CallError::Unreachable
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
        let (calls, steps) = (Arc::new(Calls::default()), Steps::default());
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
            steps: steps.clone(),
        };
        let look = Look { uris: self.uris.clone(), dial: dial.clone(), queue: self.queue.clone() };
        let table = Arc::clone(&calls);
        let reply_queue = self.reply_queue;
        let keeper = Keeper::new(self.uris, dial, self.queue, reply_queue, self.trace, table);
        // Should the task die, its end of the channel goes, and every call ends with `Closed`.
        tokio::spawn(keeper.run(inbox));
        Ok(Client {
            calls,
            places: Arc::new(Semaphore::new(MAX_CALLS_IN_FLIGHT)),
            fresh,
            timeout: self.timeout,
            waits_for_server: self.waits_for_server,
            steps,
            look: Arc::new(look),
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
