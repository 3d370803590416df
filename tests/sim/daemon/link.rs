//! The link of a daemon's session: two connections, and what comes over them.

use super::{Daemon, Phase};
use crate::{
    broker::types::{ConnectionId, Delivery as BrokerDelivery, Event, Method},
    ground::Ground,
    ledger::{Uid, parse},
    mutants::Mutant,
};
use fibrpc_core::server::{Delivery, Input, LinkEvent, LostBecause, RequestId};
use std::collections::BTreeMap;

/// The channel of requests, and the first of replies.
pub(super) const CHANNEL: u16 = 1;
pub(super) const TAG: &str = "fibrpcd";

#[derive(Debug)]
pub(super) struct Link {
    pub(super) session: u64,
    pub(super) requests: ConnectionId,
    pub(super) replies: ConnectionId,
    pub(super) stage: Stage,
    /// The channel that replies are published on, and the one that is being opened.
    pub(super) channel: u16,
    pub(super) opening: Option<u16>,
    /// How many were published on it.
    pub(super) published: u64,
    pub(super) pending: BTreeMap<(u16, u64), Pending>,
    /// The probe that was published last, by its channel and number.
    pub(super) probe: Option<(u16, u64)>,
    /// A reply larger than the broker takes was published.
    pub(super) too_large: bool,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    OpeningReplies,
    OpeningRequests,
    Open,
}

/// A reply that is not confirmed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) id: RequestId,
    pub(super) uid: Uid,
    pub(super) tag: u64,
}

