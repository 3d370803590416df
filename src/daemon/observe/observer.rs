//! What the core's notes mean for metrics, the log and traces: the only place that derives them.

use super::{
    metrics::{Metrics, Reason, Times},
    request_log::RequestLog,
    request_record::{ComputeTime, Moments, Outcome, RequestRecord},
    wrong_clocks::WrongClocks,
};
use crate::{
    daemon::compute::Computed,
    wire::{Envelope, Status},
};
use fibrpc_core::server::{
    self, Core, MAX_REJECTIONS, Moment, Note, REMEMBERED, State, Unfinished, Usage, WhyGivenBack,
    WhyRejected,
};
use std::{collections::HashMap, sync::Arc, time::Instant};

/// A request that has ended and has a record.
type Ended = (Box<RequestRecord>, server::Settled);

/// Watches the requests of one queue after another.
#[derive(Debug)]
pub(crate) struct Observer {
    metrics: Arc<Metrics>,
    log: RequestLog,
    /// Moments of the core are counted from here.
    start: Instant,
    /// The records of open requests that are logged or traced, by tag.
    records: HashMap<u64, Box<RequestRecord>>,
    /// Those that ended in this batch: a reply may yet turn out to have been returned.
    ended: Vec<Ended>,
    /// Requests that are settled, and whose acks the link has not got yet.
    acks_due: u64,
    usage: Usage,
    wrong_clocks: WrongClocks,
}

impl Observer {
    pub(crate) fn new(metrics: Arc<Metrics>, log: RequestLog, start: Instant) -> Self {
        let (records, ended) = (HashMap::new(), Vec::new());
        let (usage, wrong_clocks) = (Usage::default(), WrongClocks::default());
        Self { metrics, log, start, records, ended, acks_due: 0, usage, wrong_clocks }
    }

    /// The requests from now on come from this queue, with tags of their own.
    pub(crate) fn serves(&mut self, queue: &str) {
        self.records.clear();
        self.acks_due = 0; // a session that ends takes them with it
        self.log.serves(queue);
    }

    /// The link has got an ack. The first of a batch is followed by all others.
    pub(crate) fn acks_handed_over(&mut self) {
        self.metrics.requests.acks.inc_by(std::mem::take(&mut self.acks_due));
    }

    /// A request arrived, sent at this Unix time if it says so.
    pub(crate) fn delivered(
        &mut self,
        tag: u64,
        redelivered: bool,
        sent: Option<u64>,
        envelope: &Envelope,
        body: &[u8],
    ) {
        let requests = &self.metrics.requests;
        requests.deliveries.inc();
        if redelivered {
            requests.redeliveries.inc();
        }
        let queue_wait = sent.and_then(|sent| requests.sent_at(sent));
        if let Some(record) = self.log.begin(envelope, body, queue_wait) {
            self.records.insert(tag, record);
        }
    }

    /// A reply to this queue with this id was returned. If its request ended in an earlier batch,
    /// it stays recorded as answered.
    pub(crate) fn returned(&mut self, queue: &str, id: Option<&[u8]>) {
        self.metrics.link.replies_unroutable.inc();
        let ended = self.ended.iter_mut().map(|(record, _)| record);
        ended.chain(self.records.values_mut()).any(|record| record.returned(queue, id));
    }

    /// A job ended.
    pub(crate) fn finished(&self, result: &Result<Computed, Unfinished>, cached: u64) {
        let metrics = &self.metrics.compute;
        match result {
            Ok(computed) => {
                metrics.computations.inc();
                metrics.check_failures.inc_by(computed.check_failures.into());
                metrics.durations.observe(computed.elapsed.as_secs_f64());
                metrics.cache_bytes.set(i64::try_from(cached).unwrap_or(i64::MAX));
            }
            Err(Unfinished::Failed) => metrics.failed.inc(), // the thread has said why
            // Nobody waits for it any more.
            Err(Unfinished::Stopped) => metrics.stopped.inc(),
        }
    }

