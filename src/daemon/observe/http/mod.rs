//! The HTTP server: what machines and people see of the daemon.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | the metrics in the Prometheus text format |
//! | `/` | the state of the daemon, as a page for people |
//! | `/status` | the same, as JSON |
//! | `/livez` | 200 as long as the process can answer at all |
//! | `/readyz` | 200 while calls are being answered, else 503 and one line why |
//!
//! `listener` accepts connections and bounds what they may cost: their number, and the time a peer
//! may take to send a request or to read an answer. `routes` turns one request into one response.
//! Both are HTTP/1 only, and nothing outside this directory knows hyper: the rest of the daemon
//! implements [`Probe`] and hands it to [`Server::serve`].
//!
//! There is no authentication and no TLS here, which is why the default address is the loopback
//! one. Nothing in an answer is secret, and nothing can be changed by a request.

mod listener;
mod pace;
mod routes;

pub(crate) use listener::{HttpError, Server, bind};
pub(crate) use routes::{Probe, ProbeError};
