//! `fibrpcctl`: arguments, output, exit codes.

use crate::support::{
    broker,
    lapin_caller::{Caller, QUEUE, arguments},
    program::{Daemon, Ran, ctl, ctl_command, ctl_with_input},
};
use lapin::options::QueueDeclareOptions;

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
    caller.call("digits", &"9".repeat(64 << 10));
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
    // Stronger than the variable.
    let mut command = ctl_command(&vhost.uri(), &["--json", "call", "30"]);
    let ran = Ran::from(command.env("FIBRPCCTL_FORMAT", "plain").output().unwrap());
    assert!(ran.stdout.starts_with('{'), "{ran:?}");
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
