//! Exact Fibonacci numbers over AMQP: the daemon `fibrpcd` and the client `fibrpcctl`.
//!
//! `fibrpcd` answers calls that arrive as messages in a RabbitMQ queue; `fibrpcctl` makes such
//! calls. The pattern is RabbitMQ's "tutorial six" (RPC with `reply_to` and `correlation_id`),
//! built so that no call is lost, answered wrongly, or left hanging. `docs/protocol.md` has the
//! wire; this is the map of the code.
//!
//! # What is computed and said: no I/O
//!
//! - [`fibonacci`]: F(n) in decimal
//! - [`wire`]: requests, replies, statuses
//! - `service`: the methods and limits: from a request to a reply, or to a number to compute
//!
//! # The server
//!
//! - [`daemon`]: the story of a start and a stop; read it first
//! - `server`: the supervisor that keeps a session with a broker, and the session's requests
//! - `record`: what is known of a request once it is settled, for the log
//! - `spans`: the same for traces, with the feature `otlp`
//! - `poison`: requests that are delivered again and again
//! - `compute`: the threads for large numbers
//! - `reload`: new settings for a daemon that runs
//! - `systemd`, `vitals`: what the service manager is told, and whether all is alive
//! - [`config`], [`broker_uri`]: the settings
//! - [`metrics`], [`http`], [`log`]: what can be seen from outside; `overview`: the page for people
//! - [`signals`]: the signals that ask to stop or to reload
//!
//! # The client
//!
//! - [`client`]: [`Client`], for programs
//! - [`ctl`]: `fibrpcctl`, for people
//!
//! # Shared
//!
//! - `amqp`: the broker link, the only place that knows AMQP
//! - [`tls`]: whom to trust, and who we are
//! - `files`: files that the settings name
//! - `fuzzing`: what the fuzzers do, for them and for the tests
//! - [`cli`]: the command lines of both programs
//! - [`exit`]: their exit codes
//!
//! A request's way through the server: `amqp::serving` receives a delivery and reads its
//! properties, `server` hands it to `service`, which answers at once or names a number that a
//! `compute` thread works out; `amqp::serving` publishes the reply, waits for the broker's
//! confirm, and only then acknowledges the request.

mod amqp;
pub mod broker_uri;
pub mod cli;
pub mod client;
mod compute;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod exit;
pub mod fibonacci;
mod files;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
pub mod http;
pub mod log;
pub mod metrics;
mod overview;
mod poison;
mod record;
mod reload;
mod server;
mod service;
pub mod signals;
#[cfg(feature = "otlp")]
mod spans;
#[cfg(not(feature = "otlp"))]
#[path = "spans/off.rs"]
mod spans;
mod systemd;
pub mod tls;
mod vitals;
pub mod wire;

pub use broker_uri::BrokerUri;
pub use client::{CallError, Client, ClientBuilder};
pub use tls::{Tls, TlsFiles};

/// The version of the crate and of both programs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
