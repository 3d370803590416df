//! The socket under a lapin connection: it can be cut, it translates what lapin cannot read
//! ([`frames`]), and there may be TLS below it ([`stream`]).
//!
//! lapin gets a [`Socket`] that is connected. It can be cut from outside, because
//! lapin sets no deadline on a handshake, a write or a close, and keeps a thread for as long as the
//! socket lives. After [`KillSwitch::throw`] every read and write fails, lapin takes the connection
//! for broken, and its thread ends.

mod arrivals;
mod foreign;
mod frame_timeout;
pub(super) mod frames;
pub(super) mod stream;

pub(super) use self::{arrivals::Arrivals, foreign::ForeignPeer};

use self::{
    frame_timeout::FrameTimeout,
    frames::{Greeted, Inbound, Outbound},
    stream::{Stream, TlsMismatch},
};
use async_rs::{Tokio, traits::Reactor};
use futures_util::{
    io::{AsyncRead, AsyncWrite},
    task::AtomicWaker,
};
use std::{
    io::{self, IoSlice, Read, Write},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

/// Cuts the sockets of one connection. Clones are the same switch.
#[derive(Clone, Debug, Default)]
pub(crate) struct KillSwitch(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    off: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl KillSwitch {
    /// From now on every read and write fails.
    pub(crate) fn throw(&self) {
        self.0.off.store(true, Ordering::SeqCst);
        self.0.reader.wake();
        self.0.writer.wake();
    }

    /// A guard that throws the switch when it is dropped.
    pub(crate) fn on_drop(&self) -> KillOnDrop {
        KillOnDrop(self.clone())
    }

    fn check(&self, waker: &AtomicWaker, cx: &Context<'_>) -> io::Result<()> {
        // Registered before the flag is read, so that a cut in between is not missed.
        waker.register(cx.waker());
        if self.0.off.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "given up"));
        }
        Ok(())
    }
}

/// Cuts when dropped: an attempt that is given up half way leaves nothing behind.
#[derive(Debug)]
pub(crate) struct KillOnDrop(KillSwitch);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.throw();
    }
}

/// The first byte of a TLS alert, which refuses a connection; no AMQP frame starts with it.
const TLS_ALERT: u8 = 21;

/// Most bytes taken from one side at a time.
const CHUNK: usize = 64 << 10;

/// Most memory that bytes on their way keep: what a chunk may grow to when it is translated, so that
/// it is not given back and asked for again with each of them.
const KEPT: usize = 4 * CHUNK;

/// A stream that can be cut, and translates frames.
pub(crate) struct Socket {
    inner: Stream,
    kill_switch: KillSwitch,
    /// How many bytes the network has taken.
    written: Arc<AtomicU64>,
    arrivals: Arrivals,
    /// Whether anything has come from the broker.
    first_bytes_checked: bool,
    inbound: Inbound,
    frame_timeout: FrameTimeout,
    outbound: Outbound,
    chunk: Box<[u8]>,
    /// Translated, and not read by lapin yet.
    received: Queue,
    /// Translated, and not written to the network yet.
    to_send: Queue,
}

/// Bytes that wait to be taken.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    taken: usize,
}

impl Queue {
    fn waiting(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn take(&mut self, count: usize) {
        self.taken += count;
        if self.is_empty() {
            self.bytes.clear();
            if self.bytes.capacity() > KEPT {
                self.bytes.shrink_to(CHUNK); // a large header must not keep its memory for ever
            }
            self.taken = 0;
        }
    }
}

impl Socket {
    pub(crate) fn new(inner: Stream, target: &Target) -> Self {
        Self {
            inner,
            kill_switch: target.kill_switch.clone(),
            written: Arc::clone(&target.written),
            arrivals: target.arrivals.clone(),
            first_bytes_checked: false,
            inbound: Inbound::new(target.max_body, Greeted::clone(&target.greeted))
                .keeping_all(target.all_properties),
            frame_timeout: FrameTimeout::new(target.heartbeat),
            outbound: Outbound::default(),
            chunk: vec![0; CHUNK].into_boxed_slice(),
            received: Queue::default(),
            to_send: Queue::default(),
        }
    }

