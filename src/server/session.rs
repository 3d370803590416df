//! A session: what happens between attaching to a broker and losing it.
//!
//! Small requests are answered in place, large ones wait here for a compute thread, so that those
//! not started can be given back when the daemon drains.

use super::{Ending, Phase, Server, Standing, TURN};
use crate::{
    amqp::{
        LinkError,
        serving::{Event, Incoming, Serving},
    },
    compute::{Digits, Held, Job, Pool, Slot, StopOnDrop, Unfinished},
    config::{Amqp, Config},
    service::{self, Answer, Service},
    vitals::Promise,
    wire::{Envelope, Method, Reply},
};
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Interval, MissedTickBehavior, interval},
};

/// The session takes a turn at least this often.
const PULSE: Duration = Duration::from_secs(1);

/// A large request.
struct Large {
    tag: u64,
    n: u64,
    deadline: Option<Instant>,
    received: Instant,
    envelope: Envelope,
    reply_queue: String,
}

/// A delivery tag, and what became of its computation.
type Finished = (u64, Result<Digits, Unfinished>);

/// One session's requests.
pub(super) struct Session<'a> {
    link: Serving,
    config: &'a mut watch::Receiver<Arc<Config>>,
    /// What the link was made with.
    amqp: &'a Amqp,
    /// The queue and the broker.
    place: String,
    service: &'a mut Service,
    pool: &'a Pool,
    standing: &'a watch::Sender<Standing>,
    promise: &'a Promise,
    pulse: Interval,
    /// Not started. Bounded by the prefetch, as are those that run.
    waiting: VecDeque<Large>,
    running: HashMap<u64, Large>,
    stop: StopOnDrop,
    results: mpsc::Receiver<Finished>,
    finished: mpsc::Sender<Finished>,
    draining: bool,
    /// When to end a session that is drained only to be started anew.
    patience: Option<Instant>,
    ended: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        server: &'a mut Server,
        amqp: &'a Amqp,
        place: String,
        link: Serving,
    ) -> Self {
        let (finished, results) = mpsc::channel(usize::from(amqp.prefetch));
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        server.config.mark_changed(); // what changed meanwhile is seen in the first turn
        Self {
            link,
            config: &mut server.config,
            amqp,
            place,
            service: &mut server.service,
            pool: &server.pool,
            standing: &server.standing,
            promise: &server.promise,
            pulse,
            waiting: VecDeque::new(),
            running: HashMap::new(),
            stop: StopOnDrop::default(),
            results,
            finished,
            draining: false,
            patience: None,
            ended: false,
        }
    }

    pub(super) async fn run(
        mut self,
        phase: &mut watch::Receiver<Phase>,
    ) -> Result<Ending, LinkError> {
        let ending = loop {
            self.promise.within(TURN);
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
                        self.patience = None; // now that of the stop counts
                        self.drain();
                    }
                }
                Ok(()) = self.config.changed() => self.reconfigure(),
                () = at(self.patience) => {
                    self.give_up();
                    break Ok(Ending::GaveUp);
                }
                event = self.link.next() => match event {
                    Ok(Event::Request(request)) if self.draining => {
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
                _ = self.pulse.tick() => {}
            }
        };
        // Also after an error, which need not be the connection's.
        self.link.close().await;
        ending
    }

    fn handle(&mut self, request: Incoming) {
        let received = Instant::now();
        let Incoming { tag, envelope, body, poison } = request;
        let Some(reply_queue) = envelope.reply_queue().map(str::to_owned) else {
            tracing::debug!("rejected a request without reply_to");
            return self.link.reject(tag);
        };
        let answer = if poison {
            tracing::error!(
                correlation_id = %envelope.reply_id().unwrap_or_default().escape_ascii(),
                "refused a request that was delivered too often without being answered"
            );
            Answer::Now(Reply::from(&service::poison()))
        } else {
            self.service.answer(&envelope, &body)
        };
        match answer {
            Answer::Now(reply) => {
                note(&envelope, &Said(&body), &reply, received);
                self.reply(tag, &envelope, &reply_queue, reply, None);
            }
            Answer::Compute { n, remaining } => {
                let deadline = remaining.and_then(|left| received.checked_add(left));
                let large = Large { tag, n, deadline, received, envelope, reply_queue };
                self.waiting.push_back(large);
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
        note(&large.envelope, &large.n, &reply, large.received);
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
        if !self.draining {
            let consuming = || Standing::Consuming(self.place.clone());
            self.standing.send_replace(reason.map_or_else(consuming, Standing::Blocked));
        }
    }

    /// Takes new limits over at once; a link with other settings has to be made anew, after this
    /// one is drained.
    fn reconfigure(&mut self) {
        let config = Arc::clone(&self.config.borrow_and_update());
        if self.service.limit_n(config.compute.max_n) {
            self.service.forget_reply_limit();
        }
        if config.amqp != *self.amqp && !self.draining {
            self.patience = Instant::now().checked_add(config.shutdown.drain_timeout);
            self.drain();
        }
    }

    fn drain(&mut self) {
        self.draining = true;
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

/// Tells of a reply that is about to be sent. Callers are known by their reply queues only.
fn note(envelope: &Envelope, n: &dyn fmt::Display, reply: &Reply, received: Instant) {
    tracing::debug!(
        correlation_id = %Said(envelope.reply_id().unwrap_or_default()),
        method = envelope.method().name(),
        n = (envelope.method() == Method::Fib).then(|| tracing::field::display(n)),
        status = reply.status.name(),
        duration_us = u64::try_from(received.elapsed().as_micros()).unwrap_or(u64::MAX),
        peer = envelope.reply_queue(),
        "replying"
    );
}

/// Bytes from a stranger, the first of them, escaped.
struct Said<'a>(&'a [u8]);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, rest) = self.0.split_at(self.0.len().min(64));
        write!(f, "{}{}", shown.escape_ascii(), if rest.is_empty() { "" } else { "..." })
    }
}

/// Waits for a moment, if there is one, and else for ever.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
