//! A server's session with a broker: requests in, replies out, acks after confirms.
//!
//! Two connections, as RabbitMQ advises: a broker short of memory stops reading from connections
//! that publish, and acks must get through all the same
//! (<https://www.rabbitmq.com/docs/alarms#effects-on-clusters>).
//!
//! A request is acknowledged only after the broker has confirmed its reply. Confirms are
//! pipelined and acks sent in batches, so neither costs a round trip for each call.

mod ledger;

use self::ledger::{Acks, Entry, Ledger};
use super::{
    Cause, LinkError,
    connect::{Dial, Link, answer},
    properties, queue,
};
use crate::{
    broker_uri::BrokerUri,
    config::QueueType,
    metrics::Metrics,
    poison::Suspects,
    wire::{Envelope, Reply, Status},
};
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream::FuturesUnordered};
use lapin::{
    Channel, Confirmation, Consumer, Event as ConnectionEvent,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions,
        BasicPublishOptions, BasicQosOptions, BasicRejectOptions, ConfirmSelectOptions,
    },
    types::FieldTable,
};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// How long replies may wait for a first or a further confirm.
const CONFIRM_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the broker may block publishing before the session is given up, so that requests held
/// here go to a server whose broker node is better off.
const BLOCKED_TIMEOUT: Duration = Duration::from_mins(5);

/// How long a polite goodbye may take, before which the last acks are written.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The tag of our consumer, the only one on its channel.
const CONSUMER_TAG: &str = "fibrpcd";

/// What a session needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) dial: Dial,
    pub(crate) queue: String,
    pub(crate) queue_type: QueueType,
    pub(crate) prefetch: u16,
}

/// A request as it arrived.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Names the delivery in this session.
    pub(crate) tag: u64,
    pub(crate) envelope: Envelope,
    pub(crate) body: Vec<u8>,
    /// It was delivered too often without being settled: it is to be refused.
    pub(crate) poison: bool,
}

/// What happened in a session.
#[derive(Debug)]
pub(crate) enum Event {
    /// A request arrived.
    Request(Incoming),
    /// Replies were confirmed: there may be nothing outstanding any more.
    Settled,
    /// No request will arrive any more, because we stopped consuming.
    Ended,
}

type Publishing = Pin<Box<dyn Future<Output = (u64, lapin::Result<Confirmation>)> + Send>>;
type Cancelling = Pin<Box<dyn Future<Output = Result<(), LinkError>> + Send>>;
type Events = Pin<Box<dyn Stream<Item = ConnectionEvent> + Send>>;

/// A session: attached to the queue until anything about it ends.
pub(crate) struct Serving {
    channels: Channels,
    cancelling: Option<Cancelling>,
    ended: bool,
    ledger: Ledger,
    publishing: FuturesUnordered<Publishing>,
    /// Requests whose replies the broker refused, to be given back at the next tick: at once they
    /// would come back at once, and be refused again, until they count as poison.
    refused: Vec<u64>,
    /// When the oldest unconfirmed reply was published or the last confirm came.
    progress: Instant,
    blocked_since: Option<Instant>,
    consume_events: Events,
    publish_events: Events,
    watch: Interval,
    metrics: Arc<Metrics>,
    suspects: Arc<Mutex<Suspects>>,
    _gauges: Gauges,
    links: Links,
}

/// The two connections.
struct Links {
    consume: Link,
    publish: Link,
}

impl Links {
    async fn open(uri: &BrokerUri, dial: &Dial) -> Result<Self, LinkError> {
        let named = |suffix| Dial { name: format!("{} {suffix}", dial.name), ..dial.clone() };
        let consume = Link::open(uri, &named("consume")).await?;
        match Link::open(uri, &named("publish")).await {
            Ok(publish) => Ok(Self { consume, publish }),
            Err(error) => {
                consume.close(CLOSE_TIMEOUT).await;
                Err(error)
            }
        }
    }

    async fn close(self) {
        tokio::join!(self.consume.close(CLOSE_TIMEOUT), self.publish.close(CLOSE_TIMEOUT));
    }
}

/// What is open on the connections.
struct Channels {
    requests: Channel,
    replies: Channel,
    consumer: Consumer,
}

