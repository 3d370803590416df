//! What the core wants of the link.

use super::{Published, Session};
use crate::{
    amqp::{Cause, LinkError, link::Link, properties},
    daemon::server::engine::Engine,
};
use fibrpc_core::server::{Command, Fault, Input, RequestId};

impl Session<'_> {
    /// Tells threads, observers and the link what follows from what was taken in.
    pub(super) fn carry_out(&mut self) {
        // Whatever else there is to do, so that the core knows whether the link moves.
        let written = self.link.bytes_written();
        self.engine.handle(Input::Time { written });
        self.engine.conclude(&mut self.commands);
        for command in self.commands.drain(..) {
            match command {
                Command::Publish(id) => publish_reply(&mut self.link, self.engine, id),
                Command::Probe => self.link.publish_to_nobody(Published::Probe),
                Command::Ack { tag, multiple } => {
                    self.link.ack(tag, multiple);
                    self.engine.observer.acks_handed_over();
                }
                Command::Reject { tag } => self.link.reject(tag),
                Command::GiveBack { tag } => self.link.give_back(tag),
                Command::RenewReplies => self.link.renew_replies(),
                Command::StopConsuming => self.link.stop_consuming(),
                Command::Close => self.link.close(),
                Command::Abandon(fault) => self.over = Some(Err(given_up(fault))),
                Command::Compute { .. } | Command::Stop { .. } => {} // the engine's
            }
        }
    }
}

fn publish_reply(link: &mut Link<Published>, engine: &Engine, id: RequestId) {
    let core = engine.core();
    let Some((envelope, reply)) = core.outgoing(id) else { return };
    let Some(queue) = envelope.reply_queue() else { return };
    let properties = properties::of_reply(envelope, reply, core.timing(id));
    let what = Published::Reply(id);
    link.publish_via(what, (envelope.via, queue), properties, reply.body.clone());
}

/// The error of a session that the core gives up.
fn given_up(fault: Fault) -> LinkError {
    match fault {
        Fault::OutOfOrder { tag } => LinkError::new(
            Cause::Protocol,
            format!("the broker sent a delivery out of order, with tag {tag}"),
        ),
        Fault::Unconfirmed => {
            LinkError::new(Cause::Timeout, "the broker confirms no replies any more")
        }
        Fault::ConsumerEnded => LinkError::new(
            Cause::ConsumerCancelled,
            "the broker ended the consumer: was the queue deleted?",
        ),
    }
}
