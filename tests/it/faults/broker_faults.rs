//! Brokers that close connections, run out of memory, lose patience, or lose what they hold.

use crate::support::{
    PATIENCE, alarm,
    broker::{self, Broker},
    lapin_caller::{Caller, QUEUE},
    program::{Daemon, ctl},
    relay::Relay,
};
use fibrpc::{CallError, Client};
use std::{
    thread,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, sync::watch, task::JoinSet};

/// Its reply is many frames; F of it has this many digits.
const LARGE: &str = "5000000";
const LARGE_DIGITS: usize = 1_044_938;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn client(runtime: &Runtime, uri: &str, timeout: Duration) -> Client {
    let _inside = runtime.enter();
    Client::builder(uri.parse().unwrap()).timeout(timeout).wait_for_server(true).build().unwrap()
}

/// What became of calls.
#[derive(Debug, Default)]
struct Count {
    right: usize,
    wrong: usize,
    failed: Vec<CallError>,
    /// Still running a second after their timeout.
    hung: usize,
}

/// Callers that make one call after another until the end.
struct Traffic {
    callers: JoinSet<Count>,
    stop: watch::Sender<()>,
}

impl Traffic {
    fn start(client: &Client, callers: usize, timeout: Duration, runtime: &Runtime) -> Self {
        let mut traffic = Self { callers: JoinSet::new(), stop: watch::Sender::new(()) };
        for _ in 0..callers {
            let caller = call_all_the_time(client.clone(), timeout, traffic.stop.subscribe());
            traffic.callers.spawn_on(caller, runtime.handle());
        }
        traffic
    }

    fn finish(self, runtime: &Runtime) -> Count {
        drop(self.stop);
        let counts = runtime.block_on(self.callers.join_all());
        counts.into_iter().fold(Count::default(), |sum, count| Count {
            right: sum.right + count.right,
            wrong: sum.wrong + count.wrong,
            failed: [sum.failed, count.failed].concat(),
            hung: sum.hung + count.hung,
        })
    }
}

async fn call_all_the_time(client: Client, timeout: Duration, stop: watch::Receiver<()>) -> Count {
    let mut count = Count::default();
    while stop.has_changed().is_ok() {
        let limit = timeout + Duration::from_secs(1);
        match tokio::time::timeout(limit, client.fibonacci(30)).await {
            Err(_) => count.hung += 1,
            Ok(Ok(digits)) if digits == "832040" => count.right += 1,
            Ok(Ok(_)) => count.wrong += 1,
            Ok(Err(error)) => count.failed.push(error),
        }
    }
    count
}

#[test]
fn connections_closed_by_an_operator_lose_no_call() {
    const CLOSES: usize = 5;
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let runtime = runtime();
    let client = client(&runtime, &vhost.uri(), PATIENCE);
    let traffic = Traffic::start(&client, 16, PATIENCE, &runtime);
    for close in 1..=CLOSES {
        let acks = daemon.metric("fibrpcd_acks_total");
        daemon.wait_for_metric("fibrpcd_acks_total", acks + 100);
        let close_all = ["close_all_connections", "--vhost", vhost.name(), "an operator"];
        broker::shared().ctl(&close_all);
        daemon.wait_for_nth("lost the broker", close);
        daemon.wait_for_nth("attached; consuming", close + 1);
    }
    let count = traffic.finish(&runtime);
    println!("{CLOSES} closes: {count:?}");
    assert_eq!((count.wrong, count.hung, count.failed), (0, 0, vec![]), "wrong, hung, failed");
    assert!(count.right > 100 * CLOSES);
    assert_eq!(daemon.get("/readyz").0, 200);
}

