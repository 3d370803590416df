//! The link to the broker: whether it is there, why it was not, and the replies on it.

use super::maker::Maker;
use crate::{amqp::Cause, daemon::state::State};
use prometheus::{Counter, IntCounter, IntGauge};
use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// The metrics of the link.
#[derive(Debug)]
pub(crate) struct Link {
    connected: IntGauge,
    /// Times the daemon attached to a broker.
    pub connects: IntCounter,
    connect_failures: Vec<IntCounter>,
    disconnects: Vec<IntCounter>,
    /// Times the broker ended the consumer.
    pub consumer_cancels: IntCounter,
    blocked: IntGauge,
    blocked_seconds: Counter,
    /// Up to when the time blocked has been counted; `None` while the link is not blocked.
    counted: Mutex<Option<Instant>>,
    /// Replies published whose confirm is still to come.
    pub unconfirmed: IntGauge,
    /// Replies confirmed by the broker.
    pub replies: IntCounter,
    /// Replies whose queue was gone: the caller did not wait.
    pub replies_unroutable: IntCounter,
    /// Replies the broker refused to take.
    pub replies_refused: IntCounter,
}

impl Link {
    pub(super) fn new(make: &Maker) -> Result<Self, prometheus::Error> {
        Ok(Self {
            connected: make.gauge(
                "fibrpcd_amqp_connected",
                "Whether the daemon is attached to a broker and takes requests.",
            )?,
            connects: make.counter("fibrpcd_amqp_connects_total", "Times attached to a broker.")?,
            connect_failures: make.counters(
                "fibrpcd_amqp_connect_failures_total",
                "Attempts to attach to a broker that failed, by cause.",
                "cause",
                Cause::LABELS,
            )?,
            disconnects: make.counters(
                "fibrpcd_amqp_disconnects_total",
                "Times the daemon lost the broker, by cause.",
                "cause",
                Cause::LABELS,
            )?,
            consumer_cancels: make.counter(
                "fibrpcd_amqp_consumer_cancels_total",
                "Times the broker ended the consumer.",
            )?,
            blocked: make.gauge(
                "fibrpcd_amqp_blocked",
                "Whether the broker blocks publishing for lack of resources.",
            )?,
            blocked_seconds: make.seconds(
                "fibrpcd_amqp_blocked_seconds_total",
                "Time during which the broker blocked publishing.",
            )?,
            counted: Mutex::default(),
            unconfirmed: make.gauge(
                "fibrpcd_replies_unconfirmed",
                "Replies published that the broker has not confirmed yet.",
            )?,
            replies: make.counter("fibrpcd_replies_total", "Replies confirmed by the broker.")?,
            replies_unroutable: make.counter(
                "fibrpcd_replies_unroutable_total",
                "Replies returned because their queue was gone.",
            )?,
            replies_refused: make.counter(
                "fibrpcd_replies_refused_total",
                "Replies the broker did not take; each is tried once more.",
            )?,
        })
    }

    pub(crate) fn connect_failed(&self, cause: Cause) {
        count(&self.connect_failures, cause);
    }

    pub(crate) fn lost(&self, cause: Cause) {
        count(&self.disconnects, cause);
    }

    /// Notes whether the broker blocks publishing from now on.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.sample();
        self.blocked.set(blocked.into());
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = blocked.then(Instant::now);
    }

    /// Notes whether requests are taken, by the daemon's state.
    pub(super) fn set_state(&self, state: &State) {
        let consumes = matches!(state, State::Consuming(_) | State::Blocked(_));
        self.connected.set(consumes.into());
    }

    /// Counts the time blocked up to now.
    pub(super) fn sample(&self) {
        if let Some(counted) = &mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner) {
            let now = Instant::now();
            self.blocked_seconds.inc_by(now.duration_since(*counted).as_secs_f64());
            *counted = now;
        }
    }
}

fn count(counters: &[IntCounter], cause: Cause) {
    let place = Cause::LABELS.iter().position(|label| *label == cause.label());
    if let Some(counter) = place.and_then(|place| counters.get(place)) {
        counter.inc();
    }
}
