//! Carrying out the commands of a core, and checking them.

use super::{
    Daemon, Held, answered,
    link::{CHANNEL, Pending, TAG},
};
use crate::{
    broker::types::{Message, Method, Settle},
    ground::{Ground, MS, Nanos},
    ledger::{PROBE, Uid},
    mutants::Mutant,
};
use fibrpc_core::server::{Clocks, Command, Delivery, LinkEvent, RequestId, State};

impl Daemon {
    /// The core is about to hear of a delivery.
    pub(super) fn delivered(
        &mut self,
        clocks: Clocks,
        delivery: &Delivery,
        ground: &mut Ground<'_>,
    ) {
        let trace =
            delivery.envelope.trace.first().and_then(|(_, uid)| std::str::from_utf8(uid).ok());
        let Some(uid) = trace.and_then(|uid| uid.parse::<Uid>().ok()) else { return };
        let arrived =
            Nanos::try_from(delivery.arrived.since_start().as_nanos()).unwrap_or(Nanos::MAX);
        let until = |ms: Nanos| arrived.saturating_add(ms.saturating_mul(MS));
        let expires = delivery.envelope.expiration_ms.map(until);
        let since = i64::try_from((ground.now - arrived) / MS).unwrap_or(i64::MAX);
        let arrived_ms = clocks.unix_ms.saturating_sub(since);
        let left = delivery.envelope.deadline_ms.map(|at| at.saturating_sub(arrived_ms));
        // One that has passed says that a clock is wrong, if the broker says otherwise.
        let heeded = left.filter(|left| *left > 0 || expires.is_none());
        let asked = heeded.map(|left| until(Nanos::try_from(left).unwrap_or_default()));
        let deadline = asked.into_iter().chain(expires).min();
        ground.tell(|| format!("daemon {}: gets q{uid} as {}", self.index, delivery.tag));
        self.held
            .insert(delivery.tag, Held { uid, confirmed: false, deadline, arrived: ground.now });
        self.states.insert(delivery.tag, (uid, State::Delivered));
    }

    /// Carries out what the core says; true if it gives the session up.
    pub(super) fn carry_out(&mut self, ground: &mut Ground<'_>) -> bool {
        let commands: Vec<_> = self.core.commands().collect();
        let started = |command: &Command| match command {
            Command::Compute { work, .. } => Some(work.key),
            _ => None,
        };
        let started: Vec<_> = commands.iter().filter_map(started).collect();
        let mut over = false;
        for command in commands {
            // A session may be given up and end by itself in one batch.
            let alone = matches!(
                command,
                Command::Compute { .. } | Command::Stop { .. } | Command::Abandon(_)
            );
            if !alone && !self.in_session {
                ground.check(Err(format!("said to nobody: {command:?}, daemon {}", self.index)));
            }
            match command {
                Command::Publish(id) => self.publish(id, ground),
                Command::Probe => self.probe(ground),
                Command::Ack { tag, multiple } => self.ack(tag, multiple, ground),
                Command::Reject { tag } => {
                    self.settle(tag, false, Settle::Reject { requeue: false }, ground);
                }
                Command::GiveBack { tag } => {
                    self.settle(tag, false, Settle::Nack { requeue: true }, ground);
                }
                Command::RenewReplies => self.renew(ground),
                Command::StopConsuming => self.stop_consuming(ground),
                Command::Close => {
                    self.lost(fibrpc_core::server::LostBecause::Asked, ground);
                }
                Command::Abandon(fault) => {
                    ground.tell(|| format!("daemon {}: gives up: {fault:?}", self.index));
                    ground.abandoned += u32::from(ground.now > ground.quiet_from);
                    self.hang_up(ground);
                    self.forget_session();
                    over = true;
                }
                Command::Compute { job, work } => self.compute(job, work, &started, ground),
                Command::Stop { job } => self.stop_job(job, ground),
            }
        }
        over
    }

    fn publish(&mut self, id: RequestId, ground: &mut Ground<'_>) {
        let Some(uid) = answered(&self.core, id) else {
            return ground
                .check(Err("no reply: the core publishes one that it does not have".into()));
        };
        let found = self.held.iter().find(|(_, held)| held.uid == uid);
        let Some((tag, held)) = found.map(|(tag, held)| (*tag, *held)) else {
            return ground.check(Err(format!("answer to nothing: request {uid} is not held")));
        };
        let late = held.deadline.is_some_and(|at| at <= ground.now);
        let Some((envelope, reply)) = self.core.outgoing(id) else { return };
        let right = ground.ledger.check_reply(uid, (envelope, reply), late);
        let (length, queue) = (reply.body.len(), envelope.reply_to.clone().unwrap_or_default());
        let (index, status) = (self.index, reply.status.name());
        ground.tell(|| format!("daemon {index}: publishes r{uid}, {status}, {length} bytes"));
        ground.check(right);
        let Some(link) = self.link.as_mut() else { return };
        link.published += 1;
        link.pending.insert((link.channel, link.published), Pending { id, uid, tag });
        let (connection, channel, number) = (link.replies, link.channel, link.published);
        let limit = ground.plan.setup.max_message;
        if limit > 0 && length as u64 > limit {
            link.too_large = true;
            return ground.send(connection, channel, Method::PublishTooLarge);
        }
        let wrong = u64::from(ground.mutant == Some(Mutant::WrongCaller));
        let named = uid.saturating_sub(usize::try_from(wrong).unwrap_or_default());
        let message = Message { body: format!("r{named}"), ..Message::default() };
        ground.publish(connection, channel, &queue, message);
        match ground.mutant {
            Some(Mutant::AckBeforeConfirm) => self.ack(tag, false, ground),
            Some(Mutant::OldConfirm) if self.old.contains(&number) => {
                self.old.retain(|old| *old != number);
                self.say(LinkEvent::Confirmed(id), ground);
            }
            _ => {}
        }
    }

