//! What has become of each request, and what must hold of it.

use crate::{
    broker::{Fate, Happening},
    ground::MS,
    plan::{Fault, FaultKind, Plan, Request, Where},
    service,
};
use fibrpc_core::{
    server::{MAX_LOSSES, WhyRejected},
    wire::{Envelope, Reply, Status},
};
use std::collections::BTreeMap;

/// Unix time at the beginning of a run, in milliseconds.
pub(crate) const EPOCH_MS: i64 = 1_700_000_000_000;

/// What a daemon publishes to nobody.
pub(crate) const PROBE: &str = "probe";

/// Names a request in a run: its place among the requests of the plan.
pub(crate) type Uid = usize;

/// What is wrong, in one line. What comes before the colon names the rule.
pub(crate) type Wrong = String;

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) requests: Vec<Record>,
    /// Nothing happens in this plan that could lead to a second answer.
    quiet: bool,
    pub(crate) drops: BTreeMap<&'static str, u64>,
    /// How many are sent and neither over nor known not to have been taken.
    pub(crate) open: usize,
    limits: Limits,
    /// The moment, and the one from which on there are no more faults, in nanoseconds.
    pub(crate) now: u64,
    quiet_from: u64,
    /// How long a good caller has waited at most, counted from the last fault.
    pub(crate) slowest: u64,
}

/// How often quorum queues deliver at most since RabbitMQ 4.0, unless they are told otherwise.
const DEFAULT_LIMIT: usize = 20;

/// The rules of the broker that a plan switched on.
#[derive(Debug)]
struct Limits {
    ttl: bool,
    delivery_limit: bool,
    max_message: u64,
    /// The queues that do not take replies, and from when to when that may be noticed, in
    /// milliseconds.
    troubled: Vec<(usize, u64, u64)>,
}

/// How long after a queue is well again a request that names it may be rejected, in milliseconds:
/// its trouble is noticed after at most half a minute, and remembered for a while.
const AFTERMATH: u64 = 60_000;

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) request: Request,
    /// As it arrives.
    pub(crate) envelope: Envelope,
    pub(crate) body: Vec<u8>,
    pub(crate) taken: Taken,
    answers: u32,
    /// How many replies to it were published, whatever became of them.
    published: u32,
    unroutable: bool,
    rejected: Option<WhyRejected>,
    pub(crate) over: bool,
    /// When the broker took it.
    taken_at: u64,
}

/// Whether the broker has taken a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was not sent yet.
    Unsent,
    /// The broker has not said so yet.
    Unknown,
    Accepted,
    Refused,
}

impl Ledger {
    pub(crate) fn new(plan: &Plan, quiet_from: u64) -> Self {
        let sent = |at: u64| EPOCH_MS.saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
        let requests = plan.entries.iter().filter_map(|entry| match &entry.what {
            crate::plan::What::Request(request) => Some((entry.at, request)),
            crate::plan::What::Fault(_) => None,
        });
        let records = requests.enumerate().map(|(uid, (at, request))| Record {
            envelope: Envelope {
                reply_to: request.reply_to().map(Into::into),
                correlation_id: Some(request.id.to_string().into()),
                expiration_ms: request.expiration,
                deadline_ms: request.deadline.map(|after| sent(at).saturating_add(after)),
                trace: vec![("tracestate", uid.to_string().into())],
                ..Envelope::default()
            },
            body: request.body().into(),
            request: request.clone(),
            taken: Taken::Unsent,
            answers: 0,
            published: 0,
            unroutable: false,
            rejected: None,
            over: false,
            taken_at: 0,
        });
        let max_message = plan.setup.max_message;
        Self {
            requests: records.collect(),
            quiet: plan.faults().next().is_none() && max_message == 0,
            drops: BTreeMap::new(),
            open: 0,
            now: 0,
            quiet_from,
            slowest: 0,
            limits: Limits {
                ttl: plan.setup.ttl > 0,
                delivery_limit: plan.setup.delivery_limit > 0
                    || plan.faults().count() >= DEFAULT_LIMIT,
                max_message,
                troubled: troubled(plan),
            },
        }
    }

    pub(crate) fn sent(&mut self, uid: Uid) {
        self.requests[uid].taken = Taken::Unknown;
        self.open += 1;
    }

    /// The broker says whether it has taken a request, or the caller will not know.
    pub(crate) fn taken(&mut self, uid: Uid, taken: Taken) {
        let record = &mut self.requests[uid];
        record.taken_at = self.now;
        if record.taken == Taken::Unknown {
            record.taken = taken;
            if taken != Taken::Accepted && !record.over {
                self.open -= 1;
                record.over = true;
            }
        }
    }

    fn end(&mut self, uid: Uid) {
        let record = &mut self.requests[uid];
        if !std::mem::replace(&mut record.over, true) {
            self.open -= 1;
            if record.request.is_good() && record.taken == Taken::Accepted {
                let since = record.taken_at.max(self.quiet_from);
                self.slowest = self.slowest.max(self.now.saturating_sub(since));
            }
        }
    }

