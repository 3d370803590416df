//! What the daemon shows of itself, and what people and programs make of it.

/// Alerts, made to fire by their causes.
mod alerts;
/// Metrics and readiness over HTTP.
mod http;
/// A log that nobody reads.
mod log;
/// The dashboard, the rules and the alerts that the package ships, in a real Prometheus.
mod monitoring;
/// The page for people, in a real browser.
mod page;
/// The line of the log that each request gets.
mod request_records;
/// Traces, as a collector gets them.
#[cfg(feature = "otlp")]
mod traces;
