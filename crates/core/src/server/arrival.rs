//! What a delivery leads to.

use super::{
    Core,
    budget::Holds,
    clock::{Clocks, Moment},
    failures,
    ids::RequestId,
    input::Delivery,
    output::{ComputeTime, Fault, Note, State, WhyRejected},
    poison::is_near_limit,
    requests::{Publish, Request},
    service::{Decision, Service},
};
use crate::wire::Envelope;
use std::time::Duration;

/// When a request has to be answered.
enum Deadline {
    Passed,
    At(Option<Moment>),
}

impl Core {
    pub(super) fn delivered(
        &mut self,
        clocks: Clocks,
        delivery: Delivery,
        service: &mut impl Service,
    ) {
        let Delivery { tag, redelivered, envelope, body, arrived } = delivery;
        if !self.requests.is_next_tag(tag) {
            return self.abandon(clocks, Fault::OutOfOrder { tag });
        }
        let fingerprint = self.poison.fingerprint(&envelope, &body);
        let poison = redelivered && self.poison.is_poison(fingerprint);
        let deadline = deadline(clocks, &envelope);
        let is_near_limit = is_near_limit(&envelope);
        let id = self.requests.insert(Request {
            tag,
            envelope,
            fingerprint,
            redelivered,
            poison,
            received: arrived,
            state: State::Delivered,
            computation: None,
            deadline: if let Deadline::At(at) = deadline { at } else { None },
            compute_time: ComputeTime::NotComputed,
            reply: None,
            refused: false,
            publish: Publish::default(),
            replied: None,
            holds: Holds::default(),
        });
        if self.gives_back() || (self.is_draining() && !is_near_limit) {
            return self.give_back(clocks, id);
        }
        self.decide(clocks, id, &body, matches!(deadline, Deadline::Passed), service);
    }

    fn decide(
        &mut self,
        clocks: Clocks,
        id: RequestId,
        body: &[u8],
        late: bool,
        service: &mut impl Service,
    ) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let Some(queue) = request.envelope.reply_queue() else {
            return self.reject(clocks, id, WhyRejected::NoReplyTo);
        };
        if self.troubled.contains(clocks.now, queue) {
            return self.reject(clocks, id, WhyRejected::TroubledQueue);
        }
        if request.poison {
            let correlation_id = request.envelope.reply_id().unwrap_or_default().to_vec();
            self.notes.push(Note::Poison { tag: request.tag, correlation_id });
            return self.reply(clocks, id, failures::poison());
        }
        if late {
            return self.reply(clocks, id, failures::too_late());
        }
        match service.decide(&request.envelope, body) {
            Decision::Reply(reply) => {
                request.compute_time = ComputeTime::InPlace;
                self.reply(clocks, id, reply);
            }
            Decision::Compute(work) => match self.reply_limit {
                // Refused before the work is done.
                Some(limit) if work.length > limit as u64 => {
                    self.reply(clocks, id, failures::too_large(limit));
                }
                _ => self.enter(clocks, id, work, service),
            },
        }
    }
}

/// The deadline of a request, by the clock of its caller, on ours.
fn deadline(clocks: Clocks, envelope: &Envelope) -> Deadline {
    let Some(deadline_ms) = envelope.deadline_ms else { return Deadline::At(None) };
    match u64::try_from(deadline_ms.saturating_sub(clocks.unix_ms)) {
        Ok(left) if left > 0 => Deadline::At(Some(clocks.now.plus(Duration::from_millis(left)))),
        _ => Deadline::Passed,
    }
}