impl Channels {
    async fn open(links: &Links, settings: &Settings) -> Result<Self, LinkError> {
        queue::ensure(&links.consume, &settings.queue, settings.queue_type).await?;
        let replies = links.publish.channel().await?;
        let confirms = replies.confirm_select(ConfirmSelectOptions::default());
        answer("turning on publisher confirms", confirms).await?;
        let requests = links.consume.channel().await?;
        let qos = requests.basic_qos(settings.prefetch, BasicQosOptions::default());
        answer("setting the prefetch", qos).await?;
        let consumer = requests.basic_consume(
            settings.queue.as_str().into(),
            CONSUMER_TAG.into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = answer("starting to consume", consumer).await?;
        Ok(Self { requests, replies, consumer })
    }
}

impl Serving {
    /// Connects, makes sure of the queue, and starts to consume.
    pub(crate) async fn attach(
        uri: &BrokerUri,
        settings: &Settings,
        metrics: Arc<Metrics>,
        suspects: Arc<Mutex<Suspects>>,
    ) -> Result<Self, LinkError> {
        let links = Links::open(uri, &settings.dial).await?;
        let channels = match Channels::open(&links, settings).await {
            Ok(channels) => channels,
            Err(error) => {
                links.close().await;
                return Err(error);
            }
        };
        let mut watch = interval(Duration::from_secs(1));
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            channels,
            cancelling: None,
            ended: false,
            ledger: Ledger::default(),
            publishing: FuturesUnordered::new(),
            refused: Vec::new(),
            progress: Instant::now(),
            blocked_since: None,
            consume_events: links.consume.events(),
            publish_events: links.publish.events(),
            watch,
            _gauges: Gauges(Arc::clone(&metrics)),
            metrics,
            suspects,
            links,
        })
    }

    /// Requests received and not settled yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.ledger.outstanding()
    }

    /// Waits for the next event. Cancel safe.
    ///
    /// An error is the end of the session: the broker has, or will have, every request back that
    /// was not acknowledged.
    pub(crate) async fn next(&mut self) -> Result<Event, LinkError> {
        loop {
            tokio::select! {
                biased;
                Some((tag, result)) = self.publishing.next() => {
                    self.confirmed(tag, result)?;
                    return Ok(Event::Settled);
                }
                delivery = self.channels.consumer.next(), if !self.ended => match delivery {
                    Some(Ok(delivery)) => return Ok(Event::Request(self.receive(delivery))),
                    Some(Err(error)) => return Err(error.into()),
                    None => return self.consumer_ended(),
                },
                Some(result) = async { Some(self.cancelling.as_mut()?.await) } => {
                    self.cancelling = None;
                    result?;
                }
                event = self.consume_events.next() => {
                    if let Some(error) = self.links.consume.ending(event) {
                        return Err(error);
                    }
                }
                event = self.publish_events.next() => self.publisher_event(event)?,
                _ = self.watch.tick() => {
                    self.check_progress()?;
                    if self.give_back_refused() {
                        return Ok(Event::Settled);
                    }
                }
            }
        }
    }

    fn receive(&mut self, delivery: Delivery) -> Incoming {
        self.metrics.deliveries.inc();
        if delivery.redelivered {
            self.metrics.redeliveries.inc();
        }
        let envelope = properties::envelope(&delivery.properties);
        let (tag, body) = (delivery.delivery_tag, delivery.data);
        let suspects = self.suspects();
        let fingerprint = suspects.fingerprint(&envelope, &body);
        let poison = delivery.redelivered && suspects.is_poison(&envelope, fingerprint);
        drop(suspects);
        self.ledger.received(tag, Entry::new(envelope.method(), fingerprint, poison));
        self.count_in_flight();
        Incoming { tag, envelope, body, poison }
    }

    fn consumer_ended(&mut self) -> Result<Event, LinkError> {
        if self.ledger.draining() {
            self.ended = true;
            return Ok(Event::Ended);
        }
        let message = "the broker ended the consumer: was the queue deleted?";
        Err(LinkError::new(Cause::ConsumerCancelled, message))
    }

    /// Publishes the reply to a request; the request is acknowledged when the broker confirms.
    pub(crate) fn reply(&mut self, tag: u64, envelope: &Envelope, queue: &str, reply: Reply) {
        if self.publishing.is_empty() {
            self.progress = Instant::now();
        }
        self.ledger.replying(tag, reply.status);
        let channel = self.channels.replies.clone();
        let properties = properties::of_reply(envelope, &reply);
        let routing_key = queue.into();
        // Mandatory only to count the callers that went away.
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        self.publishing.push(Box::pin(async move {
            let publish =
                channel.basic_publish("".into(), routing_key, options, &reply.body, properties);
            let confirm = match publish.await {
                Ok(confirm) => confirm.await,
                Err(error) => Err(error),
            };
            (tag, confirm)
        }));
    }

    /// Rejects a request that nobody can answer, or that nobody should try again, so that a
    /// dead-letter policy catches it.
    pub(crate) fn reject(&mut self, tag: u64) {
        if let Some(entry) = self.ledger.settle(tag) {
            self.suspects().settled(entry.fingerprint);
            let options = BasicRejectOptions { requeue: false };
            // Written by lapin's thread; should it fail, the channel fails, which `next` reports.
            let _ = self.channels.requests.basic_reject(tag, options).now_or_never();
            self.metrics.rejects.inc();
            match entry.status {
                None => self.metrics.rejected(entry.method),
                Some(status) => self.metrics.answered(entry.method, status, entry.age()),
            }
        }
        self.count_in_flight();
    }

    /// Gives a request back to the queue.
    pub(crate) fn give_back(&mut self, tag: u64) {
        if self.ledger.settle(tag).is_some() {
            let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
            let _ = self.channels.requests.basic_nack(tag, options).now_or_never();
            self.metrics.requeues.inc();
        }
        self.count_in_flight();
    }

    /// Gives those back whose replies were refused; false where there are none.
    fn give_back_refused(&mut self) -> bool {
        let refused = std::mem::take(&mut self.refused);
        if refused.is_empty() {
            return false;
        }
        tracing::warn!(
            replies = refused.len(),
            "the broker refused replies; their requests are given back"
        );
        refused.into_iter().for_each(|tag| self.give_back(tag));
        true
    }

    /// Gives every request back that is not settled.
    pub(crate) fn give_back_all(&mut self) {
        for tag in self.ledger.unsettled() {
            self.give_back(tag);
        }
    }

    /// Stops consuming; [`Event::Ended`] comes after the last request.
    pub(crate) fn stop_consuming(&mut self) {
        if self.ledger.drain() {
            let channel = self.channels.requests.clone();
            self.cancelling = Some(Box::pin(async move {
                let options = BasicCancelOptions::default();
                answer("stopping to consume", channel.basic_cancel(CONSUMER_TAG.into(), options))
                    .await
            }));
        }
    }

    /// Remembers what was not settled, and says goodbye to the broker.
    pub(crate) async fn close(self) {
        for entry in self.ledger.open_entries() {
            self.suspects().held(entry.fingerprint);
        }
        self.links.close().await;
    }

    fn confirmed(
        &mut self,
        tag: u64,
        result: lapin::Result<Confirmation>,
    ) -> Result<(), LinkError> {
        self.progress = Instant::now();
        let mut acks = Acks::default();
        self.confirm_one(tag, result, &mut acks)?;
        while let Some(Some((tag, result))) = self.publishing.next().now_or_never() {
            self.confirm_one(tag, result, &mut acks)?;
        }
        self.ledger.collect(&mut acks);
        for (tag, multiple) in acks.take() {
            let _ =
                self.channels.requests.basic_ack(tag, BasicAckOptions { multiple }).now_or_never();
        }
        self.count_in_flight();
        Ok(())
    }

    fn confirm_one(
        &mut self,
        tag: u64,
        result: lapin::Result<Confirmation>,
        acks: &mut Acks,
    ) -> Result<(), LinkError> {
        match result? {
            Confirmation::Ack(returned) => {
                // lapin may hand the return of one publish to the confirm of another: it is
                // good for counting, not for telling which.
                if returned.is_some() {
                    self.metrics.replies_unroutable.inc();
                }
                self.metrics.replies.inc();
                if self.ledger.is_poison(tag) {
                    self.reject(tag);
                } else if let Some(entry) = self.ledger.confirmed(tag, acks) {
                    self.suspects().settled(entry.fingerprint);
                    self.metrics.acks.inc();
                    let status = entry.status.unwrap_or(Status::Ok);
                    self.metrics.answered(entry.method, status, entry.age());
                }
            }
            Confirmation::Nack(_) | Confirmation::NotRequested => {
                self.metrics.replies_refused.inc();
                self.refused.push(tag);
            }
        }
        Ok(())
    }

    fn publisher_event(&mut self, event: Option<ConnectionEvent>) -> Result<(), LinkError> {
        match event {
            Some(ConnectionEvent::ConnectionBlocked(reason)) => {
                tracing::warn!(%reason, "the broker blocks publishing");
                self.blocked_since = Some(Instant::now());
                self.metrics.blocked.set(1);
            }
            Some(ConnectionEvent::ConnectionUnblocked) => {
                tracing::info!("the broker takes publishes again");
                self.blocked_since = None;
                self.progress = Instant::now();
                self.metrics.blocked.set(0);
            }
            event => return self.links.publish.ending(event).map_or(Ok(()), Err),
        }
        Ok(())
    }

    fn check_progress(&self) -> Result<(), LinkError> {
        match self.blocked_since {
            Some(since) if since.elapsed() > BLOCKED_TIMEOUT => {
                Err(LinkError::timeout("waiting for the broker to unblock", BLOCKED_TIMEOUT))
            }
            None if !self.publishing.is_empty() && self.progress.elapsed() > CONFIRM_TIMEOUT => {
                Err(LinkError::timeout("waiting for a publisher confirm", CONFIRM_TIMEOUT))
            }
            _ => Ok(()),
        }
    }

    fn suspects(&self) -> MutexGuard<'_, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_in_flight(&self) {
        self.metrics.in_flight.set(i64::try_from(self.ledger.outstanding()).unwrap_or(i64::MAX));
    }
}

/// Takes the gauges of a session back when it ends, however it ends.
struct Gauges(Arc<Metrics>);

impl Drop for Gauges {
    fn drop(&mut self) {
        self.0.blocked.set(0);
        self.0.in_flight.set(0);
    }
}
