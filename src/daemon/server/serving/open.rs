//! What a session opens: two connections, their channels, and the consumer.

use super::Settings;
use crate::{
    amqp::{
        LinkError,
        connect::{Dial, Link, answer},
        publisher::Publisher,
        queue,
    },
    broker_uri::BrokerUri,
    daemon::observe::metrics::Metrics,
};
use lapin::{
    Channel, Consumer,
    options::{BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use std::{sync::Arc, time::Duration};

/// How long an orderly close may take before the sockets are cut.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The tag of our consumer, the only one on its channel.
pub(super) const CONSUMER_TAG: &str = "fibrpcd";

/// The two connections.
pub(super) struct Links {
    pub(super) consume: Link,
    pub(super) publish: Arc<Link>,
}

impl Links {
    pub(super) async fn open(uri: &BrokerUri, dial: &Dial) -> Result<Self, LinkError> {
        let named = |suffix| Dial { name: format!("{} {suffix}", dial.name), ..dial.clone() };
        let consume = Link::open(uri, &named("consume")).await?;
        match Link::open(uri, &named("publish")).await {
            Ok(publish) => Ok(Self { consume, publish: Arc::new(publish) }),
            Err(error) => {
                consume.close(CLOSE_TIMEOUT).await;
                Err(error)
            }
        }
    }

    pub(super) async fn close(self) {
        tokio::join!(self.consume.close(CLOSE_TIMEOUT), self.publish.close(CLOSE_TIMEOUT));
    }
}

/// The channels on the connections, and the consumer.
pub(super) struct Channels {
    pub(super) requests: Channel,
    pub(super) replies: Publisher,
    pub(super) consumer: Consumer,
}

impl Channels {
    pub(super) async fn open(links: &Links, settings: &Settings) -> Result<Self, LinkError> {
        queue::ensure(&links.consume, &settings.queue, settings.queue_type).await?;
        let replies = Publisher::open(Arc::clone(&links.publish)).await?;
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

/// Resets the gauges of a session when it ends, however it ends.
pub(super) struct Gauges(pub(super) Arc<Metrics>);

impl Drop for Gauges {
    fn drop(&mut self) {
        self.0.link.set_blocked(false);
        self.0.link.unconfirmed.set(0);
        self.0.requests.in_flight.set(0);
    }
}
