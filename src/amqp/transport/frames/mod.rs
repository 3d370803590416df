//! Frames on their way between a broker and lapin.
//!
//! lapin expects every short string to be UTF-8, and gives up the connection at the first that is
//! not; but to AMQP they are just bytes, and the Erlang tutorial client sends correlation ids of 16
//! random ones. lapin also reads nested tables by recursion, to any depth. So a single message
//! could end the service again and again, because the broker redelivers it each time.
//!
//! Therefore lapin never sees what it cannot read: [`Inbound`] rewrites the properties of messages
//! into a form of our own, and [`Outbound`] undoes that. An id that is not UTF-8 travels as a byte
//! string in a header, under a name in [`raw`]. A reply queue that is not UTF-8 is left out, as if
//! none were named: RabbitMQ accepts no such name in a method ("malformed UTF-8 in shortstr"), so
//! there can be no such queue, and publishing to it would cost us the connection.
//!
//! For the same reason it sees no table of a method, and no method that no broker sends: a nested
//! table in a greeting ended the process by a stack overflow. And it sees only the start of a body
//! that is longer than is wanted ([`bodies`]).
//!
//! Source of the layouts: AMQP 0-9-1, sections 4.2.3 (frames) and 4.2.6 (content headers); field
//! types as RabbitMQ has them (<https://www.rabbitmq.com/amqp-0-9-1-errata#section_3>).

mod bodies;
mod deaths;
mod inbound;
mod methods;
mod outbound;
mod reader;
#[cfg(test)]
mod tests;
mod whole;

pub(in crate::amqp) use deaths::rejections_by;
pub(in crate::amqp) use inbound::Greeted;
pub(super) use inbound::Inbound;
pub(in crate::amqp) use methods::Greeting;
pub(super) use outbound::Outbound;

/// Headers that carry what lapin cannot read, such as ids that are not UTF-8, between us and the socket. They never reach the
/// network, and are removed from arriving messages, as is every header that we do not know.
pub(in crate::amqp) mod raw {
    /// A correlation id.
    pub(in crate::amqp) const CORRELATION_ID: &str = "fibrpc.raw.correlation_id";
    /// A message id.
    pub(in crate::amqp) const MESSAGE_ID: &str = "fibrpc.raw.message_id";
    /// The queues that have rejected the message, one after the other: how often, in 8 bytes, the
    /// length of the name in one, and the name. From the header `x-death`, an array of tables.
    pub(in crate::amqp) const REJECTIONS: &str = "fibrpc.raw.rejections";
}
