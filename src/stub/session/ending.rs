//! How a session ends: by itself, or in good order.

use super::{
    super::{Audience, Ended, request::Request},
    Leaving, Published, Session,
};
use crate::{
    amqp::{Cause, LinkError, link::Event},
    wire::Via,
};
use std::time::{Duration, Instant};

/// How long what is under way may take when the stub is to end.
const GRACE: Duration = Duration::from_secs(10);

impl<A: Audience> Session<'_, '_, A> {
    /// Comes to an end: nothing more is begun.
    pub(super) fn leave(&mut self, why: Result<Ended, LinkError>) {
        if matches!(why, Ok(Ended::Asked)) {
            let (waiting, begun) = (self.held.len(), self.requests.len() - self.held.len());
            self.stub.audience.tell(&format!(
                "stopping: {begun} under way, {waiting} given back; a second signal ends it"
            ));
        }
        if let Some(leaving) = &mut self.leaving {
            leaving.why = why;
        } else {
            self.leaving = Some(Leaving { why, since: Instant::now(), consumer_ended: false });
            self.link.stop_consuming();
        }
    }

    /// Whether somebody wanted the end.
    pub(super) fn is_asked(&self) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| leaving.why.is_ok())
    }

    /// Nothing comes any more, so what was not begun can go back without coming again.
    pub(super) fn consumer_ended(&mut self) {
        if let Some(leaving) = &mut self.leaving {
            leaving.consumer_ended = true;
        }
        for tag in self.held.drain(..) {
            self.requests.remove(&tag);
            self.link.give_back(tag);
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let finished = self.leaving.as_ref().is_some_and(|leaving| {
            let idle = leaving.consumer_ended && self.requests.is_empty();
            idle || leaving.since.elapsed() > GRACE
        });
        finished || self.broken.is_some()
    }

    /// Gives back what is still under way, has the last confirms, and closes the link.
    pub(super) async fn end(mut self) -> Result<Ended, LinkError> {
        self.working.clear(); // ends their programs
        let left = self.requests.iter().filter(|(_, request)| !request.is_published());
        let left: Vec<u64> = left.map(|(tag, _)| *tag).collect();
        for tag in &left {
            self.requests.remove(tag);
            self.link.give_back(*tag);
        }
        let idle = self.broken.is_none() && self.requests.is_empty();
        if idle && self.is_asked() && self.stub.declared {
            self.link.remove_idle_queue(&self.stub.settings.queue);
        }
        self.link.close();
        while !self.closed {
            match self.link.next().await {
                Event::Confirmed(Published::Reply(tag)) => {
                    self.confirmed(tag);
                    self.acknowledge();
                }
                Event::Closed(_) => self.closed = true,
                _ => {}
            }
        }
        let (unanswered, unconfirmed) = (left.len(), self.requests.len());
        if self.is_asked() && unanswered + unconfirmed > 0 {
            self.stub.audience.tell(&format!(
                "given back: {unanswered} without an answer, {unconfirmed} whose reply the broker \
                 has not confirmed"
            ));
        }
        let direct = self.requests.values().filter(|request| request.is_published());
        let direct =
            direct.filter_map(Request::reply_address).filter(|(via, _)| *via == Via::Direct);
        direct.for_each(|(_, key)| self.stub.suspects.note(key));
        match (self.leaving, self.broken) {
            // What was not acknowledged is given to somebody else.
            (Some(Leaving { why: Ok(ended), .. }), _) => Ok(ended),
            (_, Some(error)) | (Some(Leaving { why: Err(error), .. }), None) => Err(error),
            (None, None) => Err(LinkError::new(Cause::Network, "the session ended")),
        }
    }
}
