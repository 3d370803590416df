//! `fibrpcctl request`: any request to any server.

use super::interop::python_server;
use crate::support::{
    broker,
    lapin_caller::{Caller, QUEUE, arguments},
    program::{Daemon, Ran, ctl, ctl_command, ctl_with_input},
    raw_amqp::RawConnection,
};
use lapin::{
    BasicProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable, ShortString},
};
use serde_json::Value;
use std::{fs, process::Stdio};

#[test]
fn our_server_answers_requests_of_every_shape() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let ask = |args: &[&str]| ctl(&vhost.uri(), &[&["request"], args].concat());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "30").unwrap();
    let at_file = format!("@{}", file.path().display());
    for args in [
        &["30"][..],
        &["-d", "30"],
        &["-d", &at_file],
        &["30", "--reply-queue", "direct"],
        &["30", "--routing-key", QUEUE, "--queue", "another"],
        &["30", "--exchange", "amq.direct", "--routing-key", "key"],
        &["30", "--correlation-id", "mine", "--property", "priority=3"],
    ] {
        if args.contains(&"--exchange") {
            Caller::connect(&vhost.uri()).bind(QUEUE, "amq.direct", "key");
        }
        let ran = ask(args);
        let said = (ran.code, ran.stdout.as_str(), ran.stderr.as_str());
        assert_eq!(said, (Some(0), "832040\n", ""), "{args:?}");
    }
    for args in [&["request", "-"][..], &["request", "-d", "-"], &["request", "-d", "@-"]] {
        let ran = ctl_with_input(&vhost.uri(), args, "30\n");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n"), "{args:?} {ran:?}");
    }
    assert_eq!(ask(&["--raw", "30"]).stdout, "832040");
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(ask(&["-o", file.path().to_str().unwrap(), "30"]).stdout, "");
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "832040\n");
    assert_eq!(ask(&["-o", "-", "30"]).stdout, "832040\n");
    assert_eq!(ask(&["--type", "ping"]).stdout, "pong\n");
    let ran = ask(&["-i", "--correlation-id", "mine", "30"]);
    let (properties, body) = ran.stdout.split_once("\n\n").unwrap();
    assert_eq!((ran.code, body), (Some(0), "832040\n"), "{ran:?}");
    assert!(properties.contains("content-type: text/plain\ncorrelation-id: mine"), "{properties}");
    // Errors have the codes of `call`.
    let ran = ask(&["x"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{ran:?}");
    assert!(ran.stderr.contains("INVALID_ARGUMENT: the body is not a decimal number"), "{ran:?}");
    let ran = ask(&["30", "--queue", "nowhere"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    let ran = ask(&["-d", "@/nowhere"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("cannot read /nowhere: no such file"), "{ran:?}");
    let ran = ask(&["30", "--property", "expiration=soon"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn what_the_broker_objects_to_is_told_at_once() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let ask = |args: &[&str]| ctl(&vhost.uri(), &[&["--timeout", "1h", "request"], args].concat());
    for (args, code, cause, hint) in [
        (&["--exchange", "nowhere"][..], 6, "404 NOT_FOUND - no exchange 'nowhere'", "--exchange"),
        (&["--exchange", "nowhere", "--resend"], 6, "404 NOT_FOUND", "--exchange"),
        (
            &["--exchange", "amq.direct"],
            5,
            "no queue for the routing key \"rpc_queue\"",
            "bindings",
        ),
        (&["--property", "user-id=nobody"], 6, "406 PRECONDITION_FAILED", "user-id"),
    ] {
        let ran = ask(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{args:?}: {ran:?}");
        let lines = ran.stderr.lines().collect::<Vec<_>>();
        assert!(lines.len() == 2 && lines[0].contains(cause), "{args:?}: {ran:?}");
        assert!(lines[1].contains("hint: ") && lines[1].contains(hint), "{args:?}: {ran:?}");
    }
}

#[test]
fn requests_and_replies_keep_all_that_they_say() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    caller.declare("any", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    let mut command = ctl_command(
        &vhost.uri(),
        &[
            "--queue",
            "any",
            "--wait",
            "--format",
            "json",
            "request",
            "-d",
            "body",
            "--type",
            "verb",
            "-H",
            "x-tenant: acme",
            "-H",
            "x-try:=2",
            "--content-type",
            "text/csv",
            "--property",
            "app_id=test",
            "--property",
            "delivery-mode=persistent",
            "--property",
            "message-id=m1",
            "--property",
            "priority=4",
            "--property",
            "user-id=guest",
        ],
    );
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let request = caller.wait_and_get("any");
    let said = &request.properties;
    let text = |text: &Option<ShortString>| text.as_ref().unwrap().as_str().to_owned();
    let texts =
        [said.kind(), said.content_type(), said.app_id(), said.message_id(), said.user_id()];
    assert_eq!(texts.map(text), ["verb", "text/csv", "test", "m1", "guest"]);
    assert_eq!((said.delivery_mode(), said.priority()), (&Some(2), &Some(4)));
    // Ours reads the headers it knows only.
    let mut headers = FieldTable::default();
    headers.insert("x-n".into(), AMQPValue::LongLongInt(-5));
    headers.insert("x-nested".into(), AMQPValue::FieldTable(FieldTable::default()));
    headers.insert("x-text".into(), AMQPValue::LongString("\u{1b}[2J".into()));
    let properties = BasicProperties::default()
        .with_correlation_id(said.correlation_id().clone().unwrap())
        .with_app_id("server".into())
        .with_type("noun".into())
        .with_headers(headers);
    caller.publish(&text(said.reply_to()), properties, b"\xFF\xFE");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
    let reply: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&reply["status"], &reply["body_base64"]), (&"OK".into(), &"//4=".into()));
    let said = &reply["properties"];
    assert_eq!((&said["app_id"], &said["type"]), (&"server".into(), &"noun".into()));
    assert_eq!(said["headers"], serde_json::json!({"x-n": -5, "x-text": "\u{1b}[2J"}));
}

#[test]
fn a_request_a_line_and_a_reply_a_line() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let args = ["request", "--lines", "--concurrency", "8"];
    let input = (0..2000).map(|n| (n % 90).to_string()).collect::<Vec<_>>().join("\n");
    let ran = ctl_with_input(&vhost.uri(), &[&["--timeout", "60s"], &args[..]].concat(), &input);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let fibonacci = |n: u64| (0..n).fold((0u64, 1u64), |(a, b), _| (b, a + b)).0;
    let expected = (0..2000).map(|n| fibonacci(n % 90).to_string()).collect::<Vec<_>>();
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), expected);
    let ran = ctl_with_input(&vhost.uri(), &[&args[..], &["--json"]].concat(), "1\nx\n3\n");
    assert_eq!(ran.code, Some(3), "{ran:?}");
    let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    assert_eq!((&lines[0]["line"], &lines[0]["body"]), (&1.into(), &"1".into()));
    assert_eq!(lines[1]["status"], "INVALID_ARGUMENT");
    assert_eq!((&lines[2]["line"], &lines[2]["body"]), (&3.into(), &"2".into()));
}

#[test]
fn a_server_on_pika_answers_and_one_that_forgets_the_id_is_told() {
    let vhost = broker::shared().vhost();
    let _server = python_server(&vhost.uri());
    for args in [&["request", "30"][..], &["request", "--reply-queue", "direct", "30"]] {
        let ran = ctl(&vhost.uri(), args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n"), "{ran:?}");
    }
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(b"forgetful");
    let args = ["--queue", "forgetful", "--timeout", "2s", "request", "30"];
    let mut command = ctl_command(&vhost.uri(), &args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let request = server.message();
    server.reply(&request.reply_to.unwrap(), b"", b"832040");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""), "{ran:?}");
    assert!(ran.stderr.contains("hint: 1 replies had no correlation id of ours"), "{ran:?}");
}

#[test]
fn a_request_is_not_sent_again_after_a_lost_connection_unless_asked_for() {
    let vhost = broker::shared().vhost();
    let lose = || {
        broker::shared().ctl(&["close_all_connections", "--vhost", vhost.name(), "as a test"]);
    };
    let start = |args: &[&str]| {
        let args = [&["--queue", "slow", "--timeout", "1m", "request", "30"], args].concat();
        let mut command = ctl_command(&vhost.uri(), &args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let serving = || {
        let mut server = RawConnection::connect(&vhost.uri());
        server.serve(b"slow");
        server
    };
    let mut server = serving();
    let child = start(&[]);
    server.message();
    lose();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(6), ""), "{ran:?}");
    assert!(ran.stderr.contains("the connection was lost before the reply"), "{ran:?}");
    assert!(ran.stderr.contains("hint: with --resend"), "{ran:?}");

    let mut server = serving();
    let child = start(&["--resend", "--wait"]);
    let first = server.message().correlation_id.unwrap();
    lose();
    let mut server = serving();
    let again = server.message();
    let id = again.correlation_id.unwrap();
    assert_eq!(id, first);
    server.reply(&again.reply_to.unwrap(), &id, b"832040");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n"), "{ran:?}");
}

#[test]
fn requests_in_json_say_all_that_differs_and_get_their_ids_back() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let lines = concat!(
        "{\"body\":\"30\",\"id\":\"a\",\"headers\":{\"x-try\":2}}\n",
        "{\"type\":\"ping\",\"correlation_id\":\"mine\",\"id\":{\"k\":[1]}}\n",
        "oops\n",
        "{\"body\":\"40\",\"priority\":300,\"id\":4}\n",
        "{\"body_base64\":\"eA==\"}\n",
    );
    let args = ["--json", "request", "--type", "fib", "--input-format", "json"];
    let ran = ctl_with_input(&vhost.uri(), &args, lines);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(2), ""), "{ran:?}");
    let said: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| said.iter().map(|line| line[name].to_string()).collect::<Vec<_>>();
    assert_eq!(of("line"), ["1", "2", "3", "4", "5"]);
    assert_eq!(of("id"), ["\"a\"", "{\"k\":[1]}", "null", "4", "null"]);
    let statuses = ["OK", "OK", "BAD_INPUT", "BAD_INPUT", "INVALID_ARGUMENT"];
    assert_eq!(of("status"), statuses.map(|status| format!("{status:?}")));
    assert_eq!(of("body")[..2], ["\"832040\"", "\"pong\""]);
    assert_eq!(said[1]["properties"]["correlation_id"], "mine");
    let plain = ctl_with_input(&vhost.uri(), &args[1..], lines);
    assert_eq!((plain.code, plain.stdout.as_str()), (Some(2), "832040\npong\n"), "{plain:?}");
    let told =
        ["line 3 of standard input: not JSON", "line 4 of standard input: priority: expected"];
    assert!(told.iter().all(|line| plain.stderr.contains(line)), "{plain:?}");
    assert!(plain.stderr.contains("hint: fibrpcctl call --help and request --help"), "{plain:?}");

    let args = ["--json", "call", "--unordered", "--input-format", "json", "-"];
    let ran = ctl_with_input(&vhost.uri(), &args, "{\"n\":30,\"id\":1}\n{\"N\":30,\"id\":2}\n");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stdout.contains(r#""id":1,"n":"30","result":"832040""#), "{ran:?}");
    assert!(ran.stdout.contains(r#""error":"line 2 of standard input: N: unknown"#), "{ran:?}");
    let ran = ctl(&vhost.uri(), &["call", "--input-format", "json", "30"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("give - instead"), "{ran:?}");
}
