//! What comes out of the core.

use super::{
    clock::Moment,
    ids::{JobId, RequestId},
    service::Work,
};
use crate::wire::{Method, Status};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Publish the reply to a request, which is [`Core::outgoing`](super::Core::outgoing).
    Publish(RequestId),
    /// Publish something to nobody, and say when the broker confirms that.
    Probe,
    /// Acknowledge a delivery.
    Ack {
        /// Which one.
        tag: u64,
        /// And all open ones before it.
        multiple: bool,
    },
    /// Reject a delivery for good.
    Reject {
        /// Which one.
        tag: u64,
    },
    /// Give a delivery back to its queue.
    GiveBack {
        /// Which one.
        tag: u64,
    },
    /// Open another channel for replies, and say so.
    RenewReplies,
    /// Stop consuming, and say when no more deliveries will come.
    StopConsuming,
    /// Close the session in good order.
    Close,
    /// Give the session up.
    Abandon(Fault),
    /// Do this work on a thread.
    Compute {
        /// Names the job.
        job: JobId,
        /// What to do.
        work: Work,
    },
    /// Nobody waits for this job any more; its thread is free when it says so.
    Stop {
        /// As it was named.
        job: JobId,
    },
}

impl Command {
    /// Whether it is meant for others than the link of the session.
    pub(super) fn outlives_session(&self) -> bool {
        matches!(self, Self::Compute { .. } | Self::Stop { .. } | Self::Abandon(_))
    }
}

/// Why the core gives a session up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A delivery came out of order.
    OutOfOrder {
        /// The tag that came.
        tag: u64,
    },
    /// Replies wait for their confirms, and the broker confirms nothing else either.
    Unconfirmed,
    /// The broker ended the consumer.
    ConsumerEnded,
}

/// The states of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Taken in, and not looked at yet.
    Delivered,
    /// Waits for a thread or for memory.
    Waiting,
    /// Its work is being done.
    Computing,
    /// Its result is there, and waits to be sent.
    Ready,
    /// Its reply is published, and not confirmed yet.
    Replied,
    /// The broker did not take its reply.
    Refused,
    /// Its reply is confirmed, and it is acknowledged.
    Acked,
    /// Rejected for good.
    Rejected,
    /// Given back to its queue.
    GivenBack,
    /// Its session was lost.
    Lost,
}

impl State {
    /// All states, in the order of their declaration.
    pub const ALL: [Self; 10] = [
        Self::Delivered,
        Self::Waiting,
        Self::Computing,
        Self::Ready,
        Self::Replied,
        Self::Refused,
        Self::Acked,
        Self::Rejected,
        Self::GivenBack,
        Self::Lost,
    ];

    /// Whether a request in this state is over.
    #[must_use]
    pub fn is_settled(self) -> bool {
        self.next().is_empty()
    }

    /// The states that a request may go to from this one: `docs/development.md` draws them.
    #[must_use]
    pub fn next(self) -> &'static [Self] {
        use State::{
            Acked, Computing, Delivered, GivenBack, Lost, Ready, Refused, Rejected, Replied,
            Waiting,
        };
        match self {
            Delivered => &[Waiting, Computing, Ready, Replied, Rejected, GivenBack],
            Waiting => &[Computing, Replied, Rejected, GivenBack, Lost],
            Computing => &[Ready, Replied, Rejected, GivenBack, Lost],
            Ready => &[Replied, Rejected, GivenBack, Lost],
            Replied => &[Acked, Refused, Rejected, GivenBack, Lost],
            Refused => &[Replied, GivenBack, Lost],
            Acked | Rejected | GivenBack | Lost => &[],
        }
    }
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyRejected {
    /// It names no reply queue.
    NoReplyTo,
    /// It names one that replies are not published to, or that has ended several sessions.
    ReplyAddress,
    /// It was delivered too often without being answered.
    Poison,
    /// The broker refused its reply twice, on two channels.
    Refused,
    /// Its reply was not confirmed in time, while others were.
    Unconfirmed,
    /// Its reply queue refused others lately.
    TroubledQueue,
    /// Its reply is larger than the broker takes, and so is the error that would say so.
    TooLarge,
}

/// Why a request is given back: for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyGivenBack {
    /// The session is being closed; their work has not started.
    Draining {
        /// How many others have been started, and will be answered.
        running: usize,
    },
    /// The broker has blocked publishing for long.
    Blocked,
    /// The session is being closed, and there is no time left.
    GivingUp,
}

/// When the work for a request was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputeTime {
    /// It was not: the result was known, or there is none.
    NotComputed,
    /// In place, from the delivery of the request to its reply.
    InPlace,
    /// On a thread, from one moment to the other. It may have begun before the request arrived, for
    /// an earlier one.
    OnThread(Moment, Moment),
}

/// What observers may want to know.
#[derive(Clone, Debug)]
pub enum Note {
    /// A request changed its state.
    Moved {
        /// The tag of its delivery.
        tag: u64,
        /// From this.
        from: State,
        /// To this.
        to: State,
    },
    /// A reply is published, for the first time.
    Replied {
        /// The tag of the request.
        tag: u64,
        /// What the reply says.
        status: Status,
        /// The length of its body.
        bytes: usize,
        /// When its work was done.
        compute_time: ComputeTime,
    },
    /// The broker did not take a reply.
    Refused {
        /// The tag of the request.
        tag: u64,
    },
    /// A request was refused because it was delivered too often.
    Poison {
        /// The tag of the request.
        tag: u64,
        /// Its correlation id, or what stands for it.
        correlation_id: Vec<u8>,
    },
    /// A reply queue gives trouble, and is remembered for it.
    Troubled {
        /// Its name.
        queue: String,
        /// It does not confirm; otherwise it refuses.
        unconfirmed: bool,
    },
    /// The deadline of a request is not heeded: it had passed on arrival, though the request had not
    /// expired.
    WrongClock {
        /// Who sent it: where the reply goes.
        caller: String,
        /// The deadline, and when the request arrived by our clock, in Unix milliseconds.
        deadline_ms: i64,
        /// See above.
        arrived_ms: i64,
    },
    /// A request is not rejected but acknowledged, as a dead-letter policy would bring it back: it
    /// has done so [`MAX_REJECTIONS`](super::MAX_REJECTIONS) times.
    Dropped {
        /// The tag of its delivery.
        tag: u64,
    },
    /// Work was asked for.
    LookedUp {
        /// Whether its result was known.
        hit: bool,
    },
    /// A request is over.
    Settled(Settled),
    /// So many requests are given back.
    GivingBack {
        /// How many.
        requests: usize,
        /// Why.
        why: WhyGivenBack,
    },
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// The tag of its delivery.
    pub tag: u64,
    /// What was called.
    pub method: Method,
    /// Its last state.
    pub state: State,
    /// Why it was rejected, if it was.
    pub why_rejected: Option<WhyRejected>,
    /// The status of its reply, if that was published.
    pub status: Option<Status>,
    /// When it was delivered.
    pub received: Moment,
    /// When its reply was published, if it was.
    pub replied: Option<Moment>,
    /// When it ended.
    pub at: Moment,
}