    /// The broker says what became of a message.
    pub(crate) fn happened(&mut self, what: &Happening) -> Result<(), Wrong> {
        if what.body == PROBE {
            return Ok(());
        }
        let Some((kind, uid)) = parse(&what.body) else {
            return Err(format!("unknown message: {}", what.body));
        };
        match (kind, what.fate) {
            ('r', Fate::Stored) => self.answered(uid, &what.queue),
            ('r', Fate::Unroutable) => {
                self.requests[uid].unroutable = true;
                self.is_destination(uid, &what.queue)
            }
            ('q', Fate::Acked) => {
                let record = &self.requests[uid];
                let told = record.answers > 0 || record.unroutable;
                self.end(uid);
                if told { Ok(()) } else { Err(format!("acked without an answer: request {uid}")) }
            }
            ('q', Fate::Dropped(why)) => self.dropped(uid, why),
            // There was no queue, or there is none any more.
            ('q', Fate::Unroutable) => self.dropped(uid, "deleted"),
            _ => Ok(()),
        }
    }

    fn is_destination(&self, uid: Uid, queue: &str) -> Result<(), Wrong> {
        if self.requests[uid].request.reply_to() == Some(queue) {
            return Ok(());
        }
        Err(format!("answer to another queue: that of request {uid} went to {queue}"))
    }

    fn answered(&mut self, uid: Uid, queue: &str) -> Result<(), Wrong> {
        self.is_destination(uid, queue)?;
        let record = &mut self.requests[uid];
        record.answers += 1;
        if record.answers > 1 && self.quiet && record.request.is_good() {
            return Err(format!("second answer: request {uid}, without any fault"));
        }
        Ok(())
    }

    fn dropped(&mut self, uid: Uid, why: &'static str) -> Result<(), Wrong> {
        *self.drops.entry(why).or_default() += 1;
        self.end(uid);
        let record = &self.requests[uid];
        let allowed = match why {
            "rejected" => record.rejected.is_some(),
            "expired" => self.limits.ttl || record.request.expiration.is_some(),
            "delivery_limit" => self.limits.delivery_limit || !record.request.is_good(),
            "restart" => !record.request.persistent,
            _ => true,
        };
        if allowed { Ok(()) } else { Err(format!("dropped by {why}: request {uid}")) }
    }

    /// The core rejects a request for good.
    pub(crate) fn rejected(&mut self, uid: Uid, why: WhyRejected) -> Result<(), Wrong> {
        let record = &mut self.requests[uid];
        record.rejected = Some(why);
        let right = match why {
            WhyRejected::NoReplyTo => record.request.reply == Where::Unsaid,
            WhyRejected::ReplyAddress => false, // none of theirs
            WhyRejected::TooLarge => self.limits.max_message > 0,
            WhyRejected::Poison => record.may_be_poison(),
            WhyRejected::Refused | WhyRejected::Unconfirmed | WhyRejected::TroubledQueue => {
                !record.request.is_good() || self.limits.is_troubled(&record.request, self.now)
            }
        };
        if right {
            Ok(())
        } else {
            Err(format!("rejected by {why:?}: request {uid}, which is good"))
        }
    }

    /// A reply is published: is it the right one? `late` says whether its deadline has passed.
    pub(crate) fn check_reply(
        &mut self,
        uid: Uid,
        (envelope, reply): (&Envelope, &Reply),
        late: bool,
    ) -> Result<(), Wrong> {
        let record = &mut self.requests[uid];
        let may_be_poison = record.may_be_poison();
        record.published += 1;
        let own = &record.envelope;
        if (&own.reply_to, &own.correlation_id) != (&envelope.reply_to, &envelope.correlation_id) {
            return Err(format!("answer under another's id: request {uid}"));
        }
        let work = record.request.work;
        let right = match reply.status {
            Status::Ok => {
                let result = service::result(work);
                (!work.fails || work.nanos == 0) && reply.body.len() == result.len()
            }
            Status::DeadlineExceeded => late,
            Status::ResourceExhausted => self.limits.max_message > 0,
            Status::Internal => work.fails || may_be_poison,
            _ => false,
        };
        if right {
            return Ok(());
        }
        let Reply { status, body, .. } = reply;
        let text = if *status == Status::Ok { String::new() } else { format!(", {body:?}") };
        Err(format!(
            "wrong answer {}: request {uid} gets {} bytes{text}",
            status.name(),
            body.len()
        ))
    }

    /// The requests of good callers that the broker has taken and that are not over.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Uid> {
        let waiting = |record: &Record| record.taken == Taken::Accepted && !record.over;
        let records = self.requests.iter().enumerate();
        records.filter(move |(_, record)| waiting(record)).map(|(uid, _)| uid)
    }
}

impl Record {
    /// Whether it is right to give up: its queue is no good, or its replies were on their way
    /// whenever one of too many sessions ended.
    fn may_be_poison(&self) -> bool {
        !self.request.is_good() || self.published > MAX_LOSSES
    }
}

impl Limits {
    fn is_troubled(&self, request: &Request, now: u64) -> bool {
        let now = now / MS;
        let Where::Queue(queue) = request.reply else { return true };
        self.troubled.iter().any(|(one, from, to)| *one == queue && (*from..*to).contains(&now))
    }
}

fn troubled(plan: &Plan) -> Vec<(usize, u64, u64)> {
    let troubles = |(at, fault): (u64, &Fault)| {
        let does = matches!(fault.kind, FaultKind::Fill | FaultKind::Stall);
        does.then_some((fault.queue, at, at + fault.lasts + AFTERMATH))
    };
    plan.faults().filter_map(troubles).collect()
}

/// The kind of a message and its request.
pub(crate) fn parse(body: &str) -> Option<(char, Uid)> {
    Some((body.chars().next()?, body.get(1..)?.parse().ok()?))
}
