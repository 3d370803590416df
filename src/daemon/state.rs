//! What the daemon is doing, in the words of `/readyz`, `/status`, the page, the service manager
//! and the metrics.

use crate::text::one_line;
use std::fmt::{self, Display, Formatter};

/// What the daemon is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Attached to no broker, and why.
    Detached(String),
    /// Taking requests: from this queue at this broker.
    Consuming(String),
    /// The broker takes no replies, for this reason.
    Blocked(String),
    /// Finishing what is running.
    Draining,
}

impl State {
    /// The names of all states.
    pub(crate) const NAMES: [&str; 4] = ["detached", "consuming", "blocked", "draining"];

    /// Its name in metrics and in `/status`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Detached(_) => "detached",
            Self::Consuming(_) => "consuming",
            Self::Blocked(_) => "blocked",
            Self::Draining => "draining",
        }
    }

    /// Whether calls are answered.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self, Self::Consuming(_))
    }

    /// What it means for callers.
    pub(crate) fn meaning(&self) -> &'static str {
        match self {
            Self::Detached(_) => "No calls are answered here: there is no broker.",
            Self::Consuming(_) => "Calls are answered.",
            Self::Blocked(_) => "Calls wait: the broker takes no replies.",
            Self::Draining => "Stopping: no more calls are taken.",
        }
    }
}

impl Display for State {
    /// On one line, whatever a broker says: a line break would end the status of the service, and
    /// start another notification to its manager.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detached(why) => write!(f, "waiting for a broker: {}", one_line(why)),
            Self::Consuming(place) => write!(f, "serving {}", one_line(place)),
            Self::Blocked(why) => write!(f, "the broker takes no replies: {}", one_line(why)),
            Self::Draining => f.write_str("draining"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name_of_its_own_and_one_line() {
        let stranger = || "refused\nREADY=1".to_owned();
        let states = [
            (State::Detached(stranger()), "waiting for a broker: refused READY=1"),
            (State::Consuming("rpc_queue at h:5672".to_owned()), "serving rpc_queue at h:5672"),
            (State::Blocked(stranger()), "the broker takes no replies: refused READY=1"),
            (State::Draining, "draining"),
        ];
        let names: Vec<_> = states.iter().map(|(state, _)| state.name()).collect();
        assert_eq!(names, State::NAMES);
        let ready: Vec<_> = states.iter().map(|(state, _)| state.is_ready()).collect();
        assert_eq!(ready, [false, true, false, false]);
        for (state, line) in states {
            assert_eq!(state.to_string(), line);
        }
    }
}
