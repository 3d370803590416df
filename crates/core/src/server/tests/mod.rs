//! The rules of a request's life, each by name.

mod acks;
mod arrivals;
mod diagram;
mod drains;
mod overdue;
mod replies;
mod sessions;
mod turns;

use super::{replies::CHECK_EVERY, *};
use crate::wire::{Failure, Status};
use bytes::Bytes;
use std::time::Duration;

/// Numbers up to this are answered in place; larger ones take as many milliseconds, and a thousand
/// times as many bytes of memory, of which a tenth is the result.
const SMALL: u64 = 9;

/// Needs more than a quick share.
const LONG: u64 = 1000;

const AMPLE: Shares = Shares { quick: 1 << 20, long: 1 << 30 };

#[derive(Default)]
struct Numbers {
    known: Option<(u64, Bytes)>,
    decided: u32,
}

impl Service for Numbers {
    fn decide(&mut self, _: &Envelope, body: &[u8]) -> Decision {
        self.decided += 1;
        match str::from_utf8(body).unwrap().parse() {
            Err(_) => {
                Decision::Reply(Reply::from(&Failure::new(Status::InvalidArgument, "no number")))
            }
            Ok(n) if n <= SMALL => Decision::Reply(Reply::text(Bytes::from_static(b"small"))),
            Ok(n) => Decision::Compute(work(n)),
        }
    }

    fn recall(&mut self, key: u64) -> Option<Bytes> {
        self.known.as_ref().filter(|(known, _)| *known == key).map(|(_, result)| result.clone())
    }

    fn keep(&mut self, _: u64, _: &Bytes) {}

    fn reply(&self, result: Bytes) -> Reply {
        Reply::text(result)
    }
}

fn work(n: u64) -> Work {
    Work { key: n, nanos: n * 1_000_000, memory: n * 1000, length: n * 100 }
}

/// A core with all that it needs, which collects its commands.
struct Desk {
    core: Core,
    service: Numbers,
    clocks: Clocks,
    tags: u64,
    /// What the network takes by the next timer; everything, at first.
    written: u64,
    commands: Vec<Command>,
    notes: Vec<Note>,
}

impl Desk {
    fn new(threads: usize, shares: Shares) -> Self {
        let core = Core::new(&Limits { threads, shares, seed: 7 });
        let clocks = Clocks { now: Moment::default(), unix_ms: 1_790_000_000_000 };
        let (commands, notes) = (Vec::new(), Vec::new());
        let service = Numbers::default();
        let mut desk = Self { core, service, clocks, tags: 0, written: u64::MAX, commands, notes };
        desk.attach(1);
        desk
    }

    fn ample() -> Self {
        Self::new(2, AMPLE)
    }

    fn attach(&mut self, session: SessionId) {
        self.tags = 0;
        self.input(Input::Attached { session, prefetch: 8 });
    }

    /// Takes in one input, and all that follows from it.
    fn input(&mut self, input: Input) {
        self.take_in(input);
        self.conclude();
    }

    fn take_in(&mut self, input: Input) {
        self.core.handle(self.clocks, input, &mut self.service);
    }

    fn conclude(&mut self) {
        self.core.conclude(self.clocks, &mut self.service);
        self.commands.extend(self.core.commands());
        self.notes.extend(self.core.notes());
    }

    fn link(&mut self, event: LinkEvent) {
        let session = self.core.session;
        self.input(Input::Link { session, event });
    }

    fn request(&mut self, body: &str) -> u64 {
        self.request_from("caller", body, None)
    }

    fn request_until(&mut self, body: &str, millis: i64) -> u64 {
        self.request_from("caller", body, Some(self.clocks.unix_ms + millis))
    }

    fn request_from(&mut self, queue: &str, body: &str, deadline_ms: Option<i64>) -> u64 {
        let correlation_id = Some(self.tags.to_string().into());
        let reply_to = Some(queue.to_owned());
        self.deliver(Envelope { reply_to, correlation_id, deadline_ms, ..Default::default() }, body)
    }

    /// The same request, every time.
    fn deliver_again(&mut self, body: &str, delivery_count: Option<i64>) -> u64 {
        let reply_to = Some("caller".to_owned());
        let delivery_count = Some(delivery_count.unwrap_or(1));
        self.deliver(Envelope { reply_to, delivery_count, ..Default::default() }, body)
    }

    fn deliver(&mut self, envelope: Envelope, body: &str) -> u64 {
        self.tags += 1;
        let redelivered = envelope.delivery_count.is_some();
        let (tag, body, arrived) = (self.tags, body.into(), self.clocks.now);
        let delivery = Delivery { tag, redelivered, envelope, body, arrived };
        self.link(LinkEvent::Delivered(delivery));
        tag
    }

    /// Time passes, with all that is due meanwhile.
    fn pass(&mut self, time: Duration) {
        let until = self.clocks.now.plus(time);
        while let Some(timer) = self.core.next_timer().filter(|timer| *timer <= until) {
            self.set_clocks(timer.max(self.clocks.now));
            self.input(Input::Time { written: self.written });
        }
        self.set_clocks(until);
    }

    fn set_clocks(&mut self, now: Moment) {
        let passed = now.since(self.clocks.now).as_millis();
        self.clocks = Clocks { now, unix_ms: self.clocks.unix_ms + i64::try_from(passed).unwrap() };
    }

    /// What is to be done, since this was asked last.
    fn commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// The replies that are to be published.
    fn published(&mut self) -> Vec<RequestId> {
        let published = |command| match command {
            Command::Publish(id) => Some(id),
            _ => None,
        };
        self.commands().into_iter().filter_map(published).collect()
    }

    /// The one reply that is to be published, with its status.
    fn reply(&mut self) -> (RequestId, Status) {
        let published = self.published();
        let [id] = published[..] else { panic!("{published:?}") };
        (id, self.core.outgoing(id).unwrap().1.status)
    }

    /// The jobs that are to be done, by the keys of their work.
    fn started(&mut self) -> Vec<(JobId, u64)> {
        let started = |command| match command {
            Command::Compute { job, work } => Some((job, work.key)),
            _ => None,
        };
        self.commands().into_iter().filter_map(started).collect()
    }

    fn finish(&mut self, job: JobId) {
        self.input(Input::Finished { job, result: Ok(Bytes::from_static(b"result")) });
    }

    /// How the requests ended, since this was asked last.
    fn settled(&mut self) -> Vec<(u64, State)> {
        let settled = |note| match note {
            Note::Settled(settled) => Some((settled.tag, settled.state)),
            _ => None,
        };
        std::mem::take(&mut self.notes).into_iter().filter_map(settled).collect()
    }

    fn is_free(&self) -> bool {
        let usage = self.core.usage();
        self.core.in_flight() == 0
            && self.core.scheduled() == 0
            && (usage.threads_busy, usage.memory_reserved, usage.window) == (0, 0, 0)
            && self.core.schedule.computations.is_empty()
            && self.core.schedule.by_key.is_empty()
            && self.core.schedule.deadlines.is_empty()
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);
