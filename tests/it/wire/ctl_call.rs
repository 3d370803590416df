//! `fibrpcctl call`: many numbers.

use crate::support::{
    broker,
    program::{Daemon, Ran, ctl, ctl_command, ctl_with_input},
    raw_amqp::RawConnection,
};
use serde_json::Value;
use std::{fs, process::Stdio};

#[test]
fn ranges_are_called_in_order_into_a_file_or_as_answers_come() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let call = |args: &[&str]| ctl(&vhost.uri(), &[&["call"], args].concat());
    let ran = call(&["--concurrency", "2", "0..=5", "7", "10..30..10"]);
    let expected = "0\n1\n1\n2\n3\n5\n13\n55\n6765\n";
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), expected, ""));
    for (range, says) in [
        ("5..5", "there is no number in it"),
        ("9..5", "is larger than"),
        ("1..x", "expected a range"),
    ] {
        let ran = call(&[range]);
        assert!(ran.code == Some(2) && ran.stderr.contains(says), "{ran:?}");
    }
    let ran = call(&["--unordered", "--json", "300000", "0..50"]);
    let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let mut numbers: Vec<u64> =
        lines.iter().map(|line| line["n"].as_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq((0..50).chain([300_000])), "{ran:?}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("answers");
    let ran = call(&["--output", path.to_str().unwrap(), "30"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "832040\n");
    // It is made anew by an answer, and where there is nothing to ask, but not where none comes.
    let output = ["call", "--output", path.to_str().unwrap()];
    assert_eq!(ctl("amqp://127.0.0.1:1", &[&output, &["7"][..]].concat()).code, Some(6));
    assert_eq!(fs::read_to_string(&path).unwrap(), "832040\n");
    for (input, answers) in [("7\n", "13\n"), ("", "")] {
        let ran = ctl_with_input(&vhost.uri(), &[&output, &["-"][..]].concat(), input);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), answers);
    }
    let ran = call(&["--output", "/dev/full", "30"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("cannot write /dev/full: No space left"), "{ran:?}");
    let ran = call(&["--output", "/nowhere/answers", "30"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("cannot write /nowhere/answers: No such file"), "{ran:?}");
}

#[test]
fn several_failures_are_summed_up_by_kind() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[("compute.max_n", "1000")]);
    let ran = ctl(&vhost.uri(), &["call", "x", "1", "y", "1001"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), "1\n"), "{ran:?}");
    let summary = "3 of 4 calls failed: 2 INVALID_ARGUMENT, 1 RESOURCE_EXHAUSTED";
    assert_eq!(ran.stderr.lines().last(), Some(&*format!("fibrpcctl: {summary}")), "{ran:?}");
    let ran = ctl(&vhost.uri(), &["call", "1-3"]);
    assert!(!ran.stderr.contains("calls failed"), "{ran:?}");
    assert!(ran.stderr.ends_with("hint: a range is written with dots: 1..=50\n"), "{ran:?}");
}

#[test]
fn a_call_without_an_answer_is_tried_again_and_one_with_an_error_is_not() {
    let vhost = broker::shared().vhost();
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(b"slow");
    let args = ["--queue", "slow", "--timeout", "2s", "call", "--retries", "2", "30"];
    let mut command = ctl_command(&vhost.uri(), &args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ids = [(); 3]
        .map(|()| server.message())
        .map(|request| (request.correlation_id.unwrap(), request.reply_to.unwrap()));
    assert!(ids[0].0 != ids[1].0 && ids[1].0 != ids[2].0);
    server.reply(&ids[2].1, &ids[2].0, b"832040");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "832040\n", ""));
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let ran = ctl(&vhost.uri(), &["call", "--retries", "5", "x"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"invalid_argument\"}", 1);
    assert_eq!(daemon.metric("fibrpcd_requests_total"), 1);
}
