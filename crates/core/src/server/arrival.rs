//! What a delivery leads to.

use super::{
    Core,
    budget::Holds,
    clock::Clocks,
    deadline::Deadline,
    failures,
    ids::RequestId,
    input::Delivery,
    output::{ComputeTime, Fault, Note, State, WhyRejected},
    poison::is_near_limit,
    requests::{Publish, Request},
    service::{Decision, Service},
};
use crate::wire::Via;

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
        let deadline = Deadline::new(clocks, arrived, &envelope, self.standstill);
        if let Some((deadline_ms, arrived_ms)) = deadline.wrong_clock {
            let caller = envelope.reply_queue().unwrap_or_default().to_owned();
            self.notes.push(Note::WrongClock { caller, deadline_ms, arrived_ms });
        }
        let (is_late, is_near_limit) = (deadline.is_over(clocks.now), is_near_limit(&envelope));
        let id = self.requests.insert(Request {
            tag,
            envelope,
            fingerprint,
            redelivered,
            poison,
            received: arrived,
            state: State::Delivered,
            computation: None,
            deadline: deadline.at.filter(|_| !is_late),
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
        self.decide(clocks, id, &body, is_late, service);
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
        let via = request.envelope.via;
        if via == Via::Nowhere {
            return self.reject(clocks, id, WhyRejected::ReplyAddress);
        }
        let Some(queue) = request.envelope.reply_queue() else {
            return self.reject(clocks, id, WhyRejected::NoReplyTo);
        };
        if self.troubled.contains(clocks.now, queue) {
            return self.reject(clocks, id, WhyRejected::TroubledQueue);
        }
        if request.poison {
            let correlation_id = request.envelope.reply_id().unwrap_or_default().to_vec();
            self.notes.push(Note::Poison { tag: request.tag, correlation_id });
            if via == Via::Direct {
                // An error would end the session as well.
                return self.reject(clocks, id, WhyRejected::ReplyAddress);
            }
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
