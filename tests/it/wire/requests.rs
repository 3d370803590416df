//! Requests as any client may send them, and the replies they get.

use crate::support::{
    broker,
    checked_calls::CheckedCalls,
    lapin_caller::{Caller, QUEUE, Reply, arguments},
    program::{Daemon, ctl},
    relay::Relay,
};
use fibrpc::wire::DEADLINE_HEADER;
use lapin::{options::QueueDeclareOptions, types::AMQPValue};
use std::time::SystemTime;

fn ok(id: &str, body: &str) -> Reply {
    Reply { id: Some(id.into()), status: None, body: body.into() }
}

#[test]
fn ids_come_back_and_message_id_stands_in() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let caller = Caller::connect(&vhost.uri());
    let id = "x".repeat(255);
    caller.call(&id, "30");
    assert_eq!(caller.reply(), ok(&id, "832040"));
    let bare = caller.properties("").with_correlation_id("c".into()).with_message_id("m".into());
    caller.publish(QUEUE, bare, b"30");
    assert_eq!(caller.reply(), ok("c", "832040"));
    let without_id = lapin::BasicProperties::default()
        .with_reply_to(caller.properties("").reply_to().clone().unwrap());
    caller.publish(QUEUE, without_id.clone().with_message_id("m".into()), b"30");
    assert_eq!(caller.reply(), ok("m", "832040"));
    caller.publish(QUEUE, without_id, b"30");
    assert_eq!(caller.reply(), Reply { id: None, ..ok("", "832040") });
}

#[test]
fn methods_deadlines_and_trace_context_are_honoured() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let caller = Caller::connect(&vhost.uri());
    let of_kind = |kind: &str| caller.properties(kind).with_type(kind.into());
    caller.publish(QUEUE, of_kind("ping"), b"");
    assert_eq!(caller.reply(), ok("ping", "pong"));
    caller.publish(QUEUE, of_kind("teapot"), b"30");
    let reply = caller.reply();
    assert_eq!(reply.status.as_deref(), Some("UNIMPLEMENTED"));
    assert!(reply.body.starts_with("error: unknown method \"teapot\""), "{}", reply.body);

    let headers = arguments(&[("x-deadline", AMQPValue::LongLongInt(1_000_000_000_000))]);
    caller.publish(QUEUE, caller.properties("late").with_headers(headers), b"50000000");
    assert_eq!(caller.reply().status.as_deref(), Some("DEADLINE_EXCEEDED"));

    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = arguments(&[("traceparent", AMQPValue::LongString(parent.into()))]);
    caller.publish(QUEUE, caller.properties("traced").with_headers(headers), b"30");
    let delivery = caller.delivery();
    let headers = delivery.properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers.get("traceparent"), Some(&AMQPValue::LongString(parent.into())));
    assert_eq!(delivery.properties.content_type().as_ref().unwrap().as_str(), "text/plain");
    assert_eq!(delivery.properties.delivery_mode(), &Some(1));
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"unimplemented\"}", 1);
}

#[test]
fn a_deadline_ends_work_that_waits_and_work_that_runs() {
    let vhost = broker::shared().vhost();
    // The largest numbers there are: about a second each, and this memory for one at a time.
    let settings = [("compute.max_n", "1000000000"), ("compute.memory", "1500MiB")];
    let daemon = Daemon::serving(&vhost.uri(), &settings);
    let caller = Caller::connect(&vhost.uri());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let soon = AMQPValue::LongLongInt(i64::try_from(now).unwrap() + 300);
    let headers = arguments(&[("x-deadline", soon)]);
    for (id, n) in [("runs", "1000000000"), ("waits", "999999999")] {
        let late = caller.properties(id).with_headers(headers.clone());
        caller.publish(QUEUE, late, n.as_bytes());
    }
    let mut late = [caller.reply(), caller.reply()];
    late.sort_by_key(|reply| reply.id.clone());
    for (reply, id) in late.iter().zip(["runs", "waits"]) {
        assert_eq!(reply.id.as_deref(), Some(id));
        assert_eq!(reply.status.as_deref(), Some("DEADLINE_EXCEEDED"), "{reply:?}");
    }
    caller.call("next", "30");
    assert_eq!(caller.reply(), ok("next", "832040"));
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"deadline_exceeded\"}", 2);
    // What they held is free again, and neither was computed.
    caller.call("large", "100000000");
    assert_eq!(caller.reply().body.len(), 20_898_764);
    daemon.wait_for_metric("fibrpcd_computations_total", 1);
    assert_eq!(daemon.metric("fibrpcd_computations_total"), 1);
}

