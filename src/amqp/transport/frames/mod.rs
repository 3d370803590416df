//! Frames on their way between a broker and lapin.
//!
//! lapin takes every short string for UTF-8, and gives up the connection at the first that is
//! not; but AMQP says only that they are bytes, and the Erlang tutorial client sends correlation
//! ids that are 16 random ones. It also reads tables of any depth by recursion. One message could
//! so end the service again and again, because the broker delivers it anew each time.
//!
//! So lapin never sees what it cannot read: [`Inbound`] brings the properties of messages into a
//! form of our own, and [`Outbound`] takes that form back. An id that is no text travels as a byte
//! string in a header, under the names in [`raw`]. A reply queue that is no text is left out, as if
//! none were named: RabbitMQ takes no such name in a method ("malformed UTF-8 in shortstr"), so
//! there can be no such queue, and to publish to it would cost us the connection.
//!
//! Source of the layouts: AMQP 0-9-1, sections 4.2.3 (frames) and 4.2.6 (content headers); field
//! types as RabbitMQ has them (<https://www.rabbitmq.com/amqp-0-9-1-errata#section_3>).

mod inbound;
mod outbound;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use inbound::Inbound;
pub(super) use outbound::Outbound;

/// Headers that carry what is not UTF-8 between us and the socket. They are never on the network:
/// a message that comes with such headers loses them, as it does all that we do not know.
pub(in crate::amqp) mod raw {
    /// A correlation id.
    pub(in crate::amqp) const CORRELATION_ID: &str = "fibrpc.raw.correlation_id";
    /// A message id.
    pub(in crate::amqp) const MESSAGE_ID: &str = "fibrpc.raw.message_id";
}
