//! A session of a stub: requests in, replies out, and an ack for each that the broker has
//! confirmed.
//!
//! - [`replies`]: from an answer to the ack
//! - [`listening`]: whether the broker still delivers, and takes replies
//! - [`ending`]: how a session ends

mod ending;
mod listening;
mod replies;

use super::{Audience, Ended, Stub, answer::Answer, request::Request};
use crate::amqp::{
    Cause, LinkError,
    link::{Event, Link},
};
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use lapin::message::Delivery;
use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    task::yield_now,
    time::{Interval, MissedTickBehavior, interval},
};

/// Most events that are taken in before others have a turn.
const BATCH: usize = 256;

/// A broker that has this many times as many requests with us as it may ignores the prefetch.
const EXCESS: usize = 2;

/// How often it is looked what takes too long.
const PULSE: Duration = Duration::from_secs(1);

/// Something that was waited for, for the request of this tag.
enum Done {
    Answer(u64, Answer),
    /// The pause after a refusal is over.
    Pause(u64),
}

type Waiting = FuturesUnordered<Pin<Box<dyn Future<Output = Done>>>>;

/// Why a session comes to its end, and since when.
struct Leaving {
    why: Result<Ended, LinkError>,
    since: Instant,
    /// No request will be delivered any more.
    consumer_ended: bool,
}

/// What was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// The reply to the request with this delivery tag.
    Reply(u64),
    /// To nobody, in a silence: see [`Session::listen`].
    Knock,
}

/// One session.
pub(super) struct Session<'s, 'a, A> {
    stub: &'s mut Stub<'a, A>,
    link: Link<Published>,
    /// Those without an ack, by their delivery tags.
    requests: BTreeMap<u64, Request>,
    /// Those that nothing was done for yet, the oldest first.
    held: VecDeque<u64>,
    /// Answers that are being made.
    working: Waiting,
    /// Pauses before replies are offered again.
    pauses: Waiting,
    events: Vec<Event<Published>>,
    done: Vec<Done>,
    /// Tags to be acknowledged.
    settled: Vec<u64>,
    /// When the channel for replies was last replaced.
    renewed: Option<Instant>,
    renewing: bool,
    /// Since when the broker takes messages; `None` while it does not.
    open_since: Option<Instant>,
    /// Whether a knock is not confirmed yet.
    knocked: bool,
    pulse: Interval,
    leaving: Option<Leaving>,
    /// The link is of no use any more.
    broken: Option<LinkError>,
    closed: bool,
}