#[test]
fn long_replies_are_sent_one_after_the_other_and_short_ones_between() {
    /// F of it fills the window of what may be on its way to the broker.
    const LONG: u64 = 20_000_000;
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    let daemon = Daemon::serving(&relay.uri(), &[]);
    relay.hold_replies();
    let mut calls = CheckedCalls::new(&vhost.uri());
    (LONG..LONG + 4).for_each(|n| calls.call(n));
    daemon.wait_for_metric("fibrpcd_computations_total", 4);
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", 1);
    calls.call(30);
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", 2);
    assert_eq!(daemon.metric("fibrpcd_replies_unconfirmed"), 2, "a long one and the short one");
    relay.release_replies();
    calls.all_right("long replies and a short one");
    daemon.wait_for_metric("fibrpcd_acks_total", 5);
}

#[test]
fn a_request_that_names_no_reply_queue_is_dead_lettered() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    let dead_letter = arguments(&[
        ("x-dead-letter-exchange", AMQPValue::LongString("".into())),
        ("x-dead-letter-routing-key", AMQPValue::LongString("dead".into())),
    ]);
    caller.declare("dead", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    caller.declare(QUEUE, QueueDeclareOptions::default(), dead_letter).unwrap();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    caller.publish(QUEUE, lapin::BasicProperties::default(), b"30");
    let empty = caller.properties("empty").with_reply_to("".into());
    caller.publish(QUEUE, empty, b"30");
    caller.call("good", "30");
    assert_eq!(caller.reply(), ok("good", "832040"));
    for _ in 0..2 {
        assert_eq!(caller.wait_and_get("dead").data, b"30");
    }
    assert!(caller.get("dead").is_none());
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"no_reply_to\"}", 2);
    daemon.wait_for_metric("fibrpcd_rejects_total", 2);
}

#[test]
fn a_request_that_is_dead_lettered_to_where_it_came_from_does_not_go_in_circles() {
    for kind in ["classic", "quorum"] {
        let vhost = broker::shared().vhost();
        let caller = Caller::connect(&vhost.uri());
        let circle = arguments(&[
            ("x-queue-type", AMQPValue::LongString(kind.into())),
            ("x-dead-letter-exchange", AMQPValue::LongString("".into())),
        ]);
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        caller.declare(QUEUE, durable, circle).unwrap();
        let daemon = Daemon::serving(&vhost.uri(), &[]);
        caller.publish(QUEUE, lapin::BasicProperties::default(), b"30");
        daemon.wait_for("a request is dropped: it was rejected 10 times");
        // It would be here before this one.
        caller.call("good", "30");
        assert_eq!(caller.reply(), ok("good", "832040"));
        daemon.wait_for_metric("fibrpcd_rejects_total", 11);
        assert_eq!(daemon.metric("fibrpcd_deliveries_total"), 12, "{kind}");
    }
}

#[test]
fn a_caller_that_went_away_is_counted_and_harms_nobody() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let caller = Caller::connect(&vhost.uri());
    let gone = caller.properties("gone").with_reply_to("nobody".into());
    caller.publish(QUEUE, gone, b"30");
    caller.call("here", "30");
    assert_eq!(caller.reply(), ok("here", "832040"));
    daemon.wait_for_metric("fibrpcd_acks_total", 2);
    daemon.wait_for_metric("fibrpcd_replies_unroutable_total", 1);
    assert_eq!(daemon.metric("fibrpcd_requests_in_flight"), 0);
}

#[test]
fn a_daemon_that_stood_still_accuses_no_clock() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    daemon.signal("STOP");
    let ran = ctl(&vhost.uri(), &["--timeout", "4s", "call", "30"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    daemon.signal("CONT");
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"deadline_exceeded\"}", 1);
    assert_eq!(daemon.metric("fibrpcd_deadlines_ignored_total"), 0, "{}", daemon.log());
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
}

#[test]
fn a_caller_whose_clock_is_behind_is_answered_and_named_once() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let caller = Caller::connect(&vhost.uri());
    let late = |id: &str| {
        let past = arguments(&[(DEADLINE_HEADER, AMQPValue::LongLongInt(1_700_000_000_000))]);
        caller.properties(id).with_headers(past)
    };
    for id in ["first", "second"] {
        caller.publish(QUEUE, late(id).with_expiration("60000".into()), b"30");
        let reply = caller.reply();
        assert_eq!((reply.body.as_str(), reply.status.as_deref()), ("832040", None), "{reply:?}");
    }
    let line = daemon.wait_for("is the clock of the caller behind");
    let queue = caller.properties("").reply_to().clone().unwrap();
    assert!(line.contains("2023-11-14T22:13:20.000Z") && line.contains(queue.as_str()), "{line}");
    assert_eq!(daemon.metric("fibrpcd_deadlines_ignored_total"), 2);

    // The broker says nothing about this one.
    caller.publish(QUEUE, late("third"), b"30");
    assert_eq!(caller.reply().status.as_deref(), Some("DEADLINE_EXCEEDED"));
    assert_eq!(daemon.log().matches("is the clock of the caller behind").count(), 1);
    assert_eq!(daemon.metric("fibrpcd_deadlines_ignored_total"), 2);
}