    /// Takes in what the core has noted.
    pub(crate) fn note(&mut self, note: Note) {
        match note {
            Note::Moved { .. } => {}
            Note::LookedUp { hit: true } => self.metrics.compute.cache_hits.inc(),
            Note::LookedUp { hit: false } => self.metrics.compute.cache_misses.inc(),
            Note::Replied { tag, status, bytes, compute_time } => {
                if !self.records.is_empty()
                    && let compute_time = self.compute_time(compute_time)
                    && let Some(record) = self.records.get_mut(&tag)
                {
                    record.replied(bytes, status, compute_time);
                }
            }
            Note::Refused { tag } => {
                self.metrics.link.replies_refused.inc();
                if let Some(record) = self.records.get_mut(&tag) {
                    record.refused();
                }
            }
            Note::Poison { correlation_id, .. } => tracing::error!(
                correlation_id = %correlation_id.escape_ascii(),
                "refused a request that was delivered too often without being answered"
            ),
            Note::Troubled { queue, unconfirmed } => {
                let what = if unconfirmed { "does not confirm replies" } else { "refuses replies" };
                let queue = queue.escape_debug();
                tracing::warn!(
                    %queue,
                    "a reply queue {what}; for {REMEMBERED:?} requests that name it are rejected"
                );
            }
            Note::WrongClock { caller, deadline_ms, arrived_ms } => {
                self.metrics.requests.deadlines_ignored.inc();
                self.wrong_clocks.report(&caller, deadline_ms, arrived_ms);
            }
            Note::Dropped { .. } => tracing::warn!(
                "a request is dropped: it was rejected {MAX_REJECTIONS} times, and each time a \
                 dead-letter policy brought it back to this queue; let the policy name another \
                 exchange or routing key"
            ),
            Note::GivingBack { requests, why: WhyGivenBack::Blocked } => tracing::warn!(
                requests,
                "the broker has blocked publishing for long: taking no more requests until it \
                 does not, and giving back those that are not answered"
            ),
            Note::GivingBack { requests, why: WhyGivenBack::GivingUp } => {
                tracing::warn!(requests, "giving every open request back");
            }
            Note::GivingBack { requests, why: WhyGivenBack::Draining { running } } => {
                tracing::info!(running, given_back = requests, "draining");
            }
            Note::Settled(settled) => self.settled(settled),
        }
    }

    /// Ends a batch: what is noted later happened later.
    pub(crate) fn conclude(&mut self, core: &Core) {
        for (record, settled) in self.ended.drain(..) {
            let moments = Moments {
                received: instant(self.start, settled.received),
                replied: settled.replied.map(|moment| instant(self.start, moment)),
                settled: instant(self.start, settled.at),
            };
            self.log.settle(record, outcome(settled.state), settled.status, moments);
        }
        let count = |number| i64::try_from(number).unwrap_or(i64::MAX);
        self.metrics.requests.in_flight.set(count(core.in_flight()));
        self.metrics.requests.set_oldest(core.oldest().map(Moment::since_start));
        self.metrics.link.unconfirmed.set(count(core.unconfirmed()));
        let usage = core.usage();
        if usage != self.usage {
            self.usage = usage;
            self.metrics.compute.set_usage(&usage);
        }
    }

    fn settled(&mut self, settled: server::Settled) {
        let requests = &self.metrics.requests;
        match settled.state {
            State::Acked => {
                self.acks_due += 1;
                self.metrics.link.replies.inc();
            }
            State::Rejected => {
                requests.rejects.inc();
                if settled.why_rejected == Some(WhyRejected::Poison) {
                    self.metrics.link.replies.inc(); // the error reply was confirmed
                }
            }
            State::GivenBack => requests.requeues.inc(),
            _ => {}
        }
        match (settled.state, settled.why_rejected.map(reason)) {
            (State::Rejected, Some(Some(reason))) => requests.rejected(settled.method, reason),
            (State::Acked | State::Rejected, _) => {
                let status = settled.status.unwrap_or(Status::ResourceExhausted);
                requests.answered(settled.method, status, times(&settled));
            }
            _ => {}
        }
        if !self.records.is_empty()
            && let Some(record) = self.records.remove(&settled.tag)
        {
            self.ended.push((record, settled));
        }
    }

    fn compute_time(&self, time: server::ComputeTime) -> ComputeTime {
        match time {
            server::ComputeTime::NotComputed => ComputeTime::NotComputed,
            server::ComputeTime::InPlace => ComputeTime::InPlace,
            server::ComputeTime::OnThread(from, to) => {
                ComputeTime::OnThread(instant(self.start, from), instant(self.start, to))
            }
        }
    }
}

/// Why a request was rejected without an answer. `None`: it has one, or was to have one that says
/// that the answer is too large.
fn reason(why: WhyRejected) -> Option<Reason> {
    match why {
        WhyRejected::NoReplyTo => Some(Reason::NoReplyTo),
        WhyRejected::ReplyAddress => Some(Reason::ReplyAddress),
        WhyRejected::Refused | WhyRejected::TroubledQueue => Some(Reason::ReplyRefused),
        WhyRejected::Unconfirmed => Some(Reason::ReplyUnconfirmed),
        WhyRejected::Poison | WhyRejected::TooLarge => None,
    }
}

fn instant(start: Instant, moment: Moment) -> Instant {
    start.checked_add(moment.since_start()).unwrap_or(start)
}

fn times(settled: &server::Settled) -> Times {
    let from = settled.received;
    Times {
        total: settled.at.since(from),
        answer: settled.replied.map(|replied| replied.since(from)),
    }
}

fn outcome(state: State) -> Outcome {
    match state {
        State::Acked => Outcome::Answered,
        State::Rejected => Outcome::Rejected,
        State::GivenBack => Outcome::GivenBack,
        _ => Outcome::Lost,
    }
}
