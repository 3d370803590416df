//! Where the time of a call went.

use crate::wire::{Header, Properties, ServerTiming, TIMING_HEADER};
use std::time::{Duration, Instant};

/// Where the time of a call went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// From the call to its sending: a place, a broker, a server were waited for.
    pub waited: Duration,
    /// From the sending to the broker's confirm, unless the reply was here before it.
    pub confirm: Option<Duration>,
    /// From the sending to the reply; zero where nothing was sent.
    pub answer: Duration,
    /// The server's part of that, if it says so: see [`Request::timed`](super::Request::timed).
    pub server: Option<ServerTiming>,
}

/// When things happened to a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) sent: Option<Instant>,
    pub(super) confirmed: Option<Instant>,
}

impl Moments {
    /// The times of a call that began then and has this reply after `elapsed`.
    pub(super) fn timing(self, started: Instant, elapsed: Duration, reply: &Properties) -> Timing {
        let Some(sent) = self.sent else {
            return Timing { waited: elapsed, ..Timing::default() };
        };
        let waited = sent.saturating_duration_since(started);
        Timing {
            waited,
            confirm: self.confirmed.map(|at| at.saturating_duration_since(sent)),
            answer: elapsed.saturating_sub(waited),
            server: says(reply),
        }
    }
}

fn says(reply: &Properties) -> Option<ServerTiming> {
    let (_, value) = reply.headers.iter().find(|(name, _)| name == TIMING_HEADER)?;
    match value {
        Header::Text(text) => ServerTiming::parse(text.as_bytes()),
        _ => None,
    }
}
