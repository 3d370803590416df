//! A session's connections and channels: commands in, events out.
//!
//! A [`Link`] knows AMQP and lapin, and nothing of requests, replies or calls. It is used until it
//! reports [`Event::Closed`], and then dropped: nothing is made again in it except the channel that
//! messages are published on.
//!
//! A server has two connections, as RabbitMQ advises: a broker short of memory stops reading from
//! connections that publish, and acks must get through all the same
//! (<https://www.rabbitmq.com/docs/alarms#effects-on-clusters>). A client has one.
//!
//! - [`open`]: what a link opens at first
//! - [`same_broker`]: whether the two connections of a server lead to the same one
//! - [`permission`]: whether replies may be published at all
//! - [`publishing`]: messages on their way out, and the channel they take
//! - [`sources`]: where events come from, and in what order they are looked for
//! - [`ending`]: how a link ends, by itself or in good order

mod ending;
mod open;
mod permission;
mod publishing;
mod same_broker;
mod sources;

use self::{ending::Phase, open::Connections, publishing::Publishing};
use super::{
    LinkError, QueueType,
    connect::{Dial, answer},
    queue,
};
use crate::wire::Via;
use bytes::Bytes;
use futures_util::{FutureExt as _, Stream, stream::FuturesOrdered};
use lapin::{
    BasicProperties, Channel, Consumer, Event as ConnectionEvent,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicNackOptions, BasicRejectOptions,
        QueueDeleteOptions,
    },
};
use std::{
    collections::VecDeque,
    fmt::{self, Debug, Formatter},
    future::{poll_fn, ready},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Instant,
};

/// A future that is kept between events.
type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a connection says of itself.
type Events = Pin<Box<dyn Stream<Item = ConnectionEvent> + Send>>;

/// Polls a future once, for lapin does its part of a command when it is first polled: started so,
/// commands are carried out in the order they were given in.
fn started<T: Send + 'static>(mut future: Pending<T>) -> Pending<T> {
    match future.as_mut().now_or_never() {
        None => future,
        Some(done) => Box::pin(ready(done)),
    }
}

/// What a server's link is made with.
#[derive(Clone, Debug)]
pub(crate) struct ServerSettings {
    pub(crate) dial: Dial,
    pub(crate) queue: String,
    pub(crate) queue_type: QueueType,
    pub(crate) prefetch: u16,
}

/// What happened on a link. `T` names a publish for whoever published it.
#[derive(Debug)]
pub(crate) enum Event<T> {
    /// A message arrived, at this moment. Boxed, as an event is moved several times.
    Delivered(Box<Delivery>, Option<Instant>),
    /// The broker has a message, or has returned it before.
    Confirmed(T),
    /// The broker did not take a message.
    Refused(T),
    /// A message could not be routed. It has been or will be confirmed all the same.
    ///
    /// The message says whose it is, and no publish does: lapin attaches a return to whichever
    /// confirm it handles next.
    Returned {
        /// The queue it was published to.
        queue: String,
        correlation_id: Option<Vec<u8>>,
    },
    /// The broker takes no messages until [`Self::Unblocked`], for this reason.
    Blocked(String),
    Unblocked,
    /// Messages are published on a new channel from now on.
    RepliesRenewed,
    /// They are still published on the old one.
    RenewFailed(LinkError),
    /// No message will be delivered any more; `asked` if [`Link::stop_consuming`] was called.
    ConsumerEnded {
        asked: bool,
    },
    /// The answer to [`Link::count_consumers`].
    Consumers {
        consumers: u32,
        messages: u32,
    },
    /// The other answer, [`Cause::NoQueue`](super::Cause::NoQueue) if the queue does not exist.
    CountFailed(LinkError),
    /// The end, and the last event. `None` if it is what [`Link::close`] asked for.
    Closed(Option<LinkError>),
}

/// The connections of a session, and all that is under way on them. Dropping it cuts them.
pub(crate) struct Link<T> {
    phase: Phase,
    /// Events that were found and not given yet: a confirm may bring two.
    found: VecDeque<Event<T>>,
    /// The channel that messages are delivered and acknowledged on.
    deliveries: Channel,
    /// `None` once it has ended.
    consumer: Option<Consumer>,
    /// Whether the consumer was told to stop.
    stopped: bool,
    cancelling: Option<Pending<Result<(), LinkError>>>,
    publishing: Publishing<T>,
    counting: FuturesOrdered<Pending<Result<(u32, u32), LinkError>>>,
    connections: Connections,
}

impl<T> Debug for Link<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Link<T> {
    /// Waits for the next event; for ever after [`Event::Closed`]. Cancel safe.
    pub(crate) async fn next(&mut self) -> Event<T> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// An event that is there already. There may be one although this says `None`, but then
    /// [`Self::next`] gives it.
    #[cfg(test)]
    pub(crate) fn next_now(&mut self) -> Option<Event<T>> {
        self.next().now_or_never()
    }

