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
    AccessRefused,
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
            Self::AccessRefused => "access_refused",
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
        matches!(self.cause, Cause::AccessRefused | Cause::Tls | Cause::NoVhost)
    }

    /// Whether the broker closed a channel for what was asked on it: something that is not there, not
    /// allowed, or makes no sense to it.
    pub(crate) fn is_objection(&self) -> bool {
        use code::{ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED};
        matches!(self.code, Some(ACCESS_REFUSED | NOT_FOUND | PRECONDITION_FAILED))
    }

    /// Says what a login by certificate needs, where it failed. A broker that knows no EXTERNAL
    /// just closes the connection, after a few seconds.
    pub(super) fn of_external_login(mut self) -> Self {
        if self.cause == Cause::AccessRefused || self.message == ABORTED {
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
                (code::ACCESS_REFUSED, _) => Cause::AccessRefused,
                (code::NOT_FOUND, _) => Cause::NoQueue,
                _ if code::is_missing_vhost(code, text) => Cause::NoVhost,
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
mod tests {
    use super::{
        Cause, LinkError,
        code::{advice, size_limit},
    };
    use std::io;

    #[test]
    fn every_cause_has_a_label_of_its_own() {
        use Cause::{
            AccessRefused, ClosedByBroker, ConsumerCancelled, DifferentBrokers, Network, NoQueue,
            NoVhost, Protocol, QueueMismatch, Timeout, Tls, TooLarge,
        };
        let causes = [
            Network,
            Timeout,
            AccessRefused,
            Tls,
            NoVhost,
            NoQueue,
            QueueMismatch,
            ConsumerCancelled,
            TooLarge { limit: 1 },
            ClosedByBroker,
            Protocol,
            DifferentBrokers,
        ];
        assert_eq!(causes.map(Cause::label), Cause::LABELS);
    }

    #[test]
    fn an_empty_virtual_host_is_explained_where_it_is_not_found() {
        let error = || LinkError::new(Cause::NoVhost, "vhost not found");
        let message = error().of_vhost("").message;
        assert!(message.contains("the slash at the end of the URI"), "{message}");
        assert_eq!(error().of_vhost("v").message, "vhost not found");
    }

    #[test]
    fn a_long_login_is_explained_where_the_connection_broke() {
        let error = |cause| LinkError::new(cause, "Connection reset by peer");
        let message = error(Cause::Network).of_long_login(5000).message;
        assert!(
            message.contains("5000 bytes") && message.contains("initial_frame_max"),
            "{message}"
        );
        for other in [
            error(Cause::Network).of_long_login(300),
            error(Cause::AccessRefused).of_long_login(5000),
        ] {
            assert_eq!(other.message, "Connection reset by peer");
        }
    }

    #[test]
    fn a_thread_that_the_system_does_not_give_is_explained() {
        let message = LinkError::from(io::Error::from_raw_os_error(11)).message;
        assert!(message.contains("raise the limit of threads"), "{message}");
    }

    #[test]
    fn a_request_that_took_too_long_for_the_broker_is_explained() {
        let text = "PRECONDITION_FAILED - delivery acknowledgement on channel 2 timed out. Timeout \
                    value used: 1500 ms.";
        assert!(advice(406, text).contains("consumer_timeout"));
        assert_eq!(advice(406, "PRECONDITION_FAILED - unknown delivery tag 4"), "");
    }

    #[test]
    fn the_limit_is_read_from_both_wordings_and_from_no_other() {
        for (code, text, limit) in [
            (
                406,
                "PRECONDITION_FAILED - message size 5 is larger than configured max size 4",
                Some(4),
            ),
            (
                406,
                "PRECONDITION_FAILED - message size 536870913 is larger than max size 536870912",
                Some(536_870_912),
            ),
            (406, "message size 5 is larger than configured max size 4 (node a)", Some(4)),
            (501, "message size 5 is larger than configured max size 4", None),
            (406, "message size 5 is larger than configured max size many", None),
            (406, "PRECONDITION_FAILED - unknown delivery tag 4", None),
        ] {
            assert_eq!(size_limit(code, text), limit, "{text}");
        }
    }
}
