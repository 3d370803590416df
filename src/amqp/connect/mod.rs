//! One connection to a broker: opened within a deadline, closed in order or cut.

use super::{
    Cause, LinkError,
    transport::{Arrivals, KillOnDrop, KillSwitch, Socket, Sockets, Target, stream::Secure},
};
use crate::{broker_uri::BrokerUri, threads, tls::Tls};
use async_rs::{Runtime, Tokio, util::RuntimeParts};
use futures_util::{Stream, StreamExt as _};
use lapin::{
    Channel, Connection, ConnectionProperties, Event,
    tcp::AsyncTcpStream,
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism},
};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How long the broker may take to answer a method on an open connection.
pub(crate) const METHOD_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest frame we propose, in bytes; a broker may lower it but not raise it.
///
/// lapin fills two buffers of 32 such frames for each connection, and would take a broker's 0,
/// which means no limit, literally. The value was measured, see docs/measured/frames.md.
const FRAME_MAX: u32 = 32 << 10;

/// How to connect.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    /// Bounds the whole attempt: name lookup, TCP, TLS and AMQP handshakes.
    pub(crate) timeout: Duration,
    pub(crate) heartbeat: Duration,
    /// Shown by the broker's management tools.
    pub(crate) name: String,
    /// For brokers with TLS; `None` if no authority is trusted.
    pub(crate) tls: Option<Tls>,
}

impl Dial {
    /// Whether to log in by client certificate instead of user and password: if there is a
    /// certificate and the URI names no user.
    fn is_external(&self, uri: &BrokerUri) -> bool {
        let has_certificate = self.tls.as_ref().is_some_and(Tls::has_certificate);
        uri.is_tls() && has_certificate && !uri.names_user()
    }

    fn secure(&self, uri: &BrokerUri) -> Result<Option<Secure>, LinkError> {
        if !uri.is_tls() {
            return Ok(None);
        }
        let Some(tls) = &self.tls else {
            let message = "no certificate authority is trusted; name a CA file";
            return Err(LinkError::new(Cause::Tls, message));
        };
        Ok(Some(Secure::new(tls, uri.host())?))
    }
}

/// An open connection. Dropping it cuts the socket.
pub(crate) struct Link {
    connection: Connection,
    written: Arc<AtomicU64>,
    arrivals: Arrivals,
    _cut: KillOnDrop,
}

/// Awaits the broker's answer to a method, for at most [`METHOD_TIMEOUT`].
pub(crate) async fn answer<T>(
    what: &str,
    future: impl Future<Output = lapin::Result<T>>,
) -> Result<T, LinkError> {
    match timeout(METHOD_TIMEOUT, future).await {
        Ok(result) => result.map_err(|error| LinkError::from(error).during(what)),
        Err(_) => Err(LinkError::timeout(what, METHOD_TIMEOUT)),
    }
}

impl Link {
    pub(crate) async fn open(uri: &BrokerUri, dial: &Dial) -> Result<Self, LinkError> {
        let what = format!("connecting to {uri}");
        let kill_switch = KillSwitch::default();
        // Without this guard an abandoned handshake would run on for ever in lapin's thread.
        let guard = kill_switch.on_drop();
        let tokio = Tokio::current();
        let secure = dial.secure(uri).map_err(|error| error.during(&what))?;
        let external = dial.is_external(uri);
        let runtime = Runtime::new(RuntimeParts::new(tokio.clone(), Sockets(tokio)));
        let target = Target {
            host: uri.host().to_owned(),
            port: uri.port(),
            secure,
            heartbeat: dial.heartbeat,
            kill_switch,
            written: Arc::default(),
            arrivals: Arrivals::default(),
        };
        let connecting = async {
            let socket = target.connect().await?;
            threads::two_are_left().await?; // lapin leaks a task where it is given none
            let lapin_uri = lapin_uri(uri, dial.heartbeat, external);
            let connection = handshake(socket, lapin_uri, runtime, properties(&dial.name)).await;
            connection.map_err(|error| {
                let error = LinkError::from(error);
                if external { error.of_external_login() } else { error }
            })
        };
        match timeout(dial.timeout, connecting).await {
            Ok(Ok(connection)) => {
                let Target { written, arrivals, .. } = target;
                Ok(Self { connection, written, arrivals, _cut: guard })
            }
            Ok(Err(error)) => Err(error.of_vhost(uri.vhost()).during(&what)),
            Err(_) => Err(LinkError::timeout(&what, dial.timeout)),
        }
    }

