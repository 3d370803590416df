//! Messages on their way out, and the channel they take.

use super::{
    super::{
        LinkError,
        connect::{Link as Connection, METHOD_TIMEOUT},
    },
    Pending, started,
};
use crate::wire::{TOPIC_EXCHANGE, Via};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use std::{
    future::ready as done,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};
use tokio::{
    sync::Mutex,
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::ReusableBoxFuture;

/// What became of a publish.
pub(super) type Outcome<T> = (T, lapin::Result<Confirmation>);

/// Most boxes of publishes that are kept for the next ones.
const SPARE: usize = 256;

/// A publish until its confirm, in a box that is used again: lapin's part of it takes 1.5 KB, more
/// than the allocator hands out quickly.
type Boxed<T> = ReusableBoxFuture<'static, Outcome<T>>;

/// Gives the box back with the outcome.
struct Publish<T>(Option<Boxed<T>>);

impl<T> Future for Publish<T> {
    type Output = (Outcome<T>, Option<Boxed<T>>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(boxed) = &mut self.0 else { return Poll::Pending }; // it is over
        let outcome = ready!(boxed.poll(cx));
        Poll::Ready((outcome, self.0.take()))
    }
}

/// The messages without a confirm, and the channel for the next.
pub(super) struct Publishing<T> {
    /// Shared, as to clone a channel is to count up each of its parts.
    channel: Arc<Channel>,
    /// None of these may be dropped before it is done: lapin keeps dropped confirms for as long as
    /// the channel lives.
    unconfirmed: FuturesUnordered<Publish<T>>,
    spare: Vec<Boxed<T>>,
    renewal: Option<Renewal>,
    blocked: bool,
    topics: Arc<Topics>,
}

/// A new channel that is being opened.
struct Renewal {
    opening: Pending<lapin::Result<Channel>>,
    deadline: Pin<Box<Sleep>>,
}

/// The channel for messages to topics, opened by the first of them. The broker may refuse us the
/// exchange, or single topics, and closes the channel then, which costs what is under way on it.
#[derive(Default)]
struct Topics(Mutex<Option<Channel>>);

impl Topics {
    /// The channel, or another one if it was closed. It takes as long as a confirm may take, for
    /// which whoever publishes has a deadline.
    async fn channel(&self, connection: &Connection) -> lapin::Result<Channel> {
        let mut known = self.0.lock().await;
        if let Some(channel) = known.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        Ok(known.insert(open_channel(connection).await?).clone())
    }
}

/// Publishes a message, and waits for its confirm.
async fn publish_on(
    channel: &Channel,
    exchange: ShortString,
    key: ShortString,
    mandatory: bool,
    properties: BasicProperties,
    body: Bytes,
) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
    let written = channel.basic_publish(exchange, key, options, &body, properties).await;
    drop(body); // it may be large, and a confirm may take long
    written?.await
}

/// Publishes one message to the default exchange to see what becomes of it, on a channel of its own,
/// as a refusal closes it. The caller sets a deadline.
pub(super) async fn try_to_publish(
    connection: &Connection,
    key: ShortString,
    mandatory: bool,
    body: Bytes,
) -> lapin::Result<Confirmation> {
    let channel = open_channel(connection).await?;
    let properties = BasicProperties::default();
    let outcome = publish_on(&channel, "".into(), key, mandatory, properties, body).await?;
    // A channel left open costs the broker little, so a failure to close it is ignored.
    let _ = channel.close(200, "OK".into()).await;
    Ok(outcome)
}

/// A message that was lost with its channel alone was not taken.
fn refused_if_only_the_channel_is_lost(
    outcome: lapin::Result<Confirmation>,
    connection: &Connection,
) -> lapin::Result<Confirmation> {
    match outcome {
        Err(error) if connection.is_up() => {
            tracing::debug!("a reply to a topic was not taken: {error}");
            Ok(Confirmation::Nack(None))
        }
        outcome => outcome,
    }
}

