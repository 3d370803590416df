//! One connection to a broker: opened within a deadline, closed in order or cut.

mod addresses;
mod steps;

pub use self::steps::Step;
pub(crate) use self::steps::Steps;

use self::addresses::{Addresses, Race, silent};
use super::{
    Cause, LinkError,
    error::broker_reply,
    transport::{
        Arrivals, KillOnDrop, KillSwitch, Socket, Sockets, Target,
        frames::{Greeted, Greeting},
        stream::{Secure, Stream as Transport},
    },
};
use crate::{broker_uri::BrokerUri, lookup, threads, tls::Tls};
use async_rs::{Runtime, Tokio, util::RuntimeParts};
use futures_util::{Stream, StreamExt as _};
use lapin::{
    Channel, Connection, ConnectionProperties, Event,
    tcp::AsyncTcpStream,
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism},
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{self, Duration},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

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
    /// Bounds the whole attempt: name lookup, TCP, TLS and AMQP handshakes, for all addresses.
    pub(crate) timeout: Duration,
    pub(crate) heartbeat: Duration,
    /// Shown by the broker's management tools.
    pub(crate) name: String,
    /// For brokers with TLS; `None` if no authority is trusted.
    pub(crate) tls: Option<Tls>,
    /// Of a body that is longer, one byte more than this is kept, and no more.
    pub(crate) max_body: u64,
    /// Whether all properties of messages are wanted, or those that a server looks at.
    pub(crate) all_properties: bool,
    /// Where it is noted how long connecting takes.
    pub(crate) steps: Steps,
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
    address: SocketAddr,
    greeted: Greeted,
    written: Arc<AtomicU64>,
    arrivals: Arrivals,
    /// How many numbers of channels lapin answers with an old error.
    spent: AtomicU32,
    /// How many of them it has answered so, and does not give out any more.
    lost: AtomicU32,
    _cut: KillOnDrop,
}

