//! A request on its way from delivery to ack.

use super::{
    answer::Answer,
    tally::{Outcome, Served},
};
use crate::{
    amqp::{message, properties},
    wall_clock,
    wire::{Envelope, Properties, ServerTiming, Via},
};
use bytes::Bytes;
use lapin::message::Delivery;
use std::time::{Duration, Instant, SystemTime};

/// How far it is.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing was done for it yet.
    Held,
    Working,
    /// Its answer is published, and since when.
    Published(Instant),
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) envelope: Envelope,
    /// All that it says, for whoever answers.
    pub(super) said: Properties,
    pub(super) redelivered: bool,
    /// Until it is answered.
    pub(super) body: Bytes,
    bytes: usize,
    pub(super) stage: Stage,
    arrived: Instant,
    /// When its turn came.
    begun: Option<Instant>,
    /// When its answer was there.
    answered: Option<Instant>,
    /// By the clock that deadlines are in.
    arrived_unix_ms: i64,
    pub(super) answer: Option<Answer>,
    /// When the broker first refused the reply.
    pub(super) refused: Option<Instant>,
    /// The reply came back.
    pub(super) returned: bool,
}

impl Request {
    pub(super) fn new(delivery: Delivery, queue: &str) -> Self {
        Self {
            envelope: properties::envelope(&delivery.properties, queue),
            said: message::read(&delivery.properties),
            redelivered: delivery.redelivered,
            bytes: delivery.data.len(),
            body: delivery.data.into(),
            stage: Stage::Held,
            arrived: Instant::now(),
            begun: None,
            answered: None,
            arrived_unix_ms: wall_clock::unix_ms(wall_clock::now()),
            answer: None,
            refused: None,
            returned: false,
        }
    }

    /// Its turn has come.
    pub(super) fn begin(&mut self) {
        self.stage = Stage::Working;
        self.begun = Some(Instant::now());
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        self.answer = Some(answer);
        self.answered = Some(Instant::now());
    }

    /// How long it took, where it asks for that.
    pub(super) fn timing(&self) -> Option<ServerTiming> {
        let (begun, answered) = self.begun.zip(self.answered).filter(|_| self.envelope.timing)?;
        let queue = begun.saturating_duration_since(self.arrived);
        Some(ServerTiming { queue, compute: answered.saturating_duration_since(begun) })
    }

    pub(super) fn is_published(&self) -> bool {
        matches!(self.stage, Stage::Published(_))
    }

    /// Where the reply goes, if anywhere.
    pub(super) fn reply_address(&self) -> Option<(Via, &str)> {
        let queue = self.envelope.reply_queue()?;
        (self.envelope.via != Via::Nowhere).then_some((self.envelope.via, queue))
    }

    /// Whether a reply that came back is the one to this.
    pub(super) fn is_asked_by(&self, queue: &str, id: Option<&[u8]>) -> bool {
        self.is_published()
            && !self.returned
            && self.envelope.reply_queue() == Some(queue)
            && self.envelope.reply_id() == id
    }

    /// How long somebody still waits for the answer, where the request says so.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let limit = self.envelope.time_limit(self.arrived_unix_ms).lasts?;
        Some(limit.saturating_sub(self.arrived.elapsed()))
    }

    /// What is said of it when it is over.
    pub(super) fn over(self, outcome: Outcome) -> Served {
        Served {
            at: SystemTime::now(),
            correlation_id: self.envelope.reply_id().map(<[u8]>::to_vec),
            kind: self.envelope.kind,
            reply_to: self.envelope.reply_to,
            redelivered: self.redelivered,
            bytes: self.bytes,
            reply_bytes: self.answer.map_or(0, |answer| answer.body.len()),
            outcome,
            elapsed: self.arrived.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(expiration_ms: Option<u64>, deadline_in_ms: Option<i64>) -> Request {
        let delivery = Delivery::mock(1, "".into(), "q".into(), false, Vec::new());
        let mut request = Request::new(delivery, "q");
        request.envelope.expiration_ms = expiration_ms;
        let now = request.arrived_unix_ms;
        request.envelope.deadline_ms = deadline_in_ms.map(|ms| now + ms);
        request
    }

    #[test]
    fn the_earlier_of_both_deadlines_holds_unless_a_clock_is_wrong() {
        let seconds = |expiration, deadline| {
            let left = request(expiration, deadline).time_left()?;
            Some(left.as_secs_f64().ceil())
        };
        assert_eq!(seconds(None, None), None);
        assert_eq!(seconds(Some(5000), None), Some(5.0));
        assert_eq!(seconds(None, Some(3000)), Some(3.0));
        assert_eq!(seconds(Some(5000), Some(3000)), Some(3.0));
        assert_eq!(seconds(Some(5000), Some(-3000)), Some(5.0));
        assert_eq!(seconds(None, Some(-3000)), Some(0.0));
    }
}
