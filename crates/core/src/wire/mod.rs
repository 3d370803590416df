//! The wire format: what a request and a reply look like, free of I/O.
//!
//! Published for users as `docs/protocol.md`. This module knows bytes and properties, not AMQP
//! libraries: `amqp` translates between its types and these.

mod amqp10;
mod number;
mod properties;
mod queue_name;
mod reply;
mod reply_address;
mod request;
mod status;
mod timing;
mod trace;

pub use number::{MAX_BODY, Number, NumberError};
pub use properties::{Header, Properties, ReplyQueue};
pub use queue_name::{QueueNameError, check_queue_name};
pub use reply::{Opened, Reply, ReplyError};
pub use reply_address::{REPLY_TOPIC_HEADER, TOPIC_EXCHANGE, Via, reply_address};
pub use request::{Call, Envelope, Method, TimeLimit, decode};
pub use status::{Failure, Status};
pub use timing::{ServerTiming, TIMING_HEADER};
pub use trace::TraceParent;

/// The header that names the outcome of a call in its reply.
pub const STATUS_HEADER: &str = "x-fibrpc-status";

/// The headers for a correlation id and a message id that AMQP 0-9-1 has no property for, since
/// other protocols allow longer ones: as RabbitMQ translates them.
pub const CORRELATION_ID_HEADER: &str = "x-correlation-id";
/// See [`CORRELATION_ID_HEADER`].
pub const MESSAGE_ID_HEADER: &str = "x-message-id";

/// The header of a request that holds its deadline: an integer, Unix time in milliseconds.
pub const DEADLINE_HEADER: &str = "x-deadline";

/// What the property `expiration` says: milliseconds in decimal digits. Anything else says nothing,
/// and 0 is about the delivery alone: at once or never.
#[must_use]
pub fn expiration_ms(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|ms| digits && *ms > 0)
}

/// The header in which a quorum queue counts how often it has delivered a message before
/// (<https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling>).
pub const DELIVERY_COUNT_HEADER: &str = "x-delivery-count";

/// The W3C trace context headers, taken from a request and returned in its reply
/// (<https://www.w3.org/TR/trace-context/>).
pub const TRACE_HEADERS: [&str; 2] = [TRACE_PARENT, TRACE_STATE];

/// Names the trace of a request and the span it comes from.
pub const TRACE_PARENT: &str = "traceparent";

/// Data of tracing systems, passed on as it is.
pub const TRACE_STATE: &str = "tracestate";

/// What a client sends as the body of a method without arguments. A server that knows no methods,
/// such as those of RabbitMQ's tutorial, takes every request for a number, and dies of an empty
/// body; from this one it computes F(0).
pub const NO_ARGUMENT: &[u8] = b"0";

/// What a server answers to a `ping`.
pub const PONG: &[u8] = b"pong";

/// What the body of every error reply starts with, so that a client that only knows numbers
/// fails at once and one that prints shows the reason.
pub const ERROR_PREFIX: &str = "error: ";

#[cfg(test)]
mod tests {
    use super::expiration_ms;

    #[test]
    fn an_expiration_is_a_number_of_milliseconds_or_nothing() {
        assert_eq!(expiration_ms("10000"), Some(10_000));
        assert_eq!(expiration_ms("18446744073709551615"), Some(u64::MAX));
        for nothing in ["", "0", "000", "abc", "-1", "+5", "1.5", " 7", "18446744073709551616"] {
            assert_eq!(expiration_ms(nothing), None, "{nothing}");
        }
    }
}
