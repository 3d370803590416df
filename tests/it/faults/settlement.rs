//! Requests whose replies are refused, or confirmed late or never: each is settled in the end, and
//! none of them costs another one its answer or the daemon its session.

use crate::support::{
    PATIENCE,
    broker::{self, Broker},
    checked_calls::fibonacci,
    lapin_caller::{Caller, QUEUE, Reply, arguments},
    program::Daemon,
    relay::{Pace, Relay},
};
use fibrpc::fibonacci::{digits, memory};
use lapin::{
    BasicProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use std::{
    thread,
    time::{Duration, Instant},
};

/// As many as a daemon takes at once.
const PREFETCH: u64 = 64;

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// Requests for F(30) that name this reply queue. They are in the request queue when this returns.
fn request_to(reply_queue: &str, caller: &Caller, count: u64) {
    let properties = |n: u64| {
        BasicProperties::default()
            .with_reply_to(reply_queue.into())
            .with_correlation_id(n.to_string().into())
    };
    for n in 1..count {
        caller.publish_unconfirmed(QUEUE, properties(n), b"30");
    }
    caller.publish(QUEUE, properties(count), b"30");
}

/// One call after the other, each of which is answered, until something is so; returns how many.
fn call_until(is_so: impl Fn() -> bool, caller: &Caller, pause: Duration) -> u64 {
    let (started, mut calls) = (Instant::now(), 0);
    while !is_so() {
        assert!(started.elapsed() < 2 * PATIENCE, "not so after {calls} calls");
        call(caller);
        calls += 1;
        thread::park_timeout(pause);
    }
    calls
}

fn call(caller: &Caller) {
    caller.call("good", "30");
    let right = Reply { id: Some("good".into()), status: None, body: "832040".into() };
    assert_eq!(caller.reply(), right);
}

/// What a daemon has done with its requests.
#[derive(Debug, PartialEq, Eq)]
struct Settled {
    acks: u64,
    rejects: u64,
    requeues: u64,
    redeliveries: u64,
    disconnects: u64,
}

impl Settled {
    fn by(daemon: &Daemon) -> Self {
        let count = |name| daemon.metric(&format!("fibrpcd_{name}_total"));
        Self {
            acks: count("acks"),
            rejects: count("rejects"),
            requeues: count("requeues"),
            redeliveries: count("redeliveries"),
            disconnects: count("amqp_disconnects"),
        }
    }

    /// So many answered, so many rejected, and nothing else.
    fn once(acks: u64, rejects: u64) -> Self {
        Self { acks, rejects, requeues: 0, redeliveries: 0, disconnects: 0 }
    }
}

fn callers_whose_reply_queue_is_full(queue_type: &str) {
    const BAD: u64 = 200;
    const GOOD: u64 = 20;
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[("amqp.queue_type", queue_type)]);
    let (caller, good) = (Caller::connect(&vhost.uri()), Caller::connect(&vhost.uri()));
    let full = [("x-max-length", AMQPValue::LongInt(1)), ("x-overflow", text("reject-publish"))];
    caller.declare("full", QueueDeclareOptions::durable(), arguments(&full)).unwrap();
    caller.publish("full", BasicProperties::default(), b"no room for another");
    let ids: Vec<_> = (0..GOOD).map(|n| format!("good {n}")).collect();
    for id in &ids {
        request_to("full", &caller, BAD / GOOD);
        good.call(id, "30");
    }
    let replies = good.replies_for(&ids);
    let right =
        |id: &String| vec![Reply { id: Some(id.clone()), status: None, body: "832040".into() }];
    assert_eq!(ids.iter().filter(|id| replies[*id] != right(id)).count(), 0, "of {GOOD}");
    daemon.wait_for_metric("fibrpcd_rejects_total", BAD);
    daemon.wait_for_metric("fibrpcd_acks_total", GOOD);
    let refused = daemon.metric("fibrpcd_replies_refused_total");
    println!("{queue_type}: {BAD} requests rejected, {refused} refusals, {GOOD} calls answered");
    assert_eq!(Settled::by(&daemon), Settled::once(GOOD, BAD));
    assert!(refused > 0, "nothing was tested");
    assert_eq!(daemon.metric("fibrpcd_requests_in_flight"), 0);
    assert_eq!(caller.depth(QUEUE), Some((0, 1)), "the request queue is empty");
    assert_eq!(caller.depth("full"), Some((1, 0)));
}

