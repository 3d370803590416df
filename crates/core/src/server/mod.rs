//! The life of a request, from its delivery to its ack.
//!
//! [`Core::handle`] takes one [`Input`] and leaves [`Command`]s for whoever carries them out and
//! [`Note`]s for whoever observes; [`Core::conclude`], after a batch of inputs, decides what several
//! of them lead to together: acks, and whose turn it is. [`Core::next_timer`] says when the time
//! alone will be an input.
//!
//! A core lives as long as its server. Sessions with a broker come and go: inputs of the link carry
//! the number of theirs, and late ones are dropped.
//!
//! - [`input`](Input), [`output`](Command): what goes in and out
//! - [`service`](Service): what the methods do and cost, which the core does not know
//! - `arrival`: what a delivery leads to; `deadline`: when it has to be answered
//! - `requests`: those that are not settled, in the order of their tags, and which acks cover them
//! - `schedule`: those that wait for a thread or for memory; `turns`: whose turn it is
//! - `budget`: threads, memory, and bytes on their way, as plain counters
//! - `replies`: from a reply's publishing to its confirm; `overdue`: which of them take too long
//! - `troubled`: reply queues that gave trouble lately
//! - `poison`: requests whose replies end the session again and again
//! - `drain`: how a session ends in good order
//! - `failures`: the error replies that the core itself gives

mod arrival;
#[cfg_attr(not(feature = "mutants"), expect(unreachable_pub, reason = "public with the feature"))]
mod broken;
mod budget;
mod clock;
mod deadline;
mod drain;
mod failures;
mod hash;
mod ids;
mod input;
mod output;
mod overdue;
mod poison;
mod replies;
mod requests;
mod schedule;
mod service;
#[cfg(test)]
mod tests;
mod troubled;
mod turns;

#[cfg(feature = "mutants")]
#[doc(hidden)]
pub use self::broken::{Rule, break_rule};
pub use self::{
    budget::{Class, Shares, Usage},
    clock::{Clocks, Moment},
    drain::LAST_ACKS,
    ids::{JobId, RequestId, SessionId},
    input::{Delivery, Input, LinkEvent, LostBecause, Unfinished},
    output::{Command, ComputeTime, Fault, Note, Settled, State, WhyGivenBack, WhyRejected},
    poison::{MAX_LOSSES, NEAR_LIMIT},
    replies::{BLOCKED_TIMEOUT, CONFIRM_TIMEOUT, PROBE_TIMEOUT, RENEW_EVERY, STUCK_TIMEOUT},
    schedule::GRACE,
    service::{Decision, Service, Work},
    troubled::REMEMBERED,
};

use self::{
    budget::Budget,
    deadline::Standstill,
    drain::Phase,
    poison::{DIRECT_WEIGHT, PoisonTracker},
    replies::Replies,
    requests::Requests,
    schedule::Schedule,
    troubled::TroubledQueues,
};
use crate::wire::{Envelope, Reply, ServerTiming, Via};
use std::time::Duration;

/// A request that a dead-letter policy has brought back so often, after it was rejected each time, is
/// dropped: it goes in circles. An operator may well send one again by hand.
pub const MAX_REJECTIONS: u64 = 10;

/// What a core is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Threads for work, without the one that is reserved for quick work.
    pub threads: usize,
    /// Memory for work and its results.
    pub shares: Shares,
    /// Makes fingerprints unpredictable; chosen at random where strangers call.
    pub seed: u64,
}

/// The rules of a request's life.
#[derive(Debug)]
pub struct Core {
    session: SessionId,
    /// When the session began, as long as it can be talked to.
    attached: Option<Moment>,
    /// Whether requests that had been started were given back.
    gave_up: bool,
    phase: Phase,
    requests: Requests,
    schedule: Schedule,
    budget: Budget,
    replies: Replies,
    troubled: TroubledQueues,
    poison: PoisonTracker,
    /// The last one.
    standstill: Option<Standstill>,
    /// The largest body the broker takes, once it has refused one.
    reply_limit: Option<usize>,
    commands: Vec<Command>,
    notes: Vec<Note>,
}

