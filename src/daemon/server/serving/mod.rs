//! A server's session with a broker: requests in, replies out, acks after confirms.
//!
//! Two connections, as RabbitMQ advises: a broker short of memory stops reading from connections
//! that publish, and acks must get through all the same
//! (<https://www.rabbitmq.com/docs/alarms#effects-on-clusters>).
//!
//! A request is acknowledged only after the broker has confirmed its reply. Confirms are
//! pipelined and acks sent in batches, so neither costs a round trip for each call.

mod confirms;
mod open;
mod unacked;

use self::{
    open::{CONSUMER_TAG, Channels, Gauges, Links},
    unacked::{Entry, UnackedDeliveries},
};
use super::poison::PoisonTracker;
use crate::{
    amqp::{
        Cause, LinkError, QueueType,
        connect::{Dial, answer},
        properties,
    },
    broker_uri::BrokerUri,
    daemon::{
        observe::{
            metrics::Metrics,
            request_log::RequestLog,
            request_record::{ComputeTime, Outcome},
            spans::Spans,
        },
        ticks::every,
    },
    wire::{Envelope, Reply},
};
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream::FuturesUnordered};
use lapin::{
    Confirmation, Event as ConnectionEvent,
    message::Delivery,
    options::{BasicCancelOptions, BasicNackOptions, BasicPublishOptions, BasicRejectOptions},
};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::Interval;

/// How long the channel stays open after the last acks of a drain. A channel of RabbitMQ holds back
/// acks and nacks to a quorum queue while more than 32 are on their way to the queue's members, and
/// forgets them when it is closed: those requests would be answered twice (RabbitMQ 3.10; the
/// number is `rabbit_fifo_client`'s soft limit). Nothing reports their arrival.
const LAST_ACKS: Duration = Duration::from_millis(250);

/// The settings of a session.
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
    /// Requests were settled: perhaps none is outstanding any more.
    Settled,
    /// The broker takes no replies, for the reason it gave; with `None` it takes them again.
    Blocked(Option<String>),
    /// No request will arrive any more, because we stopped consuming.
    Ended,
}

type Publishing = Pin<Box<dyn Future<Output = (u64, lapin::Result<Confirmation>)> + Send>>;
type Cancelling = Pin<Box<dyn Future<Output = Result<(), LinkError>> + Send>>;
type Events = Pin<Box<dyn Stream<Item = ConnectionEvent> + Send>>;

/// A session: attached to the queue until any part of it fails or ends.
pub(crate) struct Serving {
    channels: Channels,
    cancelling: Option<Cancelling>,
    ended: bool,
    unacked: UnackedDeliveries,
    publishing: FuturesUnordered<Publishing>,
    /// Requests whose replies the broker refused. They are given back once there is another channel
    /// to reply on: any earlier, they would be redelivered and refused again at once, until they
    /// count as poison.
    refused: Vec<u64>,
    blocked_since: Option<Instant>,
    /// When the broker last began to take publishes again.
    unblocked_at: Option<Instant>,
    consume_events: Events,
    publish_events: Events,
    watch: Interval,
    metrics: Arc<Metrics>,
    poison_tracker: Arc<Mutex<PoisonTracker>>,
    request_log: RequestLog,
    _gauges: Gauges,
    links: Links,
}

impl Serving {
    /// Connects, makes sure of the queue, and starts to consume.
    pub(crate) async fn attach(
        uri: &BrokerUri,
        settings: &Settings,
        metrics: Arc<Metrics>,
        poison_tracker: Arc<Mutex<PoisonTracker>>,
        spans: Spans,
    ) -> Result<Self, LinkError> {
        let links = Links::open(uri, &settings.dial).await?;
        let channels = match Channels::open(&links, settings).await {
            Ok(channels) => channels,
            Err(error) => {
                links.close().await;
                return Err(error);
            }
        };
        let watch = every(Duration::from_secs(1));
        Ok(Self {
            channels,
            cancelling: None,
            ended: false,
            unacked: UnackedDeliveries::default(),
            publishing: FuturesUnordered::new(),
            refused: Vec::new(),
            blocked_since: None,
            unblocked_at: None,
            consume_events: links.consume.events(),
            publish_events: links.publish.events(),
            watch,
            _gauges: Gauges(Arc::clone(&metrics)),
            metrics,
            poison_tracker,
            request_log: RequestLog::new(&settings.queue, spans),
            links,
        })
    }

