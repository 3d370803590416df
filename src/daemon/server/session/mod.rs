//! A session: carries what the link says to the core, and what the core wants to the link.
//!
//! No rule about requests is here; they are in `fibrpc_core::server`.

mod commands;

use super::{Server, TURN, engine::Engine};
use crate::{
    amqp::{
        Cause, LinkError,
        link::{Event, Link},
        properties,
        silence::Silence,
    },
    daemon::{
        compute::Finished,
        config::{Amqp, Config},
        lifecycle::{Ending, Phase},
        observe::metrics::{Metrics, SessionGauges},
        state::State,
        ticks::every,
        watchdog::WatchdogTimer,
    },
};
use fibrpc_core::server::{Command, Delivery, Input, LinkEvent, LostBecause, RequestId};
use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    time::{Interval, Sleep, sleep},
};

/// The session takes a turn at least this often.
const PULSE: Duration = Duration::from_secs(1);

/// Most inputs that are taken in before their commands are carried out and others have a turn.
const BATCH: usize = 256;

/// A broker that has this many times as many requests with us as it may ignores the prefetch.
const EXCESS: usize = 2;

/// What was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    Reply(RequestId),
    Probe,
    /// To nobody, in a silence: see [`Session::listen`].
    Knock,
}

/// What a session waits for.
enum Happening {
    Phase(Option<Phase>),
    Config,
    /// The events are in `events`.
    Link,
    Finished(Finished),
    Time,
}

