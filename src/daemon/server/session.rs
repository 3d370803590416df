//! A session: what happens between attaching to a broker and losing it.
//!
//! Small requests are answered in place, large ones wait here for a compute thread, so that those
//! not started can be given back when the daemon drains.

use super::{
    Server, TURN,
    cache::ResultCache,
    handler::{self, Answer, Handler},
    scheduler::{Large, ReadyReply, Scheduler, Turn, Waiting},
    serving::{Event, Incoming, Serving},
    window::{SendPermit, Window},
};
use crate::{
    amqp::LinkError,
    daemon::{
        compute::{Class, Computed, Job, MemoryPermit, Pool, Slot, Unfinished},
        config::{Amqp, Config},
        lifecycle::{Ending, Phase},
        observe::{metrics::Metrics, request_record::ComputeTime},
        state::State,
        ticks::every,
        watchdog::WatchdogTimer,
    },
    wire::{Envelope, Failure, Reply},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, watch},
    time::Interval,
};

/// The session takes a turn at least this often.
const PULSE: Duration = Duration::from_secs(1);

/// The id of a computation, its n, and its result.
type Finished = (u64, u64, Result<Computed, Unfinished>);

/// What a number has waited for.
enum Grant {
    Compute(u64, Slot),
    /// The memory is `None` if the number has its own.
    Send(u64, Option<MemoryPermit>, SendPermit),
}

/// What a large reply holds until it is confirmed.
type ReplyPermits = (Option<MemoryPermit>, SendPermit);

