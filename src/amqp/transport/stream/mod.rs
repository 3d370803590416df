//! The transport below AMQP: TCP, or TLS over it.

use crate::tls::{self, Tls};
use rustls::pki_types::ServerName;
use std::{
    fmt::{self, Debug, Formatter},
    io,
    os::fd::AsFd as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls};

/// A failure that lasts until somebody changes something here or at the broker. It passes through
/// lapin as the inner error of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TlsMismatch(String);

impl TlsMismatch {
    pub(super) fn error(message: impl Into<String>) -> io::Error {
        io::Error::other(Self(message.into()))
    }

    /// Whether this error is one.
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).is_some()
    }
}

/// How the connections to one host are to be secured.
#[derive(Clone)]
pub(crate) struct Secure(Arc<Peer>);

struct Peer {
    connector: TlsConnector,
    name: ServerName<'static>,
    host: String,
    shows_certificate: bool,
}

impl Debug for Secure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secure").field(&self.0.host).finish()
    }
}

impl Secure {
    pub(crate) fn new(tls: &Tls, host: &str) -> io::Result<Self> {
        let name = tls::server_name(host).map_err(|_| {
            TlsMismatch::error(
                "a certificate cannot hold such a host name; use another one, or an address",
            )
        })?;
        Ok(Self(Arc::new(Peer {
            connector: tls.connector(),
            name,
            host: host.to_owned(),
            shows_certificate: tls.has_certificate(),
        })))
    }

    /// Turns a TLS error into one that says what to do.
    fn explain(&self, error: io::Error) -> io::Error {
        let Some(cause) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
        else {
            return error;
        };
        let message = tls::explain(cause, &self.0.host, self.0.shows_certificate);
        if tls::may_pass(cause) { io::Error::other(message) } else { TlsMismatch::error(message) }
    }
}

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>, Secure),
}

impl Stream {
    /// Makes the TLS handshake, if there is to be one. The caller sets a deadline.
    pub(crate) async fn over(tcp: TcpStream, secure: Option<Secure>) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        let Some(secure) = secure else {
            return Ok(Self::Plain(tcp));
        };
        match secure.0.connector.connect(secure.0.name.clone(), tcp).await {
            Ok(stream) => Ok(Self::Tls(Box::new(stream), secure)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let message = "the peer closed the connection during the TLS handshake; \
                    is it a broker's port for TLS (5671)?";
                Err(io::Error::new(error.kind(), message))
            }
            Err(error) => Err(secure.explain(error)),
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(..))
    }

    /// Reads some bytes; 0 mean the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let polled = match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Self::Tls(stream, secure) => match Pin::new(stream).poll_read(cx, &mut buffer) {
                // An end without TLS's close_notify: AMQP has a close of its own, which is what
                // counts.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Poll::Ready(Ok(()))
                }
                polled => polled.map_err(|error| secure.explain(error)),
            },
        };
        polled.map_ok(|()| buffer.filled().len())
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream, _) => {
                let polled = Pin::new(stream).poll_write(cx, bytes);
                polled.map_err(|error| self.last_word(cx, error))
            }
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream, _) => {
                let polled = Pin::new(stream).poll_flush(cx);
                polled.map_err(|error| self.last_word(cx, error))
            }
        }
    }

    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream, _) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// The broker's reason for closing a connection that cannot be written to any more, if it gave
    /// one: in TLS 1.3 it refuses a client certificate after the client has begun to send.
    fn last_word(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        match self.poll_read(cx, &mut [0; 1]) {
            Poll::Ready(Err(reason)) if reason.get_ref().is_some() => reason,
            Poll::Ready(_) => error,
            Poll::Pending => self.unnoticed().unwrap_or(error),
        }
    }

    /// The reason in what has arrived and the runtime has not noticed yet: it takes a socket for
    /// unreadable until it has looked at all of them.
    fn unnoticed(&mut self) -> Option<io::Error> {
        let Self::Tls(stream, secure) = self else { return None };
        let (tcp, session) = stream.get_mut();
        // Another name for the same socket, which does not block under this one either.
        let mut socket = std::net::TcpStream::from(tcp.as_fd().try_clone_to_owned().ok()?);
        loop {
            match session.read_tls(&mut socket) {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            if let Err(reason) = session.process_new_packets() {
                return Some(secure.explain(io::Error::new(io::ErrorKind::InvalidData, reason)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
