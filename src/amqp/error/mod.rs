//! Why a link to a broker could not be made or ended.

use super::transport::{ForeignPeer, stream::TlsMismatch};
use crate::{text::one_line, threads};
use lapin::ErrorKind;
use std::{io, time::Duration};

/// What ended an attempt or a session, as a bounded set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// The host could not be reached, or the connection broke.
    Network,
    /// No answer within a deadline.
    Timeout,
    /// The broker refused the user, the password or access to something.
    AccessRefused(Access),
    /// TLS misconfigured on either side: a certificate, a key, or a plain port where TLS was expected,
    /// or the reverse.
    Tls,
    /// The virtual host does not exist.
    NoVhost,
    /// The queue does not exist.
    NoQueue,
    /// The queue exists with other properties than the ones asked for.
    QueueMismatch,
    /// The broker ended the consumer: the queue was deleted or moved.
    ConsumerCancelled,
    /// A message was larger than the broker takes, which is this many bytes.
    TooLarge { limit: usize },
    /// The broker closed the connection or the channel.
    ClosedByBroker,
    /// The peer does not speak AMQP 0-9-1 as it should.
    Protocol,
    /// The two connections of a session reached brokers that do not know each other's queues.
    DifferentBrokers,
}

/// What a broker refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    /// The login: the user, the password, or the way to log in.
    Login,
    /// The virtual host, which exists.
    Vhost,
    /// A queue or an exchange.
    Resource,
}

impl Cause {
    /// What [`Cause::label`] says, all of it.
    pub(crate) const LABELS: [&str; 12] = [
        "network",
        "timeout",
        "access_refused",
        "tls",
        "no_vhost",
        "no_queue",
        "queue_mismatch",
        "consumer_cancelled",
        "too_large",
        "closed_by_broker",
        "protocol",
        "different_brokers",
    ];

    /// Its name in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::AccessRefused(_) => "access_refused",
            Self::Tls => "tls",
            Self::NoVhost => "no_vhost",
            Self::NoQueue => "no_queue",
            Self::QueueMismatch => "queue_mismatch",
            Self::ConsumerCancelled => "consumer_cancelled",
            Self::TooLarge { .. } => "too_large",
            Self::ClosedByBroker => "closed_by_broker",
            Self::Protocol => "protocol",
            Self::DifferentBrokers => "different_brokers",
        }
    }
}

const ABORTED: &str = "the broker closed the connection; see its log";

/// Why a link to a broker could not be made or ended.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct LinkError {
    pub(crate) cause: Cause,
    pub(crate) message: String,
    /// The reply code of the broker, where the error is one of its.
    pub(crate) code: Option<u16>,
}

impl LinkError {
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), code: None }
    }

    pub(crate) fn timeout(what: &str, limit: Duration) -> Self {
        Self::new(Cause::Timeout, format!("{what}: no answer within {limit:?}"))
    }

    /// Puts what was being done before the message.
    pub(crate) fn during(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Says what a slash at the end of a URI means, where that virtual host was not found.
    pub(super) fn of_vhost(mut self, vhost: &str) -> Self {
        if self.cause == Cause::NoVhost && vhost.is_empty() {
            self.message.push_str(
                "; the slash at the end of the URI names the virtual host \"\": leave it out for \
                the default one",
            );
        }
        self
    }

    /// Says what a long login needs, where the broker has closed the connection in the middle of it.
    pub(super) fn of_long_login(mut self, bytes: usize) -> Self {
        /// What RabbitMQ before 4.1 reads of a login, in one frame of 4096 bytes with what else is in it.
        const INITIAL_FRAME: usize = 3800;
        if bytes > INITIAL_FRAME && self.cause == Cause::Network {
            self.message = format!(
                "{}; user and password have {bytes} bytes: RabbitMQ before 4.1 takes no login of \
                 more than 4 kB, later ones as many as their initial_frame_max says",
                self.message
            );
        }
        self
    }

    /// Whether trying again cannot help until somebody changes something.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.cause, Cause::AccessRefused(_) | Cause::Tls | Cause::NoVhost)
    }

    /// Whether the broker closed a channel for what was asked on it: something that is not there, not
    /// allowed, or makes no sense to it.
    pub(crate) fn is_objection(&self) -> bool {
        use code::{ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED};
        matches!(self.code, Some(ACCESS_REFUSED | NOT_FOUND | PRECONDITION_FAILED))
    }

    /// Of a connection that was not open yet: whatever is refused then is the login. A broker that
    /// does not know the `mechanism` just closes the connection, after a few seconds; `known` are
    /// those it has named.
    pub(super) fn of_login(mut self, mechanism: &str, known: Option<&str>) -> Self {
        if self.cause == Cause::AccessRefused(Access::Resource) {
            self.cause = Cause::AccessRefused(Access::Login);
        }
        match known {
            Some(known)
                if self.message == ABORTED
                    && !known.split_whitespace().any(|one| one == mechanism) =>
            {
                let message = format!(
                    "the broker does not know the login mechanism {mechanism}, but {}",
                    one_line(known)
                );
                Self::new(Cause::AccessRefused(Access::Login), message)
            }
            _ => self,
        }
    }

    /// Says what a login by certificate needs, where it failed.
    pub(super) fn of_external_login(mut self) -> Self {
        let is_login = self.cause == Cause::AccessRefused(Access::Login);
        if is_login || self.message == ABORTED {
            self.message.push_str(
                "; to log in by certificate, the broker needs the plugin \
                rabbitmq_auth_mechanism_ssl, the mechanism EXTERNAL, and a user of the \
                certificate's name",
            );
        }
        self
    }
}

