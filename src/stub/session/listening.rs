//! Whether the broker still delivers requests, and takes replies: what a session does to which
//! nothing comes.

use super::{super::Audience, Published, Session};
use crate::amqp::{Cause, LinkError};
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
        let (now, silence) = (Instant::now(), &mut self.stub.silence);
        let heard = match found {
            Ok((consumers, messages)) => silence.seen(now, consumers, messages),
            // A queue that is gone has no consumers.
            Err(error) if error.cause == Cause::NoQueue => silence.seen(now, 0, 0),
            // Whatever ends the session is told as well.
            Err(_) => {
                silence.not_seen(now);
                Ok(())
            }
        };
        if let Err(error) = heard {
            self.broken = Some(error);
        }
    }
}
