//! Whether both connections of a server reached the same broker.
//!
//! A name or a balancer may stand for several brokers that know nothing of each other. A server that
//! consumes from one and publishes to another loses every reply, and acknowledges the requests.

use super::{
    super::{
        Cause, LinkError,
        connect::{Link as Connection, METHOD_TIMEOUT, answer},
    },
    Events,
    publishing::try_to_publish,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use lapin::{
    Channel, Confirmation, Event as ConnectionEvent,
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::{FieldTable, ShortString},
};
use std::time::Duration;
use tokio::time::timeout;

/// What the check has shown beside that.
pub(super) enum Checked {
    /// A message could be published.
    MayPublish,
    /// The broker blocks publishing, for this reason.
    Blocked(String),
    Nothing,
}

/// Checks it, as far as that can be found out.
///
/// Both have to name the same cluster, and a queue that is declared on one connection has to be
/// known on the other. A broker that names no cluster is trusted, as is one that lets the user
/// declare no queue or publish nothing, and one that confirms nothing in time: that will show.
pub(super) async fn check(
    consume: &Connection,
    publish: &Connection,
    events: &mut Events,
) -> Result<Checked, LinkError> {
    let (Some(one), Some(other)) = (consume.cluster(), publish.cluster()) else {
        return Ok(Checked::Nothing);
    };
    if one != other {
        return Err(different(consume, publish));
    }
    if consume.channel_max().min(publish.channel_max()) < CHANNELS {
        return Ok(Checked::Nothing); // each channel is needed, and lapin takes a moment to free one
    }
    let Some((channel, queue)) = declare(consume).await? else { return Ok(Checked::Nothing) };
    let known = tokio::select! {
        known = timeout(LIMIT, is_known(publish, queue.clone())) => known.unwrap_or(Ok(None)),
        stopped = stopped(publish, events) => match stopped {
            Ok(reason) => return Ok(Checked::Blocked(reason)), // the queue goes with the connection
            Err(error) => Err(error),
        },
    };
    let delete = channel.queue_delete(queue, QueueDeleteOptions::default());
    match known {
        Ok(Some(false)) => Err(different(consume, publish)),
        Ok(known) => {
            answer(WHAT, delete).await?;
            // A channel left open costs the broker little, so a failure to close it is ignored.
            let _ = timeout(METHOD_TIMEOUT, channel.close(200, "OK".into())).await;
            Ok(if known.is_some() { Checked::MayPublish } else { Checked::Nothing })
        }
        Err(error) => Err(error),
    }
}

/// How long the answer may take before the broker is trusted without it.
const LIMIT: Duration = Duration::from_secs(2);

/// The least number of channels for which the queue is tried.
const CHANNELS: u16 = 4;

const WHAT: &str = "checking that both connections reach the same broker";

fn different(consume: &Connection, publish: &Connection) -> LinkError {
    let shown = |connection: &Connection| {
        let cluster = connection.cluster().unwrap_or_default().escape_debug();
        format!("cluster \"{cluster}\" at {}", connection.address())
    };
    // Whichever was first, the text is the same, and logged once.
    let mut brokers = [shown(consume), shown(publish)];
    brokers.sort_unstable();
    let [one, other] = brokers;
    LinkError::new(
        Cause::DifferentBrokers,
        format!(
            "the two connections of the session reached different brokers, {one} and {other}; \
             list brokers that are not of one cluster one by one in amqp.uris, each by a name of \
             its own"
        ),
    )
}

/// Declares a queue that only this connection can consume from; `None` if the user may not.
async fn declare(consume: &Connection) -> Result<Option<(Channel, ShortString)>, LinkError> {
    let channel = consume.channel().await?;
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let declared = answer(WHAT, channel.queue_declare("".into(), options, FieldTable::default()));
    match declared.await {
        Ok(queue) => Ok(Some((channel, queue.name().clone()))),
        Err(error) if matches!(error.cause, Cause::AccessRefused(_)) => {
            consume.spent_channel();
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether a message to the queue finds it, if that can be told.
async fn is_known(publish: &Connection, queue: ShortString) -> Result<Option<bool>, LinkError> {
    let confirmed = try_to_publish(publish, queue, true, Bytes::from_static(b"?")).await;
    match confirmed.map_err(LinkError::from) {
        Ok(Confirmation::Ack(returned)) => Ok(Some(returned.is_none())),
        // Nothing is known; publishing replies will show what is wrong.
        Ok(_) => Ok(None),
        Err(error) if matches!(error.cause, Cause::AccessRefused(_)) => {
            publish.spent_channel();
            Ok(None)
        }
        Err(error) => Err(error.during(WHAT)),
    }
}

/// Waits until the broker blocks publishing, for the reason, or the connection ends.
async fn stopped(publish: &Connection, events: &mut Events) -> Result<String, LinkError> {
    loop {
        match events.next().await {
            Some(ConnectionEvent::ConnectionBlocked(reason)) => return Ok(reason),
            event => {
                if let Some(error) = publish.ending(event) {
                    return Err(error);
                }
            }
        }
    }
}
