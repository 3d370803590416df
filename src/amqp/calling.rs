//! A client's session with a broker: calls out, replies in.
//!
//! One connection, and one exclusive callback queue that the broker deletes with it. Calls are
//! published mandatory and with confirms, so a missing queue is reported within one round trip.

use super::{
    Cause, LinkError,
    connect::Dial,
    link::{Event as LinkEvent, Link},
    message,
    properties::{self, CallProperties},
};
use crate::{
    broker_uri::BrokerUri,
    wire::{Properties, ReplyQueue, TraceParent},
};
use bytes::Bytes;
use lapin::message::Delivery;
use std::time::{Duration, Instant};

/// The least time between replacements of the channel that calls are published on: a full queue
/// refuses every message.
const RENEW_EVERY: Duration = Duration::from_millis(200);

/// How much may be on its way to the broker without a confirm, in bytes: 4,096 small calls, and
/// enough for 80 MB/s at a round trip of 100 ms. lapin queues whatever it is given, and keeps it also
/// when the caller gives up.
const MAX_UNCONFIRMED: usize = 8 << 20;

/// What a message costs beside its body, in bytes: its properties, and lapin's part.
const MESSAGE: usize = 2 << 10;

/// A call on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) properties: &'a Properties,
    /// The exchange and the routing key, where it does not go to the request queue.
    pub(crate) to: Option<(&'a str, &'a str)>,
    pub(crate) correlation_id: &'a str,
    pub(crate) body: Bytes,
    /// How long the request stays useful, in milliseconds.
    pub(crate) remaining_ms: u64,
    /// When it stops being useful: Unix time in milliseconds.
    pub(crate) deadline_ms: i64,
    /// The trace that the call belongs to.
    pub(crate) trace: Option<TraceParent>,
}

/// What happened in a session.
#[derive(Debug)]
pub(crate) enum Event {
    /// A reply arrived.
    Reply {
        /// The call it answers; not necessarily one of ours.
        correlation_id: String,
        /// The value of the status header.
        status: Option<Vec<u8>>,
        properties: Box<Properties>,
        body: Vec<u8>,
    },
    /// The call could not be routed: the request queue does not exist.
    NoQueue {
        correlation_id: String,
    },
    /// The broker did not take the call.
    Refused {
        correlation_id: String,
    },
    /// The broker has the call, or has returned it before.
    Accepted {
        correlation_id: String,
    },
    /// The broker takes no messages until [`Self::Unblocked`], for the reason it gave.
    Blocked {
        reason: String,
    },
    Unblocked,
    /// How many consumers the request queue has, and messages that are nobody's yet.
    Consumers {
        consumers: u32,
        messages: u32,
    },
    /// The other answer: [`Cause::NoQueue`] if it does not exist.
    CountFailed(LinkError),
}

/// Names a publish.
struct Sent {
    correlation_id: String,
    /// What it costs until its confirm, in bytes.
    cost: usize,
}

/// A session: usable until any part of it fails or ends.
pub(crate) struct Calling {
    link: Link<Sent>,
    /// What all messages without a confirm cost together, in bytes.
    unconfirmed: usize,
    callback_queue: String,
    reply_queue: ReplyQueue,
    queue: String,
    /// When the channel for calls was last replaced.
    renewed: Option<Instant>,
    renewing: bool,
    closed: bool,
}

impl Calling {
    /// Connects and starts to consume from a callback queue of its own.
    pub(crate) async fn attach(
        uri: &BrokerUri,
        dial: &Dial,
        queue: &str,
        reply_queue: ReplyQueue,
    ) -> Result<Self, LinkError> {
        let (link, callback_queue) = match reply_queue {
            ReplyQueue::Exclusive => Link::call(uri, dial).await?,
            ReplyQueue::Direct => Link::call_directly(uri, dial).await?,
        };
        Ok(Self {
            link,
            unconfirmed: 0,
            callback_queue,
            reply_queue,
            queue: queue.to_owned(),
            renewed: None,
            renewing: false,
            closed: false,
        })
    }

    /// Whether another call may be published: if not, an outcome of an earlier one makes room.
    pub(crate) fn has_room(&self) -> bool {
        self.unconfirmed < MAX_UNCONFIRMED
    }

