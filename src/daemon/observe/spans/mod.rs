//! Trace spans of requests: exported in a build with the feature `otlp`, otherwise none.

#[cfg(not(feature = "otlp"))]
mod off;
#[cfg(feature = "otlp")]
mod otlp;

#[cfg(not(feature = "otlp"))]
pub(crate) use off::{Spans, start};
#[cfg(feature = "otlp")]
pub(crate) use otlp::{Spans, start};
