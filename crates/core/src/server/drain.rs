//! How a session ends in good order: no more requests are taken, what runs is finished and
//! answered, the rest is given back, and the last acks arrive before the channel closes.

use super::{
    Core,
    clock::{Clocks, Moment},
    ids::RequestId,
    output::{Command, Fault, Note, State, WhyGivenBack},
};
use std::time::Duration;

/// How long the channel stays open after the last acks. A channel of RabbitMQ holds back acks and
/// nacks to a quorum queue while more than 32 are on their way to the queue's members, and forgets
/// them when it is closed: those requests would be answered twice (RabbitMQ 3.10; the number is
/// `rabbit_fifo_client`'s soft limit). Nothing reports their arrival.
pub const LAST_ACKS: Duration = Duration::from_millis(250);

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// Finishing what was started.
    Draining {
        /// When everything is given back.
        give_up_at: Option<Moment>,
        /// Whether the last request has been delivered.
        consumer_ended: bool,
        /// Whether it is only to wait until the broker does not block any more.
        parked: bool,
    },
    /// Everything is settled; the channel closes at this moment.
    LastAcks(Moment),
    Closing,
}

impl Core {
    /// Begins to bring the session to an end, or says how long that may take.
    pub(super) fn drain(&mut self, clocks: Clocks, patience: Option<Duration>) {
        let give_up = patience.map(|patience| clocks.now.plus(patience));
        match &mut self.phase {
            Phase::Draining { give_up_at, parked, .. } => {
                (*give_up_at, *parked) = (give_up, false);
            }
            Phase::Serving if self.attached.is_some() => {
                self.phase =
                    Phase::Draining { give_up_at: give_up, consumer_ended: false, parked: false };
                self.commands.push(Command::StopConsuming);
                let unstarted = self.for_others(|state| state == State::Waiting);
                let running = self.schedule.requests() - unstarted.len();
                self.give_back_all(clocks, &unstarted, WhyGivenBack::Draining { running });
            }
            Phase::Serving | Phase::LastAcks(_) | Phase::Closing => {}
        }
    }

    /// Takes no requests while the broker blocks, and gives back those that are not answered. The
    /// session ends when the replies on their way are confirmed, which is after the broker has
    /// taken them; until then nobody attaches anew, only to be blocked again.
    pub(super) fn park(&mut self, clocks: Clocks) {
        if self.phase != Phase::Serving {
            return;
        }
        self.phase = Phase::Draining { give_up_at: None, consumer_ended: false, parked: true };
        self.commands.push(Command::StopConsuming);
        let unanswered = self.for_others(|state| !matches!(state, State::Replied | State::Refused));
        self.give_back_all(clocks, &unanswered, WhyGivenBack::Blocked);
    }

    /// Gives every open request back.
    pub(super) fn give_up(&mut self, clocks: Clocks) {
        if self.attached.is_none() {
            return;
        }
        if self.phase == Phase::Serving {
            self.commands.push(Command::StopConsuming);
        }
        self.take_back_publishes();
        let open = self.requests.ids();
        self.gave_up |= !open.is_empty();
        self.give_back_all(clocks, &open, WhyGivenBack::GivingUp);
        if !matches!(self.phase, Phase::LastAcks(_) | Phase::Closing) {
            self.phase = Phase::LastAcks(clocks.now.plus(LAST_ACKS));
        }
    }

    pub(super) fn consumer_ended(&mut self, clocks: Clocks) {
        match &mut self.phase {
            Phase::Serving => self.abandon(clocks, Fault::ConsumerEnded),
            Phase::Draining { consumer_ended, .. } => *consumer_ended = true,
            Phase::LastAcks(_) | Phase::Closing => {}
        }
    }

    /// Takes the next step of a drain that is due.
    pub(super) fn check_drain(&mut self, clocks: Clocks) {
        match self.phase {
            Phase::Draining { give_up_at: Some(at), .. } if at <= clocks.now => {
                self.give_up(clocks);
            }
            Phase::Draining { consumer_ended: true, parked, .. }
                if self.requests.is_empty() && !(parked && self.replies.is_blocked()) =>
            {
                self.phase = Phase::LastAcks(clocks.now.plus(LAST_ACKS));
            }
            Phase::LastAcks(at) if at <= clocks.now => {
                self.phase = Phase::Closing;
                self.commands.push(Command::Close);
            }
            _ => {}
        }
    }

    pub(super) fn drain_timer(&self) -> Option<Moment> {
        match self.phase {
            Phase::Draining { give_up_at, .. } => give_up_at,
            Phase::LastAcks(at) => Some(at),
            Phase::Serving | Phase::Closing => None,
        }
    }

    /// Whether whatever arrives is given back: there is no time for more.
    pub(super) fn gives_back(&self) -> bool {
        matches!(self.phase, Phase::LastAcks(_) | Phase::Closing)
    }

    /// The requests in such a state that another server may answer as well.
    fn for_others(&self, is_such: impl Fn(State) -> bool) -> Vec<RequestId> {
        let others = self.requests.iter().filter(|(_, one)| is_such(one.state));
        others.filter(|(_, one)| !one.is_near_limit()).map(|(id, _)| id).collect()
    }

    pub(super) fn give_back_all(
        &mut self,
        clocks: Clocks,
        requests: &[RequestId],
        why: WhyGivenBack,
    ) {
        self.notes.push(Note::GivingBack { requests: requests.len(), why });
        for id in requests {
            self.leave_schedule(*id, clocks);
            self.give_back(clocks, *id);
        }
    }
}