/// One session's requests.
pub(super) struct Session<'a> {
    link: Serving,
    config: &'a mut watch::Receiver<Arc<Config>>,
    /// The settings that the link was made with.
    amqp: &'a Amqp,
    /// The queue and the broker, for the state.
    place: String,
    handler: &'a mut Handler,
    pool: &'a Pool,
    state: &'a watch::Sender<State>,
    watchdog: &'a WatchdogTimer,
    pulse: Interval,
    scheduler: Scheduler,
    window: Window,
    cache: &'a mut ResultCache,
    metrics: &'a Metrics,
    finished: mpsc::Receiver<Finished>,
    finish: mpsc::Sender<Finished>,
    draining: bool,
    /// When to give up a session that is drained only to be started anew.
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
        let (finish, finished) = mpsc::channel(usize::from(amqp.prefetch));
        let pulse = every(PULSE);
        server.config.mark_changed(); // so that the first turn sees changes made meanwhile
        Self {
            link,
            config: &mut server.config,
            amqp,
            place,
            handler: &mut server.handler,
            pool: &server.pool,
            state: &server.state,
            watchdog: &server.watchdog,
            pulse,
            scheduler: Scheduler::default(),
            window: Window::new(),
            cache: &mut server.cache,
            metrics: &server.metrics,
            finished,
            finish,
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
            self.watchdog.arm(TURN);
            if self.ended && self.link.outstanding() == 0 {
                break Ok(Ending::Drained);
            }
            let deadline = self.scheduler.next_deadline();
            let [quick, long] = Class::ALL.map(|class| self.scheduler.turn(class));
            tokio::select! {
                biased;
                changed = phase.changed() => {
                    let phase = *phase.borrow_and_update();
                    if changed.is_err() || phase == Phase::GivingUp {
                        self.give_up();
                        break Ok(Ending::GaveUp);
                    }
                    if phase == Phase::Draining {
                        self.patience = None; // the stop has a limit of its own
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
                Some((id, n, result)) = self.finished.recv() => self.finished(id, n, result),
                () = at(deadline) => self.refuse_late(),
                Some(grant) = grant(self.pool, &self.window, quick) => self.proceed(grant),
                Some(grant) = grant(self.pool, &self.window, long) => self.proceed(grant),
                _ = self.pulse.tick() => {}
            }
        };
        // Also after an error, as the connections may still be up.
        self.link.close().await;
        ending
    }

    fn handle(&mut self, request: Incoming) {
        let received = Instant::now();
        let Incoming { tag, envelope, body, poison } = request;
        let Some(reply_queue) = envelope.reply_queue().map(str::to_owned) else {
            return self.link.reject(tag);
        };
        let answer = if poison {
            tracing::error!(
                correlation_id = %envelope.reply_id().unwrap_or_default().escape_ascii(),
                "refused a request that was delivered too often without being answered"
            );
            Answer::Now(Reply::from(&handler::poison()))
        } else {
            self.handler.answer(&envelope, &body)
        };
        match answer {
            Answer::Now(reply) => {
                self.reply(tag, &envelope, &reply_queue, reply, ComputeTime::InPlace, None);
            }
            Answer::Compute { n, remaining } => {
                let deadline = remaining.and_then(|left| received.checked_add(left));
                let compute_time = ComputeTime::NotComputed;
                self.enter(Large {
                    tag,
                    n,
                    deadline,
                    received,
                    envelope,
                    reply_queue,
                    compute_time,
                });
            }
        }
    }

    fn enter(&mut self, large: Large) {
        let (n, class) = (large.n, self.pool.class(large.n));
        let found = self.cache.get(n);
        let count = if found.is_some() {
            &self.metrics.compute.cache_hits
        } else {
            &self.metrics.compute.cache_misses
        };
        count.inc();
        self.scheduler.enter(large, class, found);
    }

    fn proceed(&mut self, grant: Grant) {
        match grant {
            Grant::Compute(n, slot) => self.start(n, slot),
            Grant::Send(n, memory, send_permit) => {
                if let Some(ReadyReply { large, digits, permit }) =
                    self.scheduler.next_ready(n, memory)
                {
                    self.reply_to(&large, Reply::text(digits), Some((permit, send_permit)));
                }
            }
        }
    }

    fn start(&mut self, n: u64, slot: Slot) {
        let Some((id, stop)) = self.scheduler.start(n) else {
            return;
        };
        let finish = self.finish.clone();
        // An error means that the session is over, and the requests with it.
        let done = Box::new(move |result| drop(finish.blocking_send((id, n, result))));
        self.pool.run(slot, Job { stop, done });
    }

    fn finished(&mut self, id: u64, n: u64, result: Result<Computed, Unfinished>) {
        match result {
            Ok(computed) => {
                self.cache.insert(n, computed.digits.clone());
                self.count(&computed);
                self.scheduler.computed(id, n, computed);
            }
            Err(Unfinished::Failed) => {
                self.metrics.compute.failed.inc();
                tracing::error!(n, "the computation failed: please report this");
                for large in self.scheduler.failed(id, n) {
                    self.refuse(&large, &handler::internal());
                }
            }
            // Nobody waits for it any more.
            Err(Unfinished::Stopped) => self.metrics.compute.stopped.inc(),
        }
    }

    fn count(&self, computed: &Computed) {
        let metrics = &self.metrics.compute;
        metrics.computations.inc();
        metrics.check_failures.inc_by(computed.check_failures.into());
        metrics.durations.observe(computed.elapsed.as_secs_f64());
        metrics.cache_bytes.set(i64::try_from(self.cache.size()).unwrap_or(i64::MAX));
    }

    /// Answers the large requests whose deadline has passed.
    fn refuse_late(&mut self) {
        let now = Instant::now();
        while let Some(large) = self.scheduler.late(now) {
            self.refuse(&large, &handler::too_late());
        }
    }

    fn refuse(&mut self, large: &Large, failure: &Failure) {
        self.reply_to(large, Reply::from(failure), None);
    }

    fn reply_to(&mut self, large: &Large, reply: Reply, permits: Option<ReplyPermits>) {
        self.reply(
            large.tag,
            &large.envelope,
            &large.reply_queue,
            reply,
            large.compute_time,
            permits,
        );
    }

    /// Publishes a reply, or says that it is larger than the broker takes.
    fn reply(
        &mut self,
        tag: u64,
        envelope: &Envelope,
        queue: &str,
        reply: Reply,
        compute_time: ComputeTime,
        permits: Option<ReplyPermits>,
    ) {
        match self.handler.fit(reply) {
            Some(reply) => self.link.reply(tag, envelope, queue, reply, compute_time, permits),
            // Not even an error would get through.
            None => self.link.reject(tag),
        }
    }

    fn blocked(&self, reason: Option<String>) {
        if !self.draining {
            let consuming = || State::Consuming(self.place.clone());
            self.state.send_replace(reason.map_or_else(consuming, State::Blocked));
        }
    }

    /// Applies new limits at once; new settings of the link need a new one, after this one is
    /// drained.
    fn reconfigure(&mut self) {
        let config = Arc::clone(&self.config.borrow_and_update());
        if self.handler.limit_n(config.compute.max_n) {
            self.handler.forget_reply_limit();
        }
        if config.amqp != *self.amqp && !self.draining {
            self.patience = Instant::now().checked_add(config.shutdown.drain_timeout);
            self.drain();
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        self.state.send_replace(State::Draining);
        self.link.stop_consuming();
        let unstarted = self.scheduler.unstarted();
        let (running, given_back) = (self.scheduler.len(), unstarted.len());
        tracing::info!(running, given_back, "draining");
        for large in unstarted {
            self.link.give_back(large.tag);
        }
    }

    fn give_up(&mut self) {
        tracing::warn!(requests = self.link.outstanding(), "giving every open request back");
        self.link.give_back_all();
    }
}

/// Waits for what the next numbers of a class need; for ever if there are none.
async fn grant(pool: &Pool, window: &Window, turn: Turn) -> Option<Grant> {
    let Turn { class, ready, waiting } = turn;
    let send = async |n, memory| {
        let entered = window.enter(class, fibonacci::digits(n)).await?;
        Some(Grant::Send(n, memory, entered))
    };
    let ready = async {
        match ready {
            None => std::future::pending().await,
            Some(n) => send(n, None).await,
        }
    };
    let waiting = async {
        match waiting {
            None => std::future::pending().await,
            Some(Waiting::Slot(n)) => Some(Grant::Compute(n, pool.slot(n).await?)),
            // Memory first, then the window: replies in the window need no more memory, so they
            // leave it in the end.
            Some(Waiting::Memory(n)) => send(n, Some(pool.reserve_reply(n).await?)).await,
        }
    };
    tokio::select! {
        biased;
        grant = ready => grant,
        grant = waiting => grant,
    }
}

/// Waits for a moment, if there is one, and else for ever.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}