impl Core {
    /// A core without a session.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            session: 0,
            attached: None,
            gave_up: false,
            phase: Phase::Serving,
            requests: Requests::default(),
            schedule: Schedule::default(),
            budget: Budget::new(limits.threads, limits.shares),
            replies: Replies::default(),
            troubled: TroubledQueues::new(limits.seed),
            poison: PoisonTracker::new(limits.seed),
            standstill: None,
            reply_limit: None,
            commands: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, clocks: Clocks, input: Input, service: &mut impl Service) {
        match input {
            Input::Attached { session, prefetch } => self.attach(clocks, session, prefetch),
            Input::Link { session, event } if session == self.session => {
                if self.attached.is_some() {
                    self.link(clocks, event, service);
                } else if let LinkEvent::Closed(_) = event {
                    // It is over, and need not be given up any more.
                    self.commands.retain(|command| !matches!(command, Command::Abandon(_)));
                }
            }
            Input::Link { .. } => {}
            Input::Finished { job, result } => self.finished(clocks, job, result, service),
            Input::Time { written } => self.replies.note_written(clocks.now, written),
            Input::StoodStill { since_ms } => {
                self.standstill = Some(Standstill { since_ms, until: clocks.now });
            }
            Input::Drain { patience } => self.drain(clocks, patience),
            Input::GiveUp => self.give_up(clocks),
            Input::ForgetReplyLimit => self.reply_limit = None,
        }
    }

    /// Decides what follows from a batch of inputs together.
    pub fn conclude(&mut self, clocks: Clocks, service: &mut impl Service) {
        self.refuse_late(clocks);
        self.check_replies(clocks);
        self.take_turns(clocks, service);
        self.stop_orphans(clocks);
        self.ack_confirmed();
        self.check_drain(clocks);
    }

    /// When [`Input::Time`] is due, if at all.
    #[must_use]
    pub fn next_timer(&self) -> Option<Moment> {
        let timers = [
            self.schedule.next_deadline(),
            self.orphan_timer(),
            self.next_check(),
            self.drain_timer(),
        ];
        timers.into_iter().flatten().min()
    }

    /// The commands since the last call, in the order in which they are to be carried out.
    pub fn commands(&mut self) -> impl Iterator<Item = Command> {
        self.commands.drain(..)
    }

    /// What there is to observe since the last call.
    pub fn notes(&mut self) -> impl Iterator<Item = Note> {
        self.notes.drain(..)
    }

    /// The reply that [`Command::Publish`] names, and the properties of its request.
    #[must_use]
    pub fn outgoing(&self, id: RequestId) -> Option<(&Envelope, &Reply)> {
        let request = self.requests.get(id)?;
        Some((&request.envelope, request.reply.as_ref()?))
    }

    /// How long the request took whose reply is [`Self::outgoing`], if it asks for that.
    #[must_use]
    pub fn timing(&self, id: RequestId) -> Option<ServerTiming> {
        let request = self.requests.get(id).filter(|request| request.envelope.timing)?;
        let total = request.replied?.since(request.received);
        let compute = match request.compute_time {
            ComputeTime::NotComputed => Duration::ZERO,
            ComputeTime::InPlace => total,
            ComputeTime::OnThread(from, to) => to.since(from.max(request.received)),
        };
        Some(ServerTiming { queue: total.saturating_sub(compute), compute })
    }

    /// How many requests are delivered and not settled.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.requests.len()
    }

    /// When the oldest of them was delivered.
    #[must_use]
    pub fn oldest(&self) -> Option<Moment> {
        self.requests.first().map(|(_, request)| request.received)
    }

    /// How many replies are published and neither confirmed nor refused.
    #[must_use]
    pub fn unconfirmed(&self) -> usize {
        self.replies.unconfirmed()
    }

    /// How many of the requests wait for a thread, run, or wait to be sent.
    #[must_use]
    pub fn scheduled(&self) -> usize {
        self.schedule.requests()
    }

    /// What of threads, memory and the window is taken.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.budget.usage()
    }

    /// Whether the session is being brought to an end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.phase != Phase::Serving
    }

    /// Whether requests that had been started were given back, in the last session.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.gave_up
    }

    fn attach(&mut self, clocks: Clocks, session: SessionId, prefetch: u16) {
        debug_assert!(self.requests.is_empty(), "the last session is over");
        self.session = session;
        self.attached = Some(clocks.now);
        self.gave_up = false;
        self.phase = Phase::Serving;
        self.requests.begin_session();
        self.replies = Replies::new(clocks.now, prefetch);
    }

    fn link(&mut self, clocks: Clocks, event: LinkEvent, service: &mut impl Service) {
        match event {
            LinkEvent::Delivered(delivery) => self.delivered(clocks, delivery, service),
            LinkEvent::Confirmed(id) => self.confirmed(clocks, id),
            LinkEvent::Refused(id) => self.refused(clocks, id),
            LinkEvent::Probed => self.probed(clocks),
            LinkEvent::Blocked => self.replies.blocked(clocks.now),
            LinkEvent::Unblocked => self.replies.unblocked(clocks.now),
            LinkEvent::RepliesRenewed => self.replies_renewed(clocks),
            LinkEvent::ConsumerEnded => self.consumer_ended(clocks),
            LinkEvent::Closed(why) => self.lost(clocks, why),
        }
    }

    /// Gives the session up: it cannot go on.
    fn abandon(&mut self, clocks: Clocks, fault: Fault) {
        self.commands.push(Command::Abandon(fault));
        let why =
            if fault == Fault::ConsumerEnded { LostBecause::Network } else { LostBecause::Timeout };
        self.lost(clocks, why);
    }

    /// The session is over. The broker delivers again what was not settled.
    fn lost(&mut self, clocks: Clocks, why: LostBecause) {
        self.attached = None;
        self.phase = Phase::Serving; // of the next session
        if let LostBecause::TooLarge { limit } = why {
            self.reply_limit = Some(limit);
        }
        let suspicious = matches!(
            why,
            LostBecause::Broker | LostBecause::TooLarge { .. } | LostBecause::Network
        );
        let suspicious = suspicious && !self.replies.is_blocked();
        while let Some((id, request)) = self.requests.first() {
            if suspicious && request.state == State::Replied {
                // A broker that ends the connection for a forged address does so each time.
                let direct = request.envelope.via == Via::Direct && why == LostBecause::Broker;
                let weight = if direct { DIRECT_WEIGHT } else { 1 };
                self.poison.lost(request.fingerprint, self.session, request.redelivered, weight);
            }
            self.orphan(id, clocks);
            self.settle(clocks, id, State::Lost, None);
        }
        self.requests.forget_confirmed();
        self.replies = Replies::default();
        // What was to be said to the session is not said any more.
        self.commands.retain(Command::outlives_session);
    }

    /// Acknowledges the requests whose replies are confirmed.
    fn ack_confirmed(&mut self) {
        let commands = &mut self.commands;
        self.requests.take_acks(|tag, multiple| commands.push(Command::Ack { tag, multiple }));
    }

    /// Closes a request: what it holds is free again, and observers hear how it ended.
    fn settle(&mut self, clocks: Clocks, id: RequestId, state: State, why: Option<WhyRejected>) {
        let Some(request) = self.requests.remove(id) else { return };
        self.budget.release(request.holds);
        debug_assert!(request.state.next().contains(&state), "{:?} to {state:?}", request.state);
        self.notes.push(Note::Moved { tag: request.tag, from: request.state, to: state });
        self.notes.push(Note::Settled(Settled {
            tag: request.tag,
            method: request.envelope.method(),
            state,
            why_rejected: why,
            status: request
                .reply
                .as_ref()
                .filter(|_| request.replied.is_some())
                .map(|reply| reply.status),
            received: request.received,
            replied: request.replied,
            at: clocks.now,
        }));
    }

    /// Brings a request into another state that is not its last.
    fn go(&mut self, id: RequestId, to: State) {
        if let Some(request) = self.requests.get_mut(id) {
            let from = std::mem::replace(&mut request.state, to);
            debug_assert!(from.next().contains(&to), "{from:?} to {to:?}");
            self.notes.push(Note::Moved { tag: request.tag, from, to });
        }
    }

    /// Rejects a request for good, so that a dead-letter policy catches it, unless that brings it back.
    fn reject(&mut self, clocks: Clocks, id: RequestId, why: WhyRejected) {
        if let Some(request) = self.requests.get(id) {
            self.poison.settled(request.fingerprint);
            let tag = request.tag;
            if request.envelope.rejections < MAX_REJECTIONS {
                self.commands.push(Command::Reject { tag });
            } else {
                // It would come back at once, for ever.
                self.commands.push(Command::Ack { tag, multiple: false });
                self.notes.push(Note::Dropped { tag });
            }
            self.settle(clocks, id, State::Rejected, Some(why));
        }
    }

    /// Gives a request back to its queue.
    fn give_back(&mut self, clocks: Clocks, id: RequestId) {
        if let Some(request) = self.requests.get(id) {
            self.commands.push(Command::GiveBack { tag: request.tag });
            self.settle(clocks, id, State::GivenBack, None);
        }
    }
}
