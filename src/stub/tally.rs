//! What became of requests.

use crate::wire::Status;
use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The broker has a reply with this status.
    Answered(Status),
    /// The reply could not be routed: the caller's queue is gone.
    Unroutable,
    /// The broker would not take the reply.
    Refused,
    /// The request names no queue for a reply, or none that may be published to.
    NoReplyTo,
}

/// A request that is over.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) at: SystemTime,
    pub(crate) correlation_id: Option<Vec<u8>>,
    pub(crate) kind: Option<String>,
    pub(crate) reply_to: Option<String>,
    pub(crate) redelivered: bool,
    /// How long its body was, and that of the reply.
    pub(crate) bytes: usize,
    pub(crate) reply_bytes: usize,
    pub(crate) outcome: Outcome,
    /// From its arrival to the confirm of the reply.
    pub(crate) elapsed: Duration,
}

/// How many of each there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    answered: u64,
    failed: u64,
    unroutable: u64,
    refused: u64,
    no_reply_to: u64,
}

impl Tally {
    pub(super) fn note(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Answered(Status::Ok) => &mut self.answered,
            Outcome::Answered(_) => &mut self.failed,
            Outcome::Unroutable => &mut self.unroutable,
            Outcome::Refused => &mut self.refused,
            Outcome::NoReplyTo => &mut self.no_reply_to,
        } += 1;
    }

    /// How many are over.
    pub(super) fn over(&self) -> u64 {
        self.answered + self.failed + self.unroutable + self.refused + self.no_reply_to
    }

    /// All of it, on one line.
    pub(crate) fn summary(&self) -> String {
        let mut summary = format!(
            "served {}, {} failed, {} unroutable",
            self.over(),
            self.failed,
            self.unroutable
        );
        for (count, what) in [(self.refused, "refused"), (self.no_reply_to, "without reply_to")] {
            if count > 0 {
                let _ = write!(summary, ", {count} {what}"); // writing to a string cannot fail
            }
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_each_kind() {
        let mut tally = Tally::default();
        assert_eq!(tally.summary(), "served 0, 0 failed, 0 unroutable");
        for outcome in [
            Outcome::Answered(Status::Ok),
            Outcome::Answered(Status::Internal),
            Outcome::Unroutable,
            Outcome::Refused,
            Outcome::NoReplyTo,
        ] {
            tally.note(outcome);
        }
        let all = "served 5, 1 failed, 1 unroutable, 1 refused, 1 without reply_to";
        assert_eq!(tally.summary(), all);
    }
}
