//! What can be seen of the daemon from outside.
//!
//! - [`metrics`]: counts and measures, for Prometheus
//! - [`log`]: what is logged, and how
//! - [`http`]: metrics, probes and status over HTTP
//! - [`overview`]: the page for people, and `/status`
//! - [`request_record`]: what is known of a request once it is settled, for the log
//! - [`spans`]: the same for traces, with the feature `otlp`

pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod overview;
pub(crate) mod request_record;
#[cfg(feature = "otlp")]
pub(crate) mod spans;
#[cfg(not(feature = "otlp"))]
#[path = "spans/off.rs"]
pub(crate) mod spans;
