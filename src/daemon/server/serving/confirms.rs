//! The broker's confirms of replies, and what follows for their requests.

use super::{
    Serving,
    unacked::{Acks, Entry},
};
use crate::{
    amqp::{Cause, LinkError, properties},
    daemon::observe::request_record::Outcome,
    wire::Status,
};
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::{Confirmation, message::BasicReturnMessage, options::BasicAckOptions};
use std::time::Duration;

/// How long any one reply may wait for its confirm: a reply queue that never confirms would use up
/// the prefetch bit by bit.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the broker may block publishing before the session is given up, so that requests held
/// here go to a server whose broker node is better off.
const BLOCKED_TIMEOUT: Duration = Duration::from_mins(5);

/// What a batch of confirms leads to.
#[derive(Default)]
struct Batch {
    acks: Acks,
    /// Answered requests with a record, which can end once it is known whose replies were returned.
    answered: Vec<Entry>,
}

impl Serving {
    pub(super) fn confirmed(
        &mut self,
        tag: u64,
        result: lapin::Result<Confirmation>,
    ) -> Result<(), LinkError> {
        let mut batch = Batch::default();
        let mut next = Some((tag, result));
        while let Some((tag, result)) = next {
            match result {
                Ok(confirmation) => self.confirm_one(tag, &confirmation, &mut batch),
                Err(error) => {
                    self.settle_records(batch.answered);
                    return Err(self.publish_failed(error));
                }
            }
            next = self.publishing.next().now_or_never().flatten();
        }
        let Batch { mut acks, answered } = batch;
        self.settle_records(answered);
        self.unacked.collect(&mut acks);
        for (tag, multiple) in acks.take() {
            let _ =
                self.channels.requests.basic_ack(tag, BasicAckOptions { multiple }).now_or_never();
        }
        self.count_in_flight();
        self.count_unconfirmed();
        Ok(())
    }

    /// Why publishing failed. When the broker closes the channel, every reply under way fails, but
    /// only the errors of those already on the channel have the broker's reason.
    fn publish_failed(&mut self, error: lapin::Error) -> LinkError {
        let mut error = LinkError::from(error);
        while error.cause == Cause::Network
            && let Some(Some((_, result))) = self.publishing.next().now_or_never()
        {
            if let Err(other) = result {
                error = other.into();
            }
        }
        error
    }

    fn confirm_one(&mut self, tag: u64, confirmation: &Confirmation, batch: &mut Batch) {
        match confirmation {
            Confirmation::Ack(returned) => {
                self.metrics.link.replies.inc();
                let poison = self.unacked.is_poison(tag);
                if !poison && let Some(entry) = self.unacked.confirmed(tag, &mut batch.acks) {
                    self.poison_tracker().settled(entry.fingerprint);
                    self.metrics.requests.acks.inc();
                    let status = entry.status().unwrap_or(Status::Ok);
                    self.metrics.requests.answered(entry.method, status, entry.times());
                    if entry.record.is_some() {
                        batch.answered.push(entry);
                    }
                }
                self.returned(returned.as_ref(), batch);
                if poison {
                    self.reject(tag);
                }
            }
            Confirmation::Nack(returned) => {
                self.returned(returned.as_ref(), batch);
                self.refused(tag);
            }
            Confirmation::NotRequested => self.refused(tag),
        }
    }

    /// Notes that the broker did not take a reply; its request is given back later.
    fn refused(&mut self, tag: u64) {
        self.metrics.link.replies_refused.inc();
        if let Some(record) = self.unacked.record(tag) {
            record.refused();
        }
        self.refused.push(tag);
    }

    fn settle_records(&self, answered: Vec<Entry>) {
        for entry in answered {
            self.settle_record(entry, Outcome::Answered);
        }
    }

    /// Notes that a reply was returned, which comes along with a confirm.
    ///
    /// lapin attaches a basic.return to whichever confirm it handles next, so the message's own
    /// correlation id says whose it is. If that request was settled in an earlier batch, it stays
    /// recorded as answered.
    fn returned(&mut self, message: Option<&BasicReturnMessage>, batch: &mut Batch) {
        let Some(message) = message else { return };
        self.metrics.link.replies_unroutable.inc();
        if batch.answered.is_empty() && !self.unacked.has_records() {
            return;
        }
        let answered = batch.answered.iter_mut().filter_map(|entry| entry.record.as_deref_mut());
        let mut records = answered.chain(self.unacked.records());
        let id = properties::envelope(&message.delivery.properties).correlation_id;
        let peer = message.delivery.routing_key.as_str();
        records.any(|record| record.returned(peer, id.as_deref()));
    }

    /// Whether the broker has left us waiting for longer than it may.
    pub(super) fn check_progress(&self) -> Result<(), LinkError> {
        let (since, limit, what) = if self.blocked_since.is_some() {
            (self.blocked_since, BLOCKED_TIMEOUT, "waiting for the broker to unblock")
        } else {
            let oldest = self.unacked.oldest_reply();
            let since = oldest.map(|oldest| self.unblocked_at.map_or(oldest, |at| oldest.max(at)));
            (since, CONFIRM_TIMEOUT, "waiting for a publisher confirm")
        };
        match since {
            Some(since) if since.elapsed() > limit => Err(LinkError::timeout(what, limit)),
            _ => Ok(()),
        }
    }
}
