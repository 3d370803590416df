//! Requests: how many, how they ended, how long each part of their way took.

use super::{DURATION_BUCKETS, maker::Maker};
use crate::{
    wall_clock,
    wire::{Method, Status},
};
use prometheus::{Histogram, IntCounter, IntGauge, core::Metric as _, proto::Bucket};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Bucket bounds of the time in the queue, in seconds: nothing finer than a second is known.
const WAIT_BUCKETS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0];

/// Time stamps further from now than this, in seconds, are taken for mistakes: a clock that is
/// wrong, or milliseconds where AMQP wants seconds.
const CREDIBLE_FUTURE: u64 = 60;
const CREDIBLE_PAST: u64 = 30 * 24 * 3600;

/// Why a request was not answered with what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The request named no reply queue and was rejected.
    NoReplyTo,
    /// It named a reply address that replies are not published to, and was rejected.
    ReplyAddress,
    /// Its reply queue refused the reply, or others lately, and it was rejected.
    ReplyRefused,
    /// Its reply was not confirmed in time, and it was rejected.
    ReplyUnconfirmed,
    /// An error reply with this status.
    Status(Status),
}

impl Reason {
    fn all() -> impl Iterator<Item = Self> {
        let failures = Status::ALL.into_iter().filter(|status| *status != Status::Ok);
        let others =
            [Self::NoReplyTo, Self::ReplyAddress, Self::ReplyRefused, Self::ReplyUnconfirmed];
        failures.map(Self::Status).chain(others)
    }

    fn label(self) -> &'static str {
        match self {
            Self::NoReplyTo => "no_reply_to",
            Self::ReplyAddress => "reply_address",
            Self::ReplyRefused => "reply_refused",
            Self::ReplyUnconfirmed => "reply_unconfirmed",
            Self::Status(Status::Ok) => "ok",
            Self::Status(Status::InvalidArgument) => "invalid_argument",
            Self::Status(Status::Unimplemented) => "unimplemented",
            Self::Status(Status::ResourceExhausted) => "resource_exhausted",
            Self::Status(Status::DeadlineExceeded) => "deadline_exceeded",
            Self::Status(Status::Internal) => "internal",
        }
    }
}

/// No request.
const NONE: u64 = u64::MAX;

/// How long the parts of a request's way took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// From the delivery to now.
    pub total: Duration,
    /// From the delivery to the publishing of the reply, if there was one.
    pub answer: Option<Duration>,
}

/// The metrics of requests.
#[derive(Debug)]
pub(crate) struct Requests {
    total: Vec<IntCounter>,
    failures: Vec<IntCounter>,
    durations: Vec<Histogram>,
    /// The failures of each method, in the order of the reasons. No metric: so many series would
    /// be of little use.
    failures_by_method: Vec<Vec<AtomicU64>>,
    /// When the oldest of those in flight was delivered, in nanoseconds after the start.
    oldest: AtomicU64,
    queue_wait: Histogram,
    answer: Histogram,
    confirm: Histogram,
    /// Deliveries held and not settled yet.
    pub in_flight: IntGauge,
    /// The configured bound of `in_flight`.
    pub prefetch: IntGauge,
    /// Messages received from the queue.
    pub deliveries: IntCounter,
    /// Those of them that the broker had delivered before.
    pub redeliveries: IntCounter,
    /// Requests whose deadline was not heeded, because a clock is wrong.
    pub deadlines_ignored: IntCounter,
    /// Requests acknowledged: their replies were confirmed.
    pub acks: IntCounter,
    /// Requests rejected for good.
    pub rejects: IntCounter,
    /// Requests given back to the queue.
    pub requeues: IntCounter,
}

impl Requests {
    pub(super) fn new(make: &Maker) -> Result<Self, prometheus::Error> {
        let methods = || Method::ALL.map(Method::name);
        Ok(Self {
            total: make.counters(
                "fibrpcd_requests_total",
                "Requests answered or rejected, by method.",
                "method",
                methods(),
            )?,
            failures: make.counters(
                "fibrpcd_request_failures_total",
                "Requests answered with an error reply or rejected, by reason.",
                "reason",
                Reason::all().map(Reason::label),
            )?,
            durations: make.histograms(
                "fibrpcd_request_duration_seconds",
                "Time from the delivery of a request to the broker's confirm of its reply.",
                &DURATION_BUCKETS,
                "method",
                methods(),
            )?,
            failures_by_method: methods()
                .map(|_| Reason::all().map(|_| AtomicU64::default()).collect())
                .into(),
            oldest: AtomicU64::new(NONE),
            queue_wait: make.histogram(
                "fibrpcd_request_queue_wait_seconds",
                "Time from a request's time stamp, where it has one, to its delivery.",
                &WAIT_BUCKETS,
            )?,
            answer: make.histogram(
                "fibrpcd_request_answer_seconds",
                "Time from the delivery of a request to the publishing of its reply.",
                &DURATION_BUCKETS,
            )?,
            confirm: make.histogram(
                "fibrpcd_request_confirm_seconds",
                "Time from the publishing of a reply to the broker's confirm.",
                &DURATION_BUCKETS,
            )?,
            in_flight: make
                .gauge("fibrpcd_requests_in_flight", "Requests delivered and not settled yet.")?,
            prefetch: make
                .gauge("fibrpcd_prefetch_limit", "Most requests held at once (amqp.prefetch).")?,
            deliveries: make.counter("fibrpcd_deliveries_total", "Messages received.")?,
            redeliveries: make.counter(
                "fibrpcd_redeliveries_total",
                "Messages received that had been delivered before.",
            )?,
            deadlines_ignored: make.counter(
                "fibrpcd_deadlines_ignored_total",
                "Requests that arrived after their x-deadline and before their expiration.",
            )?,
            acks: make.counter("fibrpcd_acks_total", "Requests acknowledged.")?,
            rejects: make
                .counter("fibrpcd_rejects_total", "Requests rejected without requeueing.")?,
            requeues: make
                .counter("fibrpcd_requeues_total", "Requests given back to the queue.")?,
        })
    }

