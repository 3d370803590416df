//! A look at a broker and a queue, without a request.

use super::CallError;
use crate::{
    amqp::{
        Cause, LinkError,
        connect::{Dial, Link},
        queue,
    },
    broker_uri::BrokerUri,
};
use std::{net::SocketAddr, time::Duration};
use tokio::time::{sleep, timeout};

/// How long the goodbye to the broker may take. What was looked for is known by then.
const GOODBYE: Duration = Duration::from_secs(1);

/// When a queue without consumers is looked at once more: `RabbitMQ` also says that there are none
/// while a quorum queue's leader does not answer at once, and a server may be attaching anew.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What a look at a broker shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerState {
    /// The broker that was reached.
    pub uri: BrokerUri,
    /// Where it is.
    pub address: SocketAddr,
    /// What it says that it is, such as `RabbitMQ`.
    pub product: Option<String>,
    /// The version it says it has.
    pub version: Option<String>,
    /// The request queue; `None` if there is none.
    pub queue: Option<QueueState>,
}

/// What a look at a queue shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueState {
    /// Messages that no consumer has got yet.
    pub messages: u32,
    /// Consumers.
    pub consumers: u32,
}

/// Where to look.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) uris: Vec<BrokerUri>,
    pub(super) dial: Dial,
    pub(super) queue: String,
}

impl Look {
    /// Looks at the first broker that can be reached, and its queue, within so long.
    pub(super) async fn within(&self, limit: Duration) -> Result<BrokerState, CallError> {
        let mut failed = Vec::new();
        let looked = timeout(limit, async {
            for uri in &self.uris {
                match self.at(uri).await {
                    Ok(state) => return Some(state),
                    Err(error) => failed.push(error),
                }
            }
            None
        });
        match looked.await {
            Ok(Some(state)) => return Ok(state),
            Ok(None) => {}
            Err(_) => {
                let uri = self.uris.get(failed.len()).map(BrokerUri::to_string);
                let uri = uri.unwrap_or_default();
                failed.push(LinkError::timeout(&format!("connecting to {uri}"), limit));
            }
        }
        Err(CallError::of_brokers(&failed))
    }

    async fn at(&self, uri: &BrokerUri) -> Result<BrokerState, LinkError> {
        let link = Link::open(uri, &self.dial).await?;
        let mut queue = self.queue(&link).await;
        if let Ok(Some(QueueState { consumers: 0, .. })) = queue {
            sleep(LOOK_AGAIN).await;
            queue = self.queue(&link).await;
        }
        let greeting = link.greeting().cloned().unwrap_or_default();
        let address = link.address();
        link.close(GOODBYE).await;
        Ok(BrokerState {
            uri: uri.clone(),
            address,
            product: greeting.product,
            version: greeting.version,
            queue: queue?,
        })
    }

    /// A passive declaration changes nothing.
    async fn queue(&self, link: &Link) -> Result<Option<QueueState>, LinkError> {
        match queue::look(link, &self.queue).await {
            Ok(queue) => {
                let (messages, consumers) = (queue.message_count(), queue.consumer_count());
                Ok(Some(QueueState { messages, consumers }))
            }
            Err(error) if error.cause == Cause::NoQueue => Ok(None),
            Err(error) => Err(error),
        }
    }
}
