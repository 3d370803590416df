//! A call that waits, and what it waits for.

use super::super::{CallError, Reply, Request, timing::Moments};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// What keeps a call from being answered at the moment, as far as is known; with the name of the
/// request queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    NoQueue(String),
    /// Nobody consumes, and requests wait.
    NoServer(String),
    /// Nobody consumes, and no request waits: somebody who stops has it, or the broker does not
    /// know.
    Unseen(String),
    /// The broker takes no further request for the queue.
    Refused(String),
    /// The exchange has no queue for the routing key.
    NoRoute(String, String),
}

impl Obstacle {
    pub(super) fn into_error(self, timeout: Duration) -> CallError {
        match self {
            Self::NoQueue(queue) => CallError::NoQueue(queue),
            Self::NoServer(queue) => CallError::NoServer(queue),
            Self::Unseen(queue) => CallError::NoConsumer { queue, timeout },
            Self::Refused(queue) => CallError::Refused(queue),
            Self::NoRoute(exchange, key) => CallError::NoRoute { exchange, key },
        }
    }
}

pub(super) type Outcome = Result<Reply, CallError>;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) request: Arc<Request>,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
    /// The deadline for the server, Unix time in milliseconds.
    pub(super) deadline_ms: i64,
    /// Whether it waits for a server, and a broker, where there is none.
    pub(super) waits: bool,
    /// The number of the session it was sent in.
    pub(super) sent_in: Option<u64>,
    /// Whether the broker has confirmed that, in that session.
    pub(super) accepted: bool,
    /// Whether somebody has consumed since: who stops consuming may still answer it.
    pub(super) served: bool,
    pub(super) obstacle: Option<Obstacle>,
    pub(super) moments: Moments,
    pub(super) done: oneshot::Sender<Outcome>,
}

impl Entry {
    /// Whether the broker has it in the request queue, or had.
    pub(super) fn is_queued(&self) -> bool {
        self.accepted && self.request.to.is_none()
    }

    pub(super) fn is_to_be_sent_again(&mut self, obstacle: Obstacle) {
        self.obstacle = Some(obstacle);
        (self.sent_in, self.accepted) = (None, false);
    }
}
