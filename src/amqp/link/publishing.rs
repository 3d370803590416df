//! Messages on their way out, and the channel they take.

use super::{
    super::{
        LinkError,
        connect::{Link as Connection, METHOD_TIMEOUT},
    },
    Pending, started,
};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::time::{Instant, Sleep, sleep};

/// What became of a publish.
pub(super) type Outcome<T> = (T, lapin::Result<Confirmation>);

/// The messages without a confirm, and the channel for the next.
pub(super) struct Publishing<T> {
    channel: Channel,
    /// None of these may be dropped before it is done: lapin keeps dropped confirms for as long as
    /// the channel lives.
    unconfirmed: FuturesUnordered<Pending<Outcome<T>>>,
    renewal: Option<Renewal>,
    blocked: bool,
}

/// A new channel that is being opened.
struct Renewal {
    opening: Pending<lapin::Result<Channel>>,
    deadline: Pin<Box<Sleep>>,
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
        token: T,
        queue: &str,
        properties: BasicProperties,
        body: Bytes,
    ) {
        let (channel, queue) = (self.channel.clone(), queue.into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        self.unconfirmed.push(started(Box::pin(async move {
            let publish = channel.basic_publish("".into(), queue, options, &body, properties);
            let written = publish.await;
            drop(body); // it may be large, and a confirm may take long
            let confirmation = match written {
                Ok(confirm) => confirm.await,
                Err(error) => Err(error),
            };
            // The channel is closed with its last user, so not before its last confirm.
            drop(channel);
            (token, confirmation)
        })));
    }

    /// The next outcome; pending if there is nothing to wait for.
    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        match self.unconfirmed.poll_next_unpin(cx) {
            Poll::Ready(Some(outcome)) => Poll::Ready(outcome),
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
        Poll::Ready(opened.map(|channel| self.channel = channel))
    }
}

impl<T> Publishing<T> {
    pub(super) fn new(channel: Channel) -> Self {
        Self { channel, unconfirmed: FuturesUnordered::new(), renewal: None, blocked: false }
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
