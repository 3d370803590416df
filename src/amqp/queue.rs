//! The request queue: used as it is, or declared.

use super::{
    Cause, LinkError,
    connect::{Link, METHOD_TIMEOUT},
    error::{broker_reply, code},
};
use crate::text::one_line;
use lapin::{
    Queue,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use serde::Deserialize;
use std::fmt::{self, Display, Formatter};
use tokio::time::timeout;

/// The type of a queue, as the argument of its declaration
/// (<https://www.rabbitmq.com/docs/queues#optional-arguments>).
const TYPE_ARGUMENT: &str = "x-queue-type";

/// How the request queue is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueType {
    /// An existing queue as it is; a quorum queue if there is none.
    Auto,
    /// A durable quorum queue.
    Quorum,
    /// A durable classic queue.
    Classic,
    /// A classic queue that does not survive the broker.
    Transient,
    /// An existing queue as it is; none is created.
    Passive,
}

impl Display for QueueType {
    /// The word in the configuration.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Quorum => "quorum",
            Self::Classic => "classic",
            Self::Transient => "transient",
            Self::Passive => "passive",
        })
    }
}

/// Makes sure that the queue exists, as `amqp.queue_type` asks.
pub(crate) async fn ensure(link: &Link, queue: &str, kind: QueueType) -> Result<(), LinkError> {
    match kind {
        QueueType::Passive => look(link, queue).await.map(drop),
        // Any existing queue will do; declare one only if there is none.
        QueueType::Auto => match look(link, queue).await {
            Err(error) if error.cause == Cause::NoQueue => {
                declare(link, queue, QueueType::Quorum).await
            }
            other => other.map(drop),
        },
        QueueType::Quorum | QueueType::Classic | QueueType::Transient => {
            declare(link, queue, kind).await
        }
    }
}

/// Looks a queue up by a passive declaration; [`Cause::NoQueue`] if it does not exist.
pub(crate) async fn look(link: &Link, queue: &str) -> Result<Queue, LinkError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let what = format!("looking for queue \"{}\"", queue.escape_debug());
    match request(link, queue, options, FieldTable::default()).await {
        Ok(result) => result.map_err(|error| LinkError::from(error).during(&what)),
        Err(error) => Err(error.during(&what)),
    }
}

async fn declare(link: &Link, queue: &str, kind: QueueType) -> Result<(), LinkError> {
    let durable = kind != QueueType::Transient;
    let mut arguments = FieldTable::default();
    if kind == QueueType::Quorum {
        arguments.insert(TYPE_ARGUMENT.into(), AMQPValue::LongString("quorum".into()));
    }
    let options = QueueDeclareOptions { durable, ..QueueDeclareOptions::default() };
    let what = format!("declaring queue \"{}\"", queue.escape_debug());
    match request(link, queue, options, arguments).await.map_err(|error| error.during(&what))? {
        Ok(_) => Ok(()),
        Err(error) => Err(match broker_reply(&error) {
            Some((code::PRECONDITION_FAILED, text)) => mismatch(queue, kind, text),
            _ => LinkError::from(error).during(&what),
        }),
    }
}

/// One declaration on a channel of its own, because a refusal closes the channel.
async fn request(
    link: &Link,
    queue: &str,
    options: QueueDeclareOptions,
    arguments: FieldTable,
) -> Result<lapin::Result<Queue>, LinkError> {
    let channel = link.channel().await?;
    let declaring = channel.queue_declare(queue.into(), options, arguments);
    let result = timeout(METHOD_TIMEOUT, declaring)
        .await
        .map_err(|_| LinkError::timeout("queue.declare", METHOD_TIMEOUT))?;
    if result.is_ok() {
        // A channel left open costs the broker little, so a failure to close it is ignored.
        let _ = timeout(METHOD_TIMEOUT, channel.close(200, "OK".into())).await;
    }
    Ok(result)
}

/// Explains how the existing queue differs from the one asked for, from RabbitMQ's message:
/// "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'".
fn mismatch(queue: &str, kind: QueueType, text: &str) -> LinkError {
    let queue = queue.escape_debug();
    let difference = difference(text).map_or_else(
        || format!("the broker says: {}", one_line(text)),
        |(argument, asked, there)| {
            format!("there is {argument} = {there}, asked was {argument} = {asked}")
        },
    );
    LinkError::new(
        Cause::QueueMismatch,
        format!(
            "queue \"{queue}\" exists and is not what amqp.queue_type = \"{kind}\" asks for: \
             {difference}; set amqp.queue_type = \"auto\" to use the queue as it is, or delete it"
        ),
    )
}

/// The argument, the value asked for, and the existing value.
fn difference(text: &str) -> Option<(&str, String, String)> {
    let (_, rest) = text.split_once("inequivalent arg '")?;
    let (argument, rest) = rest.split_once('\'')?;
    let (_, rest) = rest.split_once("received ")?;
    let (asked, there) = rest.split_once(" but current is ")?;
    let value = |words: &str| {
        let quoted = words.split('\'').nth(1);
        one_line(quoted.unwrap_or(words).trim())
    };
    Some((argument, value(asked), value(there)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_says_what_is_there_and_what_was_asked() {
        let cases = [
            (
                "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': \
                 received 'true' but current is 'false'",
                "there is durable = false, asked was durable = true;",
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost \
                 '/': received the value 'quorum' of type 'longstr' but current is none",
                "there is x-queue-type = none, asked was x-queue-type = quorum;",
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost \
                 '/': received none but current is the value '7' of type 'long'",
                "there is x-max-length = 7, asked was x-max-length = none;",
            ),
            ("PRECONDITION_FAILED - other words", "PRECONDITION_FAILED - other words;"),
        ];
        for (text, expected) in cases {
            let message = mismatch("q", QueueType::Quorum, text).message;
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains('\n'));
        }
    }
}
