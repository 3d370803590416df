//! Why there is no client, or no answer.

use super::{MAX_CALLS_IN_FLIGHT, RequestError};
use crate::{
    amqp::{Access, Cause, LinkError},
    wire::{Failure, QueueNameError, ReplyError},
};
use std::time::Duration;

/// Why a [`ClientBuilder`](super::ClientBuilder) makes no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No queue has such a name.
    #[error("{0}")]
    Queue(#[from] QueueNameError),
    /// None, or more than [`MAX_TIMEOUT`](super::MAX_TIMEOUT).
    #[error("the timeout is {0:?}; it must be more than 0 and at most 1 day")]
    Timeout(Duration),
    /// More than brokers show.
    #[error("the name of the connection is {length} bytes long; at most 255 are possible")]
    ConnectionName {
        /// How many bytes it has.
        length: usize,
    },
    /// A [`BlockingClient`](super::BlockingClient) got no thread.
    #[error("cannot start the client: {0}")]
    Thread(String),
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server answered with an error.
    #[error("{0}")]
    Failed(Failure),
    /// The server answered with something this version does not understand.
    #[error("{0}")]
    BadReply(#[from] ReplyError),
    /// No reply came in time, though the broker had the request.
    #[error(
        "no reply within {0:?}, though the broker has the request; is the server busy, or hung?"
    )]
    TimedOut(Duration),
    /// No reply came in time, and nobody consumes from the request queue any more; nor does the
    /// request wait there.
    #[error(
        "no reply within {timeout:?}; queue \"{queue}\" shows neither a consumer nor the request: \
         is its server being stopped, or the queue not available?"
    )]
    NoConsumer {
        /// The request queue.
        queue: String,
        /// How long the call waited.
        timeout: Duration,
    },
    /// The time was over before the broker said that it has the request.
    #[error("the broker did not confirm within {0:?} that it has the request; is it overloaded?")]
    Unconfirmed(Duration),
    /// The time was over before the call could be made: too many others were under way.
    #[error(
        "not sent within {0:?}: {MAX_CALLS_IN_FLIGHT} calls of this client were under way all the \
         time"
    )]
    NotSent(Duration),
    /// The request queue does not exist.
    #[error("there is no queue \"{0}\"; is the server running, and the queue's name right?")]
    NoQueue(String),
    /// The request queue exists, but nobody consumes from it.
    #[error("no server is consuming from queue \"{0}\"; start its server")]
    NoServer(String),
    /// The broker refuses the request: the request queue is full.
    #[error(
        "the broker refuses the call: queue \"{0}\" is full (its max-length, with the overflow \
         reject-publish) or not available; is the server too slow?"
    )]
    Refused(String),
    /// The request is larger than the broker takes.
    #[error("the request of {size} bytes is larger than the broker takes, which is {limit} bytes")]
    TooLarge {
        /// The size of the body.
        size: usize,
        /// The largest the broker takes (`max_message_size` of `RabbitMQ`).
        limit: usize,
    },
    /// The reply is longer than the client takes, see
    /// [`ClientBuilder::max_reply`](super::ClientBuilder::max_reply).
    #[error("the reply is longer than this client takes, which is {limit} bytes")]
    ReplyTooLarge {
        /// The longest that it takes.
        limit: u64,
    },
    /// The exchange has no queue for the routing key ([`Request::to`](super::Request::to)).
    #[error(
        "exchange \"{exchange}\" has no queue for the routing key \"{key}\"; is the server running, and \
         the key right?"
    )]
    NoRoute {
        /// The exchange.
        exchange: String,
        /// The routing key.
        key: String,
    },
    /// The broker objects to the request: an exchange that does not exist or may not be used, a
    /// `user_id` that is another user's.
    #[error("the broker rejects the request: {0}")]
    Rejected(String),
    /// The connection was lost after the request was sent, see
    /// [`Request::resend_if_lost`](super::Request::resend_if_lost).
    #[error(
        "the connection was lost before the reply: {0}; the server may have done the work, or do it yet"
    )]
    Lost(String),
    /// No message can carry the request.
    #[error("{0}")]
    Invalid(#[from] RequestError),
    /// The broker could not be reached, or takes no messages.
    #[error("{0}")]
    Unreachable(String),
    /// The broker refuses the login: the user, the password, or the way to log in.
    #[error("{0}")]
    LoginRefused(String),
    /// The virtual host does not exist, or the user may not use it.
    #[error("{0}")]
    VhostRefused(String),
    /// TLS does not fit: a certificate that one side does not take, or a port of the other kind.
    #[error("{0}")]
    TlsFailed(String),
    /// The user may not have what every call needs, such as a queue for replies.
    #[error("{0}")]
    NotPermitted(String),
    /// The client was closed, or its task died.
    #[error("the client is closed")]
    Closed,
}

impl CallError {
    /// Why no broker could be reached: of several, what all of them have in common.
    pub(crate) fn of_brokers(errors: &[LinkError]) -> Self {
        let kind = |error: &LinkError| match error.cause {
            Cause::AccessRefused(Access::Login) => Self::LoginRefused,
            Cause::AccessRefused(Access::Vhost) | Cause::NoVhost => Self::VhostRefused,
            Cause::AccessRefused(Access::Resource) => Self::NotPermitted,
            Cause::Tls => Self::TlsFailed,
            _ => Self::Unreachable as fn(String) -> Self,
        };
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        let message = messages.join("; ");
        let mut kinds = errors.iter().map(|error| kind(error)(message.clone()));
        match kinds.next() {
            Some(first) if kinds.all(|other| other == first) => first,
            _ => Self::Unreachable(message),
        }
    }
}

impl From<&LinkError> for CallError {
    fn from(error: &LinkError) -> Self {
        Self::of_brokers(std::slice::from_ref(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_brokers_are_refused_alike_or_not_reached() {
        let error = |cause| LinkError::new(cause, "why");
        let (tls, login) = (Cause::Tls, Cause::AccessRefused(Access::Login));
        let both = |causes: [Cause; 2]| CallError::of_brokers(&causes.map(error));
        assert_eq!(both([tls, tls]), CallError::TlsFailed("why; why".to_owned()));
        assert_eq!(both([tls, login]), CallError::Unreachable("why; why".to_owned()));
        assert_eq!(CallError::from(&error(login)), CallError::LoginRefused("why".to_owned()));
        let full = Cause::AccessRefused(Access::Resource);
        assert_eq!(CallError::from(&error(full)), CallError::NotPermitted("why".to_owned()));
    }
}
