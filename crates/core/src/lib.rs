//! What fibrpc says on the wire, and the rules of a request's life, free of I/O, clock and tasks.
//!
//! - [`wire`]: requests, replies, statuses; `docs/protocol.md` is for its users
//! - [`server`]: from a delivery to its ack, as a state machine that a simulator can run
//! - [`text`]: what makes a stranger's text harmless
//!
//! Nothing here waits, looks at a clock, or knows a broker, a thread or a number: moments, events
//! and the cost of work are handed in, and commands are handed out. `clippy.toml` forbids the rest.

pub mod server;
pub mod text;
pub mod wire;
