//! How a link ends, by itself or in good order.
//!
//! lapin writes methods before the messages that wait, `connection.close` included. So confirms are
//! waited for before it, or the last messages would stay unsent.

use super::{
    super::{Cause, LinkError},
    Event, Link, Pending,
};
use futures_util::FutureExt as _;
use std::{
    fmt::{self, Debug, Formatter},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep};

/// How long the reason of a failure is waited for, where there may be one.
const REASON_TIMEOUT: Duration = Duration::from_millis(500);

/// How far the end of a link is.
pub(super) enum Phase {
    Open,
    /// It was asked to close: no more deliveries, and confirms until a deadline.
    Leaving {
        since: Instant,
        deadline: Pin<Box<Sleep>>,
    },
    /// Something failed. The reason is waited for until a deadline, or until it is `certain`.
    Failing {
        error: LinkError,
        certain: bool,
        deadline: Pin<Box<Sleep>>,
    },
    /// The connections are being closed.
    Closing {
        closing: Pending<()>,
        reason: Option<LinkError>,
    },
    Closed,
}

impl Debug for Phase {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Leaving { .. } => "Leaving",
            Self::Failing { .. } => "Failing",
            Self::Closing { .. } => "Closing",
            Self::Closed => "Closed",
        })
    }
}

impl<T: Send + 'static> Link<T> {
    /// Starts to close in good order, unless the end is near in any case.
    ///
    /// Confirms have half of the time that closing may take.
    pub(super) fn leave(&mut self) {
        if let Phase::Open = self.phase {
            let deadline = Box::pin(sleep(self.connections.close_limit / 2));
            self.phase = Phase::Leaving { since: Instant::now(), deadline };
        }
    }

    /// Notes an error that ends the link.
    ///
    /// When the broker closes a channel or connection, everything on it fails, but only some of the
    /// errors have the broker's reason: lapin refuses a publish on a closed channel as it would
    /// after a mistake of ours. So a better error replaces one without a reason.
    pub(super) fn fail(&mut self, error: LinkError) {
        let certain = error.cause != Cause::Network;
        self.fail_with(error, certain);
    }

    /// Notes an error that need not be the one to be told.
    pub(super) fn fail_with(&mut self, error: LinkError, certain: bool) {
        match &mut self.phase {
            Phase::Open | Phase::Leaving { .. } => {
                let deadline = Box::pin(sleep(REASON_TIMEOUT));
                self.phase = Phase::Failing { error, certain, deadline };
            }
            Phase::Failing { error: known, certain: known_certain, .. } if !*known_certain => {
                if error.cause != Cause::Network || known.cause == Cause::Network {
                    *known = error;
                }
                *known_certain = certain;
            }
            Phase::Failing { .. } | Phase::Closing { .. } | Phase::Closed => {}
        }
    }

    /// Notes the error that ended a connection. After it, no other is to be expected.
    pub(super) fn fail_for_good(&mut self, error: LinkError) {
        self.fail_with(error, true);
    }

    /// The next event: one that was found, or one that the sources or the end have.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event<T>> {
        loop {
            if let Some(event) = self.found.pop_front() {
                return Poll::Ready(event);
            }
            let listening = match &mut self.phase {
                Phase::Open | Phase::Leaving { .. } => true,
                Phase::Failing { certain, .. } => !*certain,
                Phase::Closing { closing, reason } => {
                    ready!(closing.poll_unpin(cx));
                    let reason = reason.take();
                    self.phase = Phase::Closed;
                    return Poll::Ready(Event::Closed(reason));
                }
                Phase::Closed => return Poll::Pending,
            };
            if !listening || self.poll_sources(cx).is_pending() {
                ready!(self.poll_over(cx));
                self.start_closing();
            }
        }
    }

    /// Waits until nothing is left to be waited for but the goodbye.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.phase {
            Phase::Leaving { deadline, .. } if !self.publishing.is_idle() => {
                deadline.poll_unpin(cx)
            }
            Phase::Failing { certain: false, deadline, .. } => deadline.poll_unpin(cx),
            Phase::Leaving { .. } | Phase::Failing { .. } => Poll::Ready(()),
            Phase::Open | Phase::Closing { .. } | Phase::Closed => Poll::Pending,
        }
    }

    fn start_closing(&mut self) {
        let limit = self.connections.close_limit;
        let (limit, reason) = match mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Leaving { since, .. } => (limit.saturating_sub(since.elapsed()), None),
            Phase::Failing { error, .. } => (limit, Some(error)),
            Phase::Open | Phase::Closing { .. } | Phase::Closed => (limit, None),
        };
        let closing = Box::pin(self.connections.close(limit));
        self.phase = Phase::Closing { closing, reason };
    }
}
