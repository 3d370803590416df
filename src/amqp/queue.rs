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
use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};
use tokio::time::timeout;

/// The type of a queue, as the argument of its declaration
/// (<https://www.rabbitmq.com/docs/queues#optional-arguments>).
const TYPE_ARGUMENT: &str = "x-queue-type";

/// The priority of a consumer (<https://www.rabbitmq.com/docs/consumer-priority>).
const PRIORITY_ARGUMENT: &str = "x-priority";

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
    /// A classic queue that goes away soon after its last consumer. Not for the daemon's settings.
    #[serde(skip)]
    Temporary,
}

/// How long a temporary queue outlives its last consumer: long enough to attach again.
const TEMPORARY: Duration = Duration::from_mins(1);

/// The argument for that, in milliseconds (<https://www.rabbitmq.com/docs/ttl#queue-ttl>).
const EXPIRES_ARGUMENT: &str = "x-expires";

impl Display for QueueType {
    /// The word in the configuration.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Quorum => "quorum",
            Self::Classic => "classic",
            Self::Transient => "transient",
            Self::Passive => "passive",
            Self::Temporary => "temporary",
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
        QueueType::Quorum | QueueType::Classic | QueueType::Transient | QueueType::Temporary => {
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

/// The arguments of a consumer of the request queue.
///
/// A stream knows no priorities, and so refuses its consumer; to other queues 0 is what they have
/// without it. That is how a stream is told from a queue by somebody who may do no more than consume.
pub(crate) fn consumer_arguments() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(PRIORITY_ARGUMENT.into(), AMQPValue::LongInt(0));
    arguments
}

/// Why a consumer was refused, where that is because of the type of the queue. RabbitMQ's words:
/// "invalid arg 'x-priority' for queue 'q' in vhost '/' of queue type `rabbit_stream_queue`".
pub(crate) fn explain_consume(error: LinkError, queue: &str) -> LinkError {
    let is_stream = error.message.contains(PRIORITY_ARGUMENT) && error.message.contains("stream");
    if is_stream { stream(queue) } else { error }
}

fn stream(queue: &str) -> LinkError {
    LinkError::new(
        Cause::QueueMismatch,
        format!(
            "queue \"{}\" is a stream, which cannot be served: nothing is ever removed from it, and \
             each consumer gets every request; delete it, or name another queue (amqp.queue)",
            queue.escape_debug()
        ),
    )
}

async fn declare(link: &Link, queue: &str, kind: QueueType) -> Result<(), LinkError> {
    let durable = kind != QueueType::Transient;
    let mut arguments = FieldTable::default();
    // Always said: a virtual host may have another default.
    let name = if kind == QueueType::Quorum { "quorum" } else { "classic" };
    arguments.insert(TYPE_ARGUMENT.into(), AMQPValue::LongString(name.into()));
    if kind == QueueType::Temporary {
        let millis = u32::try_from(TEMPORARY.as_millis()).unwrap_or(u32::MAX);
        arguments.insert(EXPIRES_ARGUMENT.into(), AMQPValue::LongUInt(millis));
    }
    let options = QueueDeclareOptions { durable, ..QueueDeclareOptions::default() };
    let what = format!("declaring queue \"{}\"", queue.escape_debug());
    match request(link, queue, options, arguments).await.map_err(|error| error.during(&what))? {
        Ok(_) => Ok(()),
        Err(error) => Err(match broker_reply(&error) {
            Some((code::PRECONDITION_FAILED, text)) => mismatch(queue, kind, text),
            Some((code::INTERNAL_ERROR, text)) if forbidden_feature(text).is_some() => {
                forbidden(queue, kind, text)
            }
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
    if result.as_ref().is_err_and(|error| broker_reply(error).is_some()) {
        link.spent_channel(); // the broker has closed it
    }
    if result.is_ok() {
        // A channel left open costs the broker little, so a failure to close it is ignored.
        let _ = timeout(METHOD_TIMEOUT, channel.close(200, "OK".into())).await;
    }
    Ok(result)
}

/// Explains how the existing queue differs from the one asked for, from RabbitMQ's message:
/// "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'".
fn mismatch(queue: &str, kind: QueueType, text: &str) -> LinkError {
    let difference = difference(text);
    if difference.as_ref().is_some_and(|(_, _, there)| there == "stream") {
        return stream(queue);
    }
    let queue = queue.escape_debug();
    let difference = difference.map_or_else(
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

/// Explains that the broker's operator does not permit a kind of queue.
fn forbidden(queue: &str, kind: QueueType, text: &str) -> LinkError {
    let feature = one_line(forbidden_feature(text).unwrap_or_default());
    LinkError::new(
        Cause::QueueMismatch,
        format!(
            "queue \"{}\" cannot be declared: the broker no longer permits what amqp.queue_type = \
             \"{kind}\" asks for (its deprecated feature {feature}); set amqp.queue_type = \"auto\", or \
             deprecated_features.permit.{feature} = true in the broker's configuration",
            queue.escape_debug()
        ),
    )
}

/// The feature that the broker has, or had, and does not permit
/// (<https://www.rabbitmq.com/docs/deprecated-features>): "Feature `transient_nonexcl_queues` is
/// deprecated.", or "is removed."
fn forbidden_feature(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("Feature `")?;
    let (feature, rest) = rest.split_once('`')?;
    let over = rest.starts_with(" is deprecated") || rest.starts_with(" is removed");
    Some(feature).filter(|_| over)
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
    use super::{super::Access, *};

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

    #[test]
    fn a_stream_is_named_whatever_was_asked() {
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': \
                    received 'classic' but current is the value 'stream' of type 'longstr'";
        let refused = "starting to consume: the broker says 406 PRECONDITION_FAILED - invalid arg \
                       'x-priority' for queue 'q' in vhost '/' of queue type rabbit_stream_queue";
        let refused = explain_consume(LinkError::new(Cause::ClosedByBroker, refused), "q");
        for error in [mismatch("q", QueueType::Classic, text), refused] {
            assert_eq!(error.cause, Cause::QueueMismatch);
            assert!(error.message.starts_with("queue \"q\" is a stream"), "{error}");
        }
        let other = LinkError::new(Cause::AccessRefused(Access::Resource), "the broker says 403");
        assert_eq!(explain_consume(other, "q").message, "the broker says 403");
    }

    #[test]
    fn a_type_that_is_not_permitted_says_what_to_do() {
        // As RabbitMQ 4.3.6 says it, cut by itself.
        let text = "INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated.\nIts use is not \
                    permitted per the configuration (overriding the default, which is permitted):\n    \
                    \"deprecated_features.permit.transient_nonexcl_queues = false\"\nIts use will not \
                    be permit...";
        assert_eq!(forbidden_feature(text), Some("transient_nonexcl_queues"));
        let message = forbidden("q", QueueType::Transient, text).message;
        assert!(message.contains("deprecated_features.permit.transient_nonexcl_queues = true"));
        assert!(
            message.contains("amqp.queue_type = \"auto\"") && !message.contains('\n'),
            "{message}"
        );
        assert_eq!(forbidden_feature("INTERNAL_ERROR"), None);
        assert_eq!(forbidden_feature("Feature `quorum_queues` is not enabled"), None);
    }
}
