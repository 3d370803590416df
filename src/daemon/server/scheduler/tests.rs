//! The scheduler with made-up requests, without a broker.

use super::*;
use crate::daemon::compute::{Pool, Shares};
use futures_util::FutureExt as _;
use std::num::NonZeroUsize;

/// Takes long to compute.
const LONG: u64 = 50_000_000;

/// Takes little.
const SHORT: u64 = 30_000;

/// A result as a thread returns it, with the memory for it.
fn result(memory: Option<MemoryPermit>) -> Computed {
    Computed {
        digits: Bytes::from_static(b"1"),
        memory,
        check_failures: 0,
        elapsed: Duration::ZERO,
    }
}

struct Desk {
    scheduler: Scheduler,
    start: Instant,
    tags: u64,
}

impl Desk {
    fn new() -> Self {
        Self { scheduler: Scheduler::default(), start: Instant::now(), tags: 0 }
    }

    fn after(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    /// A request for F(n) that arrives this many milliseconds after the start; returns its tag.
    fn request(&mut self, n: u64, millis: u64, deadline: Option<u64>) -> u64 {
        self.tags += 1;
        let large = Large {
            tag: self.tags,
            n,
            deadline: deadline.map(|millis| self.after(millis)),
            received: self.after(millis),
            envelope: Envelope::default(),
            reply_queue: "q".to_owned(),
            compute_time: ComputeTime::NotComputed,
        };
        self.scheduler.enter(large, Class::Long, None);
        self.tags
    }

    fn next(&self) -> Option<Waiting> {
        self.scheduler.turn(Class::Long).waiting
    }

    /// Enters a result without memory for a reply; returns the tag of the request it answers.
    fn computed(&mut self, id: u64, n: u64) -> Option<u64> {
        self.scheduler.computed(id, n, result(None));
        self.next_ready(n)
    }

    fn next_ready(&mut self, n: u64) -> Option<u64> {
        self.scheduler.next_ready(n, None).map(|ready_reply| ready_reply.large.tag)
    }

    fn is_empty(&self) -> bool {
        let scheduler = &self.scheduler;
        scheduler.computations.is_empty()
            && scheduler.turns.iter().chain(&scheduler.ready).all(BTreeSet::is_empty)
            && scheduler.deadlines.is_empty()
    }
}

#[test]
fn small_ones_go_first_but_not_for_ever() {
    let mut desk = Desk::new();
    desk.request(LONG, 0, None);
    desk.request(SHORT, 1, None);
    assert_eq!(desk.next(), Some(Waiting::Slot(SHORT)), "it came later, and takes less");
    let aging = fibonacci::estimate(LONG).work * AGING_FACTOR / 1_000_000;
    for later in 0..aging + 1000 {
        let (id, _) = desk.scheduler.start(SHORT).unwrap();
        assert!(desk.computed(id, SHORT).is_some());
        if desk.next() == Some(Waiting::Slot(LONG)) {
            return;
        }
        desk.request(SHORT, later, None);
    }
    assert_eq!(desk.next(), Some(Waiting::Slot(LONG)), "those that come too late wait for it");
}

#[test]
fn one_class_does_not_wait_for_the_other() {
    let mut desk = Desk::new();
    desk.request(LONG, 0, None);
    assert_eq!(desk.scheduler.turn(Class::Quick).waiting, None);
    assert_eq!(desk.next(), Some(Waiting::Slot(LONG)));
}

#[test]
fn requests_for_one_number_share_one_computation() {
    let mut desk = Desk::new();
    let tags = [0, 1, 2].map(|millis| desk.request(LONG, millis, None));
    let (id, _) = desk.scheduler.start(LONG).unwrap();
    let late = desk.request(LONG, 3, None);
    assert_eq!(desk.next(), None, "nothing to start");
    assert_eq!(desk.computed(id, LONG), Some(tags[0]));
    for tag in [tags[1], tags[2], late] {
        assert_eq!(desk.next(), Some(Waiting::Memory(LONG)));
        assert_eq!(desk.next_ready(LONG), Some(tag));
    }
    assert!(desk.is_empty());
}

#[test]
fn what_was_found_needs_no_computation() {
    let mut desk = Desk::new();
    desk.request(LONG, 0, Some(9));
    let large = desk.scheduler.late(desk.after(9)).unwrap();
    desk.scheduler.enter(large, Class::Quick, Some(Bytes::from_static(b"1")));
    assert_eq!(desk.scheduler.turn(Class::Quick).waiting, Some(Waiting::Memory(LONG)));
    assert_eq!(desk.next_ready(LONG), Some(1));
    assert!(desk.is_empty());
}

#[test]
fn a_computation_stops_when_the_last_who_waits_is_late() {
    let mut desk = Desk::new();
    let first = desk.request(LONG, 0, Some(10));
    let second = desk.request(LONG, 0, Some(20));
    let (id, switch) = desk.scheduler.start(LONG).unwrap();
    assert_eq!(desk.scheduler.next_deadline(), Some(desk.after(10)));
    let late =
        |desk: &mut Desk, millis| desk.scheduler.late(desk.after(millis)).map(|large| large.tag);
    assert_eq!(late(&mut desk, 9), None);
    assert_eq!(late(&mut desk, 10), Some(first));
    assert!(!switch.stopped(), "somebody still waits");
    assert_eq!(late(&mut desk, 30), Some(second));
    assert!(switch.stopped());
    assert!(desk.is_empty());
    // Its result may come while another computation of the same number runs: it is ignored.
    let third = desk.request(LONG, 40, None);
    let (other, _) = desk.scheduler.start(LONG).unwrap();
    assert_eq!(desk.computed(id, LONG), None);
    assert!(desk.scheduler.failed(id, LONG).is_empty());
    assert_eq!(desk.computed(other, LONG), Some(third));
    assert!(desk.is_empty());
}

#[test]
fn a_failure_concerns_everybody_who_waits() {
    let mut desk = Desk::new();
    let tags = [Some(5), None].map(|deadline| desk.request(LONG, 0, deadline));
    let (id, _) = desk.scheduler.start(LONG).unwrap();
    let failed: Vec<_> = desk.scheduler.failed(id, LONG).iter().map(|large| large.tag).collect();
    assert_eq!(failed, tags);
    assert!(desk.is_empty());
}

#[test]
fn only_what_is_not_started_is_given_back() {
    let mut desk = Desk::new();
    let waiting = [desk.request(SHORT, 0, Some(5)), desk.request(SHORT, 0, None)];
    let running = desk.request(LONG, 0, None);
    let (id, switch) = desk.scheduler.start(LONG).unwrap();
    let joined = desk.request(LONG, 1, None);
    let unstarted: Vec<_> = desk.scheduler.unstarted().iter().map(|large| large.tag).collect();
    assert_eq!(unstarted, waiting);
    assert_eq!((desk.scheduler.len(), switch.stopped()), (2, false));
    assert_eq!(desk.computed(id, LONG), Some(running));
    assert_eq!(desk.next_ready(LONG), Some(joined));
    assert!(desk.is_empty());
}

#[test]
fn an_agenda_that_is_dropped_stops_everything() {
    let mut desk = Desk::new();
    desk.request(LONG, 0, None);
    let (_, switch) = desk.scheduler.start(LONG).unwrap();
    drop(desk);
    assert!(switch.stopped());
}

#[test]
fn a_first_reply_waits_for_no_memory() {
    let mut desk = Desk::new();
    let tags = [0, 1].map(|millis| desk.request(SHORT, millis, None));
    desk.request(LONG, 2, None);
    let (id, _) = desk.scheduler.start(SHORT).unwrap();
    let shares = Shares::new(1 << 30, LONG, NonZeroUsize::MIN);
    let pool = Pool::start(NonZeroUsize::MIN, shares).unwrap();
    let memory = pool.reserve_reply(SHORT).now_or_never().flatten();
    assert!(memory.is_some());
    desk.scheduler.computed(id, SHORT, result(memory));
    let next = |desk: &Desk| {
        let Turn { ready, waiting, .. } = desk.scheduler.turn(Class::Long);
        (ready, waiting)
    };
    assert_eq!(next(&desk), (Some(SHORT), Some(Waiting::Slot(LONG))));
    let ready_reply = desk.scheduler.next_ready(SHORT, None).unwrap();
    assert_eq!((ready_reply.large.tag, ready_reply.permit.is_some()), (tags[0], true));
    assert_eq!(next(&desk), (None, Some(Waiting::Memory(SHORT))), "the second has none yet");
    let ready_reply = desk
        .scheduler
        .next_ready(SHORT, pool.reserve_reply(SHORT).now_or_never().flatten())
        .unwrap();
    assert_eq!((ready_reply.large.tag, ready_reply.permit.is_some()), (tags[1], true));
    assert_eq!(next(&desk), (None, Some(Waiting::Slot(LONG))));
}