/// Opens a channel with confirms; the caller sets a deadline.
pub(super) async fn open_channel(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.channel_unhurried().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

impl<T: Send + 'static> Publishing<T> {
    pub(super) fn publish(
        &mut self,
        connection: &Arc<Connection>,
        token: T,
        (via, key): (Via, &str),
        properties: BasicProperties,
        body: Bytes,
    ) {
        if via != Via::Topic {
            return self.publish_to_exchange(
                token,
                ("", key),
                via != Via::Direct,
                properties,
                body,
            );
        }
        let Ok(key) = ShortString::try_new(key) else { return self.refuse(token) };
        let (connection, topics) = (Arc::clone(connection), Arc::clone(&self.topics));
        self.start(async move {
            let outcome = match topics.channel(&connection).await {
                Ok(channel) => {
                    publish_on(&channel, TOPIC_EXCHANGE.into(), key, true, properties, body).await
                }
                Err(error) => Err(error),
            };
            (token, refused_if_only_the_channel_is_lost(outcome, &connection))
        });
    }

    /// Publishes to any exchange, on the channel for all: the broker closes it where it objects.
    pub(super) fn publish_to_exchange(
        &mut self,
        token: T,
        (exchange, key): (&str, &str),
        mandatory: bool,
        properties: BasicProperties,
        body: Bytes,
    ) {
        let names = (ShortString::try_new(exchange), ShortString::try_new(key));
        let (Ok(exchange), Ok(key)) = names else { return self.refuse(token) };
        let channel = Arc::clone(&self.channel);
        self.start(async move {
            let outcome = publish_on(&channel, exchange, key, mandatory, properties, body).await;
            // The channel is closed with its last user, so not before its last confirm.
            drop(channel);
            (token, outcome)
        });
    }

    /// Of a name that is too long to be one, at which lapin would panic.
    fn refuse(&mut self, token: T) {
        self.start(done((token, Ok(Confirmation::Nack(None)))));
    }

    /// Starts a publish: lapin numbers and queues it when it is first polled.
    fn start(&mut self, publish: impl Future<Output = Outcome<T>> + Send + 'static) {
        let mut boxed = match self.spare.pop() {
            Some(mut spare) => {
                spare.set(publish);
                spare
            }
            None => Boxed::new(publish),
        };
        if let Poll::Ready(outcome) = boxed.poll(&mut Context::from_waker(Waker::noop())) {
            boxed.set(done(outcome));
        }
        self.unconfirmed.push(Publish(Some(boxed)));
    }

    /// The next outcome; pending if there is nothing to wait for.
    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        match self.unconfirmed.poll_next_unpin(cx) {
            Poll::Ready(Some((outcome, spare))) => {
                self.spare.extend(spare.filter(|_| self.spare.len() < SPARE));
                Poll::Ready(outcome)
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Starts to replace the channel, unless that is under way.
    pub(super) fn renew(&mut self, connection: &Arc<Connection>) {
        if self.renewal.is_none() {
            let connection = Arc::clone(connection);
            self.renewal = Some(Renewal {
                opening: started(Box::pin(async move { open_channel(&connection).await })),
                deadline: Box::pin(sleep(METHOD_TIMEOUT)),
            });
        }
    }

    /// Waits until a new channel is in use, or could not be opened.
    pub(super) fn poll_renewed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        const WHAT: &str = "opening another channel with publisher confirms";
        let Some(renewal) = &mut self.renewal else { return Poll::Pending };
        let opened = match renewal.opening.poll_unpin(cx) {
            Poll::Ready(opened) => opened.map_err(|error| LinkError::from(error).during(WHAT)),
            // What is not written cannot be answered.
            Poll::Pending if self.blocked => return Poll::Pending,
            Poll::Pending => {
                ready!(renewal.deadline.poll_unpin(cx));
                Err(LinkError::timeout(WHAT, METHOD_TIMEOUT))
            }
        };
        self.renewal = None;
        Poll::Ready(opened.map(|channel| self.channel = Arc::new(channel)))
    }
}

impl<T> Publishing<T> {
    pub(super) fn new(channel: Channel, blocked: bool) -> Self {
        Self {
            channel: Arc::new(channel),
            unconfirmed: FuturesUnordered::new(),
            spare: Vec::new(),
            renewal: None,
            blocked,
            topics: Arc::default(),
        }
    }

    /// Whether no message waits for its confirm.
    pub(super) fn is_idle(&self) -> bool {
        self.unconfirmed.is_empty()
    }

    /// Whether the broker or we have closed the channel.
    pub(super) fn is_dead(&self) -> bool {
        !self.channel.status().connected()
    }

    /// Lets the deadline of the replacement pass.
    #[cfg(test)]
    pub(super) fn expire(&mut self) {
        self.renewal.as_mut().unwrap().deadline.as_mut().reset(Instant::now());
    }

    /// Notes whether the broker takes messages.
    pub(super) fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
        if let Some(renewal) = &mut self.renewal
            && !blocked
        {
            renewal.deadline.as_mut().reset(Instant::now() + METHOD_TIMEOUT);
        }
    }
}
