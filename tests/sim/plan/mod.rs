//! What is to happen in a run, as data.

mod generate;
mod text;

use crate::broker::types::{Kind, Shape, Version};

/// The queues, by their numbers: that of requests, then those that callers name for replies.
pub(crate) const QUEUES: [&str; 7] =
    ["requests", "good0", "good1", "good2", "full", "mute", "gone"];

/// A plan: the same one leads to the same events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) setup: Setup,
    /// In the order of their moments.
    pub(crate) entries: Vec<Entry>,
}

/// What does not change during a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    /// Of the small delays.
    pub(crate) seed: u64,
    pub(crate) version: Version,
    pub(crate) kind: Kind,
    /// `x-delivery-limit`; 0 is none.
    pub(crate) delivery_limit: u32,
    /// Of the queue, in milliseconds; 0 is none.
    pub(crate) ttl: u64,
    pub(crate) daemons: u64,
    pub(crate) prefetch: u16,
    pub(crate) threads: u64,
    /// Memory for quick and for long work, in bytes.
    pub(crate) quick: u64,
    pub(crate) long: u64,
    /// `max_message_size`; 0 is none that matters.
    pub(crate) max_message: u64,
    /// In milliseconds.
    pub(crate) heartbeat: u64,
    pub(crate) drain: u64,
    /// What the Unix clock of daemon 1 is ahead of the true one, in milliseconds; daemon 2 is as
    /// much behind.
    pub(crate) skew: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Milliseconds from the beginning.
    pub(crate) at: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Request(Request),
    Fault(Fault),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) reply: Where,
    /// The correlation id, which others may share.
    pub(crate) id: u64,
    pub(crate) work: WorkSpec,
    /// Milliseconds from now on the true clock.
    pub(crate) deadline: Option<i64>,
    pub(crate) persistent: bool,
    /// In milliseconds.
    pub(crate) expiration: Option<u64>,
}

/// Where a caller wants its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// In one of the queues.
    Queue(usize),
    /// In one that does not exist.
    Nowhere,
    /// It does not say.
    Unsaid,
}

/// Work: the same key means the same work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkSpec {
    pub(crate) key: u64,
    /// 0 is answered in place.
    pub(crate) nanos: u64,
    pub(crate) memory: u64,
    pub(crate) length: u64,
    /// It cannot be done.
    pub(crate) fails: bool,
}

/// One fault. Which of the numbers matter depends on its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) daemon: u64,
    pub(crate) queue: usize,
    /// How long it lasts, in milliseconds.
    pub(crate) lasts: u64,
    /// How many of the methods under way still arrive.
    pub(crate) arriving: u64,
    /// After how many milliseconds the broker notices, and after how many the daemon.
    pub(crate) noticed: u64,
    pub(crate) seen: u64,
    /// By how many milliseconds a clock jumps.
    pub(crate) by: i64,
}

macro_rules! fault_kinds {
    ($($kind:ident $name:literal $doc:literal,)*) => {
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum FaultKind {
            #[default]
            $(#[doc = $doc] $kind,)*
        }

        impl FaultKind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind,)*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

fault_kinds! {
    CutRequests "cut-requests" "The connection that brings requests breaks.",
    CutReplies "cut-replies" "The connection that takes replies breaks.",
    CutBoth "cut-both" "Both break at once.",
    Restart "restart" "The broker stops in good order and starts again.",
    Crash "crash" "It dies and starts again: what is under way is lost.",
    Alarm "alarm" "Memory is short.",
    Stall "stall" "A queue has no majority: nothing is confirmed, settled or delivered.",
    Fill "fill" "A queue refuses what is published.",
    Delete "delete" "A queue is deleted.",
    ConsumerTimeout "consumer-timeout" "The broker waits no longer for an ack.",
    CloseReplies "close-replies" "The broker closes the channel for replies.",
    Kill "kill" "A daemon is killed and started again.",
    Stop "stop" "A daemon is stopped in good order and started again.",
    Reload "reload" "A daemon attaches anew, with other settings.",
    Clock "clock" "A Unix clock jumps.",
}

impl Plan {
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            What::Request(request) => Some(request),
            What::Fault(_) => None,
        })
    }

    pub(crate) fn faults(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            What::Request(_) => None,
            What::Fault(fault) => Some((entry.at, fault)),
        })
    }
}

impl Setup {
    /// How a queue is declared.
    pub(crate) fn shape(&self, queue: usize) -> Shape {
        let durable = Shape { durable: true, ..Shape::default() };
        match QUEUES[queue] {
            "requests" => Shape {
                kind: self.kind,
                message_ttl: (self.ttl > 0).then_some(self.ttl),
                delivery_limit: (self.delivery_limit > 0).then_some(self.delivery_limit),
                ..durable
            },
            "good2" => Shape { kind: Kind::Quorum, ..durable },
            _ => durable,
        }
    }
}

impl Request {
    /// Whether its caller does what callers should.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.reply, Where::Queue(1..=3))
    }

    pub(crate) fn reply_to(&self) -> Option<&'static str> {
        match self.reply {
            Where::Queue(queue) => Some(QUEUES[queue]),
            Where::Nowhere => Some("nowhere"),
            Where::Unsaid => None,
        }
    }

    /// What it says.
    pub(crate) fn body(&self) -> String {
        let WorkSpec { key, nanos, memory, length, fails } = self.work;
        format!("{key} {nanos} {memory} {length} {}", u8::from(fails))
    }
}

impl WorkSpec {
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut numbers = std::str::from_utf8(body).ok()?.split(' ').map(str::parse::<u64>);
        let mut next = || numbers.next()?.ok();
        Some(Self {
            key: next()?,
            nanos: next()?,
            memory: next()?,
            length: next()?,
            fails: next()? == 1,
        })
    }
}

impl Fault {
    /// How long it goes on at most, until everyone has noticed and it is over.
    pub(crate) fn end(&self) -> u64 {
        self.lasts + self.noticed.max(self.seen)
    }
}