    /// Waits for events, and takes those that are there, until there are so many. Cancel safe.
    pub(crate) async fn next_batch(&mut self, events: &mut Vec<Event<T>>, most: usize) {
        poll_fn(|cx| {
            while events.len() < most
                && let Poll::Ready(event) = self.poll(cx)
            {
                events.push(event);
            }
            if events.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    /// Publishes a message to a queue by its name, mandatory. [`Event::Confirmed`] or
    /// [`Event::Refused`] gives the token back, unless the link ends before.
    ///
    /// The body is dropped once it has been written.
    pub(crate) fn publish(
        &mut self,
        token: T,
        queue: &str,
        properties: BasicProperties,
        body: Bytes,
    ) {
        self.publish_via(token, (Via::Queue, queue), properties, body);
    }

    /// The same, to where a reply may go. A message for a direct reply-to caller is not mandatory,
    /// as RabbitMQ before 4.2 would return each. For a topic the broker may refuse us each message,
    /// which is [`Event::Refused`] and no end of the link.
    pub(crate) fn publish_via(
        &mut self,
        token: T,
        to: (Via, &str),
        properties: BasicProperties,
        body: Bytes,
    ) {
        self.publishing.publish(&self.connections.publish, token, to, properties, body);
    }

    /// The same, to any exchange, mandatory.
    pub(crate) fn publish_to_exchange(
        &mut self,
        token: T,
        to: (&str, &str),
        properties: BasicProperties,
        body: Bytes,
    ) {
        self.publishing.publish_to_exchange(token, to, true, properties, body);
    }

    /// The same, without a body to nobody, which is not returned: to see whether the broker takes
    /// messages at all. It tells of an alarm only who publishes.
    pub(crate) fn publish_to_nobody(&mut self, token: T) {
        let (nobody, nothing) = (permission::nobody(), BasicProperties::default());
        let to = ("", nobody.as_str());
        self.publishing.publish_to_exchange(token, to, false, nothing, Bytes::new());
    }

    // What follows for deliveries is written by lapin's thread; should it fail, the channel fails,
    // which `next` reports.

    /// Acknowledges a delivery, or all up to it.
    pub(crate) fn ack(&mut self, tag: u64, multiple: bool) {
        let _ = self.deliveries.basic_ack(tag, BasicAckOptions { multiple }).now_or_never();
    }

    /// Rejects a delivery, so that a dead-letter policy catches it.
    pub(crate) fn reject(&mut self, tag: u64) {
        let options = BasicRejectOptions { requeue: false };
        let _ = self.deliveries.basic_reject(tag, options).now_or_never();
    }

    /// Gives a delivery back to the queue.
    pub(crate) fn give_back(&mut self, tag: u64) {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        let _ = self.deliveries.basic_nack(tag, options).now_or_never();
    }

    /// Stops consuming: [`Event::ConsumerEnded`] comes after the last delivery.
    pub(crate) fn stop_consuming(&mut self) {
        let Some(consumer) = self.consumer.as_ref().filter(|_| !self.stopped) else { return };
        self.stopped = true;
        let (channel, tag) = (self.deliveries.clone(), consumer.tag());
        self.cancelling = Some(started(Box::pin(async move {
            let cancel = channel.basic_cancel(tag, BasicCancelOptions::default());
            answer("stopping to consume", cancel).await
        })));
    }

    /// Has the broker delete a queue that nobody consumes and that has no messages, after all that
    /// was acknowledged before. Nobody is told whether it did; only [`Self::close`] may follow, as a
    /// refusal closes the channel.
    pub(crate) fn remove_idle_queue(&mut self, queue: &str) {
        let options = QueueDeleteOptions { if_unused: true, if_empty: true, nowait: true };
        let _ = self.deliveries.queue_delete(queue.into(), options).now_or_never();
    }

    /// Publishes on a new channel as soon as there is one: [`Event::RepliesRenewed`] or
    /// [`Event::RenewFailed`], once for all that asked meanwhile.
    ///
    /// RabbitMQ may refuse (`basic.nack`) whatever is published on a channel to a quorum queue that
    /// had no leader when the channel first published to it, for as long as the channel lives: seen
    /// with RabbitMQ 3.10 in a cluster that had lost a node. Another channel starts afresh. It does
    /// no harm if the queue is merely full; the old channel lives on until its last confirm.
    pub(crate) fn renew_replies(&mut self) {
        self.publishing.renew(&self.connections.publish);
    }

    /// Asks how many consumers and messages a queue has: [`Event::Consumers`] or
    /// [`Event::CountFailed`].
    pub(crate) fn count_consumers(&mut self, queue: &str) {
        let (connection, queue) = (Arc::clone(self.connections.consuming()), queue.to_owned());
        self.counting.push_back(started(Box::pin(async move {
            let queue = queue::look(&connection, &queue).await?;
            Ok((queue.consumer_count(), queue.message_count()))
        })));
    }

    /// Whether the connection has hardly any numbers left for channels; see
    /// [`Connection::spent_channel`](super::connect::Link::spent_channel).
    pub(crate) fn is_worn_out(&self) -> bool {
        self.connections.consuming().is_worn_out()
    }

    /// Closes in good order: confirms are still reported, for a bounded time, and no more
    /// deliveries; then the connections are closed, which [`Event::Closed`] reports.
    pub(crate) fn close(&mut self) {
        self.leave();
    }

    /// How many bytes the network has taken of the connection that publishes: whether a slow link
    /// moves.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.connections.publish.bytes_written()
    }
}

#[cfg(test)]
mod tests;
