//! One connection to a broker, opened within a deadline, and how it is taken down.

use super::{
    Cause, LinkError,
    transport::{Cut, CutOnDrop, Sockets},
};
use crate::broker_uri::BrokerUri;
use async_rs::{Runtime, Tokio, traits::Reactor as _, util::RuntimeParts};
use futures_util::{Stream, StreamExt as _};
use lapin::{
    Channel, Connection, ConnectionProperties, Event,
    tcp::AsyncTcpStream,
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo},
};
use std::{pin::Pin, time::Duration};
use tokio::time::timeout;

/// How long the broker may take to answer a method on an open connection.
pub(super) const METHOD_TIMEOUT: Duration = Duration::from_secs(10);

/// How to connect.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    /// Bounds the whole attempt: name lookup, TCP, AMQP handshake.
    pub(crate) timeout: Duration,
    pub(crate) heartbeat: Duration,
    /// Shown by the broker's management tools.
    pub(crate) name: String,
}

/// An open connection. Dropping it cuts the socket.
pub(super) struct Link {
    connection: Connection,
    _cut: CutOnDrop,
}

/// Awaits an answer of the broker, with the deadline every such wait has.
pub(super) async fn answer<T>(
    what: &str,
    future: impl Future<Output = lapin::Result<T>>,
) -> Result<T, LinkError> {
    match timeout(METHOD_TIMEOUT, future).await {
        Ok(result) => result.map_err(|error| LinkError::from(error).during(what)),
        Err(_) => Err(LinkError::timeout(what, METHOD_TIMEOUT)),
    }
}

impl Link {
    pub(super) async fn open(uri: &BrokerUri, dial: &Dial) -> Result<Self, LinkError> {
        let what = format!("connecting to {uri}");
        let cut = Cut::default();
        // Without it an unfinished handshake would go on for ever in lapin's thread.
        let guard = cut.on_drop();
        let tokio = Tokio::current();
        let sockets = Sockets::new(tokio.clone(), cut, dial.timeout);
        let runtime = Runtime::new(RuntimeParts::new(tokio, sockets));
        let connecting = Connection::connector(
            lapin_uri(uri, dial.heartbeat),
            runtime,
            async |uri: AMQPUri, runtime| {
                let host = (uri.authority.host, uri.authority.port);
                let socket = runtime.tcp_connect(runtime.to_socket_addrs(host)).await?;
                Ok(AsyncTcpStream::Plain(socket))
            },
            properties(&dial.name),
        );
        match timeout(dial.timeout, connecting).await {
            Ok(Ok(connection)) => Ok(Self { connection, _cut: guard }),
            Ok(Err(error)) => Err(LinkError::from(error).during(&what)),
            Err(_) => Err(LinkError::timeout(&what, dial.timeout)),
        }
    }

    pub(super) async fn channel(&self) -> Result<Channel, LinkError> {
        answer("opening a channel", self.connection.create_channel()).await
    }

    /// What happens to the connection from now on.
    pub(super) fn events(&self) -> Pin<Box<dyn Stream<Item = Event> + Send>> {
        self.connection.events_listener().boxed()
    }

    /// The error of an event that ends the connection.
    ///
    /// lapin also reports what ended a single channel: whoever uses that channel learns of it
    /// there.
    pub(super) fn ending(&self, event: Option<Event>) -> Option<LinkError> {
        match event {
            Some(Event::Error(_)) if self.connection.status().connected() => None,
            Some(Event::Error(error)) => Some(error.into()),
            None => Some(LinkError::new(Cause::Network, "the connection ended")),
            Some(_) => None,
        }
    }

    /// Says goodbye, so that the broker logs no error; cuts the socket if that takes too long.
    pub(super) async fn close(self, limit: Duration) {
        let goodbye = self.connection.close(200, "OK".into());
        // Whatever comes of it, the connection is over.
        let _ = timeout(limit, goodbye).await;
    }
}

fn lapin_uri(uri: &BrokerUri, heartbeat: Duration) -> AMQPUri {
    AMQPUri {
        scheme: AMQPScheme::AMQP,
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
            heartbeat: Some(u16::try_from(heartbeat.as_secs()).unwrap_or(u16::MAX)),
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
