//! The trace that a request belongs to, without the types of OpenTelemetry: known in every build.

use std::sync::Arc;

/// A request that is to be traced.
#[derive(Debug)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nothing makes spans of it"))]
pub(crate) struct Traced {
    pub(crate) trace_id: [u8; 16],
    /// The caller's span.
    pub(crate) parent: Option<[u8; 8]>,
    /// The caller's `tracestate`.
    pub(crate) state: Option<String>,
    /// The queue that the request came from.
    pub(crate) queue: Arc<str>,
}

impl Traced {
    /// The trace id as it is shown.
    pub(crate) fn trace_id_text(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.trace_id))
    }
}
