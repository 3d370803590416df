//! The server: keeps a session with a broker and answers what arrives in it.
//!
//! [`Server::run`] is the supervisor: it tries the brokers in turn, for ever, and starts anew
//! whenever a session ends in any way. [`Session`] is what happens in between.

mod failure_log;
mod session;

use self::{failure_log::FailureLog, session::Session};
use crate::{
    amqp::{
        Cause, LinkError,
        backoff::Backoff,
        serving::{Serving, Settings},
    },
    broker_uri::BrokerUri,
    compute::Pool,
    metrics::Metrics,
    poison::Suspects,
    service::Service,
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// A session that lasted this long was a good one even if nothing was asked in it.
const GOOD_SESSION: Duration = Duration::from_secs(1);

/// Where the daemon is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Taking requests.
    Serving,
    /// Finishing what is running.
    Draining,
    /// Giving everything back.
    GivingUp,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// What had been started was answered.
    Drained,
    /// There was no broker: it has, or will have, back whatever was not answered.
    Detached,
    /// Requests that had been started were given back.
    GaveUp,
}

/// Where the server stands with the broker, for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not attached, and why.
    Detached(String),
    /// Consuming from the queue.
    Consuming,
    /// Consuming, but the broker takes no replies, for lack of this.
    Blocked(String),
    /// Not consuming any more.
    Draining,
}

/// Answers requests from a queue until it is told to stop.
pub(crate) struct Server {
    pub(crate) uris: Vec<BrokerUri>,
    pub(crate) settings: Settings,
    pub(crate) backoff: Backoff,
    pub(crate) service: Service,
    pub(crate) pool: Pool,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) suspects: Arc<Mutex<Suspects>>,
    pub(crate) standing: watch::Sender<Standing>,
}

impl Server {
    /// Serves until the phase changes. Never fails: a missing broker is waited for.
    pub(crate) async fn run(mut self, mut phase: watch::Receiver<Phase>) -> Ending {
        let mut failures = FailureLog::default();
        let uris = self.uris.clone();
        // Each broker in turn; a pause after each round.
        for (index, uri) in uris.iter().enumerate().cycle() {
            let attached = tokio::select! {
                biased;
                () = leaves_serving(&mut phase) => return Ending::Detached,
                attached = self.attach(uri) => attached,
            };
            let pause = match attached {
                Ok(link) => match self.session(uri, link, &mut phase).await {
                    Ok(ending) => return ending,
                    Err(error) => {
                        failures.clear();
                        self.lost(uri, &error);
                        true
                    }
                },
                Err(error) => {
                    self.metrics.connect_failures.inc();
                    self.detached(&error);
                    failures.report(uri, &error);
                    index + 1 == uris.len()
                }
            };
            if pause {
                let pause = self.backoff.pause();
                tracing::debug!("trying again in {pause:?}");
                tokio::select! {
                    () = leaves_serving(&mut phase) => return Ending::Detached,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
        Ending::Detached // not reached: there is always a URI, and the cycle has no end
    }

    async fn attach(&self, uri: &BrokerUri) -> Result<Serving, LinkError> {
        let (metrics, suspects) = (Arc::clone(&self.metrics), Arc::clone(&self.suspects));
        Serving::attach(uri, &self.settings, metrics, suspects).await
    }

    /// Notes the end of a session, and learns from it.
    fn lost(&mut self, uri: &BrokerUri, error: &LinkError) {
        self.detached(error);
        if let Cause::TooLarge { limit } = error.cause {
            tracing::warn!(
                broker = %uri,
                limit,
                "the broker refused a large reply; from now on larger ones are answered with \
                 RESOURCE_EXHAUSTED: {error}"
            );
            self.service.limit_replies(limit);
        } else {
            tracing::warn!(broker = %uri, "lost the broker: {error}");
        }
    }

    fn detached(&self, error: &LinkError) {
        self.standing.send_replace(Standing::Detached(error.message.clone()));
    }

    async fn session(
        &mut self,
        uri: &BrokerUri,
        link: Serving,
        phase: &mut watch::Receiver<Phase>,
    ) -> Result<Ending, LinkError> {
        let (started, acks) = (Instant::now(), self.metrics.acks.get());
        let queue = &self.settings.queue;
        self.metrics.connects.inc();
        self.metrics.connected.set(1);
        self.standing.send_replace(Standing::Consuming);
        tracing::info!(broker = %uri, queue, "attached; consuming");
        let result = Session::new(self, link).run(phase).await;
        self.metrics.connected.set(0);
        // After a good session attempts start quickly again; not after one that ended before it did
        // anything, which may be what each of them does.
        if self.metrics.acks.get() > acks || started.elapsed() >= GOOD_SESSION {
            self.backoff.reset();
        }
        result
    }
}

async fn leaves_serving(phase: &mut watch::Receiver<Phase>) {
    // An error means that nobody is left to change the phase: stop as well.
    let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
}
