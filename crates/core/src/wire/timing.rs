//! How long a request was with the server, as its reply says where the request asks for it.

use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};

/// The header by which a request asks for it, with any simple value, and by which the reply says it.
pub const TIMING_HEADER: &str = "x-fibrpc-timing";

/// Longest text that is read, in bytes.
const MAX_TEXT: usize = 256;

/// How long a request was with the server, from its arrival there to its reply.
///
/// ```
/// use fibrpc_core::wire::ServerTiming;
/// use std::time::Duration;
///
/// let timing = ServerTiming::parse(b"queue_us=12 compute_us=340").unwrap();
/// assert_eq!(timing.compute, Duration::from_micros(340));
/// assert_eq!(timing.to_string(), "queue_us=12 compute_us=340");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerTiming {
    /// How long it waited there for its turn.
    pub queue: Duration,
    /// How long it was worked on.
    pub compute: Duration,
}

impl ServerTiming {
    /// Reads the value of the header. Fields that it does not know are left out, and nothing is
    /// believed that has none of those it knows.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok().filter(|text| text.len() <= MAX_TEXT)?;
        let field = |name: &str| {
            let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
            value.parse().ok().map(Duration::from_micros)
        };
        Some(Self { queue: field("queue_us")?, compute: field("compute_us")? })
    }
}

impl Display for ServerTiming {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (queue, compute) = (self.queue.as_micros(), self.compute.as_micros());
        write!(f, "queue_us={queue} compute_us={compute}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_timing_says_nothing() {
        for text in ["", "queue_us=1", "queue_us=-1 compute_us=2", "queue_us=x compute_us=2", "1 2"]
        {
            assert_eq!(ServerTiming::parse(text.as_bytes()), None, "{text}");
        }
        let long = format!("queue_us=1 compute_us=2 {}", "x".repeat(MAX_TEXT));
        assert_eq!(ServerTiming::parse(long.as_bytes()), None);
        assert!(ServerTiming::parse(b"compute_us=2 more=3 queue_us=1").is_some());
    }
}
