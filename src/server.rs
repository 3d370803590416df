//! The server: keeps a session with a broker and answers what arrives in it.
//!
//! [`Server::run`] is the supervisor: it tries the brokers in turn, for ever, and starts anew
//! whenever a session ends in any way. `Session` is what happens in between: small requests are
//! answered in place, large ones wait here for a compute thread, so that those not started can be
//! given back when the daemon drains.

use crate::{
    amqp::{
        Cause, LinkError,
        backoff::Backoff,
        serving::{Event, Incoming, Serving, Settings},
    },
    broker_uri::BrokerUri,
    compute::{Digits, Held, Job, Pool, Slot, StopOnDrop, Unfinished},
    metrics::Metrics,
    poison::Suspects,
    service::{self, Answer, Service},
    wire::{Envelope, Reply},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch};

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

/// Waits for a moment, if there is one, and else for ever.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// Logs a failure when it is a new one: a broker that is away for a day is one line, not
/// thousands.
#[derive(Default)]
struct FailureLog(Vec<String>);

impl FailureLog {
    fn report(&mut self, uri: &BrokerUri, error: &LinkError) {
        if self.0.contains(&error.message) {
            tracing::debug!(broker = %uri, "cannot attach: {error}");
        } else {
            tracing::warn!(broker = %uri, "cannot attach, will keep trying: {error}");
            self.0.truncate(63); // however many messages a strange network invents
            self.0.push(error.message.clone());
        }
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// A large request.
struct Large {
    tag: u64,
    n: u64,
    deadline: Option<Instant>,
    envelope: Envelope,
    reply_queue: String,
}

/// A delivery tag, and what became of its computation.
type Finished = (u64, Result<Digits, Unfinished>);

/// One session's requests.
struct Session<'a> {
    link: Serving,
    service: &'a Service,
    pool: &'a Pool,
    standing: &'a watch::Sender<Standing>,
    /// Not started. Bounded by the prefetch, as are those that run.
    waiting: VecDeque<Large>,
    running: HashMap<u64, Large>,
    stop: StopOnDrop,
    results: mpsc::Receiver<Finished>,
    finished: mpsc::Sender<Finished>,
    ended: bool,
}

impl<'a> Session<'a> {
    fn new(server: &'a Server, link: Serving) -> Self {
        let (finished, results) = mpsc::channel(usize::from(server.settings.prefetch));
        Self {
            link,
            service: &server.service,
            pool: &server.pool,
            standing: &server.standing,
            waiting: VecDeque::new(),
            running: HashMap::new(),
            stop: StopOnDrop::default(),
            results,
            finished,
            ended: false,
        }
    }

    async fn run(mut self, phase: &mut watch::Receiver<Phase>) -> Result<Ending, LinkError> {
        let ending = loop {
            if self.ended && self.link.outstanding() == 0 {
                break Ok(Ending::Drained);
            }
            let (deadline, next) = (self.next_deadline(), self.waiting.front().map(|next| next.n));
            tokio::select! {
                biased;
                changed = phase.changed() => {
                    let phase = *phase.borrow_and_update();
                    if changed.is_err() || phase == Phase::GivingUp {
                        self.give_up();
                        break Ok(Ending::GaveUp);
                    }
                    if phase == Phase::Draining {
                        self.drain();
                    }
                }
                event = self.link.next() => match event {
                    Ok(Event::Request(request)) if self.draining() => {
                        self.link.give_back(request.tag);
                    }
                    Ok(Event::Request(request)) => self.handle(request),
                    Ok(Event::Settled) => {}
                    Ok(Event::Blocked(reason)) => self.blocked(reason),
                    Ok(Event::Ended) => self.ended = true,
                    Err(error) => break Err(error),
                },
                Some((tag, result)) = self.results.recv() => self.finished(tag, result),
                () = at(deadline) => self.refuse_late(),
                Some(slot) = self.pool.slot(next.unwrap_or_default()), if next.is_some() => self.start(slot),
            }
        };
        // Also after an error, which need not be the connection's.
        self.link.close().await;
        ending
    }