/// No good call waits for ever behind requests that come back, and none of those stays: each of the
/// 200 is rejected once, none is given back, and the 20 calls among them are answered once.
#[test]
fn requests_of_callers_whose_reply_queue_is_full_end_and_stop_nobody_on_a_classic_queue() {
    callers_whose_reply_queue_is_full("classic");
}

/// The same. A quorum queue puts what is given back elsewhere than a classic one.
#[test]
fn requests_of_callers_whose_reply_queue_is_full_end_and_stop_nobody_on_a_quorum_queue() {
    callers_whose_reply_queue_is_full("quorum");
}

/// A reply queue whose process hangs: it neither confirms nor refuses what is published to it.
struct StuckQueue {
    broker: Broker,
    daemon: Daemon,
    caller: Caller,
    good: Caller,
}

impl StuckQueue {
    const NAME: &str = "stuck";

    /// The daemon has published to it before.
    fn known() -> Self {
        let stuck = Self::declared();
        // The first publish of a channel to a quorum queue waits for the queue, and the channel with
        // it. This one is not the first.
        request_to(Self::NAME, &stuck.caller, 1);
        assert_eq!(stuck.caller.wait_and_get(Self::NAME).data, b"832040");
        stuck.daemon.wait_for_metric("fibrpcd_acks_total", 1);
        stuck.tell("suspend");
        stuck
    }

    fn declared() -> Self {
        let broker = Broker::private();
        let daemon = Daemon::serving(&broker.uri(), &[]);
        let (caller, good) = (Caller::connect(&broker.uri()), Caller::connect(&broker.uri()));
        let quorum = arguments(&[("x-queue-type", text("quorum"))]);
        caller.declare(Self::NAME, QueueDeclareOptions::durable(), quorum).unwrap();
        Self { broker, daemon, caller, good }
    }

    /// Suspends or resumes the process of the queue.
    fn tell(&self, what: &str) {
        let process = format!("whereis(list_to_atom(\"%2F_{}\"))", Self::NAME);
        let said = self.broker.ctl(&["eval", &format!("sys:{what}({process}).")]);
        assert_eq!(said.trim(), "ok");
    }

    /// Good calls until so many requests are rejected; returns how many.
    fn call_until_rejected(&self, requests: u64, pause: Duration) -> u64 {
        let is_over = || self.daemon.metric("fibrpcd_rejects_total") == requests;
        call_until(is_over, &self.good, pause)
    }

    /// The queue confirms after all what its requests were rejected for, which changes nothing.
    fn resume(&self) {
        self.tell("resume");
        let started = Instant::now();
        while self.daemon.metric("fibrpcd_replies_unconfirmed") > 0 {
            assert!(started.elapsed() < PATIENCE, "confirmed");
            thread::park_timeout(Duration::from_millis(10)); // leaves the machine to the others
        }
        assert_eq!(self.caller.wait_and_get(Self::NAME).data, b"832040");
        call(&self.good);
    }
}

/// No session is lost by a reply that is never confirmed, and its request does not stay: it is
/// rejected, while every call beside it, one in 200 ms, is answered.
#[test]
fn a_reply_that_is_never_confirmed_costs_its_request_and_nobody_else() {
    let stuck = StuckQueue::known();
    request_to(StuckQueue::NAME, &stuck.caller, 1);
    let calls = stuck.call_until_rejected(1, Duration::from_millis(200));
    stuck.resume();
    stuck.daemon.wait_for_metric("fibrpcd_acks_total", calls + 2);
    println!("{calls} calls answered until it was rejected");
    assert_eq!(Settled::by(&stuck.daemon), Settled::once(calls + 2, 1));
    assert_eq!(stuck.caller.depth(QUEUE), Some((0, 1)), "the request queue is empty");
}

