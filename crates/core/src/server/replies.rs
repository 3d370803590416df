//! From a reply's publishing to its confirm.

use super::{
    Core,
    clock::{Clocks, Moment},
    failures,
    ids::RequestId,
    output::{Command, Fault, Note, State, WhyRejected},
};
use crate::wire::Reply;
use std::time::Duration;

/// How long any one reply may wait for its confirm: a reply queue that never confirms would use up
/// the prefetch bit by bit.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the broker may block publishing before the session is given up, so that requests held
/// here go to a server whose broker node is better off.
pub const BLOCKED_TIMEOUT: Duration = Duration::from_mins(5);

/// The least time between channels for replies: a full queue refuses every message.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);

/// The replies of a session.
#[derive(Debug, Default)]
pub(super) struct Replies {
    unconfirmed: usize,
    /// Requests whose replies the broker refused once. They are published again once there is
    /// another channel, on which the broker may take them: RabbitMQ 3.10 refuses whatever is
    /// published to a quorum queue that had no leader when the channel first published to it.
    refused: Vec<RequestId>,
    /// A new channel is asked for.
    renewing: bool,
    /// When the channel was opened.
    opened: Moment,
    blocked_since: Option<Moment>,
    /// When the broker last began to take messages again.
    unblocked_at: Moment,
    /// When to look whether a reply is overdue; not later than any of them is.
    check_at: Option<Moment>,
}

impl Replies {
    pub(super) fn new(now: Moment) -> Self {
        Self { opened: now, ..Self::default() }
    }

    pub(super) fn unconfirmed(&self) -> usize {
        self.unconfirmed
    }

    pub(super) fn blocked(&mut self, now: Moment) {
        self.blocked_since = Some(now);
    }

    pub(super) fn unblocked(&mut self, now: Moment) {
        self.blocked_since = None;
        self.unblocked_at = now;
    }
}

impl Core {
    /// Publishes a reply, or says that it is larger than the broker takes.
    pub(super) fn reply(&mut self, clocks: Clocks, id: RequestId, reply: Reply) {
        let Some(reply) = self.fit(reply) else {
            // Not even an error would get through.
            return self.reject(clocks, id, WhyRejected::TooLarge);
        };
        let Some(request) = self.requests.get_mut(id) else { return };
        let (status, bytes) = (reply.status, reply.body.len());
        let (tag, compute_time) = (request.tag, request.compute_time);
        (request.reply, request.replied) = (Some(reply), Some(clocks.now));
        self.notes.push(Note::Replied { tag, status, bytes, compute_time });
        self.publish(clocks, id);
    }

    fn publish(&mut self, clocks: Clocks, id: RequestId) {
        self.go(id, State::Replied);
        self.replies.unconfirmed += 1;
        self.replies.check_at.get_or_insert(clocks.now.plus(CONFIRM_TIMEOUT));
        self.commands.push(Command::Publish(id));
    }

    /// The reply, or an error if it is larger than the broker takes; `None` if even the error is.
    fn fit(&self, reply: Reply) -> Option<Reply> {
        let Some(limit) = self.reply_limit.filter(|limit| reply.body.len() > *limit) else {
            return Some(reply);
        };
        Some(failures::too_large(limit)).filter(|reply| reply.body.len() <= limit)
    }

    pub(super) fn confirmed(&mut self, clocks: Clocks, id: RequestId) {
        self.replies.unconfirmed = self.replies.unconfirmed.saturating_sub(1);
        let Some(request) = self.requests.get(id) else { return };
        if request.poison {
            return self.reject(clocks, id, WhyRejected::Poison);
        }
        self.poison.settled(request.fingerprint);
        self.requests.acknowledge(request.tag);
        self.settle(clocks, id, State::Acked, None);
    }

    pub(super) fn refused(&mut self, clocks: Clocks, id: RequestId) {
        self.replies.unconfirmed = self.replies.unconfirmed.saturating_sub(1);
        let Some(request) = self.requests.get_mut(id) else { return };
        self.notes.push(Note::Refused { tag: request.tag });
        if std::mem::replace(&mut request.refused, true) {
            // The reply queue is full, or does not want it: a third time would be no better, and the
            // request would come back at once if it were given back.
            self.trouble(clocks, id);
            return self.reject(clocks, id, WhyRejected::Refused);
        }
        self.go(id, State::Refused);
        self.replies.refused.push(id);
    }

    pub(super) fn replies_renewed(&mut self, clocks: Clocks) {
        self.replies.renewing = false;
        self.replies.opened = clocks.now;
        for id in std::mem::take(&mut self.replies.refused) {
            if self.requests.get(id).is_some() {
                self.publish(clocks, id);
            }
        }
    }

    /// Remembers the reply queue of a request as one that gives trouble.
    fn trouble(&mut self, clocks: Clocks, id: RequestId) {
        if let Some(queue) = self.requests.get(id).and_then(|one| one.envelope.reply_queue()) {
            self.troubled.note(clocks.now, queue);
        }
    }

    /// Sees to replies that were refused, or that wait for too long.
    pub(super) fn check_replies(&mut self, clocks: Clocks) {
        if self.renewal_timer().is_some_and(|at| at <= clocks.now) {
            self.replies.renewing = true;
            self.commands.push(Command::RenewReplies);
        }
        if let Some(since) = self.replies.blocked_since {
            if since.plus(BLOCKED_TIMEOUT) <= clocks.now {
                self.abandon(clocks, Fault::Blocked);
            }
        } else if self.replies.check_at.is_some_and(|at| at <= clocks.now) {
            let replied = self.requests.iter().filter(|(_, one)| one.state == State::Replied);
            let published = replied.filter_map(|(_, request)| request.replied);
            let oldest = published.min().map(|oldest| oldest.max(self.replies.unblocked_at));
            let due = oldest.map(|oldest| oldest.plus(CONFIRM_TIMEOUT));
            if due.is_some_and(|due| due <= clocks.now) {
                return self.abandon(clocks, Fault::Unconfirmed);
            }
            self.replies.check_at = due;
        }
    }

    pub(super) fn next_check(&self) -> Option<Moment> {
        let overdue = match self.replies.blocked_since {
            Some(since) => Some(since.plus(BLOCKED_TIMEOUT)),
            None => self.replies.check_at,
        };
        [overdue, self.renewal_timer()].into_iter().flatten().min()
    }

    fn renewal_timer(&self) -> Option<Moment> {
        // Nothing is written while the broker blocks, not even the opening of a channel.
        let waits = self.replies.renewing || self.replies.blocked_since.is_some();
        let wanted = !self.replies.refused.is_empty() && !waits;
        wanted.then(|| self.replies.opened.plus(RENEW_EVERY))
    }
}
