//! From an answer to the ack of its request.

use super::{
    super::{
        Audience, Ended,
        answer::Answer,
        request::{Request, Stage},
        tally::Outcome,
    },
    Done, Published, Session,
};
use crate::{
    amqp::{Cause, LinkError},
    text::excerpt,
};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the broker may take to confirm a reply while it takes messages.
const CONFIRM_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a reply that the broker refuses is offered again, and the pauses before that.
const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The least time between channels for replies: a full queue refuses every message.
const RENEW_EVERY: Duration = Duration::from_secs(1);

impl<A: Audience> Session<'_, '_, A> {
    /// There is an answer: it is published, where that is possible.
    pub(super) fn answered(&mut self, tag: u64, answer: Answer) {
        let Some(request) = self.requests.get_mut(&tag) else { return };
        request.answer(answer.fit(self.stub.largest));
        if request.reply_address().is_some_and(|(_, key)| !self.stub.suspects.is_fatal(key)) {
            self.publish(tag);
        } else {
            let id = request.envelope.reply_id().map(|id| excerpt(id, 60)).unwrap_or_default();
            let line = format!("request {id:?} has no reply_to that can be answered; it is acked");
            self.stub.audience.tell(&line);
            self.settle(tag, Outcome::NoReplyTo);
        }
    }

    pub(super) fn publish(&mut self, tag: u64) {
        let Some(request) = self.requests.get_mut(&tag) else { return };
        request.stage = Stage::Published(Instant::now());
        if let (Some(answer), Some(to)) = (&request.answer, request.reply_address()) {
            let properties = self.stub.settings.answers.properties(answer, request);
            self.link.publish_via(Published::Reply(tag), to, properties, answer.body.clone());
        }
    }

    pub(super) fn returned(&mut self, queue: &str, id: Option<&[u8]>) {
        let shown = id.map(|id| excerpt(id, 60)).unwrap_or_default();
        let line = format!("the reply to {shown:?} has no receiver: there is no queue {queue:?}");
        self.stub.audience.tell(&line);
        let asked = self.requests.values_mut().find(|request| request.is_asked_by(queue, id));
        if let Some(request) = asked {
            request.returned = true;
        }
    }

    pub(super) fn confirmed(&mut self, tag: u64) {
        let Some(request) = self.requests.get(&tag) else { return };
        let status = request.answer.as_ref().map(|answer| answer.status);
        let outcome = match status.filter(|_| !request.returned) {
            Some(status) => Outcome::Answered(status),
            None => Outcome::Unroutable,
        };
        self.settle(tag, outcome);
    }

    /// The broker did not take a reply: its queue is full, or the channel is of no use.
    pub(super) fn refused(&mut self, tag: u64) {
        let Some(request) = self.requests.get_mut(&tag) else { return };
        let tried = request.refused.get_or_insert_with(Instant::now).elapsed();
        if tried >= PATIENCE {
            let id = request.envelope.reply_id().map(|id| excerpt(id, 60)).unwrap_or_default();
            let line = format!("the broker refuses the reply to {id:?}; is its queue full?");
            self.stub.audience.tell(&line);
            return self.settle(tag, Outcome::Refused);
        }
        request.stage = Stage::Working;
        let pause = tried.clamp(FIRST_PAUSE, LONGEST_PAUSE); // each about as long as all before
        self.pauses.push(Box::pin(async move {
            sleep(pause).await;
            Done::Pause(tag)
        }));
        let recent = self.renewed.is_some_and(|at| at.elapsed() < RENEW_EVERY);
        if !self.renewing && !recent {
            self.renewing = true;
            self.link.renew_replies();
        }
    }

    /// A request is over, and will be acknowledged.
    pub(super) fn settle(&mut self, tag: u64, outcome: Outcome) {
        let Some(request) = self.requests.remove(&tag) else { return };
        self.settled.push(tag);
        self.stub.tally.note(outcome);
        self.stub.audience.served(&request.over(outcome));
    }

    /// Acknowledges what is over: with one ack as far as nothing before it is without one.
    pub(super) fn acknowledge(&mut self) {
        self.settled.sort_unstable();
        let first = self.requests.keys().next().copied().unwrap_or(u64::MAX);
        let before = self.settled.partition_point(|tag| *tag < first);
        let (all, single) = self.settled.split_at(before);
        if let Some(last) = all.last() {
            self.link.ack(*last, true);
        }
        for tag in single {
            self.link.ack(*tag, false);
        }
        self.settled.clear();
        let enough = self.stub.settings.count.is_some_and(|count| self.stub.tally.over() >= count);
        if enough && !self.is_asked() {
            self.leave(Ok(Ended::Counted));
        }
    }

    /// Looks for replies that the broker does not confirm.
    pub(super) fn look(&mut self) {
        let Some(open) = self.open_since else { return };
        let since = |request: &Request| match request.stage {
            Stage::Published(at) => Some(at.max(open)),
            Stage::Held | Stage::Working => None,
        };
        let oldest = self.requests.values().filter_map(since).min();
        if oldest.is_some_and(|at| at.elapsed() > CONFIRM_TIMEOUT) {
            let why = "the broker confirms no replies any more";
            self.broken = Some(LinkError::new(Cause::Timeout, why));
        }
    }
}
