//! From a reply's publishing to its confirm.

use super::{
    Core,
    clock::{Clocks, Moment},
    failures,
    ids::RequestId,
    output::{Command, Note, State, WhyRejected},
    requests::Publish,
};
use crate::wire::Reply;
use std::time::Duration;

/// How long a reply may wait for its confirm once it is written, and how long a link may not move
/// while something waits to be written.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// The same for replies to a queue that more than a part (a quarter) of the prefetch waits for: it would
/// keep the others waiting.
pub const STUCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the broker may take to confirm something that goes to no queue at all.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often replies that wait are looked at.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How long the broker may block publishing before the requests that are not answered are given
/// back, once, so that they go to a server whose broker node is better off.
pub const BLOCKED_TIMEOUT: Duration = Duration::from_mins(5);

/// The least time between channels for replies: a full queue refuses every message.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);

/// The replies of a session.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pub(super) prefetch: u16,
    unconfirmed: usize,
    /// Bytes of messages that were published.
    queued: u64,
    /// When the latest message was published that the broker has confirmed or refused: it was alive
    /// then.
    pub(super) alive: Moment,
    /// The same as of the last look at the replies that wait.
    pub(super) alive_before: Moment,
    /// Bytes of messages that are written, and when that was found to have grown.
    pub(super) written: u64,
    pub(super) moved: Moment,
    /// A probe that is not answered.
    pub(super) probe: Option<Publish>,
    /// Replies whose requests were rejected, and which may be confirmed yet.
    pub(super) abandoned: usize,
    /// Requests whose replies the broker refused once. They are published again once there is
    /// another channel, on which the broker may take them: RabbitMQ 3.10 refuses whatever is
    /// published to a quorum queue that had no leader when the channel first published to it.
    refused: Vec<RequestId>,
    /// Something published on the channel is never confirmed, and RabbitMQ takes only some hundred
    /// more messages on a channel with more than 32 such (its flow control).
    pub(super) clogged: bool,
    /// A new channel is asked for.
    renewing: bool,
    /// When the channel was opened.
    opened: Moment,
    blocked_since: Option<Moment>,
    /// When the broker last began to take messages again.
    pub(super) unblocked_at: Moment,
    /// When to look at the replies that wait.
    pub(super) check_at: Option<Moment>,
}

impl Replies {
    pub(super) fn new(now: Moment, prefetch: u16) -> Self {
        Self { opened: now, moved: now, prefetch, ..Self::default() }
    }

    /// Notes that a message of so many bytes is published now.
    pub(super) fn next(&mut self, now: Moment, bytes: usize) -> Publish {
        // The link counts more than bodies, so it may seem to have written what is not published yet.
        self.queued = self.queued.max(self.written).saturating_add(bytes as u64);
        Publish { position: self.queued, at: now, written: None }
    }

    /// Notes how much the network has taken.
    pub(super) fn note_written(&mut self, now: Moment, written: u64) {
        if written > self.written {
            (self.written, self.moved) = (written, now);
        }
    }

    pub(super) fn unconfirmed(&self) -> usize {
        self.unconfirmed
    }

    pub(super) fn blocked(&mut self, now: Moment) {
        self.blocked_since = Some(now);
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked_since.is_some()
    }

    pub(super) fn unblocked(&mut self, now: Moment) {
        self.blocked_since = None;
        self.unblocked_at = now;
        if self.unconfirmed > 0 {
            self.check_at.get_or_insert(now.plus(CHECK_EVERY));
        }
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
        let Some(request) = self.requests.get_mut(id) else { return };
        let bytes = request.reply.as_ref().map_or(0, |reply| reply.body.len());
        request.publish = self.replies.next(clocks.now, bytes);
        self.replies.unconfirmed += 1;
        self.replies.check_at.get_or_insert(clocks.now.plus(CHECK_EVERY));
        self.commands.push(Command::Publish(id));
    }

    /// Publishes nothing of what was to be published in this turn.
    pub(super) fn take_back_publishes(&mut self) {
        let before = self.commands.len();
        self.commands.retain(|command| !matches!(command, Command::Publish(_)));
        self.replies.unconfirmed -= before - self.commands.len();
    }

    /// The reply, or an error if it is larger than the broker takes; `None` if even the error is.
    fn fit(&self, reply: Reply) -> Option<Reply> {
        let Some(limit) = self.reply_limit.filter(|limit| reply.body.len() > *limit) else {
            return Some(reply);
        };
        Some(failures::too_large(limit)).filter(|reply| reply.body.len() <= limit)
    }

    pub(super) fn confirmed(&mut self, clocks: Clocks, id: RequestId) {
        if !self.is_awaited(id) {
            return;
        }
        let Some(request) = self.requests.get(id) else { return };
        if request.poison {
            return self.reject(clocks, id, WhyRejected::Poison);
        }
        self.poison.settled(request.fingerprint);
        self.requests.acknowledge(request.tag);
        self.settle(clocks, id, State::Acked, None);
    }

    pub(super) fn refused(&mut self, clocks: Clocks, id: RequestId) {
        if !self.is_awaited(id) {
            return;
        }
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

    /// Notes that the broker has answered a publish; false if nobody waits for that any more.
    fn is_awaited(&mut self, id: RequestId) -> bool {
        let replies = &mut self.replies;
        replies.unconfirmed = replies.unconfirmed.saturating_sub(1);
        let request = self.requests.get(id).filter(|request| request.state == State::Replied);
        match request {
            Some(request) => replies.alive = replies.alive.max(request.publish.at),
            None => replies.abandoned = replies.abandoned.saturating_sub(1),
        }
        request.is_some()
    }

    pub(super) fn replies_renewed(&mut self, clocks: Clocks) {
        (self.replies.renewing, self.replies.clogged) = (false, false);
        self.replies.opened = clocks.now;
        for id in std::mem::take(&mut self.replies.refused) {
            if self.requests.get(id).is_some() {
                self.publish(clocks, id);
            }
        }
    }

    /// Remembers the reply queue of a request as one that gives trouble.
    pub(super) fn trouble(&mut self, clocks: Clocks, id: RequestId) {
        let Some(request) = self.requests.get(id) else { return };
        if let Some(queue) = request.envelope.reply_queue() {
            self.troubled.note(clocks.now, queue);
            let (queue, unconfirmed) = (queue.to_owned(), !request.refused);
            self.notes.push(Note::Troubled { queue, unconfirmed });
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
                self.park(clocks);
            }
        } else if self.replies.check_at.is_some_and(|at| at <= clocks.now) {
            self.check_overdue(clocks);
        }
    }

    pub(super) fn next_check(&self) -> Option<Moment> {
        let overdue = match self.replies.blocked_since {
            Some(since) => (!self.is_draining()).then(|| since.plus(BLOCKED_TIMEOUT)),
            None => self.replies.check_at,
        };
        [overdue, self.renewal_timer()].into_iter().flatten().min()
    }

    fn renewal_timer(&self) -> Option<Moment> {
        // Nothing is written while the broker blocks, not even the opening of a channel.
        let waits = self.replies.renewing || self.replies.blocked_since.is_some();
        let wanted = !self.replies.refused.is_empty() || self.replies.clogged;
        (wanted && !waits).then(|| self.replies.opened.plus(RENEW_EVERY))
    }
}