/// How long the alarm lasts at least. `FIBRPC_ALARM_SECONDS` asks for more.
fn alarm_time() -> Duration {
    let seconds = std::env::var("FIBRPC_ALARM_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

#[test]
fn a_memory_alarm_hangs_nothing_and_calls_go_on_after_it() {
    /// Ends within the alarm.
    const SHORT: Duration = Duration::from_secs(1);
    let broker = Broker::private();
    let relay = Relay::to(&broker.uri());
    let mut daemon = Daemon::serving(&relay.uri(), &[]);
    let runtime = runtime();
    let hasty = client(&runtime, &broker.uri(), SHORT);
    let patient = client(&runtime, &broker.uri(), PATIENCE.saturating_add(alarm_time()));
    assert_eq!(runtime.block_on(hasty.fibonacci(30)).unwrap(), "832040");
    assert_eq!(runtime.block_on(patient.fibonacci(30)).unwrap(), "832040");
    let traffic = Traffic::start(&hasty, 16, SHORT, &runtime);
    let acks = daemon.metric("fibrpcd_acks_total");
    daemon.wait_for_metric("fibrpcd_acks_total", acks + 100);
    alarm::raise(&broker, &relay, &daemon);
    let started = Instant::now();
    daemon.wait_for("the broker blocks publishing");
    let (status, why) = daemon.get("/readyz");
    assert_eq!(status, 503);
    assert!(why.contains("takes no replies") && why.contains("memory"), "{why}");
    // A client that comes in the middle of it does not hang either.
    let ran = ctl(&broker.uri(), &["--timeout", "1s", "call", "30", "30", "30"]);
    assert!(matches!(ran.code, Some(4 | 6)), "{ran:?}");
    // Sent in the middle of it, and answered when it is over.
    let mut waiting = JoinSet::new();
    for n in 0..200 {
        let patient = patient.clone();
        waiting.spawn_on(async move { (n, patient.fibonacci(n).await) }, runtime.handle());
    }
    thread::park_timeout(alarm_time().saturating_sub(started.elapsed()));
    assert_eq!(daemon.metric("fibrpcd_amqp_blocked"), 1, "still");
    alarm::clear(&broker);
    daemon.wait_for("the broker takes publishes again");
    let answers = runtime.block_on(waiting.join_all());
    let wrong = answers.iter().filter(|(n, answer)| {
        let right = fibrpc::fibonacci::decimal(*n, || false).unwrap();
        answer.as_ref().map(String::as_bytes) != Ok(&right)
    });
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<&(u64, _)>::new());
    let acks = daemon.metric("fibrpcd_acks_total");
    daemon.wait_for_metric("fibrpcd_acks_total", acks + 100);
    let count = traffic.finish(&runtime);
    println!("right {}, ended by the alarm {}", count.right, count.failed.len());
    assert_eq!((count.wrong, count.hung), (0, 0), "wrong, hung");
    assert!(!count.failed.is_empty(), "the alarm was felt");
    // Failed calls say why they failed.
    let reason = |error: &CallError| matches!(error, CallError::Unreachable(why) if why.contains("takes no messages"));
    assert!(count.failed.iter().any(reason), "{:?}", count.failed);
    let unexpected = count
        .failed
        .iter()
        .find(|error| !reason(error) && !matches!(error, CallError::TimedOut(_)));
    assert_eq!(unexpected, None);
    assert_eq!(daemon.metric("fibrpcd_amqp_blocked"), 0);
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1, "the session was kept");
    assert_eq!(daemon.get("/readyz").0, 200);
    assert_eq!(daemon.terminate(), Some(0));
}

/// A broker tells of its alarm only who publishes, and callers cannot.
#[test]
fn a_daemon_that_nobody_calls_learns_of_an_alarm_all_the_same() {
    let broker = Broker::private();
    let mut daemon = Daemon::serving(&broker.uri(), &[]);
    alarm::sound(&broker);
    daemon.wait_for("the broker blocks publishing");
    let (status, why) = daemon.get("/readyz");
    assert_eq!(status, 503);
    assert!(why.contains("takes no replies") && why.contains("memory"), "{why}");
    assert_eq!(daemon.metric("fibrpcd_amqp_blocked"), 1);
    alarm::clear(&broker);
    daemon.wait_for("the broker takes publishes again");
    assert_eq!(daemon.get("/readyz").0, 200);
    let ran = ctl(&broker.uri(), &["call", "30"]);
    assert_eq!(ran.stdout, "832040\n", "{ran:?}");
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1, "the session was kept");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_daemon_stops_in_time_while_the_broker_takes_no_replies() {
    let broker = Broker::private();
    let relay = Relay::to(&broker.uri());
    let mut daemon = Daemon::serving(&relay.uri(), &[("shutdown.drain_timeout", "1s")]);
    let caller = Caller::connect(&broker.uri());
    relay.hold_replies();
    let ids = (0..12).map(|id| id.to_string()).collect::<Vec<_>>();
    for id in &ids {
        caller.call(id, LARGE);
    }
    daemon.wait_for_metric("fibrpcd_requests_in_flight", 12);
    alarm::raise(&broker, &relay, &daemon);
    let code = daemon.terminate();
    assert_eq!(code, Some(1), "{}", daemon.log());
    // The next daemon gets what was given back.
    alarm::clear(&broker);
    let _second = Daemon::serving(&broker.uri(), &[]);
    let replies = caller.replies_for(&ids);
    let lost = ids.iter().filter(|id| replies[*id].is_empty()).count();
    let wrong = replies.values().flatten().filter(|reply| reply.body.len() != LARGE_DIGITS).count();
    assert_eq!((lost, wrong), (0, 0), "lost, wrong");
}

