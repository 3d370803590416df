//! Exact Fibonacci numbers over AMQP: the daemon `fibrpcd` and the client `fibrpcctl`.
//!
//! `fibrpcd` answers calls that arrive as messages in a RabbitMQ queue; `fibrpcctl` makes such
//! calls. The pattern is RabbitMQ's "tutorial six" (RPC with `reply_to` and `correlation_id`),
//! built so that no call is lost, answered wrongly, or left hanging. `docs/protocol.md` has the
//! wire; this is the map of the code.
//!
//! # The ground: no I/O
//!
//! - `crates/fibonacci`, here as [`fibonacci`]: F(n) in decimal, a crate of its own
//! - `crates/core`: [`wire`], requests, replies and statuses; the life of a request as a state machine;
//!   what makes a stranger's text harmless
//! - [`exit`]: the exit codes of both programs
//!
//! # Shared by both programs
//!
//! - `amqp`: the broker link, all that knows AMQP
//! - [`broker_uri`]: the address of a broker
//! - [`tls`]: which certificates are trusted, and which is ours
//! - `files`: small files that settings name
//! - `lookup`: the addresses of a host
//! - `http_client`: a request over HTTP
//! - `mistakes`: what messages about mistakes in settings share
//! - `threads`: threads for what may stand still
//! - `wall_clock`: Unix time, as messages carry it
//! - [`cli`]: the command lines
//! - `fuzzing`: what the fuzzers do, for them and for the tests
//!
//! # The client
//!
//! - [`client`]: [`Client`], for programs
//! - `stub`: a server that stands in for any other, which `fibrpcctl serve` runs
//! - [`ctl`]: `fibrpcctl`, for people
//!
//! # The daemon
//!
//! [`daemon`] shows how it starts; read it first. In it:
//!
//! - `lifecycle`: everything that happens between a signal and the exit code
//! - `signals`, `reload`: the signals, and new settings for a daemon that runs
//! - `state`: what the daemon is doing, with the words for it
//! - `systemd`, `manager_socket`, `watchdog`: notifications to the service manager, and whether all is alive
//! - [`config`](daemon::config): the settings, and every mistake in them
//! - `server`: the supervisor that keeps a session with a broker, and the session, which carries what
//!   the link says to the core and back
//! - `compute`: the threads for large numbers
//! - `observe`: metrics, log, HTTP, the page, records of requests, trace spans
//! - `ticks`: intervals that do not catch up on missed ticks
//!
//! # Rules
//!
//! Imports have one direction: only `bin` and `daemon` itself name `daemon` (and `fuzzing`, which is
//! for tests), the kernel imports nothing of this crate, and no files import each other in a loop.
//! `make lint` checks it by `packaging/dev/imports.py`, whose table says who may import whom.
//!
//! A request's way through the server: `amqp::link` receives a delivery, `daemon::server::session`
//! hands it to the core, which asks `daemon::server::handler` for an answer or for what the work
//! costs; work waits in the core for a thread of `daemon::compute`. The link publishes the reply, and
//! only when the broker has confirmed it, the core has the request acknowledged.
//! `docs/development.md` has the states of a request, the threads, tasks and channels.
//!
//! # The client alone
//!
//! With `default-features = false` the crate is what other programs need: a third fewer dependencies, without
//! the modules of the programs.
//!
//! # What other programs may rely on
//!
//! [`Client`], [`BlockingClient`], [`ClientBuilder`], [`Request`], [`Reply`], the errors, [`BrokerUri`],
//! [`Tls`] and [`wire`] follow semantic versioning: before 1.0, what breaks them comes with a new minor
//! version and a line in the change log. Errors and replies may gain fields and variants at any time, and
//! are marked `non_exhaustive`. [`cli`], [`ctl`], [`daemon`] and [`exit`] are public for the programs and
//! their tests only; of the programs, options, exit codes, keys, metrics and JSON fields are covered in the
//! same way.

#![cfg_attr(
    not(feature = "programs"),
    expect(dead_code, unreachable_pub, reason = "what servers and settings need of the link")
)]

mod amqp;
pub mod broker_uri;
#[cfg(feature = "programs")]
pub mod cli;
pub mod client;
#[cfg(feature = "programs")]
pub mod ctl;
#[cfg(feature = "programs")]
pub mod daemon;
#[cfg(feature = "programs")]
pub mod exit;
mod files;
#[cfg(all(any(fuzzing, test), feature = "programs"))]
pub mod fuzzing;
#[cfg(feature = "programs")]
mod http_client;
mod lookup;
#[cfg(feature = "programs")]
mod mistakes;
#[cfg(feature = "programs")]
mod stub;
mod threads;
pub mod tls;
mod wall_clock;

use fibrpc_core::text;

pub use broker_uri::BrokerUri;
pub use client::{
    BlockingClient, BrokerState, BuildError, CallError, Client, ClientBuilder, ConnectStep, Pong,
    QueueState, Reply, Request, RequestError, Timing,
};
#[cfg(feature = "programs")]
pub use fibonacci;
pub use fibrpc_core::wire;
pub use tls::{Tls, TlsFiles};

/// The version of the crate and of both programs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
