//! Calls: the wire as clients of all kinds see it, and what `fibrpcctl` makes of it.

use crate::support::{
    broker,
    caller::{Caller, QUEUE, Reply, arguments},
    calls::Calls,
    program::{Daemon, ctl, ctl_with_input},
    relay::Relay,
};
use lapin::{options::QueueDeclareOptions, types::AMQPValue};
use std::{process::Command, time::SystemTime};

fn ok(id: &str, body: &str) -> Reply {
    Reply { id: Some(id.into()), status: None, body: body.into() }
}

#[test]
fn calls_are_answered_in_the_order_of_the_arguments() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    // The large one takes longest and is printed first all the same.
    let ran = ctl(&vhost.uri(), &["call", "300000", "30", "0", "1", " +93 ", "30"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let lines = ran.stdout.lines().collect::<Vec<_>>();
    assert_eq!(lines[0].len(), 62_696);
    assert!(lines[0].starts_with("876173253291") && lines[0].ends_with("670979600000"));
    assert_eq!(lines[1..], ["832040", "0", "1", "12200160415121876738", "832040"]);
}

#[test]
fn every_number_of_a_long_input_gets_its_line() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let input = (0..5000).map(|n| (n % 90).to_string()).collect::<Vec<_>>().join("\n");
    let ran = ctl_with_input(&vhost.uri(), &["--timeout", "60s", "call", "-"], &input);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let fibonacci = |n: u64| (0..n).fold((0u64, 1u64), |(a, b), _| (b, a + b)).0;
    let expected = (0..5000).map(|n| fibonacci(n % 90).to_string()).collect::<Vec<_>>();
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn wrong_numbers_are_refused_with_a_reason_and_move_nothing() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[("compute.max_n", "1000")]);
    for (number, reason) in [
        ("-1", "INVALID_ARGUMENT: n is negative"),
        ("abc", "INVALID_ARGUMENT: the body is not a decimal number: \"abc\""),
        ("1e9", "INVALID_ARGUMENT: the body is not a decimal number: \"1e9\""),
        ("", "INVALID_ARGUMENT: the body is empty"),
        ("1001", "RESOURCE_EXHAUSTED: n is beyond the limit of 1000"),
        ("99999999999999999999999999", "RESOURCE_EXHAUSTED: n is beyond the limit of 1000"),
    ] {
        let ran = ctl(&vhost.uri(), &["call", "--", number]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{number}: {}", ran.stderr);
        assert!(ran.stderr.contains(reason), "{number}: {}", ran.stderr);
    }
    let caller = Caller::connect(&vhost.uri());
    caller.call("digits", &"9".repeat(1 << 20));
    let reply = caller.reply();
    assert_eq!(reply.status.as_deref(), Some("RESOURCE_EXHAUSTED"));
    assert!(reply.body.starts_with("error: "), "{}", reply.body);
    assert_eq!(ctl(&vhost.uri(), &["call", "1000"]).stdout.len(), 209 + 1);
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1);
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"invalid_argument\"}", 4);
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"resource_exhausted\"}", 3);
}

#[test]
fn wrong_usage_exits_with_2_before_anything_is_sent() {
    for args in [&["call"][..], &["call", "-1"], &["dial"], &["--timeout", "0s", "ping"]] {
        assert_eq!(ctl("amqp://127.0.0.1:1", args).code, Some(2), "{args:?}");
    }
    let name = "q".repeat(300);
    let ran = ctl("amqp://127.0.0.1:1", &["--queue", &name, "ping"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("300 bytes long; at most 255 are possible"), "{}", ran.stderr);
    let ran = ctl("http://user:secret@127.0.0.1", &["ping"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn some_wrong_numbers_leave_the_others_their_answers() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let ran = ctl(&vhost.uri(), &["call", "10", "x", "20"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), "55\n6765\n"));
    assert!(ran.stderr.contains("call x: INVALID_ARGUMENT"), "{}", ran.stderr);
}

#[test]
fn json_output_is_one_object_a_line() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let ran = ctl(&vhost.uri(), &["--format", "json", "call", "30", "x"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), ""));
    let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    assert_eq!(lines[0]["n"], "30");
    assert_eq!(lines[0]["status"], "OK");
    assert_eq!(lines[0]["result"], "832040");
    assert!(lines[0]["seconds"].is_f64());
    assert_eq!(lines[1]["status"], "INVALID_ARGUMENT");
    assert!(lines[1]["error"].is_string());

    let info = ctl(&vhost.uri(), &["--format", "json", "info"]).stdout;
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(info["limits"]["max_n"], 50_000_000);
    let pong = ctl(&vhost.uri(), &["ping"]);
    assert!(pong.stdout.starts_with("pong after "), "{pong:?}");
}