impl<'s, 'a, A: Audience> Session<'s, 'a, A> {
    pub(super) fn new(stub: &'s mut Stub<'a, A>, link: Link<Published>) -> Self {
        stub.silence.attached(Instant::now());
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            stub,
            link,
            requests: BTreeMap::new(),
            held: VecDeque::new(),
            working: FuturesUnordered::new(),
            pauses: FuturesUnordered::new(),
            events: Vec::new(),
            done: Vec::new(),
            settled: Vec::new(),
            renewed: None,
            renewing: false,
            open_since: Some(Instant::now()),
            knocked: false,
            pulse,
            leaving: None,
            broken: None,
            closed: false,
        }
    }

    /// Serves until there is a reason to end.
    pub(super) async fn run(mut self, stop: &Notify) -> Result<Ended, LinkError> {
        loop {
            let taken_in = self.next(stop).await;
            self.begin();
            self.acknowledge();
            self.listen();
            if self.is_over() {
                return self.end().await;
            }
            if taken_in == BATCH {
                yield_now().await;
            }
        }
    }

    /// Waits for something, and takes it in; returns how much of it the link has said.
    async fn next(&mut self, stop: &Notify) -> usize {
        let wanted = !self.is_asked();
        tokio::select! {
            biased;
            () = stop.notified(), if wanted => self.leave(Ok(Ended::Asked)),
            Some(done) = self.working.next() => self.done.push(done),
            Some(done) = self.pauses.next() => self.done.push(done),
            () = self.link.next_batch(&mut self.events, BATCH) => {}
            _ = self.pulse.tick() => self.look(),
        }
        while let Some(Some(done)) = self.working.next().now_or_never() {
            self.done.push(done);
        }
        let mut done = std::mem::take(&mut self.done);
        for done in done.drain(..) {
            match done {
                Done::Answer(tag, answer) => self.answered(tag, answer),
                Done::Pause(tag) => self.publish(tag),
            }
        }
        self.done = done;
        let mut events = std::mem::take(&mut self.events);
        let taken_in = events.len();
        // A reply that came back is confirmed all the same, which may be told before.
        for event in &events {
            if let Event::Returned { queue, correlation_id } = event {
                self.returned(queue, correlation_id.as_deref());
            }
        }
        for event in events.drain(..) {
            self.link_says(event);
        }
        self.events = events;
        taken_in
    }

    fn link_says(&mut self, event: Event<Published>) {
        let tell = |line: &str| self.stub.audience.tell(line);
        match event {
            Event::Delivered(delivery, _) => self.delivered(*delivery),
            Event::Confirmed(Published::Reply(tag)) => self.confirmed(tag),
            Event::Refused(Published::Reply(tag)) => self.refused(tag),
            Event::Confirmed(Published::Knock) | Event::Refused(Published::Knock) => {
                self.knocked = false;
            }
            Event::Blocked(reason) => {
                tell(&format!("the broker takes no replies at present, they wait: {reason}"));
                self.open_since = None;
            }
            Event::Unblocked => {
                tell("the broker takes replies again");
                self.open_since = Some(Instant::now());
            }
            Event::RepliesRenewed => {
                (self.renewing, self.renewed) = (false, Some(Instant::now()));
            }
            Event::RenewFailed(error) => self.broken = Some(error),
            Event::ConsumerEnded { asked } => {
                if !asked {
                    let why = "the broker ended the consumer: was the queue deleted?";
                    self.leave(Err(LinkError::new(Cause::ConsumerCancelled, why)));
                }
                self.consumer_ended();
            }
            Event::Closed(error) => {
                self.closed = true;
                let ended = || LinkError::new(Cause::Network, "the link is closed");
                self.broken = Some(error.unwrap_or_else(ended));
            }
            Event::Consumers { consumers, messages } => self.heard(Ok((consumers, messages))),
            Event::CountFailed(error) => self.heard(Err(error)),
            Event::Returned { .. } => {} // seen before
        }
    }

    fn delivered(&mut self, delivery: Delivery) {
        if self.requests.len() > EXCESS * usize::from(self.stub.settings.prefetch()) {
            // They would fill the memory.
            let why = "the broker delivers more requests than the prefetch allows";
            self.broken = Some(LinkError::new(Cause::Protocol, why));
            return;
        }
        let tag = delivery.delivery_tag;
        self.stub.silence.broken(Instant::now());
        self.requests.insert(tag, Request::new(delivery, &self.stub.settings.queue));
        self.held.push_back(tag);
    }

    /// Begins as many requests as may be under way.
    fn begin(&mut self) {
        while self.may_begin() {
            let Some(tag) = self.held.pop_front() else { return };
            let (settings, chance) = (self.stub.settings, &mut self.stub.chance);
            let Some(request) = self.requests.get_mut(&tag) else { continue };
            request.begin();
            let max_body = usize::try_from(settings.max_body()).unwrap_or(usize::MAX);
            let work = settings.answers.work(chance, request, (&settings.queue, max_body));
            match work.at_once() {
                Ok(answer) => self.answered(tag, answer),
                Err(work) => {
                    let answer = async move { Done::Answer(tag, work.done().await) };
                    self.working.push(Box::pin(answer));
                }
            }
        }
    }

    fn may_begin(&self) -> bool {
        let begun = (self.requests.len() - self.held.len()) as u64 + self.stub.tally.over();
        let wanted = self.stub.settings.count.is_none_or(|count| begun < count);
        let free = self.working.len() < self.stub.settings.concurrency;
        wanted && free && self.leaving.is_none() && self.broken.is_none()
    }
}
