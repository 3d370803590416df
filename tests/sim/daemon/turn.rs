//! A turn of a daemon: it takes in what is there, and does what follows.

use super::{BATCH, Daemon, FOREVER, Phase, STANDSTILL, nanos};
use crate::{
    ground::{Coming, Ground, MS},
    ledger::EPOCH_MS,
};
use fibrpc_core::server::{Clocks, Input, LinkEvent, Moment, Note, State};
use std::time::Duration;

impl Daemon {
    /// Takes in what is there, and does what follows.
    pub(crate) fn wake(&mut self, ground: &mut Ground<'_>) {
        self.waking = false;
        if self.phase == Phase::Down {
            return;
        }
        let clocks = self.clocks(ground);
        let mut over = false;
        for _ in 0..BATCH {
            let Some(input) = self.inbox.pop_front() else { break };
            over |= self.take_in(clocks, input, ground);
        }
        if self.core.next_timer().is_some_and(|at| at <= clocks.now) {
            self.core.handle(clocks, Input::Time { written: u64::MAX }, &mut self.service);
        }
        self.core.conclude(clocks, &mut self.service);
        over |= self.carry_out(ground);
        self.hear_notes(ground);
        self.check(ground);
        if over {
            self.session_over(ground);
        }
        if !self.inbox.is_empty() {
            self.wake_soon(ground);
        }
        self.set_timer(ground);
    }

    /// Hands an input to the core; true if it ends the session.
    fn take_in(&mut self, clocks: Clocks, input: Input, ground: &mut Ground<'_>) -> bool {
        let mut over = false;
        match &input {
            Input::Link { session, event } if *session == self.session => match event {
                LinkEvent::Delivered(delivery) => self.delivered(clocks, delivery, ground),
                LinkEvent::Closed(why) => {
                    ground.tell(|| format!("daemon {}: session {session}: {why:?}", self.index));
                    self.forget_session();
                    over = true;
                }
                _ => {}
            },
            Input::Attached { session, .. } => {
                self.session = *session;
                self.in_session = true;
                self.held.clear();
            }
            Input::Finished { job, .. } => {
                self.jobs.remove(job);
            }
            _ => {}
        }
        self.core.handle(clocks, input, &mut self.service);
        over
    }

    fn hear_notes(&mut self, ground: &mut Ground<'_>) {
        let notes: Vec<_> = self.core.notes().collect();
        for note in notes {
            match note {
                Note::Moved { tag, from, to } => self.moved(tag, from, to, ground),
                Note::Settled(settled) => {
                    let uid = self.states.remove(&settled.tag).map(|(uid, _)| uid);
                    if let Some((uid, why)) = uid.zip(settled.why_rejected) {
                        ground.tell(|| format!("daemon {}: rejects q{uid}: {why:?}", self.index));
                        let rejected = ground.ledger.rejected(uid, why);
                        ground.check(rejected);
                    }
                }
                _ => {}
            }
        }
    }

    fn moved(&mut self, tag: u64, from: State, to: State, ground: &mut Ground<'_>) {
        ground.coverage.moved(from, to);
        let Some((uid, state)) = self.states.get_mut(&tag) else {
            return ground.check(Err(format!("state of nothing: {from:?} -> {to:?} of tag {tag}")));
        };
        let (uid, known) = (*uid, std::mem::replace(state, to));
        if known != from {
            ground.check(Err(format!("state: request {uid} goes from {from:?} and was {known:?}")));
        }
        ground.tell(|| format!("daemon {}: q{uid} (tag {tag}): {from:?} -> {to:?}", self.index));
    }

    fn set_timer(&mut self, ground: &mut Ground<'_>) {
        let next = self.core.next_timer().map(|next| nanos(next.since_start()));
        // What is due when everything is over is not due.
        let Some(at) = next.filter(|at| *at < FOREVER) else { return };
        let soonest = at.max(ground.now + 1);
        if at <= ground.now {
            let (moment, count) = self.ticks;
            let same = moment / MS == ground.now / MS;
            self.ticks = (ground.now, if same { count + 1 } else { 0 });
            if self.ticks.1 > STANDSTILL {
                ground.check(Err(format!("timer stands still: daemon {} at {at}", self.index)));
            }
        }
        if self.timer.is_none_or(|set| soonest < set) {
            self.timer = Some(soonest);
            ground.at(soonest, Coming::Timer(self.index));
        }
    }

    pub(super) fn clocks(&self, ground: &Ground<'_>) -> Clocks {
        let true_ms = EPOCH_MS + i64::try_from(ground.now / MS).unwrap_or(i64::MAX);
        Clocks {
            now: Moment::after_start(Duration::from_nanos(ground.now)),
            unix_ms: true_ms + self.skew,
        }
    }
}