/// One session.
pub(super) struct Session<'a> {
    link: Link<Published>,
    engine: &'a mut Engine,
    config: &'a mut watch::Receiver<Arc<Config>>,
    /// The settings that the link was made with.
    amqp: &'a Amqp,
    /// The queue and the broker, for the state.
    place: String,
    state: &'a watch::Sender<State>,
    watchdog: &'a WatchdogTimer,
    silence: &'a mut Silence,
    metrics: Arc<Metrics>,
    pulse: Interval,
    /// Set to the next timer of the core; moved only when that changes.
    timer: Pin<Box<Sleep>>,
    timer_at: Option<Instant>,
    /// What the link has said and was not taken in yet.
    events: Vec<Event<Published>>,
    /// What the core has said and was not carried out yet.
    commands: Vec<Command>,
    /// Whether a knock is not confirmed yet.
    knocked: bool,
    /// Whether a stop or new settings end the session.
    ending: bool,
    /// Whether the link has said its last word.
    closed: bool,
    /// Why the session is over, once it is.
    over: Option<Result<(), LinkError>>,
    _gauges: SessionGauges,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        server: &'a mut Server,
        amqp: &'a Amqp,
        place: String,
        link: Link<Published>,
    ) -> Self {
        server.config.mark_changed(); // so that the first turn sees changes made meanwhile
        server.engine.attached(amqp.prefetch);
        server.metrics.requests.prefetch.set(amqp.prefetch.into());
        server.engine.observer.serves(&amqp.queue);
        server.silence.attached(Instant::now());
        Self {
            link,
            engine: &mut server.engine,
            config: &mut server.config,
            amqp,
            place,
            state: &server.state,
            watchdog: &server.watchdog,
            silence: &mut server.silence,
            metrics: Arc::clone(&server.metrics),
            pulse: every(PULSE),
            timer: Box::pin(sleep(PULSE)),
            timer_at: None,
            events: Vec::new(),
            commands: Vec::new(),
            knocked: false,
            ending: false,
            closed: false,
            over: None,
            _gauges: SessionGauges(Arc::clone(&server.metrics)),
        }
    }

    pub(super) async fn run(
        mut self,
        phase: &mut watch::Receiver<Phase>,
    ) -> Result<Ending, LinkError> {
        let over = loop {
            self.watchdog.arm(TURN);
            let happening = self.next(phase).await;
            self.engine.begin_batch();
            self.take_in(happening);
            let inputs = self.take_in_events();
            self.listen();
            self.carry_out();
            if let Some(over) = self.over.take() {
                break over;
            }
            if inputs == BATCH {
                tokio::task::yield_now().await;
            }
        };
        if !self.closed {
            self.close().await; // the connections may still be up
        }
        let gave_up = self.engine.core().has_given_up();
        over.map(|()| if gave_up { Ending::GaveUp } else { Ending::Drained })
    }

    async fn next(&mut self, phase: &mut watch::Receiver<Phase>) -> Happening {
        self.set_timer();
        let timer_is_set = self.timer_at.is_some();
        tokio::select! {
            biased;
            changed = phase.changed() => {
                Happening::Phase(changed.ok().map(|()| *phase.borrow_and_update()))
            }
            Ok(()) = self.config.changed() => Happening::Config,
            () = self.link.next_batch(&mut self.events, BATCH) => Happening::Link,
            finished = self.engine.next_finished() => Happening::Finished(finished),
            () = &mut self.timer, if timer_is_set => {
                self.timer_at = None;
                Happening::Time
            }
            _ = self.pulse.tick() => Happening::Time,
        }
    }

    /// Takes in what the link has said, and the threads meanwhile; returns how much.
    fn take_in_events(&mut self) -> usize {
        let mut events = std::mem::take(&mut self.events);
        let inputs = events.len();
        for event in events.drain(..) {
            self.link_says(event);
        }
        self.events = events;
        while let Some(finished) = self.engine.next_finished_now() {
            self.engine.finished(finished);
        }
        inputs
    }

    fn set_timer(&mut self) {
        let next = self.engine.next_timer();
        if next != self.timer_at {
            self.timer_at = next;
            if let Some(at) = next {
                self.timer.as_mut().reset(at.into());
            }
        }
    }

    fn take_in(&mut self, happening: Happening) {
        match happening {
            Happening::Phase(Some(Phase::Serving)) | Happening::Link | Happening::Time => {}
            Happening::Phase(Some(Phase::Draining)) => {
                self.ending = true;
                self.drain(None);
            }
            Happening::Phase(Some(Phase::GivingUp)) => self.engine.handle(Input::GiveUp),
            Happening::Phase(None) => {
                // Nobody is left who could say more, so the daemon ends.
                self.engine.handle(Input::GiveUp);
                self.over = Some(Ok(()));
            }
            Happening::Config => self.reconfigure(),
            Happening::Finished(finished) => self.engine.finished(finished),
        }
    }

    fn link_says(&mut self, event: Event<Published>) {
        match event {
            Event::Delivered(delivery, arrived) => self.delivered(*delivery, arrived),
            Event::Confirmed(Published::Reply(id)) => self.engine.link(LinkEvent::Confirmed(id)),
            Event::Refused(Published::Reply(id)) => self.engine.link(LinkEvent::Refused(id)),
            Event::Confirmed(Published::Probe) | Event::Refused(Published::Probe) => {
                self.engine.link(LinkEvent::Probed);
            }
            Event::Confirmed(Published::Knock) | Event::Refused(Published::Knock) => {
                self.knocked = false;
            }
            Event::Returned { queue, correlation_id } => {
                self.engine.observer.returned(&queue, correlation_id.as_deref());
            }
            Event::Blocked(reason) => {
                tracing::warn!(%reason, "the broker blocks publishing");
                self.blocked(Some(reason));
                self.engine.link(LinkEvent::Blocked);
            }
            Event::Unblocked => {
                tracing::info!("the broker takes publishes again");
                self.blocked(None);
                self.engine.link(LinkEvent::Unblocked);
            }
            Event::RepliesRenewed => self.engine.link(LinkEvent::RepliesRenewed),
            Event::RenewFailed(error) => self.over(Some(error)),
            Event::ConsumerEnded { asked } => {
                if !asked {
                    self.metrics.link.consumer_cancels.inc();
                }
                self.engine.link(LinkEvent::ConsumerEnded);
            }
            Event::Consumers { consumers, messages } => {
                self.heard(Ok((consumers, messages)));
            }
            Event::CountFailed(error) => self.heard(Err(error)),
            Event::Closed(error) => {
                self.closed = true;
                self.over(error);
            }
        }
    }

    /// Looks at the queue when nothing has come from it for long.
    ///
    /// RabbitMQ tells of an alarm only who publishes, and callers cannot publish then: without a word
    /// of its own to nobody, an idle server would call itself ready all the time.
    fn listen(&mut self) {
        let now = Instant::now();
        let core = self.engine.core();
        if core.in_flight() > 0 || core.is_draining() {
            self.silence.broken(now);
        } else if self.over.is_none() && self.silence.look_is_due(now) {
            self.link.count_consumers(&self.amqp.queue);
            if !std::mem::replace(&mut self.knocked, true) {
                self.link.publish_to_nobody(Published::Knock);
            }
        }
    }

    /// What a look at the queue has found.
    fn heard(&mut self, found: Result<(u32, u32), LinkError>) {
        if let Err(error) = self.silence.heard(Instant::now(), found) {
            self.over(Some(error));
        }
    }

    fn delivered(&mut self, delivery: lapin::message::Delivery, arrived: Option<Instant>) {
        if self.engine.core().in_flight() > EXCESS * usize::from(self.amqp.prefetch) {
            // They would fill the memory.
            let message = "the broker delivers more requests than amqp.prefetch allows";
            return self.over(Some(LinkError::new(Cause::Protocol, message)));
        }
        self.silence.broken(arrived.unwrap_or_else(Instant::now));
        let arrived = self.engine.arrived(arrived);
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        let envelope = properties::envelope(&delivery.properties, &self.amqp.queue);
        let (sent, body) = (*delivery.properties.timestamp(), delivery.data);
        self.engine.observer.delivered(tag, redelivered, sent, &envelope, &body);
        let delivery = Delivery { tag, redelivered, envelope, body, arrived };
        self.engine.link(LinkEvent::Delivered(delivery));
    }

    fn over(&mut self, error: Option<LinkError>) {
        let why = error.as_ref().map_or(LostBecause::Asked, |error| lost_because(error.cause));
        self.engine.link(LinkEvent::Closed(why));
        self.over = Some(error.map_or(Ok(()), Err));
    }

    fn blocked(&self, reason: Option<String>) {
        self.metrics.link.set_blocked(reason.is_some());
        if !self.engine.core().is_draining() {
            let consuming = || State::Consuming(self.place.clone());
            self.state.send_replace(reason.map_or_else(consuming, State::Blocked));
        }
    }

    /// Applies new limits at once; new settings of the link need a new one, after this one is
    /// drained.
    fn reconfigure(&mut self) {
        let config = Arc::clone(&self.config.borrow_and_update());
        if self.engine.handler.limit_n(config.compute.max_n) {
            self.engine.handle(Input::ForgetReplyLimit);
        }
        if config.amqp != *self.amqp && !std::mem::replace(&mut self.ending, true) {
            self.drain(Some(config.shutdown.drain_timeout));
        }
    }

    /// Brings the session to an end. A stop has a limit of its own.
    fn drain(&mut self, patience: Option<Duration>) {
        self.state.send_replace(State::Draining);
        self.engine.handle(Input::Drain { patience });
    }

    async fn close(&mut self) {
        self.link.close();
        while !matches!(self.link.next().await, Event::Closed(_)) {}
    }
}

fn lost_because(cause: Cause) -> LostBecause {
    match cause {
        Cause::TooLarge { limit } => LostBecause::TooLarge { limit },
        Cause::Timeout => LostBecause::Timeout,
        Cause::Network => LostBecause::Network,
        _ => LostBecause::Broker,
    }
}
