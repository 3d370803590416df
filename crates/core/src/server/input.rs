//! What goes into the core.

use super::{
    clock::Moment,
    ids::{JobId, RequestId, SessionId},
};
use crate::wire::Envelope;
use bytes::Bytes;
use std::time::Duration;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// A session has begun: requests will be delivered.
    Attached {
        /// Its number, higher than those before.
        session: SessionId,
        /// How many requests it delivers at most before one is settled.
        prefetch: u16,
    },
    /// The link of a session says something.
    Link {
        /// Whose link it is.
        session: SessionId,
        /// What it says.
        event: LinkEvent,
    },
    /// A job is over, and its thread is free.
    Finished {
        /// As [`Command::Compute`](super::Command::Compute) named it.
        job: JobId,
        /// The result, or why there is none.
        result: Result<Bytes, Unfinished>,
    },
    /// Nothing but the time, which [`Core::next_timer`](super::Core::next_timer) asked for.
    Time {
        /// How many bytes of replies the network has taken from the link of this session, roughly.
        written: u64,
    },
    /// This process did nothing for seconds: it was stopped, or had no processor. What came meanwhile
    /// is read now.
    StoodStill {
        /// Since when, in Unix milliseconds.
        since_ms: i64,
    },
    /// Finish what is running, give back the rest, and close the session.
    Drain {
        /// After this long everything is given back; for ever if `None`.
        patience: Option<Duration>,
    },
    /// Give everything back at once.
    GiveUp,
    /// Perhaps the broker takes larger messages now.
    ForgetReplyLimit,
}

/// What a link says of its session.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the largest, a delivery, is also the most frequent")]
pub enum LinkEvent {
    /// A request was delivered.
    Delivered(Delivery),
    /// The broker has taken a reply.
    Confirmed(RequestId),
    /// The broker did not take a reply.
    Refused(RequestId),
    /// The broker has answered [`Command::Probe`](super::Command::Probe).
    Probed,
    /// The broker takes no messages at present.
    Blocked,
    /// It takes them again.
    Unblocked,
    /// There is a new channel for replies.
    RepliesRenewed,
    /// No request will be delivered any more.
    ConsumerEnded,
    /// The session is over; nothing comes after this.
    Closed(LostBecause),
}

/// A request as it was delivered.
#[derive(Debug)]
pub struct Delivery {
    /// Names the delivery in its session; counts up from 1 without gaps (AMQP 0-9-1,
    /// basic.deliver).
    pub tag: u64,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
    /// The properties that matter.
    pub envelope: Envelope,
    /// The body.
    pub body: Vec<u8>,
    /// When it arrived in this process, which may be a while ago: latencies count from then.
    pub arrived: Moment,
}

/// Why a job has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// It was told to stop.
    Stopped,
    /// It panicked or failed: a contained bug, or a machine that is out of memory or computes
    /// wrongly.
    Failed,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostBecause {
    /// It was closed as asked.
    Asked,
    /// The broker takes no message as large as one of ours.
    TooLarge {
        /// Its limit, in bytes.
        limit: usize,
    },
    /// The broker closed it for another reason, or said what cannot be.
    Broker,
    /// The connection broke.
    Network,
    /// The broker kept us waiting for too long.
    Timeout,
}