/// What the broker still holds of such replies stops nothing later: with more than 32 of them it
/// takes no more than some 400 further messages on their channel.
#[test]
fn what_is_published_after_replies_that_are_never_confirmed_is_confirmed() {
    const BAD: u64 = 40;
    const LATER: u64 = 1000;
    let stuck = StuckQueue::known();
    request_to(StuckQueue::NAME, &stuck.caller, BAD);
    let calls = stuck.call_until_rejected(BAD, Duration::from_millis(200));
    for _ in 0..LATER {
        call(&stuck.good);
    }
    stuck.daemon.wait_for_metric("fibrpcd_acks_total", calls + LATER + 1);
    println!("{calls} calls answered until all were rejected");
    assert_eq!(Settled::by(&stuck.daemon), Settled::once(calls + LATER + 1, BAD));
}

/// As many as the prefetch and more do not stop the service: all of the 200 are rejected, those that
/// found no place as well, and 100 calls after them answered.
#[test]
fn replies_that_are_never_confirmed_do_not_take_the_prefetch_for_ever() {
    const BAD: u64 = 200;
    const LATER: u64 = 100;
    let stuck = StuckQueue::known();
    request_to(StuckQueue::NAME, &stuck.caller, BAD);
    let calls = stuck.call_until_rejected(BAD, Duration::ZERO);
    for _ in 0..LATER {
        call(&stuck.good);
    }
    stuck.daemon.wait_for_metric("fibrpcd_acks_total", calls + LATER + 1);
    println!("{calls} calls answered until all were rejected");
    assert_eq!(Settled::by(&stuck.daemon), Settled::once(calls + LATER + 1, BAD));
    stuck.resume();
    assert_eq!(stuck.caller.depth(QUEUE), Some((0, 1)), "the request queue is empty");
}

/// A long reply over a slow link is not taken for one that is never confirmed: the session is kept,
/// and all of the 21 are answered once.
#[test]
fn a_reply_that_takes_longer_than_a_confirm_may_is_sent_once() {
    // 10.4 MB take 42 s, more than a confirm may (30 s).
    a_long_reply_is_sent_once(50_000_000, 250_000);
}

fn a_long_reply_is_sent_once(n: u64, rate: u32) {
    const SMALL: u64 = 20;
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    relay.pace(Pace::Rate(rate));
    let daemon = Daemon::serving(&relay.uri(), &[]);
    let (large, small) = (Caller::connect(&vhost.uri()), Caller::connect(&vhost.uri()));
    large.call("large", &n.to_string());
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", 1);
    let started = Instant::now();
    for small_n in (0..SMALL).map(|n| n.to_string()) {
        small.call(&small_n, &small_n);
    }
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", SMALL + 1);
    let reply = large.delivery_within(3 * PATIENCE);
    println!("{} digits in {:?}", reply.data.len(), started.elapsed());
    assert_eq!(reply.data.len() as u64, digits(n));
    assert!(started.elapsed() > Duration::from_secs(30), "not slow enough to test anything");
    for n in 0..SMALL {
        let right = Reply { id: Some(n.to_string()), status: None, body: fibonacci(n) };
        assert_eq!(small.reply(), right);
    }
    daemon.wait_for_metric("fibrpcd_acks_total", SMALL + 1);
    assert_eq!(Settled::by(&daemon), Settled::once(SMALL + 1, 0));
    assert_eq!((large.arrived(), small.arrived()), (vec![], vec![]), "one answer each");
}