#[test]
fn a_purged_queue_costs_the_calls_in_it_and_no_other() {
    const PURGED: usize = 50;
    const TIMEOUT: Duration = Duration::from_secs(3);
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    let daemon = Daemon::serving(&relay.uri(), &[("amqp.prefetch", "1")]);
    relay.hold_replies();
    let runtime = runtime();
    let client = client(&runtime, &vhost.uri(), TIMEOUT);
    let caller = Caller::connect(&vhost.uri());
    caller.call("held", LARGE);
    daemon.wait_for_metric("fibrpcd_requests_in_flight", 1);
    let mut calls = JoinSet::new();
    for _ in 0..PURGED {
        let client = client.clone();
        let call = async move {
            tokio::time::timeout(TIMEOUT + Duration::from_secs(1), client.fibonacci(30)).await
        };
        calls.spawn_on(call, runtime.handle());
    }
    let started = Instant::now();
    while caller.depth(QUEUE).unwrap().0 < u32::try_from(PURGED).unwrap() {
        assert!(started.elapsed() < PATIENCE);
    }
    caller.purge(QUEUE);
    relay.release_replies();
    assert_eq!(caller.reply().id.as_deref(), Some("held"), "what the daemon holds is answered");
    let outcomes = runtime.block_on(calls.join_all());
    let hung = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let timed_out =
        outcomes.iter().filter(|outcome| matches!(outcome, Ok(Err(CallError::TimedOut(_)))));
    assert_eq!((timed_out.count(), hung), (PURGED, 0), "timed out, hung: {outcomes:?}");
    assert_eq!(runtime.block_on(client.fibonacci(30)).unwrap(), "832040");
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1);
}

#[test]
fn a_broker_that_loses_patience_with_a_consumer_gets_its_answers_later() {
    let broker = Broker::private();
    let set = |key: &str, value: u32| {
        let set = format!("application:set_env(rabbit, {key}, {value}).");
        assert_eq!(broker.ctl(&["eval", &set]).trim(), "ok");
    };
    // Channels that are opened from now on check often, and allow a second.
    set("channel_tick_interval", 200);
    set("consumer_timeout", 1000);
    let relay = Relay::to(&broker.uri());
    let daemon = Daemon::serving(&relay.uri(), &[]);
    relay.hold_replies();
    let caller = Caller::connect(&broker.uri());
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(format!("large {n}"));
        caller.call(&ids[n], LARGE);
    }
    let lost = daemon.wait_for("lost the broker");
    assert!(lost.contains("timed out"), "{lost}");
    relay.release_replies();
    // Patient again: nothing is held against a daemon that is slow for another reason.
    set("consumer_timeout", 1_800_000);
    broker.ctl(&["close_all_connections", "new patience"]);
    let caller_again = Caller::connect(&broker.uri());
    for n in 0..50 {
        caller_again.call(&n.to_string(), "30");
    }
    let small = (0..50).map(|n| n.to_string()).collect::<Vec<_>>();
    let wrong = |replies: &crate::support::lapin_caller::Reply| replies.body != "832040";
    let replies = caller_again.replies_for(&small);
    assert_eq!(replies.values().flatten().filter(|reply| wrong(reply)).count(), 0);
    daemon.wait_for_metric("fibrpcd_acks_total", 56);
    assert_eq!(caller_again.depth(QUEUE), Some((0, 1)), "every large one was settled too");
    let failures = "fibrpcd_request_failures_total{reason=\"internal\"}";
    assert_eq!(daemon.metric(failures), 0, "and none given up");
}

#[test]
fn a_vhost_deleted_and_made_again_is_served_again() {
    let shared = broker::shared();
    let vhost = shared.vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    for round in 1..=2 {
        shared.ctl(&["delete_vhost", vhost.name()]);
        daemon.wait_for_nth("lost the broker", round);
        daemon.wait_for_nth("cannot attach, will keep trying", round);
        assert_eq!(daemon.get("/readyz").0, 503);
        assert_eq!(ctl(&vhost.uri(), &["call", "30"]).code, Some(6));
        shared.ctl(&["add_vhost", vhost.name()]);
        shared.ctl(&["set_permissions", "-p", vhost.name(), "guest", ".*", ".*", ".*"]);
        daemon.wait_for_nth("attached; consuming", round + 1);
        assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    }
}