    pub(crate) async fn channel(&self) -> Result<Channel, LinkError> {
        answer("opening a channel", self.connection.create_channel()).await
    }

    /// Opens a channel; the caller sets a deadline.
    pub(crate) async fn channel_unhurried(&self) -> lapin::Result<Channel> {
        self.connection.create_channel().await
    }

    /// Whether the connection is up, as far as anybody has noticed.
    pub(crate) fn is_up(&self) -> bool {
        self.connection.status().connected()
    }

    /// Whether the broker has said that it takes no messages at present.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// How many bytes the network has taken so far.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// When the next delivery came out of the network; to be asked for each, in their order.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.arrivals.next()
    }

    /// The connection's events from now on.
    pub(crate) fn events(&self) -> Pin<Box<dyn Stream<Item = Event> + Send>> {
        self.connection.events_listener().boxed()
    }

    /// The error of an event that ends the connection.
    ///
    /// lapin also reports errors that end only a channel; those reach the channel's user directly.
    pub(crate) fn ending(&self, event: Option<Event>) -> Option<LinkError> {
        match event {
            Some(Event::Error(_)) if self.is_up() => None,
            Some(Event::Error(error)) => Some(error.into()),
            None => Some(LinkError::new(Cause::Network, "the connection ended")),
            Some(_) => None,
        }
    }

    /// Closes the connection in order, so that the broker logs no error. After `limit` it is over
    /// in any case, and is to be dropped.
    pub(crate) async fn close(&self, limit: Duration) {
        if timeout(limit, self.connection.close(200, "OK".into())).await.is_err() {
            tracing::debug!("no answer to the goodbye within {limit:?}");
        }
    }
}

/// Makes the AMQP handshake over a connected socket.
///
/// lapin could connect by itself, but would leak two tasks and its channels with each failed
/// attempt: it stops them only once it has had a socket.
async fn handshake(
    socket: Socket,
    uri: AMQPUri,
    runtime: Runtime<RuntimeParts<Tokio, Sockets>>,
    properties: ConnectionProperties,
) -> lapin::Result<Connection> {
    // lapin may ask for another socket after a failed handshake; retrying is up to our supervisor.
    let socket = Mutex::new(Some(socket));
    let give = async move |_, _| {
        let socket = socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        let socket = socket.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))?;
        Ok(AsyncTcpStream::Plain(socket))
    };
    Connection::connector(uri, runtime, give, properties).await
}

fn lapin_uri(uri: &BrokerUri, heartbeat: Duration, external: bool) -> AMQPUri {
    let mechanism = if external { SASLMechanism::External } else { SASLMechanism::Plain };
    AMQPUri {
        scheme: AMQPScheme::AMQP, // also with TLS, which is below what lapin sees
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: uri.user().to_owned(),
                password: uri.password().to_owned(),
            },
            host: uri.host().to_owned(),
            port: uri.port(),
        },
        vhost: uri.vhost().to_owned(),
        query: AMQPQueryString {
            frame_max: Some(FRAME_MAX),
            heartbeat: Some(u16::try_from(heartbeat.as_secs()).unwrap_or(u16::MAX)),
            auth_mechanism: Some(mechanism),
            ..AMQPQueryString::default()
        },
    }
}

fn properties(name: &str) -> ConnectionProperties {
    ConnectionProperties::default()
        .with_connection_name(name.into())
        .with_client_property("product".into(), env!("CARGO_PKG_NAME").into())
        .with_client_property("version".into(), crate::VERSION.into())
}

#[cfg(test)]
mod tests;