/// Reply codes of AMQP 0-9-1 (<https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>,
/// section 1.2).
pub(super) mod code {
    pub(crate) const ACCESS_REFUSED: u16 = 403;
    pub(crate) const NOT_FOUND: u16 = 404;
    pub(crate) const PRECONDITION_FAILED: u16 = 406;
    const NOT_ALLOWED: u16 = 530;
    pub(crate) const INTERNAL_ERROR: u16 = 541;

    /// The broker's limit, where it refuses a message for its size. It is announced nowhere else.
    /// RabbitMQ's words: "message size N is larger than configured max size M", or without
    /// "configured" (`rabbit_channel:check_msg_size`).
    pub(crate) fn size_limit(code: u16, text: &str) -> Option<usize> {
        let (_, rest) = text.split_once("message size ")?;
        let (_, rest) = rest.split_once(" is larger than ")?;
        let (_, limit) = rest.split_once("max size ")?;
        let digits = limit.split(|digit: char| !digit.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|_| code == PRECONDITION_FAILED)
    }

    /// What to do about a reply that does not say so itself. RabbitMQ's words for the one:
    /// "delivery acknowledgement on channel N timed out" (`rabbit_channel:handle_consumer_timed_out`).
    pub(crate) fn advice(code: u16, text: &str) -> &'static str {
        let timed_out = text.contains("delivery acknowledgement") && text.contains("timed out");
        if code == PRECONDITION_FAILED && timed_out {
            "; a request took longer than the broker's consumer_timeout: raise that, or lower \
             compute.max_n"
        } else {
            ""
        }
    }

    /// RabbitMQ answers `connection.open` for a vhost that is not there with `NOT_ALLOWED`.
    pub(crate) fn is_missing_vhost(code: u16, text: &str) -> bool {
        code == NOT_ALLOWED && text.contains("not found")
    }

    /// It does the same for one that the user may not use, in the words "access to vhost 'V' refused
    /// for user 'U'" (`rabbit_access_control:check_vhost_access`). Where a limit of connections is
    /// reached, it says that behind them, and it may pass.
    pub(crate) fn is_forbidden_vhost(code: u16, text: &str) -> bool {
        let forbidden = text.contains("access to vhost") && text.contains("refused");
        code == NOT_ALLOWED && forbidden && !text.contains("limit")
    }
}

/// The reply code and text of the broker, where the error is one of its.
pub(super) fn broker_reply(error: &lapin::Error) -> Option<(u16, &str)> {
    match error.kind() {
        ErrorKind::ProtocolError(reply) => Some((reply.get_id(), reply.get_message().as_str())),
        _ => None,
    }
}

impl From<lapin::Error> for LinkError {
    fn from(error: lapin::Error) -> Self {
        if let Some((code, text)) = broker_reply(&error) {
            let cause = match (code, code::size_limit(code, text)) {
                (_, Some(limit)) => Cause::TooLarge { limit },
                (code::ACCESS_REFUSED, _) => Cause::AccessRefused(Access::Resource),
                (code::NOT_FOUND, _) => Cause::NoQueue,
                _ if code::is_missing_vhost(code, text) => Cause::NoVhost,
                _ if code::is_forbidden_vhost(code, text) => Cause::AccessRefused(Access::Vhost),
                _ => Cause::ClosedByBroker,
            };
            let advice = code::advice(code, text);
            let message = format!("the broker says {code} {}{advice}", one_line(text));
            return Self { code: Some(code), ..Self::new(cause, message) };
        }
        let (cause, message) = match error.kind() {
            ErrorKind::IOError(io) => return Self::from(&**io),
            ErrorKind::MissingHeartbeatError => {
                (Cause::Timeout, "the broker has gone silent: no heartbeat".to_owned())
            }
            // The parser's words are about its own code.
            ErrorKind::ParsingError(_) => {
                (Cause::Protocol, "the broker sent what cannot be read as AMQP 0-9-1".to_owned())
            }
            ErrorKind::InvalidProtocolVersion(_) => (Cause::Protocol, error.to_string()),
            _ => (Cause::Network, error.to_string()),
        };
        Self::new(cause, message)
    }
}

impl From<&io::Error> for LinkError {
    fn from(error: &io::Error) -> Self {
        // lapin's own, about a connection that ended before it was open.
        if error.kind() == io::ErrorKind::ConnectionAborted && error.get_ref().is_none() {
            return Self::new(Cause::Network, ABORTED);
        }
        // Nothing else that does not block says so: lapin got no thread.
        if error.kind() == io::ErrorKind::WouldBlock && error.raw_os_error().is_some() {
            return Self::new(Cause::Network, threads::refused(error));
        }
        let cause = match error {
            _ if TlsMismatch::is(error) => Cause::Tls,
            _ if ForeignPeer::is(error) => Cause::Protocol,
            _ => Cause::Network,
        };
        Self::new(cause, error.to_string())
    }
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

#[cfg(test)]
mod tests;
