//! The socket under a lapin connection: it can be cut, and what lapin cannot read is translated on
//! the way ([`frames`]).
//!
//! lapin opens its sockets through a [`Reactor`]. Ours hands out [`Socket`]s that can be cut from
//! outside: lapin has no deadline of its own on a handshake, a write or a close, and keeps a
//! thread for as long as the socket lives. After [`Cut::cut`] every read and write fails, lapin
//! takes the connection for broken, and its thread ends.

pub(super) mod frames;
mod stall;

use self::{
    frames::{Inbound, Outbound},
    stall::Stall,
};
use super::connect::Dial;
use async_rs::{
    Tokio,
    traits::{AsyncToSocketAddrs, Reactor},
};
use futures_util::{
    Stream,
    io::{AsyncRead, AsyncWrite},
    task::AtomicWaker,
};
use std::{
    io::{self, IoSlice, Read, Write},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

/// Cuts the sockets of one connection. Clones are the same switch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    off: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Cut {
    /// From now on every read and write fails.
    pub(crate) fn cut(&self) {
        self.0.off.store(true, Ordering::SeqCst);
        self.0.reader.wake();
        self.0.writer.wake();
    }

    /// The switch, thrown when the guard is dropped.
    pub(crate) fn on_drop(&self) -> CutOnDrop {
        CutOnDrop(self.clone())
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
pub(crate) struct CutOnDrop(Cut);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.cut();
    }
}

type Inner = <Tokio as Reactor>::TcpStream;

/// Most bytes taken from one side at a time.
const CHUNK: usize = 64 << 10;

/// A TCP stream that can be cut, and that translates.
pub(crate) struct Socket {
    inner: Inner,
    cut: Cut,
    inbound: Inbound,
    stall: Stall,
    outbound: Outbound,
    chunk: Box<[u8]>,
    /// Translated, and not taken by lapin yet.
    received: Queue,
    /// Translated, and not taken by the network yet.
    to_send: Queue,
}

/// Bytes that wait for somebody.
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
            self.bytes.shrink_to(CHUNK); // one large message does not keep its room for ever
            self.taken = 0;
        }
    }
}

impl Socket {
    fn new(inner: Inner, cut: Cut, stall: Stall) -> Self {
        Self {
            inner,
            cut,
            inbound: Inbound::default(),
            stall,
            outbound: Outbound::default(),
            chunk: vec![0; CHUNK].into_boxed_slice(),
            received: Queue::default(),
            to_send: Queue::default(),
        }
    }

    /// Sends what waits.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.to_send.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, self.to_send.waiting()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.to_send.take(count),
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
        this.cut.check(&this.cut.0.reader, cx)?;
        while this.received.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_read(cx, &mut this.chunk))? {
                0 => return Poll::Ready(Ok(0)),
                count => this.inbound.push(&this.chunk[..count], &mut this.received.bytes)?,
            }
            this.stall.check(this.inbound.under_way())?;
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
        this.cut.check(&this.cut.0.writer, cx)?;
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
        self.cut.check(&self.cut.0.writer, cx)?;
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.0.off.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(())); // dropping the socket closes it
        }
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

/// tokio's reactor, with sockets of ours.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    tokio: Tokio,
    cut: Cut,
    connect_timeout: Duration,
    heartbeat: Duration,
}

impl Sockets {
    /// A reactor whose sockets `cut` cuts, and whose attempts to connect end in time.
    pub(crate) fn new(tokio: Tokio, cut: Cut, dial: &Dial) -> Self {
        Self { tokio, cut, connect_timeout: dial.timeout, heartbeat: dial.heartbeat }
    }
}

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
        self.tokio.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.tokio.interval(duration)
    }

    fn tcp_connect<A: AsyncToSocketAddrs + Send>(
        &self,
        addresses: A,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send
    where
        Self: Sync + Sized,
    {
        let resolve = addresses.to_socket_addrs();
        async move {
            let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
            for address in resolve.await? {
                match self.tcp_connect_addr(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        }
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let (cut, limit) = (self.cut.clone(), self.connect_timeout);
        let stall = Stall::new(self.heartbeat);
        let connect = self.tokio.tcp_connect_addr(address);
        async move {
            let inner = tokio::time::timeout(limit, connect)
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            Ok(Socket::new(inner, cut, stall))
        }
    }
}
