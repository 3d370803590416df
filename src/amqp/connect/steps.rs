//! What connecting consists of, and how long each part of it took.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A part of connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Looking the host up.
    Lookup,
    /// Connecting to one of its addresses.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The AMQP handshake, with the login.
    Amqp,
    /// Channels, and the queue for replies.
    ReplyQueue,
}

impl Step {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Amqp => "amqp",
            Self::ReplyQueue => "reply_queue",
        }
    }
}

/// Notes the steps of the connection that is made now, or was made last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps(Arc<Mutex<Progress>>);

#[derive(Debug, Default)]
struct Progress {
    /// When the last step ended.
    at: Option<Instant>,
    taken: Vec<(Step, Duration)>,
}

impl Steps {
    /// Connecting begins.
    pub(super) fn begin(&self) {
        self.with(|progress| *progress = Progress { at: Some(Instant::now()), taken: Vec::new() });
    }

    /// A step is over. Of several addresses, each adds its time.
    pub(in crate::amqp) fn done(&self, step: Step) {
        self.with(|progress| {
            let now = Instant::now();
            let took = progress.at.replace(now).map_or(Duration::ZERO, |at| now - at);
            match progress.taken.iter_mut().find(|(known, _)| *known == step) {
                Some((_, sum)) => *sum += took,
                None => progress.taken.push((step, took)),
            }
        });
    }

    /// The steps that are over, and how long each took.
    pub(crate) fn taken(&self) -> Vec<(Step, Duration)> {
        self.with(|progress| progress.taken.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Progress) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