/// Equal requests are not taken for one that ends session after session: after two sessions lost,
/// one with a memory alarm, all 64 are answered, and none with an error.
#[test]
fn equal_requests_are_no_poison_after_a_lost_connection() {
    let broker = Broker::private();
    let relay = Relay::to(&broker.uri());
    let daemon = Daemon::serving(&relay.uri(), &[]);
    let caller = Caller::connect(&broker.uri());
    caller.declare("answers", QueueDeclareOptions::durable(), FieldTable::default()).unwrap();
    relay.hold_replies();
    for _ in 0..PREFETCH {
        let equal =
            BasicProperties::default().with_reply_to("answers".into()).with_delivery_mode(2);
        caller.publish(QUEUE, equal, b"30");
    }
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", PREFETCH);
    broker.ctl(&["close_all_connections", "an operator"]);
    daemon.wait_for_nth("attached; consuming", 2);
    daemon.wait_for_metric("fibrpcd_redeliveries_total", PREFETCH);
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", PREFETCH);
    broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    relay.release_replies();
    daemon.wait_for_metric("fibrpcd_amqp_blocked", 1);
    broker.ctl(&["close_all_connections", "an operator"]);
    daemon.wait_for_nth("attached; consuming", 3);
    daemon.wait_for_metric("fibrpcd_redeliveries_total", 2 * PREFETCH);
    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    daemon.wait_for_metric("fibrpcd_acks_total", PREFETCH);

    let caller = Caller::connect(&broker.uri());
    let answers: Vec<_> = std::iter::from_fn(|| caller.get("answers")).map(Reply::from).collect();
    let right = Reply { id: None, status: None, body: "832040".into() };
    let wrong: Vec<_> = answers.iter().filter(|answer| **answer != right).collect();
    println!("{} answers to {PREFETCH} requests", answers.len());
    assert_eq!(wrong, Vec::<&Reply>::new());
    assert!(answers.len() as u64 >= PREFETCH);
    let Settled { acks, rejects, disconnects, .. } = Settled::by(&daemon);
    assert_eq!((acks, rejects, disconnects), (PREFETCH, 0, 2), "acks, rejects, disconnects");
    assert_eq!(caller.depth(QUEUE), Some((0, 1)), "the request queue is empty");
}

/// A result that is ready, and whose memory another number needs, does not wait for the memory that
/// this number needs: with just enough for the largest, all three are answered.
#[test]
fn long_computations_do_not_wait_for_each_others_memory() {
    const LARGEST: u64 = 70_000_000;
    /// Takes less time, so its turn is earlier; its memory is free once the digits of F(LARGEST)
    /// are gone.
    const NEXT: u64 = 62_650_000;
    assert!(memory(NEXT) + digits(LARGEST) > memory(LARGEST), "they fit beside each other");
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    let least = format!("{}KiB", (memory(LARGEST) * 8 / 7).div_ceil(1024) + 1);
    let largest = LARGEST.to_string();
    let settings =
        [("compute.max_n", largest.as_str()), ("compute.memory", &least), ("compute.threads", "2")];
    let daemon = Daemon::serving(&relay.uri(), &settings);
    let caller = Caller::connect(&vhost.uri());
    relay.hold_replies(); // the second caller waits for room on the link
    caller.publish_unconfirmed(QUEUE, caller.properties("first"), largest.as_bytes());
    caller.call("second", &largest);
    daemon.wait_for_metric("fibrpcd_deliveries_total", 2);
    caller.call("third", &NEXT.to_string());
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", 1);
    daemon.wait_for_metric("fibrpcd_requests_in_flight", 3);
    relay.release_replies();

    let ids = ["first", "second", "third"].map(String::from);
    let replies = caller.replies_for(&ids);
    let (largest, next) = (fibonacci(LARGEST), fibonacci(NEXT));
    let right = [&largest, &largest, &next];
    let is_right =
        |(id, right): (&String, &&String)| replies[id][..].iter().all(|one| one.body == **right);
    assert_eq!(ids.iter().zip(&right).filter(|one| is_right(*one)).count(), 3);
    daemon.wait_for_metric("fibrpcd_acks_total", 3);
    assert_eq!(Settled::by(&daemon), Settled::once(3, 0));
    assert_eq!(daemon.metric("fibrpcd_compute_memory_reserved_bytes"), 0);
}