    /// Checks the first bytes from the broker for refusals that lapin would not explain.
    fn check_first_bytes(&mut self, count: usize) -> io::Result<()> {
        if self.first_bytes_checked {
            return Ok(());
        }
        self.first_bytes_checked = true;
        match self.chunk[..count].first() {
            Some(&TLS_ALERT) if !self.inner.is_tls() => {
                Err(TlsMismatch::error("the broker's port is one for TLS; use amqps://"))
            }
            None => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                if self.inner.is_tls() {
                    "the broker closed the connection without a word; see its log"
                } else {
                    "the broker closed the connection without a word; \
                    if its port is one for TLS, use amqps://"
                },
            )),
            Some(_) => ForeignPeer::check(&self.chunk[..count]),
        }
    }

    /// Writes the waiting bytes.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.to_send.is_empty() {
            match ready!(self.inner.poll_write(cx, self.to_send.waiting()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => {
                    self.to_send.take(count);
                    let count = u64::try_from(count).unwrap_or(u64::MAX);
                    self.written.fetch_add(count, Ordering::Relaxed);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.kill_switch.check(&this.kill_switch.0.reader, cx)?;
        while this.received.is_empty() {
            let count = ready!(this.inner.poll_read(cx, &mut this.chunk))?;
            this.check_first_bytes(count)?;
            match count {
                0 => return Poll::Ready(Ok(0)),
                count => this.inbound.push(&this.chunk[..count], &mut this.received.bytes)?,
            }
            this.arrivals.note(this.inbound.take_deliveries());
            this.frame_timeout.check(this.inbound.under_way())?;
        }
        let count = this.received.waiting().len().min(buffer.len());
        buffer[..count].copy_from_slice(&this.received.waiting()[..count]);
        this.received.take(count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.kill_switch.check(&this.kill_switch.0.writer, cx)?;
        ready!(this.poll_drain(cx))?;
        let taken = &buffer[..buffer.len().min(CHUNK)];
        this.outbound.push(taken, &mut this.to_send.bytes)?;
        // As much as the network takes now; `poll_flush` sends the rest.
        if let Poll::Ready(Err(error)) = this.poll_drain(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        self.poll_write(cx, first.map_or(&[], |buffer| buffer))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.kill_switch.check(&self.kill_switch.0.writer, cx)?;
        ready!(self.poll_drain(cx))?;
        self.inner.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.kill_switch.0.off.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(())); // dropping the socket closes it
        }
        ready!(self.poll_drain(cx))?;
        self.inner.poll_close(cx)
    }
}

/// What a socket needs to know.
pub(crate) struct Target {
    /// The heartbeat that was asked for.
    pub(crate) heartbeat: Duration,
    /// Of a body that is longer, one byte more than this is handed over.
    pub(crate) max_body: u64,
    /// Whether all properties of messages are handed over.
    pub(crate) all_properties: bool,
    /// Cuts the socket.
    pub(crate) kill_switch: KillSwitch,
    /// Counts the bytes that the network has taken.
    pub(crate) written: Arc<AtomicU64>,
    /// Notes when deliveries come.
    pub(crate) arrivals: Arrivals,
    /// Gets what the broker says of itself.
    pub(crate) greeted: Greeted,
}

/// tokio's reactor, but with our sockets, which are connected already.
#[derive(Clone, Debug)]
pub(crate) struct Sockets(pub(crate) Tokio);

impl Reactor for Sockets {
    type TcpStream = Socket;
    type Sleep = <Tokio as Reactor>::Sleep;

    // lapin registers no handles of its own.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Socket, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(
        &self,
        duration: Duration,
    ) -> impl futures_util::Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    // Nor does it connect by itself: it is given a connected socket.
    fn tcp_connect_addr(
        &self,
        _address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

/// What the fuzzers of `fuzz/` can reach.
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing {
    use super::{Greeted, Inbound, Outbound};

    /// What lapin reads when bytes arrive in these pieces; `None` if they are refused.
    pub fn inbound<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
        // Bodies of more than 16 bytes are cut.
        let (mut inbound, mut out) = (Inbound::new(16, Greeted::default()), Vec::new());
        pieces.into_iter().try_for_each(|piece| inbound.push(piece, &mut out)).ok()?;
        Some(out)
    }

    /// What the network gets when lapin sends bytes in these pieces; `None` if they are refused.
    pub fn outbound<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
        let (mut outbound, mut out) = (Outbound::default(), Vec::new());
        pieces.into_iter().try_for_each(|piece| outbound.push(piece, &mut out)).ok()?;
        Some(out)
    }
}
