//! A client's session with a broker: calls out, replies in.
//!
//! One connection, one channel, one exclusive callback queue that the broker deletes with the
//! connection. Calls are published mandatory and with confirms, so a queue that is not there is
//! known within one round trip.

use super::{
    Cause, LinkError,
    connect::{Dial, Link, answer},
    properties::{self, CallProperties},
    queue,
};
use crate::broker_uri::BrokerUri;
use futures_util::{Stream, StreamExt as _, stream::FuturesUnordered};
use lapin::{
    Channel, Confirmation, Consumer, Event as ConnectionEvent,
    message::Delivery,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use std::{pin::Pin, time::Duration};

/// How long a polite goodbye may take. A call whose time is up is to end now, even if the broker
/// does not answer.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A call on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'static str,
    pub(crate) correlation_id: &'a str,
    pub(crate) body: Vec<u8>,
    /// How long the request is worth anything, in milliseconds.
    pub(crate) remaining_ms: u64,
    /// The moment after which it is not, Unix time in milliseconds.
    pub(crate) deadline_ms: i64,
}

/// What happened in a session.
#[derive(Debug)]
pub(crate) enum Event {
    /// A reply arrived.
    Reply {
        /// Whose; not necessarily one of ours.
        correlation_id: String,
        /// The value of the status header.
        status: Option<Vec<u8>>,
        body: Vec<u8>,
    },
    /// The call could not be routed: the request queue does not exist.
    NoQueue { correlation_id: String },
    /// The broker did not take the call.
    Refused { correlation_id: String },
    /// The broker has the call.
    Accepted,
}

type Publishing = Pin<Box<dyn Future<Output = (String, lapin::Result<Confirmation>)> + Send>>;

/// A session: able to call until anything about it ends.
pub(crate) struct Calling {
    callback: Callback,
    queue: String,
    publishing: FuturesUnordered<Publishing>,
    events: Pin<Box<dyn Stream<Item = ConnectionEvent> + Send>>,
    link: Link,
}

/// The callback queue, and the channel it is consumed on.
struct Callback {
    channel: Channel,
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
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        answer("turning on publisher confirms", confirms).await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consume =
            channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default());
        let consumer = answer("consuming from the callback queue", consume).await?;
        Ok(Self { channel, queue, consumer })
    }
}

impl Calling {
    /// Connects and starts to consume from a callback queue of its own.
    pub(crate) async fn attach(
        uri: &BrokerUri,
        dial: &Dial,
        queue: &str,
    ) -> Result<Self, LinkError> {
        let link = Link::open(uri, dial).await?;
        match Callback::open(&link).await {
            Ok(callback) => Ok(Self {
                callback,
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

    /// Publishes a call; what comes of it is told by [`Self::next`].
    pub(crate) fn publish(&mut self, call: Outgoing<'_>) {
        let channel = self.callback.channel.clone();
        let queue = self.queue.as_str().into();
        let properties = properties::of_call(&CallProperties {
            kind: call.method,
            reply_to: &self.callback.queue,
            correlation_id: call.correlation_id,
            remaining_ms: call.remaining_ms,
            deadline_ms: call.deadline_ms,
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
                    return Ok(published(id, confirmation?));
                }
                event = self.events.next() => {
                    if let Some(error) = self.link.ending(event) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// How many consumers the request queue has; [`Cause::NoQueue`] where there is none.
    pub(crate) async fn consumers(&mut self) -> Result<u32, LinkError> {
        Ok(queue::look(&self.link, &self.queue).await?.consumer_count())
    }

    /// Says goodbye to the broker.
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
        // lapin may hand the return of one publish to the confirm of another: believe the
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
