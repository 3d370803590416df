//! The broker link: everything that knows AMQP and lapin.
//!
//! The rest of the crate speaks in requests, replies and delivery tags.
//!
//! - [`transport`]: the socket under lapin, which we own so that it can be cut
//! - [`connect`]: one connection: opened within a deadline, closed in order or cut
//! - [`queue`]: the request queue: used as it is, or declared
//! - [`link`]: a session's connections and channels: commands in, events out
//! - [`message`]: any message's properties, for callers of other servers
//! - [`properties`]: message properties to and from the types of [`crate::wire`]
//! - [`calling`]: a client's session: calls out, replies in
//! - [`silence`]: whether the broker still delivers, where nothing comes
//! - [`backoff`]: how long to wait between attempts
//!
//! lapin's own recovery is not used: a session that ends in any way is dropped whole and made
//! anew by its supervisor (`daemon::server`, [`crate::client`], [`crate::stub`]).

pub(crate) mod backoff;
pub(crate) mod calling;
pub(crate) mod connect;
mod error;
pub(crate) mod link;
pub(crate) mod message;
pub(crate) mod properties;
pub(crate) mod queue;
pub(crate) mod silence;
mod transport;

#[cfg(any(fuzzing, test))]
pub(crate) use transport::fuzzing;

pub(crate) use error::{Access, Cause, LinkError};
pub use queue::QueueType;