    fn probe(&mut self, ground: &mut Ground<'_>) {
        let Some(link) = self.link.as_mut() else { return };
        link.published += 1;
        link.probe = Some((link.channel, link.published));
        let (connection, channel) = (link.replies, link.channel);
        let index = self.index;
        ground.tell(|| format!("daemon {index}: asks whether the broker is alive"));
        ground.publish(
            connection,
            channel,
            "nobody",
            Message { body: PROBE.into(), ..Message::default() },
        );
    }

    fn ack(&mut self, tag: u64, multiple: bool, ground: &mut Ground<'_>) {
        let multiple = multiple || ground.mutant == Some(Mutant::AckOverOpen);
        self.settle(tag, multiple, Settle::Ack, ground);
        if ground.mutant == Some(Mutant::SettleTwice) {
            self.settle(tag, false, Settle::Ack, ground);
        }
    }

    fn settle(&mut self, tag: u64, multiple: bool, how: Settle, ground: &mut Ground<'_>) {
        let tags = if multiple { self.held.range(..=tag) } else { self.held.range(tag..=tag) };
        let tags: Vec<_> = tags.map(|(tag, held)| (*tag, *held)).collect();
        if tags.last().is_none_or(|(last, _)| *last != tag) {
            ground.check(Err(format!("settled twice: tag {tag} of daemon {}", self.index)));
        }
        for (tag, held) in tags {
            self.held.remove(&tag);
            if how == Settle::Ack && !held.confirmed {
                let uid = held.uid;
                ground.check(Err(format!("acked before the confirm: request {uid}, tag {tag}")));
            }
        }
        ground.tell(|| {
            let all = if multiple { " and all before" } else { "" };
            format!("daemon {}: settles {tag}{all}: {how:?}", self.index)
        });
        if let Some(link) = &self.link {
            ground.send(link.requests, CHANNEL, Method::Settle { tag, multiple, how });
        }
    }

    fn renew(&mut self, ground: &mut Ground<'_>) {
        let Some(link) = self.link.as_mut() else { return };
        let next = link.opening.unwrap_or(link.channel) + 1;
        link.opening = Some(next);
        self.open_replies(next, ground);
    }

    fn stop_consuming(&mut self, ground: &mut Ground<'_>) {
        if ground.mutant == Some(Mutant::NeverStopsConsuming) {
            return;
        }
        if let Some(link) = &self.link {
            ground.send(link.requests, CHANNEL, Method::Cancel { tag: TAG.into() });
        }
    }

    /// What holds after each batch.
    pub(super) fn check(&mut self, ground: &mut Ground<'_>) {
        let (index, prefetch) = (self.index, usize::from(ground.plan.setup.prefetch));
        let open = self.core.in_flight();
        if open > prefetch || self.core.scheduled() > open {
            let open = open.max(self.core.scheduled());
            ground.check(Err(format!("prefetch: {open} in flight of {prefetch}, daemon {index}")));
        }
        if open != self.states.len() {
            let known = self.states.len();
            ground
                .check(Err(format!("lost count: {open} in flight, {known} known, daemon {index}")));
        }
        self.check_jobs(ground);
        self.check_usage(ground);
    }

    /// No more is taken than there is, and nothing when there is nothing to do.
    fn check_usage(&self, ground: &mut Ground<'_>) {
        let (index, usage) = (self.index, self.core.usage());
        let most = usage.threads_busy <= usage.threads && usage.memory_reserved <= usage.memory;
        if !most || usage.threads_busy != self.jobs.len() {
            let jobs = self.jobs.len();
            ground.check(Err(format!("usage: {usage:?} with {jobs} jobs, daemon {index}")));
        }
        let idle = self.core.in_flight() == 0 && self.jobs.is_empty();
        if idle && usage.threads_busy as u64 + usage.memory_reserved + usage.window > 0 {
            ground.check(Err(format!("usage: {usage:?} although idle, daemon {index}")));
        }
    }
}
