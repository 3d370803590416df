//! The server: keeps a session with a broker and answers what arrives in it.
//!
//! [`Server::run`] is the supervisor: it tries the brokers in turn, for ever, and starts anew
//! whenever a session ends in any way. [`Session`] is what happens in between.

mod cache;
mod engine;
mod failure_log;
pub(crate) mod handler;
mod session;

pub(crate) use self::{cache::ResultCache, engine::Engine};

use self::{
    failure_log::FailureLog,
    session::{Published, Session},
};
use crate::{
    amqp::{
        Cause, LinkError,
        backoff::Backoff,
        connect::{Dial, Steps},
        link::{Link, ServerSettings},
        silence::Silence,
    },
    broker_uri::BrokerUri,
    daemon::{
        config::{Amqp, Config},
        lifecycle::{Ending, Phase},
        observe::metrics::Metrics,
        state::State,
        watchdog::WatchdogTimer,
    },
    wire::MAX_BODY,
};
use fibrpc_core::server::Input;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Notify, watch};

/// A session that lasted this long was a good one even if nothing was asked in it.
const GOOD_SESSION: Duration = Duration::from_secs(1);

/// What attaching may take in addition to the two connections: a bound on the sum of the deadlines
/// of the broker's answers.
const ATTACH_SLACK: Duration = Duration::from_mins(3);

/// The longest that a turn of the server may take, apart from waits that are allowed for.
const TURN: Duration = Duration::from_secs(10);

/// Answers requests from a queue until it is told to stop.
pub(crate) struct Server {
    pub(crate) config: watch::Receiver<Arc<Config>>,
    pub(crate) engine: Engine,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) state: watch::Sender<State>,
    /// Asks for passwords and certificates to be read again.
    pub(crate) renewal: Arc<Notify>,
    /// How long no request has come.
    pub(crate) silence: Silence,
    /// Armed before every wait, so that a server that hangs is noticed.
    pub(crate) watchdog: Arc<WatchdogTimer>,
}

/// Why serving with one configuration stopped.
enum Stopped {
    Ended(Ending),
    Reconfigured,
}

impl Server {
    /// Serves until the phase changes. Never fails: a missing broker is waited for.
    pub(crate) async fn run(mut self, mut phase: watch::Receiver<Phase>) -> Ending {
        loop {
            let config = Arc::clone(&self.config.borrow());
            match self.serve(&config.amqp, &mut phase).await {
                Stopped::Ended(ending) => return ending,
                Stopped::Reconfigured => {
                    tracing::info!("attaching anew");
                    if self.config.borrow().amqp != config.amqp {
                        self.engine.handle(Input::ForgetReplyLimit);
                    }
                }
            }
        }
    }

    /// Serves with one configuration of the link.
    async fn serve(&mut self, amqp: &Amqp, phase: &mut watch::Receiver<Phase>) -> Stopped {
        let mut failures = FailureLog::default();
        let mut backoff = Backoff::new(amqp.backoff_initial, amqp.backoff_max);
        let settings = settings(amqp);
        let mut config = self.config.clone();
        // Each broker in turn; a pause after each round.
        for (index, uri) in amqp.uris.iter().enumerate().cycle() {
            self.watchdog.arm(2 * amqp.connect_timeout + ATTACH_SLACK);
            let attached = tokio::select! {
                biased;
                () = stop_requested(phase) => return Stopped::Ended(Ending::Detached),
                () = link_config_changed(&mut config, amqp) => return Stopped::Reconfigured,
                attached = Link::serve(uri, &settings) => attached,
                () = self.engine.idle() => return Stopped::Ended(Ending::Detached), // it never ends
            };
            let pause = match attached {
                Ok(link) => match self.session(uri, amqp, link, phase, &mut backoff).await {
                    Ok(_) if *phase.borrow() == Phase::Serving => return Stopped::Reconfigured,
                    Ok(ending) => return Stopped::Ended(ending),
                    Err(error) => {
                        failures.clear();
                        self.lost(uri, &error);
                        true
                    }
                },
                Err(error) => {
                    self.metrics.link.connect_failed(error.cause);
                    self.detached(&error);
                    failures.report(uri, &error);
                    if matches!(error.cause, Cause::AccessRefused(_) | Cause::Tls) {
                        self.renewal.notify_one(); // they may have been replaced
                    }
                    index + 1 == amqp.uris.len()
                }
            };
            if pause {
                let pause = backoff.pause();
                tracing::debug!("trying again in {pause:?}");
                self.watchdog.arm(pause + TURN);
                tokio::select! {
                    () = stop_requested(phase) => return Stopped::Ended(Ending::Detached),
                    () = link_config_changed(&mut config, amqp) => return Stopped::Reconfigured,
                    () = tokio::time::sleep(pause) => {}
                    () = self.engine.idle() => {} // it never ends
                }
            }
        }
        // Not reached: there is always a URI, and the cycle has no end.
        Stopped::Ended(Ending::Detached)
    }

    /// Notes the end of a session, and the limit of the broker that it may have revealed.
    fn lost(&self, uri: &BrokerUri, error: &LinkError) {
        self.metrics.link.lost(error.cause);
        self.detached(error);
        if let Cause::TooLarge { limit } = error.cause {
            tracing::warn!(
                broker = %uri,
                limit,
                "the broker refused a large reply; from now on larger ones are answered with \
                 RESOURCE_EXHAUSTED: {error}"
            );
        } else {
            tracing::warn!(broker = %uri, "lost the broker: {error}");
        }
    }

    fn detached(&self, error: &LinkError) {
        self.state.send_replace(State::Detached(error.message.clone()));
    }

    async fn session(
        &mut self,
        uri: &BrokerUri,
        amqp: &Amqp,
        link: Link<Published>,
        phase: &mut watch::Receiver<Phase>,
        backoff: &mut Backoff,
    ) -> Result<Ending, LinkError> {
        let (started, acks) = (Instant::now(), self.metrics.requests.acks.get());
        let place = format!("{} at {}:{}", amqp.queue, uri.host(), uri.port());
        self.metrics.link.connects.inc();
        self.state.send_replace(State::Consuming(place.clone()));
        tracing::info!(broker = %uri, queue = amqp.queue, "attached; consuming");
        let result = Session::new(self, amqp, place, link).run(phase).await;
        // After a good session attempts start quickly again; not after one that ended before it did
        // anything, as the next may end the same way.
        if self.metrics.requests.acks.get() > acks || started.elapsed() >= GOOD_SESSION {
            backoff.reset();
        }
        result
    }
}

fn settings(amqp: &Amqp) -> ServerSettings {
    ServerSettings {
        dial: Dial {
            timeout: amqp.connect_timeout,
            heartbeat: amqp.heartbeat,
            name: "fibrpcd".to_owned(),
            tls: amqp.tls.clone(),
            max_body: MAX_BODY as u64,
            all_properties: false,
            steps: Steps::default(),
        },
        queue: amqp.queue.clone(),
        queue_type: amqp.queue_type,
        prefetch: amqp.prefetch,
    }
}

/// Waits until the settings of the link differ from these.
async fn link_config_changed(config: &mut watch::Receiver<Arc<Config>>, amqp: &Amqp) {
    if config.wait_for(|config| config.amqp != *amqp).await.is_err() {
        std::future::pending::<()>().await; // nobody is left to change them
    }
}

async fn stop_requested(phase: &mut watch::Receiver<Phase>) {
    // An error means that nobody is left to change the phase: stop as well.
    let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
}

/// Waits for a moment, if there is one, and else for ever.
async fn tick_at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