    fn handle(&mut self, request: Incoming) {
        let Incoming { tag, envelope, body, poison } = request;
        let Some(reply_queue) = envelope.reply_queue().map(str::to_owned) else {
            tracing::debug!("rejected a request without reply_to");
            return self.link.reject(tag);
        };
        if poison {
            tracing::error!(
                correlation_id = %envelope.reply_id().unwrap_or_default().escape_ascii(),
                "refused a request that was delivered too often without being answered"
            );
            let reply = Reply::from(&service::poison());
            return self.reply(tag, &envelope, &reply_queue, reply, None);
        }
        match self.service.answer(&envelope, &body) {
            Answer::Now(reply) => self.reply(tag, &envelope, &reply_queue, reply, None),
            Answer::Compute { n, remaining } => {
                let deadline = remaining.and_then(|left| Instant::now().checked_add(left));
                self.waiting.push_back(Large { tag, n, deadline, envelope, reply_queue });
            }
        }
    }

    fn start(&mut self, slot: Slot) {
        let Some(large) = self.waiting.pop_front() else {
            return;
        };
        let (tag, finished) = (large.tag, self.finished.clone());
        let job = Job {
            deadline: large.deadline,
            stop: self.stop.switch(),
            // An error means that the session is over, and the request with it.
            done: Box::new(move |result| drop(finished.blocking_send((tag, result)))),
        };
        self.running.insert(tag, large);
        self.pool.run(slot, job);
    }

    fn finished(&mut self, tag: u64, result: Result<Digits, Unfinished>) {
        // Gone if its deadline passed in the meantime.
        if let Some(large) = self.running.remove(&tag) {
            self.finish(&large, result);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().chain(self.running.values()).filter_map(|large| large.deadline).min()
    }

    /// Answers the large requests whose deadline has passed. The threads notice on their own, when
    /// they come to a place where they can stop.
    fn refuse_late(&mut self) {
        let now = Instant::now();
        let late = |large: &Large| large.deadline.is_some_and(|deadline| deadline <= now);
        let waiting = std::mem::take(&mut self.waiting);
        let (mut over, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(late);
        self.waiting = waiting.into();
        over.extend(self.running.extract_if(|_, large| late(large)).map(|(_, large)| large));
        for large in over {
            self.finish(&large, Err(Unfinished::TooLate));
        }
    }

    fn finish(&mut self, large: &Large, result: Result<Digits, Unfinished>) {
        let mut held = None;
        let reply = match result {
            Ok(digits) => {
                held = Some(digits.held);
                Reply::text(digits.bytes)
            }
            Err(Unfinished::TooLate) => Reply::from(&service::too_late()),
            Err(Unfinished::Panicked) => {
                tracing::error!(n = large.n, "the computation panicked: please report this");
                Reply::from(&service::internal())
            }
            Err(Unfinished::Stopped) => return self.link.give_back(large.tag),
        };
        self.reply(large.tag, &large.envelope, &large.reply_queue, reply, held);
    }

    /// Publishes a reply, or says that it is larger than the broker takes.
    fn reply(
        &mut self,
        tag: u64,
        envelope: &Envelope,
        queue: &str,
        reply: Reply,
        held: Option<Held>,
    ) {
        match self.service.fit(reply) {
            Some(reply) => self.link.reply(tag, envelope, queue, reply, held),
            // Nothing that could be said would get through.
            None => self.link.reject(tag),
        }
    }

    fn blocked(&self, reason: Option<String>) {
        if !self.draining() {
            self.standing.send_replace(reason.map_or(Standing::Consuming, Standing::Blocked));
        }
    }

    fn draining(&self) -> bool {
        *self.standing.borrow() == Standing::Draining
    }

    fn drain(&mut self) {
        self.standing.send_replace(Standing::Draining);
        tracing::info!(running = self.running.len(), given_back = self.waiting.len(), "draining");
        self.link.stop_consuming();
        for large in self.waiting.drain(..) {
            self.link.give_back(large.tag);
        }
    }

    fn give_up(&mut self) {
        tracing::warn!(requests = self.link.outstanding(), "giving every open request back");
        self.link.give_back_all();
    }
}