/// Most numbers of channels that may be of no use before a new connection is made.
const MOST_SPENT: u32 = 64;

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
    /// Connects to whichever address of the host does first.
    pub(crate) async fn open(uri: &BrokerUri, dial: &Dial) -> Result<Self, LinkError> {
        let what = format!("connecting to {uri}");
        let deadline = Instant::now() + dial.timeout;
        dial.steps.begin();
        let found = timeout_at(deadline, lookup::addresses(uri.host(), uri.port())).await;
        let opened = match found {
            Err(_) => Err(LinkError::timeout("looking the host up", dial.timeout)),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(found)) => {
                dial.steps.done(Step::Lookup);
                Self::open_any(found, deadline, uri, dial).await
            }
        };
        opened.map_err(|error| error.during(&what))
    }

    /// Connects to one address of the host.
    pub(crate) async fn open_at(
        address: SocketAddr,
        uri: &BrokerUri,
        dial: &Dial,
    ) -> Result<Self, LinkError> {
        let what = format!("connecting to {uri} at {address}");
        let deadline = Instant::now() + dial.timeout;
        let opened = Self::open_any([address], deadline, uri, dial).await;
        opened.map_err(|error| error.during(&what))
    }

    /// Connects to whichever of these addresses does first.
    pub(in crate::amqp) async fn open_any(
        addresses: impl IntoIterator<Item = SocketAddr>,
        deadline: Instant,
        uri: &BrokerUri,
        dial: &Dial,
    ) -> Result<Self, LinkError> {
        let secure = dial.secure(uri)?;
        let mut race = Race::between(Addresses::of(addresses));
        while let Ok(Some((address, tcp))) = timeout_at(deadline, race.next()).await {
            dial.steps.done(Step::Tcp);
            // A peer that accepts and says nothing leaves the others their time.
            let others = u32::try_from(race.left()).unwrap_or(u32::MAX);
            let left = deadline.saturating_duration_since(Instant::now());
            let share = if others == 0 { left } else { left / (others + 1) };
            match timeout(share, Self::establish(tcp, address, secure.clone(), uri, dial)).await {
                Ok(Ok(link)) => return Ok(link),
                // Another address is another way to a broker that has said no.
                Ok(Err(error))
                    if matches!(error.cause, Cause::AccessRefused(_) | Cause::NoVhost) =>
                {
                    return Err(error);
                }
                Ok(Err(error)) => race.failed(address, error),
                // In whole seconds, so that the text is the same each time.
                Err(_) if others > 0 => {
                    let share = Duration::from_secs((share + Duration::from_millis(500)).as_secs());
                    race.failed(address, silent(share));
                }
                Err(_) => race.failed(address, silent(dial.timeout)),
            }
        }
        Err(race.into_error(dial.timeout))
    }

    /// Makes a connection of a socket; the caller sets a deadline.
    async fn establish(
        tcp: TcpStream,
        address: SocketAddr,
        secure: Option<Secure>,
        uri: &BrokerUri,
        dial: &Dial,
    ) -> Result<Self, LinkError> {
        let kill_switch = KillSwitch::default();
        // Without this guard an abandoned handshake would run on for ever in lapin's thread.
        let guard = kill_switch.on_drop();
        let tokio = Tokio::current();
        let external = dial.is_external(uri);
        let runtime = Runtime::new(RuntimeParts::new(tokio.clone(), Sockets(tokio)));
        let target = Target {
            heartbeat: dial.heartbeat,
            max_body: dial.max_body,
            all_properties: dial.all_properties,
            kill_switch,
            written: Arc::default(),
            arrivals: Arrivals::default(),
            greeted: Greeted::default(),
        };
        let is_tls = secure.is_some();
        let socket = Socket::new(Transport::over(tcp, secure).await?, &target);
        if is_tls {
            dial.steps.done(Step::Tls);
        }
        threads::two_are_left().await?; // lapin leaks a task where it is given none
        let greeted = Greeted::clone(&target.greeted);
        let mechanism = if external { SASLMechanism::External } else { SASLMechanism::Plain };
        let lapin_uri = lapin_uri(uri, dial.heartbeat, mechanism);
        let connection = handshake(socket, lapin_uri, runtime, properties(&dial.name)).await;
        let connection = connection.map_err(|error| {
            let login = uri.user().len() + uri.password().len();
            let known = greeted.get().and_then(|greeting| greeting.mechanisms.as_deref());
            let error = LinkError::from(error).of_vhost(uri.vhost()).of_long_login(login);
            let error = error.of_login(mechanism.name(), known);
            if external { error.of_external_login() } else { error }
        })?;
        dial.steps.done(Step::Amqp);
        let Target { written, arrivals, .. } = target;
        Ok(Self {
            connection,
            address,
            greeted,
            written,
            arrivals,
            spent: AtomicU32::new(0),
            lost: AtomicU32::new(0),
            _cut: guard,
        })
    }

    /// Where it leads to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the broker calls its cluster, if it says so.
    pub(crate) fn cluster(&self) -> Option<&str> {
        self.greeting()?.cluster.as_deref()
    }

    /// What the broker says of itself.
    pub(crate) fn greeting(&self) -> Option<&Greeting> {
        self.greeted.get()
    }

    pub(crate) async fn channel(&self) -> Result<Channel, LinkError> {
        answer("opening a channel", self.channel_unhurried()).await
    }

    /// Opens a channel; the caller sets a deadline.
    ///
    /// lapin keeps the error with which a broker has closed a channel under its number, and answers
    /// with that, without asking the broker, when the number comes round again. No broker refuses to
    /// open a channel with such an error, so the next number is tried. lapin does not come back to
    /// the one that failed, so there are no more of these than [`Self::spent_channel`] has counted.
    pub(crate) async fn channel_unhurried(&self) -> lapin::Result<Channel> {
        loop {
            let spent = self.spent.load(Ordering::Relaxed);
            match self.connection.create_channel().await {
                Err(error) if spent > 0 && self.is_up() && broker_reply(&error).is_some() => {
                    self.spent.store(spent - 1, Ordering::Relaxed);
                    self.lost.fetch_add(1, Ordering::Relaxed);
                }
                other => return other,
            }
        }
    }

    /// Notes that the broker has closed a channel because of an error: its number is of no use any
    /// more.
    pub(crate) fn spent_channel(&self) {
        self.spent.fetch_add(1, Ordering::Relaxed);
    }

    /// How many channels the connection may have.
    pub(crate) fn channel_max(&self) -> u16 {
        self.connection.configuration().channel_max()
    }

    /// Whether so many numbers of channels are spent that a new connection is due.
    pub(crate) fn is_worn_out(&self) -> bool {
        let spent = self.spent.load(Ordering::Relaxed) + self.lost.load(Ordering::Relaxed);
        let most = u32::from(self.channel_max()) / 2;
        spent >= most.clamp(1, MOST_SPENT)
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
    pub(crate) fn next_arrival(&self) -> Option<time::Instant> {
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

fn lapin_uri(uri: &BrokerUri, heartbeat: Duration, mechanism: SASLMechanism) -> AMQPUri {
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
