//! The line of the log that each request gets at level debug.

use crate::support::{
    broker::{self, Vhost},
    lapin_caller::{Caller, QUEUE, arguments},
    program::Daemon,
    relay::Relay,
};
use lapin::{BasicProperties, options::QueueDeclareOptions, types::AMQPValue};
use serde_json::Value;
use std::time::SystemTime;

const DEBUG: (&str, &str) = ("log.level", "debug");

/// The lines so far.
fn lines(daemon: &Daemon) -> Vec<Value> {
    let log = daemon.log();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["message"] == "settled").collect()
}

/// The only line for this id.
fn line<'a>(lines: &'a [Value], id: &str) -> &'a Value {
    let mut found = lines.iter().filter(|line| line["correlation_id"] == id);
    let (Some(line), None) = (found.next(), found.next()) else {
        panic!("not one line for {id}: {lines:#?}")
    };
    line
}

fn micros(line: &Value, field: &str) -> u64 {
    line[field].as_u64().unwrap_or_else(|| panic!("no {field} in {line:#}"))
}

/// Outcome and status, as far as there are any.
fn ending(line: &Value) -> (&str, &str) {
    (line["outcome"].as_str().unwrap(), line["status"].as_str().unwrap_or("none"))
}

#[test]
fn every_request_gets_one_line_with_its_outcome() {
    let vhost = broker::shared().vhost();
    let mut daemon = Daemon::serving(&vhost.uri(), &[DEBUG]);
    let caller = Caller::connect(&vhost.uri());
    caller.publish(QUEUE, caller.properties("ping").with_type("ping".into()), b"");
    caller.call("small\u{7}", " +030 ");
    caller.call("large", "300000");
    caller.call("wrong", "x");
    // The broker reports which reply nobody reads; the others are not mistaken for it.
    for round in 0..20 {
        caller.call(&format!("here {round}"), "30");
        let gone = caller.properties(&format!("gone {round}")).with_reply_to("nobody".into());
        caller.publish_unconfirmed(QUEUE, gone, b"30");
    }
    caller.publish(QUEUE, BasicProperties::default().with_correlation_id("mute".into()), b"30");
    let requests = 4 + 2 * 20 + 1;
    daemon.wait_for_nth("\"settled\"", requests);
    assert_eq!(daemon.terminate(), Some(0));
    let lines = lines(&daemon);
    assert_eq!(lines.len(), requests);

    let small = line(&lines, "small\\x07");
    assert_eq!(
        (&small["level"], &small["n"], &small["method"]),
        (&"DEBUG".into(), &"30".into(), &"fib".into())
    );
    assert_eq!(ending(small), ("answered", "OK"));
    assert_eq!((&small["request_bytes"], &small["reply_bytes"]), (&6.into(), &6.into()));
    assert!(small["peer"].as_str().unwrap().starts_with("amq.gen-"));
    assert!(small.get("queue_us").is_none() && small.get("trace_id").is_none(), "{small:#}");
    let large = line(&lines, "large");
    assert_eq!((&large["n"], &large["reply_bytes"]), (&"300000".into(), &62_696.into()));
    for line in [small, large] {
        let parts = ["wait_us", "compute_us", "confirm_us"].map(|part| micros(line, part));
        let (sum, total) = (parts.iter().sum::<u64>(), micros(line, "total_us"));
        assert!(sum <= total && total <= sum + 3, "each is cut to whole microseconds: {line:#}");
    }
    assert!(micros(large, "compute_us") > 0);
    let ping = line(&lines, "ping");
    assert!(ping.get("n").is_none() && ping.get("compute_us").is_none(), "{ping:#}");
    assert_eq!(ending(line(&lines, "wrong")), ("answered", "INVALID_ARGUMENT"));
    for round in 0..20 {
        assert_eq!(ending(line(&lines, &format!("here {round}"))), ("answered", "OK"));
        assert_eq!(ending(line(&lines, &format!("gone {round}"))), ("returned", "OK"));
    }
    assert_eq!(ending(line(&lines, "mute")), ("rejected", "none"));
}

#[test]
fn a_time_stamp_shows_the_wait_and_a_trace_parent_the_trace() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[DEBUG]);
    let caller = Caller::connect(&vhost.uri());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let headers = arguments(&[("traceparent", AMQPValue::LongString(parent.into()))]);
    let properties = caller.properties("old").with_timestamp(now - 100).with_headers(headers);
    caller.publish(QUEUE, properties, b"30");
    daemon.wait_for("\"settled\"");
    let lines = lines(&daemon);
    let old = line(&lines, "old");
    assert!(micros(old, "queue_us") >= 100_000_000, "{old:#}");
    assert!(micros(old, "total_us") < micros(old, "queue_us"), "{old:#}");
    assert_eq!(old["trace_id"], "0af7651916cd43dd8448eb211c80319c");
}

/// A daemon behind a relay that keeps the reply to this call from the broker.
fn stuck(vhost: &Vhost, caller: &Caller, id: &str) -> (Relay, Daemon) {
    let relay = Relay::to(&vhost.uri());
    let daemon = Daemon::serving(&relay.uri(), &[DEBUG]);
    relay.hold_replies();
    caller.call(id, "30");
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", 1);
    (relay, daemon)
}

#[test]
fn a_request_that_was_not_answered_says_where_it_went() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    let (relay, mut daemon) = stuck(&vhost, &caller, "back");
    daemon.signal("INT");
    daemon.wait_for("draining");
    assert_eq!(daemon.terminate(), Some(1));
    drop(relay);
    let records = lines(&daemon);
    let back = line(&records, "back");
    assert_eq!(ending(back), ("given_back", "OK"));
    assert!(back.get("confirm_us").is_none(), "{back:#}");
    caller.purge(QUEUE);

    let (relay, daemon) = stuck(&vhost, &caller, "lost");
    relay.reset();
    daemon.wait_for("lost the broker");
    assert_eq!(ending(line(&lines(&daemon), "lost")), ("lost", "OK"));
}

#[test]
fn a_reply_that_the_broker_refuses_says_so() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    let full = arguments(&[
        ("x-max-length", AMQPValue::LongInt(1)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ]);
    caller.declare("full", QueueDeclareOptions::default(), full).unwrap();
    let daemon = Daemon::serving(&vhost.uri(), &[DEBUG]);
    for id in ["fits", "refused"] {
        caller.publish(QUEUE, caller.properties(id).with_reply_to("full".into()), b"30");
        daemon.wait_for(&format!("\"correlation_id\":\"{id}\""));
    }
    let lines = lines(&daemon);
    assert_eq!(ending(line(&lines, "fits")), ("answered", "OK"));
    assert_eq!(ending(line(&lines, "refused")), ("refused", "OK"));
}