    /// Requests received and not settled yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.unacked.outstanding()
    }

    /// Waits for the next event. Cancel safe.
    ///
    /// An error is the end of the session: every request that was not acknowledged goes back to the
    /// broker.
    pub(crate) async fn next(&mut self) -> Result<Event, LinkError> {
        loop {
            tokio::select! {
                biased;
                // Deliveries first, of which there are no more than the prefetch: their replies
                // leave sooner, and more confirms are handled at once.
                delivery = self.channels.consumer.next(), if !self.ended => match delivery {
                    Some(Ok(delivery)) => return self.receive(delivery),
                    Some(Err(error)) => return Err(error.into()),
                    None => return self.consumer_ended(),
                },
                Some((tag, result)) = self.publishing.next() => {
                    self.confirmed(tag, result)?;
                    return Ok(Event::Settled);
                }
                Some(result) = async { Some(self.cancelling.as_mut()?.await) } => {
                    self.cancelling = None;
                    result?;
                }
                event = self.consume_events.next() => {
                    if let Some(error) = self.links.consume.ending(event) {
                        return Err(error);
                    }
                }
                event = self.publish_events.next() => {
                    if let Some(event) = self.publisher_event(event)? {
                        return Ok(event);
                    }
                }
                renewed = self.channels.replies.renewed() => {
                    renewed?;
                    self.give_back_refused();
                    return Ok(Event::Settled);
                }
                _ = self.watch.tick() => {
                    self.check_progress()?;
                    if !self.refused.is_empty() {
                        self.channels.replies.renew();
                    }
                }
            }
        }
    }

    fn receive(&mut self, delivery: Delivery) -> Result<Event, LinkError> {
        self.metrics.requests.deliveries.inc();
        if delivery.redelivered {
            self.metrics.requests.redeliveries.inc();
        }
        let sent = *delivery.properties.timestamp();
        let queue_wait = sent.and_then(|sent| self.metrics.requests.sent_at(sent));
        let envelope = properties::envelope(&delivery.properties);
        let (tag, body) = (delivery.delivery_tag, delivery.data);
        let poison_tracker = self.poison_tracker();
        let fingerprint = poison_tracker.fingerprint(&envelope, &body);
        let poison = delivery.redelivered && poison_tracker.is_poison(&envelope, fingerprint);
        drop(poison_tracker);
        let mut entry = Entry::new(envelope.method(), fingerprint, poison);
        entry.record = self.request_log.begin(&envelope, &body, queue_wait);
        if !self.unacked.received(tag, entry) {
            let message = format!("the broker sent a delivery out of order, with tag {tag}");
            return Err(LinkError::new(Cause::Protocol, message));
        }
        self.count_in_flight();
        Ok(Event::Request(Incoming { tag, envelope, body, poison }))
    }

    fn consumer_ended(&mut self) -> Result<Event, LinkError> {
        if self.unacked.draining() {
            self.ended = true;
            return Ok(Event::Ended);
        }
        self.metrics.link.consumer_cancels.inc();
        let message = "the broker ended the consumer: was the queue deleted?";
        Err(LinkError::new(Cause::ConsumerCancelled, message))
    }

    /// Publishes the reply to a request; the request is acknowledged when the broker confirms.
    /// `compute_time` says when the answer was computed; `permits` are dropped when nothing of the
    /// reply is in memory any more.
    pub(crate) fn reply(
        &mut self,
        tag: u64,
        envelope: &Envelope,
        queue: &str,
        reply: Reply,
        compute_time: ComputeTime,
        permits: impl Send + 'static,
    ) {
        if let Some(record) = self.unacked.replying(tag, reply.status) {
            record.replied(reply.body.len(), reply.status, compute_time);
        }
        let channel = self.channels.replies.channel();
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
            drop(permits);
            (tag, confirm)
        }));
        self.count_unconfirmed();
    }

    /// Rejects a request that cannot be answered, or must not be tried again, so that a dead-letter
    /// policy catches it.
    pub(crate) fn reject(&mut self, tag: u64) {
        if let Some(entry) = self.unacked.settle(tag) {
            self.poison_tracker().settled(entry.fingerprint);
            let options = BasicRejectOptions { requeue: false };
            // Written by lapin's thread; should it fail, the channel fails, which `next` reports.
            let _ = self.channels.requests.basic_reject(tag, options).now_or_never();
            self.metrics.requests.rejects.inc();
            match entry.status() {
                None => self.metrics.requests.rejected(entry.method),
                Some(status) => self.metrics.requests.answered(entry.method, status, entry.times()),
            }
            self.settle_record(entry, Outcome::Rejected);
        }
        self.count_in_flight();
    }

    /// Gives a request back to the queue.
    pub(crate) fn give_back(&mut self, tag: u64) {
        if let Some(entry) = self.unacked.settle(tag) {
            let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
            let _ = self.channels.requests.basic_nack(tag, options).now_or_never();
            self.metrics.requests.requeues.inc();
            self.settle_record(entry, Outcome::GivenBack);
        }
        self.count_in_flight();
    }

    /// Gives back the requests whose replies were refused.
    fn give_back_refused(&mut self) {
        let refused = std::mem::take(&mut self.refused);
        tracing::warn!(
            replies = refused.len(),
            "the broker refused replies; their requests are given back"
        );
        for tag in refused {
            self.give_back(tag);
        }
    }

    /// Gives back every request that is not settled.
    pub(crate) fn give_back_all(&mut self) {
        for tag in self.unacked.unsettled() {
            self.give_back(tag);
        }
    }

    /// Stops consuming; [`Event::Ended`] comes after the last request.
    pub(crate) fn stop_consuming(&mut self) {
        if self.unacked.drain() {
            let channel = self.channels.requests.clone();
            self.cancelling = Some(Box::pin(async move {
                let options = BasicCancelOptions::default();
                answer("stopping to consume", channel.basic_cancel(CONSUMER_TAG.into(), options))
                    .await
            }));
        }
    }

    /// Remembers the requests that were not settled, and closes the connections.
    pub(crate) async fn close(mut self) {
        if self.unacked.draining() {
            tokio::time::sleep(LAST_ACKS).await;
        }
        for entry in self.unacked.take_open() {
            self.poison_tracker().lost(entry.fingerprint);
            self.settle_record(entry, Outcome::Lost);
        }
        self.links.close().await;
    }

    fn publisher_event(
        &mut self,
        event: Option<ConnectionEvent>,
    ) -> Result<Option<Event>, LinkError> {
        match event {
            Some(ConnectionEvent::ConnectionBlocked(reason)) => {
                tracing::warn!(%reason, "the broker blocks publishing");
                self.blocked_since = Some(Instant::now());
                self.metrics.link.set_blocked(true);
                Ok(Some(Event::Blocked(Some(reason))))
            }
            Some(ConnectionEvent::ConnectionUnblocked) => {
                tracing::info!("the broker takes publishes again");
                self.blocked_since = None;
                self.unblocked_at = Some(Instant::now());
                self.metrics.link.set_blocked(false);
                Ok(Some(Event::Blocked(None)))
            }
            event => self.links.publish.ending(event).map_or(Ok(None), Err),
        }
    }

    fn poison_tracker(&self) -> MutexGuard<'_, PoisonTracker> {
        self.poison_tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the record of a request, if it has one.
    fn settle_record(&self, mut entry: Entry, outcome: Outcome) {
        if let Some(record) = entry.record.take() {
            self.request_log.settle(record, outcome, entry.status(), entry.moments());
        }
    }

    fn count_unconfirmed(&self) {
        let unconfirmed = i64::try_from(self.publishing.len()).unwrap_or(i64::MAX);
        self.metrics.link.unconfirmed.set(unconfirmed);
    }

    fn count_in_flight(&self) {
        self.metrics
            .requests
            .in_flight
            .set(i64::try_from(self.unacked.outstanding()).unwrap_or(i64::MAX));
    }
}
