//! Replies that wait too long for their confirms: whose fault it is.
//!
//! A reply queue may never confirm: a quorum queue without a majority, a queue whose process hangs.
//! That costs the requests that name it, and nobody else. If the broker confirms nothing at all, it
//! costs the session. A probe, published to nobody, tells the one from the other. A slow link is no
//! fault: the time of a reply counts from when it was written, as long as the link moves.

use super::{
    Core,
    clock::{Clocks, Moment},
    hash::{Build, keyed},
    ids::RequestId,
    output::{Command, Fault, State, WhyRejected},
    replies::{CHECK_EVERY, CONFIRM_TIMEOUT, PROBE_TIMEOUT, STUCK_TIMEOUT},
    requests::Publish,
};
use std::{collections::HashMap, mem, time::Duration};

/// One reply queue may have this part of the prefetch waiting for longer than [`STUCK_TIMEOUT`].
const PART: u16 = 4;

/// Most replies whose requests were rejected and which may be confirmed yet. With more, another
/// session starts afresh.
const MAX_ABANDONED: usize = 1000;

/// How many replies wait for confirms from each reply queue, by a hash of its name.
type Queues = HashMap<u64, usize, Build>;

impl Core {
    /// Looks at the replies that wait.
    pub(super) fn check_overdue(&mut self, clocks: Clocks) {
        self.note_what_is_written(clocks.now);
        if self.is_stalled(clocks.now) || self.replies.abandoned > MAX_ABANDONED {
            self.suspect_oldest(clocks.now);
            return self.abandon(clocks, Fault::Unconfirmed);
        }
        let overdue = self.overdue(clocks.now);
        // Something that was published later than when the reply was due is confirmed, and not only
        // since now: over a slow link the broker may have got both at once, and what goes to no queue is
        // confirmed first.
        let alive = self.replies.alive;
        let before = mem::replace(&mut self.replies.alive_before, alive);
        let is_unclear = overdue.iter().any(|(_, due)| *due > alive);
        for (id, _) in overdue.into_iter().filter(|(_, due)| *due <= before) {
            self.trouble(clocks, id);
            self.replies.abandoned += 1;
            self.replies.clogged = true;
            self.reject(clocks, id, WhyRejected::Unconfirmed);
        }
        if is_unclear && self.replies.probe.is_none() {
            self.replies.probe = Some(self.replies.next(clocks.now, 0));
            self.commands.push(Command::Probe);
        }
        let waits = self.requests.iter().any(|(_, one)| one.state == State::Replied);
        self.replies.check_at = waits.then(|| clocks.now.plus(CHECK_EVERY));
    }

    /// The broker has confirmed a probe: whatever was due before it waits for its queue.
    pub(super) fn probed(&mut self, clocks: Clocks) {
        if let Some(probe) = self.replies.probe.take() {
            self.replies.alive = self.replies.alive.max(probe.at);
            self.replies.check_at = Some(clocks.now);
        }
    }

    /// RabbitMQ looks at nothing else on a channel for a minute when the first message to a quorum
    /// queue finds its process hanging. If the same queue's reply was the oldest twice when nothing
    /// was confirmed any more, it is to blame.
    fn suspect_oldest(&mut self, now: Moment) {
        let oldest = self.replied().min_by_key(|(_, publish)| publish.position);
        let request = oldest.and_then(|(id, _)| self.requests.get(id));
        if let Some(queue) = request.and_then(|request| request.envelope.reply_queue()) {
            self.troubled.suspect(now, queue);
        }
    }

    fn note_what_is_written(&mut self, now: Moment) {
        let written = self.replies.written;
        let note = |publish: &mut Publish| {
            if publish.position <= written {
                publish.written.get_or_insert(now);
            }
        };
        self.replies.probe.iter_mut().for_each(note);
        for request in self.requests.iter_mut().filter(|one| one.state == State::Replied) {
            note(&mut request.publish);
        }
    }

    /// Whether the link does not move though something waits to be written, or the broker does not
    /// answer a probe.
    fn is_stalled(&self, now: Moment) -> bool {
        let replies = &self.replies;
        let is_over = |since: Moment, limit| since.max(replies.unblocked_at).plus(limit) <= now;
        let unwritten = self.replied().map(|(_, publish)| publish);
        let unwritten = unwritten.filter(|publish| publish.written.is_none());
        let first = unwritten.map(|publish| publish.at).min();
        let probe = replies.probe.and_then(|probe| probe.written);
        first.is_some_and(|first| is_over(first.max(replies.moved), CONFIRM_TIMEOUT))
            || probe.is_some_and(|written| is_over(written, PROBE_TIMEOUT))
    }

    /// The requests whose replies wait for too long, and since when.
    fn overdue(&self, now: Moment) -> Vec<(RequestId, Moment)> {
        let due = |publish: Publish, limit: Duration| {
            let since = publish.written.map(|written| written.max(self.replies.unblocked_at));
            since.map(|since| since.plus(limit)).filter(|due| *due <= now)
        };
        if self.replied().all(|(_, publish)| due(publish, STUCK_TIMEOUT).is_none()) {
            return Vec::new();
        }
        let mut queues = Queues::default();
        for (id, _) in self.replied() {
            *queues.entry(self.queue(id)).or_default() += 1;
        }
        let part = usize::from(self.replies.prefetch / PART).max(1);
        let limit = |id| match queues.get(&self.queue(id)) {
            Some(count) if *count > part => STUCK_TIMEOUT,
            _ => CONFIRM_TIMEOUT,
        };
        let overdue = self.replied();
        overdue.filter_map(|(id, publish)| Some((id, due(publish, limit(id))?))).collect()
    }

    fn replied(&self) -> impl Iterator<Item = (RequestId, Publish)> {
        let replied = self.requests.iter().filter(|(_, one)| one.state == State::Replied);
        replied.map(|(id, one)| (id, one.publish))
    }

    fn queue(&self, id: RequestId) -> u64 {
        keyed(0, &self.requests.get(id).and_then(|request| request.envelope.reply_queue()))
    }
}