    /// Publishes a call; [`Self::next`] reports the outcome.
    pub(crate) fn publish(&mut self, call: Outgoing<'_>) {
        let properties = properties::of_call(&CallProperties {
            properties: call.properties,
            reply_to: &self.callback_queue,
            correlation_id: call.correlation_id,
            remaining_ms: call.remaining_ms,
            deadline_ms: call.deadline_ms,
            trace: call.trace,
        });
        let cost = MESSAGE + call.body.len();
        self.unconfirmed += cost;
        let sent = Sent { correlation_id: call.correlation_id.to_owned(), cost };
        match call.to {
            Some(to) => self.link.publish_to_exchange(sent, to, properties, call.body),
            None => self.link.publish(sent, &self.queue, properties, call.body),
        }
    }

    /// Waits for the next event. Cancel safe. An error is the end of the session.
    pub(crate) async fn next(&mut self) -> Result<Event, LinkError> {
        loop {
            return Ok(match self.link.next().await {
                LinkEvent::Delivered(delivery, _) => reply(*delivery),
                LinkEvent::Confirmed(sent) => {
                    Event::Accepted { correlation_id: self.outcome_of(sent) }
                }
                LinkEvent::Refused(sent) => {
                    self.renew();
                    Event::Refused { correlation_id: self.outcome_of(sent) }
                }
                LinkEvent::Returned { correlation_id: Some(id), .. } => {
                    Event::NoQueue { correlation_id: String::from_utf8_lossy(&id).into_owned() }
                }
                LinkEvent::Blocked(reason) => Event::Blocked { reason },
                LinkEvent::Unblocked => Event::Unblocked,
                LinkEvent::Consumers { consumers, messages } => {
                    Event::Consumers { consumers, messages }
                }
                LinkEvent::CountFailed(error) => Event::CountFailed(error),
                LinkEvent::RepliesRenewed => {
                    self.renewing = false;
                    self.renewed = Some(Instant::now());
                    continue;
                }
                // No call of ours.
                LinkEvent::Returned { correlation_id: None, .. } => continue,
                LinkEvent::RenewFailed(error) => return Err(error),
                LinkEvent::ConsumerEnded { .. } => {
                    return Err(LinkError::new(
                        Cause::ConsumerCancelled,
                        "the broker deleted the callback queue",
                    ));
                }
                LinkEvent::Closed(error) => {
                    self.closed = true;
                    let closed = || LinkError::new(Cause::Network, "the link is closed");
                    return Err(error.unwrap_or_else(closed));
                }
            });
        }
    }

    /// Makes room, and says whose outcome it is.
    fn outcome_of(&mut self, sent: Sent) -> String {
        self.unconfirmed -= sent.cost;
        sent.correlation_id
    }

    /// Replaces the channel that calls are published on, unless that is under way or was done
    /// recently.
    fn renew(&mut self) {
        let recent = self.renewed.is_some_and(|at| at.elapsed() < RENEW_EVERY);
        // Direct replies come only to the channel that the calls were published on.
        let may = self.reply_queue == ReplyQueue::Exclusive;
        if may && !self.renewing && !recent {
            self.renewing = true;
            self.link.renew_replies();
        }
    }

    /// Asks how many consumers the request queue has; [`Event::Consumers`] or [`Event::CountFailed`]
    /// has the answer.
    pub(crate) fn count_consumers(&mut self) {
        self.link.count_consumers(&self.queue);
    }

    /// Whether it is time for another session: each look for a queue that does not exist costs the
    /// connection the number of a channel.
    pub(crate) fn is_worn_out(&self) -> bool {
        self.link.is_worn_out()
    }

    /// Closes the connection in order.
    pub(crate) async fn close(mut self) {
        self.link.close();
        while !self.closed {
            self.closed = matches!(self.link.next().await, LinkEvent::Closed(_));
        }
    }
}

fn reply(delivery: Delivery) -> Event {
    let id = delivery.properties.correlation_id().as_ref();
    Event::Reply {
        correlation_id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        status: properties::status(&delivery.properties).map(<[u8]>::to_vec),
        properties: Box::new(message::read(&delivery.properties)),
        body: delivery.data,
    }
}