    /// Notes and returns how long a request that was sent at this Unix time was in the queue;
    /// `None` if that is not credible. The clocks are those of two machines, and the time is in
    /// whole seconds.
    pub(crate) fn sent_at(&self, sent: u64) -> Option<Duration> {
        let now = wall_clock::now();
        let seconds = now.as_secs();
        if sent > seconds + CREDIBLE_FUTURE || sent < seconds.saturating_sub(CREDIBLE_PAST) {
            return None;
        }
        let waited = now.saturating_sub(Duration::from_secs(sent));
        self.queue_wait.observe(waited.as_secs_f64());
        Some(waited)
    }

    /// Counts a request that was answered with `status`, and the broker's confirm of that.
    pub(crate) fn answered(&self, method: Method, status: Status, times: Times) {
        self.count(method);
        if let Some(histogram) = self.durations.get(method as usize) {
            histogram.observe(times.total.as_secs_f64());
        }
        if let Some(answer) = times.answer {
            self.answer.observe(answer.as_secs_f64());
            self.confirm.observe(times.total.saturating_sub(answer).as_secs_f64());
        }
        if status != Status::Ok {
            self.failed(method, Reason::Status(status));
        }
    }

    /// Counts a request that was rejected without an answer.
    pub(crate) fn rejected(&self, method: Method, reason: Reason) {
        self.count(method);
        self.failed(method, reason);
    }

    /// How many requests have ended, of all methods.
    #[must_use]
    pub(crate) fn ended(&self) -> u64 {
        self.total.iter().map(IntCounter::get).sum()
    }

    /// How many of them failed, for each reason.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::all().map(Reason::label).zip(self.failures.iter().map(IntCounter::get))
    }

    /// How many requests took no longer than each bound, in seconds; those of all methods together.
    #[must_use]
    pub(crate) fn durations(&self) -> Vec<(f64, u64)> {
        cumulative(&self.durations)
    }

    /// The same of one method, and how many of its requests have ended.
    #[must_use]
    pub(crate) fn of_method(&self, method: Method) -> (u64, Vec<(f64, u64)>) {
        let place = method as usize;
        let ended = self.total.get(place).map_or(0, IntCounter::get);
        (ended, cumulative(self.durations.get(place)))
    }

    /// How many of them failed, for each reason that there was.
    pub(crate) fn failures_of(&self, method: Method) -> impl Iterator<Item = (&'static str, u64)> {
        let counters = self.failures_by_method.get(method as usize).into_iter().flatten();
        let counts = counters.map(|counter| counter.load(Ordering::Relaxed));
        Reason::all().map(Reason::label).zip(counts).filter(|(_, count)| *count > 0)
    }

    /// Notes when the oldest of the requests in flight was delivered: so long after the start.
    pub(crate) fn set_oldest(&self, after_start: Option<Duration>) {
        let nanos = after_start.map_or(NONE, |at| u64::try_from(at.as_nanos()).unwrap_or(NONE));
        self.oldest.store(nanos, Ordering::Relaxed);
    }

    /// When that was.
    #[must_use]
    pub(crate) fn oldest(&self) -> Option<Duration> {
        let nanos = self.oldest.load(Ordering::Relaxed);
        (nanos != NONE).then(|| Duration::from_nanos(nanos))
    }

    fn count(&self, method: Method) {
        if let Some(counter) = self.total.get(method as usize) {
            counter.inc();
        }
    }

    fn failed(&self, method: Method, reason: Reason) {
        let Some(place) = Reason::all().position(|known| known == reason) else { return };
        if let Some(counter) = self.failures.get(place) {
            counter.inc();
        }
        let of_method = self.failures_by_method.get(method as usize);
        if let Some(counter) = of_method.and_then(|counters| counters.get(place)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How many observations of these histograms are no larger than each bound.
fn cumulative<'a>(histograms: impl IntoIterator<Item = &'a Histogram>) -> Vec<(f64, u64)> {
    let mut sums: Vec<_> =
        DURATION_BUCKETS.into_iter().chain([f64::INFINITY]).map(|bound| (bound, 0)).collect();
    for histogram in histograms {
        let histogram = histogram.metric();
        let histogram = histogram.get_histogram();
        let below = histogram.get_bucket().iter().map(Bucket::cumulative_count);
        for (sum, count) in sums.iter_mut().zip(below.chain([histogram.get_sample_count()])) {
            sum.1 += count;
        }
    }
    sums
}