impl Daemon {
    pub(super) fn is_attached(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.stage == Stage::Open)
    }

    pub(crate) fn connections(&self) -> Option<(ConnectionId, ConnectionId, u16)> {
        self.link.as_ref().map(|link| (link.requests, link.replies, link.channel))
    }

    fn owns(&self, id: ConnectionId) -> bool {
        self.link.as_ref().is_some_and(|link| [link.requests, link.replies].contains(&id))
    }

    /// The network says that a connection is lost.
    pub(crate) fn seen(&mut self, id: ConnectionId, ground: &mut Ground<'_>) {
        if self.owns(id) {
            self.lost(LostBecause::Network, ground);
        }
    }

    /// The session, or the attempt at one, is over.
    pub(super) fn lost(&mut self, why: LostBecause, ground: &mut Ground<'_>) {
        let attached = self.is_attached();
        let session = self.session_of_link();
        self.hang_up(ground);
        if attached {
            self.input(Input::Link { session, event: LinkEvent::Closed(why) }, ground);
        } else {
            self.attach_again(ground);
        }
    }

    pub(super) fn session_of_link(&self) -> u64 {
        self.link.as_ref().map_or(0, |link| link.session)
    }

    /// Closes both connections.
    pub(super) fn hang_up(&mut self, ground: &mut Ground<'_>) {
        if let Some(link) = self.link.take() {
            ground.hang_up(link.requests);
            ground.hang_up(link.replies);
            if ground.mutant == Some(Mutant::OldConfirm) {
                self.old = link.pending.keys().map(|(_, number)| *number).collect();
            }
        }
    }

    /// Receives some of what has come over a connection.
    pub(crate) fn receive(&mut self, id: ConnectionId, ground: &mut Ground<'_>) {
        let events = ground.random.between(1, 32);
        for _ in 0..events {
            if !self.owns(id) {
                break;
            }
            let Some((channel, event)) = ground.broker.receive(id) else { break };
            self.event(id, channel, event, ground);
        }
    }

    fn event(&mut self, id: ConnectionId, channel: u16, event: Event, ground: &mut Ground<'_>) {
        let Some(link) = &mut self.link else { return };
        let too_large = link.too_large;
        match event {
            Event::Done(what) => self.done(what, channel, ground),
            Event::Deliver(delivery) => self.deliver(&delivery, ground),
            Event::Confirm { tag, ack, .. } => self.confirm((channel, tag), ack, ground),
            Event::Return { .. } if ground.mutant == Some(Mutant::SettleOnReturn) => {
                // lapin attaches a return to whichever confirm comes next.
                if let Some(first) = link.pending.values().next().copied() {
                    self.say(LinkEvent::Confirmed(first.id), ground);
                }
            }
            Event::Cancelled { .. } => self.say(LinkEvent::ConsumerEnded, ground),
            Event::ChannelClosed { code, .. } => {
                ground.tell(|| format!("daemon {}: channel closed, {code}", self.index));
                if code == 406 && !too_large && channel == CHANNEL && self.owns_requests(id) {
                    self.closed_406(ground);
                }
                let limit = usize::try_from(ground.plan.setup.max_message).unwrap_or(usize::MAX);
                let why = if too_large && code == 406 {
                    LostBecause::TooLarge { limit }
                } else {
                    LostBecause::Broker
                };
                self.lost(why, ground);
            }
            Event::ConnectionClosed { .. } => self.lost(LostBecause::Broker, ground),
            Event::Blocked => self.say(LinkEvent::Blocked, ground),
            Event::Unblocked => self.say(LinkEvent::Unblocked, ground),
            Event::Return { .. } | Event::DeclareOk { .. } | Event::Removed { .. } => {}
        }
    }

    fn owns_requests(&self, id: ConnectionId) -> bool {
        self.link.as_ref().is_some_and(|link| link.requests == id)
    }

    /// The broker closed the channel of requests because of what was settled, or not in time.
    fn closed_406(&self, ground: &mut Ground<'_>) {
        let timeouts = |(_, fault): (u64, &crate::plan::Fault)| {
            fault.kind == crate::plan::FaultKind::ConsumerTimeout
        };
        if !ground.plan.faults().any(timeouts) {
            ground
                .check(Err(format!("settled twice: the broker says 406 to daemon {}", self.index)));
        }
    }

    fn done(&mut self, what: &str, channel: u16, ground: &mut Ground<'_>) {
        let Some(link) = &mut self.link else { return };
        match (what, link.stage) {
            ("select-ok", Stage::OpeningReplies) => self.open_requests(ground),
            ("select-ok", Stage::Open) if link.opening == Some(channel) => {
                link.opening = None;
                link.channel = channel;
                link.published = 0;
                self.say(LinkEvent::RepliesRenewed, ground);
            }
            ("consume-ok", Stage::OpeningRequests) => self.opened(ground),
            ("cancel-ok", Stage::Open) => self.say(LinkEvent::ConsumerEnded, ground),
            _ => {}
        }
    }

    /// Hands an event of the link to the core.
    pub(super) fn say(&mut self, event: LinkEvent, ground: &mut Ground<'_>) {
        if self.is_attached() {
            let session = self.session_of_link();
            self.input(Input::Link { session, event }, ground);
        }
    }

    fn deliver(&mut self, delivery: &BrokerDelivery, ground: &mut Ground<'_>) {
        let Some(('q', uid)) = parse(&delivery.body) else {
            return ground.check(Err(format!("no request: {}", delivery.body)));
        };
        let record = &ground.ledger.requests[uid];
        let mut envelope = record.envelope.clone();
        envelope.delivery_count = delivery.count.map(i64::from);
        let body = record.body.clone();
        let BrokerDelivery { tag, redelivered, .. } = *delivery;
        let arrived = self.clocks(ground).now;
        let delivery = Delivery { tag, redelivered, envelope, body, arrived };
        self.say(LinkEvent::Delivered(delivery), ground);
    }

    fn confirm(&mut self, number: (u16, u64), ack: bool, ground: &mut Ground<'_>) {
        let Some(link) = self.link.as_mut() else { return };
        if link.probe == Some(number) {
            ground.tell(|| format!("daemon {}: the broker is alive", self.index));
            return self.say(LinkEvent::Probed, ground);
        }
        let pending = link.pending.remove(&number);
        let Some(Pending { id, uid, tag }) = pending else { return };
        ground.tell(|| {
            let what = if ack { "confirmed" } else { "refused" };
            format!("daemon {}: r{uid} is {what}", self.index)
        });
        if ack && let Some(held) = self.held.get_mut(&tag) {
            held.confirmed = true;
        }
        let ack = ack || ground.mutant == Some(Mutant::RefusedIsConfirmed);
        let event = if ack { LinkEvent::Confirmed(id) } else { LinkEvent::Refused(id) };
        self.say(event, ground);
    }

    /// The core, or whoever waited for it, is done with a session.
    pub(super) fn session_over(&mut self, ground: &mut Ground<'_>) {
        self.held.clear();
        if self.phase == Phase::Stopping {
            self.end(ground);
        } else if self.link.is_none() {
            self.attach_again(ground);
        }
    }

    pub(super) fn open_replies(&self, channel: u16, ground: &mut Ground<'_>) {
        if let Some(link) = &self.link {
            ground.send(link.replies, channel, Method::OpenChannel);
            ground.send(link.replies, channel, Method::ConfirmSelect);
        }
    }
}
