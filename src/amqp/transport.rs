//! The socket under a lapin connection.
//!
//! lapin opens its sockets through a [`Reactor`]. Ours hands out [`Socket`]s that can be cut from
//! outside: lapin has no deadline of its own on a handshake, a write or a close, and keeps a
//! thread for as long as the socket lives. After [`Cut::cut`] every read and write fails, lapin
//! takes the connection for broken, and its thread ends.

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
    task::{Context, Poll},
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

/// A TCP stream that can be cut.
pub(crate) struct Socket {
    inner: Inner,
    cut: Cut,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check(&self.cut.0.reader, cx)?;
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check(&self.cut.0.writer, cx)?;
        Pin::new(&mut self.inner).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.cut.check(&self.cut.0.writer, cx)?;
        Pin::new(&mut self.inner).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cut.0.off.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(())); // dropping the socket closes it
        }
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

/// tokio's reactor, with sockets of ours.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    tokio: Tokio,
    cut: Cut,
    connect_timeout: Duration,
}

impl Sockets {
    /// A reactor whose sockets `cut` cuts, and whose attempts to connect end after
    /// `connect_timeout`.
    pub(crate) fn new(tokio: Tokio, cut: Cut, connect_timeout: Duration) -> Self {
        Self { tokio, cut, connect_timeout }
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
        let connect = self.tokio.tcp_connect_addr(address);
        async move {
            let inner = tokio::time::timeout(limit, connect)
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            Ok(Socket { inner, cut })
        }
    }
}