#[test]
fn a_trace_id_is_sent_and_shown() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[("log.level", "debug")]);
    let ran = ctl(&vhost.uri(), &["--trace", "call", "30", "31"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n1346269\n"));
    let trace = ran.stderr.strip_prefix("trace ").unwrap().trim_end();
    assert!(trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ran:?}");
    daemon.wait_for_nth(&format!("\"trace_id\":\"{trace}\""), 2);
    for command in [&["call", "30"][..], &["call", "x"], &["ping"], &["info"]] {
        let ran = ctl(&vhost.uri(), &[&["--trace", "--format", "json"], command].concat());
        assert_eq!(ran.stderr, "", "{ran:?}");
        let line: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let trace = line["trace_id"].as_str().unwrap();
        daemon.wait_for(&format!("\"trace_id\":\"{trace}\""));
    }
    assert!(!ctl(&vhost.uri(), &["--format", "json", "info"]).stdout.contains("trace_id"));
}

#[test]
fn the_example_in_the_library_runs() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    // Cargo builds the examples beside the tests.
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_fibrpcd")).parent().unwrap();
    let output =
        Command::new(programs.join("examples/call")).arg(vhost.uri()).arg("30").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "F(30) = 832040\n");
}

#[test]
fn exit_codes_tell_a_missing_server_from_a_missing_broker() {
    let vhost = broker::shared().vhost();
    // No queue, then a queue nobody consumes.
    let ran = ctl(&vhost.uri(), &["call", "30"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no queue \"rpc_queue\""), "{}", ran.stderr);
    let caller = Caller::connect(&vhost.uri());
    caller.declare(QUEUE, QueueDeclareOptions::durable(), arguments(&[])).unwrap();
    let ran = ctl(&vhost.uri(), &["call", "30"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("no server is consuming"), "{}", ran.stderr);
    // A server that takes the call and never answers.
    let _mute = Daemon::serving(&vhost.uri(), &[("amqp.queue", "other")]);
    caller.declare("mute", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    let consumer = caller.consume("mute");
    let ran = ctl(&vhost.uri(), &["--queue", "mute", "--timeout", "3s", "call", "30"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    drop(consumer);
    // No broker; a password, and a virtual host, that the broker does not know.
    let ran = ctl("amqp://127.0.0.1:1", &["--timeout", "300ms", "call", "30"]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    assert!(ran.stderr.contains("onnection refused"), "{}", ran.stderr);
    let wrong = vhost.uri().replace("guest:guest", "guest:wrong-secret");
    let ran = ctl(&wrong, &["call", "30"]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    assert!(ran.stderr.contains("403") && !ran.stderr.contains("wrong-secret"), "{}", ran.stderr);
    let ran = ctl(&format!("{}-not", vhost.uri()), &["call", "30"]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
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
    // Their memory is free again, and neither was computed.
    caller.call("large", "100000000");
    assert_eq!(caller.reply().body.len(), 20_898_764);
    daemon.wait_for_metric("fibrpcd_computations_total", 1);
    assert_eq!(daemon.metric("fibrpcd_computations_total"), 1);
}

#[test]
fn long_replies_are_sent_one_after_the_other_and_short_ones_between() {
    /// F of it fills the window of replies that may be on their way to the broker.
    const LONG: u64 = 20_000_000;
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    let daemon = Daemon::serving(&relay.uri(), &[]);
    relay.hold_replies();
    let mut calls = Calls::new(&vhost.uri());
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
