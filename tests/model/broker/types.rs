//! What a client says to the broker and the broker to a client, as far as fibrpc needs it.

use std::fmt;

/// The releases whose behaviour is known. A later one behaves like the last that is not newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    V3_10,
    V4_0,
    V4_3,
}

impl Version {
    /// The version that behaves like the release a broker names.
    pub(crate) fn of(release: &str) -> Option<Self> {
        let mut parts = release.split('.').map_while(|part| part.parse::<u32>().ok());
        match (parts.next()?, parts.next()?) {
            (3, 10..) => Some(Self::V3_10),
            (4, 0..3) => Some(Self::V4_0),
            (4.., _) => Some(Self::V4_3),
            _ => None,
        }
    }
}

/// A connection, as the broker numbers them.
pub(crate) type ConnectionId = u32;

/// A channel of a connection.
pub(crate) type ChannelId = (ConnectionId, u16);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Classic,
    Quorum,
}

/// How a queue is declared. All of it has to be the same when it is declared again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) durable: bool,
    pub(crate) exclusive: bool,
    /// `x-max-length`
    pub(crate) max_length: Option<usize>,
    /// `x-overflow` is `reject-publish` and not `drop-head`.
    pub(crate) reject_publish: bool,
    /// `x-message-ttl`, in milliseconds
    pub(crate) message_ttl: Option<u64>,
    /// `x-delivery-limit`
    pub(crate) delivery_limit: Option<u32>,
    /// `x-dead-letter-routing-key`, with the default exchange
    pub(crate) dead_letters: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) body: String,
    pub(crate) persistent: bool,
    /// `expiration`, in milliseconds
    pub(crate) expiration: Option<u64>,
    /// `x-first-death-reason`
    pub(crate) death: Option<&'static str>,
    /// How often a dead letter had failed in the queue that it comes from, as 4.0 and later remember.
    pub(crate) failures: u32,
}

/// How a delivery is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settle {
    Ack,
    Nack { requeue: bool },
    Reject { requeue: bool },
}

/// From a client, on one of its channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    OpenChannel,
    CloseChannel,
    ConfirmSelect,
    Declare {
        queue: String,
        shape: Shape,
    },
    DeclarePassive {
        queue: String,
    },
    Delete {
        queue: String,
    },
    Purge {
        queue: String,
    },
    Prefetch {
        count: u16,
    },
    Consume {
        queue: String,
        tag: String,
        no_ack: bool,
    },
    Cancel {
        tag: String,
    },
    Publish {
        queue: String,
        mandatory: bool,
        message: Message,
    },
    /// A message beyond `max_message_size`.
    PublishTooLarge,
    Settle {
        tag: u64,
        multiple: bool,
        how: Settle,
    },
}

/// To a client, on one of its channels; on channel 0 what concerns the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The answer to a method that has nothing to tell: `open-ok`, `qos-ok` and so on.
    Done(&'static str),
    DeclareOk {
        queue: String,
        ready: u32,
        consumers: u32,
    },
    /// The answer to a purge or a deletion.
    Removed {
        what: &'static str,
        messages: u32,
    },
    Deliver(Delivery),
    Return {
        body: String,
        code: u16,
    },
    Confirm {
        tag: u64,
        multiple: bool,
        ack: bool,
    },
    /// The broker ended a consumer.
    Cancelled {
        tag: String,
    },
    /// The broker closed the channel, because of a method.
    ChannelClosed {
        code: u16,
        class: u16,
        method: u16,
    },
    ConnectionClosed {
        code: u16,
    },
    Blocked,
    Unblocked,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) consumer: String,
    pub(crate) tag: u64,
    pub(crate) redelivered: bool,
    /// `x-delivery-count`
    pub(crate) count: Option<u32>,
    /// `x-acquired-count`
    pub(crate) acquired: Option<u32>,
    /// `x-first-death-reason`
    pub(crate) death: Option<String>,
    pub(crate) body: String,
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(what) => out.write_str(what),
            Self::DeclareOk { queue, ready, consumers } => {
                write!(out, "declare-ok {queue}: {ready} ready, {consumers} consumers")
            }
            Self::Removed { what, messages } => write!(out, "{what} {messages}"),
            Self::Deliver(delivery) => delivery.fmt(out),
            Self::Return { body, code } => write!(out, "returned {body} {code}"),
            Self::Confirm { tag, multiple, ack } => {
                let (what, multiple) =
                    (if *ack { "ack" } else { "nack" }, if *multiple { " and below" } else { "" });
                write!(out, "{what} {tag}{multiple}")
            }
            Self::Cancelled { tag } => write!(out, "cancelled {tag}"),
            Self::ChannelClosed { code, class, method } => {
                write!(out, "channel closed {code} by {class}.{method}")
            }
            Self::ConnectionClosed { code } => write!(out, "connection closed {code}"),
            Self::Blocked => out.write_str("blocked"),
            Self::Unblocked => out.write_str("unblocked"),
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to {} as {}", self.body, self.consumer, self.tag)?;
        if self.redelivered {
            out.write_str(" redelivered")?;
        }
        if let Some(count) = self.count {
            write!(out, " count={count}")?;
        }
        if let Some(acquired) = self.acquired {
            write!(out, " acquired={acquired}")?;
        }
        self.death.as_ref().map_or(Ok(()), |reason| write!(out, " dead by {reason}"))
    }
}
