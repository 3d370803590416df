//! What can be seen of the daemon from outside.
//!
//! - [`metrics`]: counts and measures, for Prometheus
//! - [`log`]: what is logged, and how
//! - [`http`]: metrics, probes and status over HTTP
//! - [`overview`]: the page for people, and `/status`
//! - [`observer`]: what the core's notes mean for all of these
//! - [`request_log`]: which requests have a record, for the log and the traces
//! - [`request_record`]: what is known of such a request when it is settled
//! - [`spans`]: trace spans made of records, exported with the feature `otlp`
//! - [`traced`]: the trace that a request belongs to
//! - [`wrong_clocks`]: callers whose clocks are wrong, each logged once

pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod observer;
pub(crate) mod overview;
pub(crate) mod request_log;
pub(crate) mod request_record;
pub(crate) mod spans;
mod traced;
mod wrong_clocks;
