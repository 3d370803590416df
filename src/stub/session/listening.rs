//! Whether the broker still delivers requests, and takes replies: what a session does to which
//! nothing comes.

use super::{super::Audience, Published, Session};
use crate::amqp::LinkError;
use std::{mem, time::Instant};

impl<A: Audience> Session<'_, '_, A> {
    /// Looks at the queue when nothing has come from it for long.
    ///
    /// RabbitMQ tells of an alarm only who publishes, and callers cannot publish then: without a word
    /// of its own to nobody, an idle stub could not say why nothing comes.
    pub(super) fn listen(&mut self) {
        let now = Instant::now();
        if !self.requests.is_empty() || self.leaving.is_some() {
            self.stub.silence.broken(now);
        } else if self.broken.is_none() && self.stub.silence.look_is_due(now) {
            self.link.count_consumers(&self.stub.settings.queue);
            if !mem::replace(&mut self.knocked, true) {
                self.link.publish_to_nobody(Published::Knock);
            }
        }
    }

    /// What a look has found: how many consumers and messages the queue has.
    pub(super) fn heard(&mut self, found: Result<(u32, u32), LinkError>) {
        if let Err(error) = self.stub.silence.heard(Instant::now(), found) {
            self.broken = Some(error);
        }
    }
}
