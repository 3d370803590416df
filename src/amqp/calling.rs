//! A client's session with a broker: calls out, replies in.
//!
//! One connection, and one exclusive callback queue that the broker deletes with it. Calls are
//! published mandatory and with confirms, so a missing queue is reported within one round trip.

use super::{
    Cause, LinkError,
    connect::{Dial, Link, answer},
    properties::{self, CallProperties},
    publisher::Publisher,
    queue,
};
use crate::{broker_uri::BrokerUri, wire::TraceParent};
use futures_util::{Stream, StreamExt as _, stream::FuturesUnordered};
use lapin::{
    Confirmation, Consumer, Event as ConnectionEvent,
    message::Delivery,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions},
    types::FieldTable,
};
use std::{pin::Pin, sync::Arc, time::Duration};

/// How long an orderly close may take before the socket is cut: somebody is waiting for the program
/// to end.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A call on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'static str,
    pub(crate) correlation_id: &'a str,
    pub(crate) body: Vec<u8>,
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
    /// The broker has the call.
    Accepted,
    /// The broker takes no messages until [`Self::Unblocked`], for the reason it gave.
    Blocked {
        reason: String,
    },
    Unblocked,
}

type Publishing = Pin<Box<dyn Future<Output = (String, lapin::Result<Confirmation>)> + Send>>;

/// A session: usable until any part of it fails or ends.
pub(crate) struct Calling {
    callback: Callback,
    publisher: Publisher,
    queue: String,
    publishing: FuturesUnordered<Publishing>,
    events: Pin<Box<dyn Stream<Item = ConnectionEvent> + Send>>,
    link: Arc<Link>,
}

/// The callback queue.
struct Callback {
    queue: String,
    consumer: Consumer,
}

impl Callback {
    async fn open(link: &Link) -> Result<Self, LinkError> {
        let channel = link.channel().await?;
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let declare = channel.queue_declare("".into(), options, FieldTable::default());
        let queue = answer("declaring the callback queue", declare).await?.name().to_string();
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consume =
            channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default());
        let consumer = answer("consuming from the callback queue", consume).await?;
        Ok(Self { queue, consumer })
    }
}

impl Calling {
    /// Connects and starts to consume from a callback queue of its own.
    pub(crate) async fn attach(
        uri: &BrokerUri,
        dial: &Dial,
        queue: &str,
    ) -> Result<Self, LinkError> {
        let link = Arc::new(Link::open(uri, dial).await?);
        let opening =
            async { Ok((Callback::open(&link).await?, Publisher::open(Arc::clone(&link)).await?)) };
        match opening.await {
            Ok((callback, publisher)) => Ok(Self {
                callback,
                publisher,
                queue: queue.to_owned(),
                publishing: FuturesUnordered::new(),
                events: link.events(),
                link,
            }),
            Err(error) => {
                link.close(CLOSE_TIMEOUT).await;
                Err(error)
            }
        }
    }

    /// Publishes a call; [`Self::next`] reports the outcome.
    pub(crate) fn publish(&mut self, call: Outgoing<'_>) {
        let channel = self.publisher.channel();
        let queue = self.queue.as_str().into();
        let properties = properties::of_call(&CallProperties {
            kind: call.method,
            reply_to: &self.callback.queue,
            correlation_id: call.correlation_id,
            remaining_ms: call.remaining_ms,
            deadline_ms: call.deadline_ms,
            trace: call.trace,
        });
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (id, body) = (call.correlation_id.to_owned(), call.body);
        self.publishing.push(Box::pin(async move {
            let publish = channel.basic_publish("".into(), queue, options, &body, properties);
            let confirm = match publish.await {
                Ok(confirm) => confirm.await,
                Err(error) => Err(error),
            };
            (id, confirm)
        }));
    }

    /// Waits for the next event. Cancel safe. An error is the end of the session.
    pub(crate) async fn next(&mut self) -> Result<Event, LinkError> {
        loop {
            tokio::select! {
                biased;
                delivery = self.callback.consumer.next() => {
                    return match delivery {
                        Some(delivery) => Ok(reply(delivery?)),
                        None => Err(LinkError::new(
                            Cause::ConsumerCancelled,
                            "the broker deleted the callback queue",
                        )),
                    };
                }
                Some((id, confirmation)) = self.publishing.next() => {
                    let event = published(id, confirmation?);
                    if let Event::Refused { .. } = event {
                        self.publisher.renew();
                    }
                    return Ok(event);
                }
                renewed = self.publisher.renewed() => renewed?,
                event = self.events.next() => match event {
                    Some(ConnectionEvent::ConnectionBlocked(reason)) => {
                        return Ok(Event::Blocked { reason: reason.clone() });
                    }
                    Some(ConnectionEvent::ConnectionUnblocked) => return Ok(Event::Unblocked),
                    event => {
                        if let Some(error) = self.link.ending(event) {
                            return Err(error);
                        }
                    }
                }
            }
        }
    }

    /// How many consumers the request queue has; [`Cause::NoQueue`] if it does not exist. The
    /// future does not borrow the session.
    pub(crate) fn consumers(&self) -> impl Future<Output = Result<u32, LinkError>> + Send + use<> {
        let (link, queue) = (Arc::clone(&self.link), self.queue.clone());
        async move { Ok(queue::look(&link, &queue).await?.consumer_count()) }
    }

    /// Closes the connection in order.
    pub(crate) async fn close(self) {
        self.link.close(CLOSE_TIMEOUT).await;
    }
}

fn reply(delivery: Delivery) -> Event {
    let id = delivery.properties.correlation_id().as_ref();
    Event::Reply {
        correlation_id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        status: properties::status(&delivery.properties).map(<[u8]>::to_vec),
        body: delivery.data,
    }
}

fn published(id: String, confirmation: Confirmation) -> Event {
    match confirmation {
        // lapin may attach the return of one publish to the confirm of another: trust the id of the
        // message, not the future it came by.
        Confirmation::Ack(Some(returned)) => {
            let returned = returned.delivery.properties.correlation_id().as_ref();
            Event::NoQueue {
                correlation_id: returned.map_or(id, |returned| returned.as_str().to_owned()),
            }
        }
        Confirmation::Nack(_) => Event::Refused { correlation_id: id },
        Confirmation::Ack(None) | Confirmation::NotRequested => Event::Accepted,
    }
}
