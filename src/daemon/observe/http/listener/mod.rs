//! The listener: accepts connections and bounds what they may cost.
//!
//! Everything runs on the runtime that calls [`Server::serve`], in tasks that belong to that call:
//! when it is dropped, no connection is left. A peer can take up a connection for no longer than
//! [`Limits`] say, and a failing `accept` (out of file descriptors, say) is logged and tried again,
//! because a daemon that computes must not die of its metrics.

use super::{
    pace::Pace,
    routes::{self, Probe},
};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    collections::VecDeque, convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinError, JoinSet},
    time::{Instant, sleep},
};

/// The most bytes of request line and headers; more is answered with 431.
const MAX_HEAD: usize = 16 * 1024;
/// The pace of connections: a thousand a second.
const PER_CONNECTION: Duration = Duration::from_millis(1);
/// How long to wait after a failed `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// How often, at most, a failing `accept` is logged.
const ACCEPT_LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Another program listens there already.
    #[error(
        "cannot listen on {0}: the port is taken; change http.listen (\"\" is none), or stop its other user"
    )]
    Taken(SocketAddr),
    /// No interface of this machine has the address.
    #[error("cannot listen on {0}: this machine has no such address; change http.listen")]
    NotLocal(SocketAddr),
    /// The port is reserved for privileged programs.
    #[error("cannot listen on {0}: permission denied; change http.listen to a port above 1023")]
    Denied(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {addr}; check http.listen")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl HttpError {
    fn new(addr: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::Taken(addr),
            io::ErrorKind::AddrNotAvailable => Self::NotLocal(addr),
            io::ErrorKind::PermissionDenied => Self::Denied(addr),
            _ => Self::Bind { addr, source },
        }
    }
}

/// What connections may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most connections at once; a further one takes the place of the oldest, so that nobody
    /// can keep others out by holding connections.
    pub connections: usize,
    /// The time a peer has to send a request's headers, counted from the connection's start or the
    /// last response's end; an idle connection is therefore closed after it.
    pub header_timeout: Duration,
    /// The time a peer has to read a response.
    pub response_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 128,
            header_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
        }
    }
}

/// A socket that listens, and is not served yet.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    limits: Limits,
}

/// Listens on `addr`; connections wait until [`Server::serve`] is called.
///
/// # Errors
///
/// When the address cannot be had; the message says what to change.
pub(crate) async fn bind(addr: SocketAddr) -> Result<Server, HttpError> {
    let failed = |error| HttpError::new(addr, error);
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let limits = Limits::default();
    Ok(Server { listener, addr, limits })
}

impl Server {
    /// Replaces the default limits.
    #[cfg(test)]
    pub(crate) fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The address that is listened on, with the port that the kernel chose if that was left to it.
    #[must_use]
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers requests. Dropping the future closes every connection at once: answers are written
    /// as soon as they are made, so hardly any is cut.
    pub(crate) async fn serve(self, probe: Arc<impl Probe>) -> Infallible {
        let (connecting, answering) = (Pace::new(), Arc::new(Pace::new()));
        let mut connections = JoinSet::new();
        let mut by_age = ByAge::default();
        let mut failures = AcceptFailures::default();
        loop {
            tokio::select! {
                biased;
                Some(ended) = connections.join_next() => report(ended),
                stream = accept(&self.listener, &mut failures) => {
                    connecting.take(PER_CONNECTION).await;
                    by_age.make_room(self.limits.connections);
                    let (probe, pace) = (Arc::clone(&probe), Arc::clone(&answering));
                    let serving = serve_connection(stream, probe, pace, self.limits);
                    by_age.add(connections.spawn(serving));
                }
            }
        }
    }
}

/// The next connection. Safe to drop: at worst a pause after a failure is cut short.
async fn accept(listener: &TcpListener, failures: &mut AcceptFailures) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The peer has given up already: that is no failure of ours.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                failures.log(&error, Instant::now());
                // The connection is still in the backlog, so without this the loop would spin.
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The open connections, the oldest first.
#[derive(Debug, Default)]
struct ByAge(VecDeque<AbortHandle>);

impl ByAge {
    fn add(&mut self, connection: AbortHandle) {
        self.0.push_back(connection);
    }

    /// Closes the oldest until there is space for one more within `limit`.
    fn make_room(&mut self, limit: usize) {
        self.0.retain(|connection| !connection.is_finished());
        while self.0.len() >= limit.max(1) {
            if let Some(oldest) = self.0.pop_front() {
                oldest.abort();
            }
        }
    }
}

/// Failures of `accept`, so that a lasting one does not fill the log.
#[derive(Debug, Default)]
struct AcceptFailures {
    logged: Option<Instant>,
    unlogged: u64,
}

impl AcceptFailures {
    fn log(&mut self, error: &io::Error, now: Instant) {
        if self.is_due(now) {
            let suppressed = std::mem::take(&mut self.unlogged);
            tracing::warn!(%error, suppressed, "cannot accept an HTTP connection; will try again");
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.logged.is_none_or(|last| now.duration_since(last) >= ACCEPT_LOG_INTERVAL);
        if due {
            self.logged = Some(now);
        } else {
            self.unlogged += 1;
        }
        due
    }
}

/// Serves one connection to its end, or until its peer has taken too long.
async fn serve_connection(
    stream: TcpStream,
    probe: Arc<impl Probe>,
    pace: Arc<Pace>,
    limits: Limits,
) {
    // Answers are written whole; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let (request_seen, mut requests) = watch::channel(());
    let handler = service_fn(move |request: Request<Incoming>| {
        request_seen.send_replace(());
        let (probe, pace) = (Arc::clone(&probe), Arc::clone(&pace));
        async move {
            pace.take(routes::cost(&request)).await;
            Ok::<_, Infallible>(routes::respond(&request, &*probe))
        }
    });
    let serving = protocol(&limits).serve_connection(TokioIo::new(stream), handler);
    tokio::pin!(serving);
    // Hyper has no limit for a peer that does not read its response. Without a new request in this
    // time the last response was not read: hyper itself closes a connection that is merely idle.
    let patience = limits.header_timeout + limits.response_timeout;
    let stalled = sleep(patience);
    tokio::pin!(stalled);
    loop {
        tokio::select! {
            ended = &mut serving => return log_end(ended),
            Ok(()) = requests.changed() => stalled.as_mut().reset(Instant::now() + patience),
            () = &mut stalled => {
                return tracing::debug!("closed an HTTP connection that does not read its response");
            }
        }
    }
}

fn protocol(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .half_close(true) // a client that has stopped sending still gets its answer
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_HEAD);
    builder
}

/// A broken connection is the peer's business, so nothing above debug.
fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection broke");
    }
}

/// A panic stays within its connection, but must not go unseen.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "an HTTP connection failed; this is a bug, please report it");
    }
}

#[cfg(test)]
mod tests;
