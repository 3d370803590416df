//! `fibrpcctl serve`: the stub that answers any queue.

use crate::support::{
    PATIENCE,
    broker::{self, Broker},
    lapin_caller::{Caller, arguments},
    program::{Ran, ctl, ctl_command, ctl_with_input},
    stub::Stub,
};
use lapin::{BasicProperties, options::QueueDeclareOptions, types::AMQPValue};
use serde_json::Value;
use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    os::fd::AsRawFd as _,
    process::{self, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Ends by nothing but a signal: not even when nobody reads its output any more.
const NEVER_ENDS: &str = "tail -f /dev/null > /dev/null";

/// Makes a request of a queue, and waits for its server.
pub(super) fn ask(uri: &str, args: &[&str]) -> Ran {
    ctl(uri, &[&["--queue", "any", "--wait", "--timeout", "1m", "request"], args].concat())
}

/// A durable queue.
pub(super) fn declare(caller: &Caller, queue: &str, kind: &str) {
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    let kind = AMQPValue::LongString(kind.into());
    caller.declare(queue, options, arguments(&[("x-queue-type", kind)])).unwrap();
}

/// Publishes so many requests to `any`, whose replies go to `replies`.
pub(super) fn publish_numbered(caller: &Caller, count: usize) {
    for number in 0..count {
        let properties = caller.properties(&number.to_string()).with_reply_to("replies".into());
        caller.publish("any", properties, format!("body {number}").as_bytes());
    }
}

/// Waits until each of them is answered, and rightly; some may be twice.
pub(super) fn collect_numbered(caller: &Caller, count: usize) {
    let mut answered = HashSet::new();
    while answered.len() < count {
        let reply = caller.wait_and_get("replies");
        let id = reply.properties.correlation_id().as_ref().unwrap().to_string();
        assert_eq!(String::from_utf8(reply.data).unwrap(), format!("body {id}"));
        answered.insert(id);
    }
}

/// Waits until so many messages of a queue are nobody's: no event tells.
pub(super) fn wait_for_depth(caller: &Caller, queue: &str, depth: u32) {
    wait_for_queue(caller, queue, (depth, 0));
}

/// The same, with so many consumers.
pub(super) fn wait_for_queue(caller: &Caller, queue: &str, state: (u32, u32)) {
    let started = Instant::now();
    while caller.depth(queue) != Some(state) {
        assert!(started.elapsed() < PATIENCE, "{:?} instead of {state:?}", caller.depth(queue));
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn replies_are_what_was_asked_for_and_a_count_ends_it() {
    let vhost = broker::shared().vhost();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "from\na file").unwrap();
    let file = file.path().to_str().unwrap();
    let serve = |args: &[&str]| {
        let one = ["--queue", "any", "--declare", "--count", "1"];
        Stub::start(&vhost.uri(), &[&one, args].concat())
    };
    for (args, sent, body) in [
        (&[][..], "body", "body\n"),
        (&["--echo"], "", "\n"),
        (&["--reply", file], "x", "from\na file\n"),
        (&["--reply-text", "fixed"], "x", "fixed\n"),
        (&["--delay", "1ms..5ms"], "late", "late\n"),
        (&["--command", "tr a-z A-Z"], "loud", "LOUD\n"),
    ] {
        let mut stub = serve(args);
        let ran = ask(&vhost.uri(), &["-d", sent]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), body), "{args:?}: {ran:?}");
        let (code, said) = stub.wait();
        assert_eq!(code, Some(0), "{args:?}: {said}");
        assert!(said.contains("served 1, 0 failed, 0 unroutable"), "{said}");
    }
    let mut stub = serve(&[]);
    let ran = ask(&vhost.uri(), &["-i", "--content-type", "text/csv", "--type", "verb", "a,b"]);
    assert!(ran.stdout.contains("content-type: text/csv\n"), "{ran:?}");
    let line = stub.wait_for(" verb 3 B OK 3 B ");
    assert!(line.ends_with(" ms"), "{line}");
    let _late = serve(&["--delay", "20ms"]);
    let ran = ask(&vhost.uri(), &["-v", "--json", "-H", "Priority: 5", "x"]);
    let reply: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(reply["timing"]["server"]["compute_us"].as_u64() >= Some(20_000), "{reply}");
    let says = "hint: priority is sent as a header; --property priority=VALUE sets the property\n";
    assert!(ran.stderr.ends_with(says), "{ran:?}");
    let _stub =
        serve(&["-H", "x-tenant: acme", "-H", "n:=5", "--type", "t", "--content-type", "c/d"]);
    let ran = ask(&vhost.uri(), &["-i", "x"]);
    for line in ["content-type: c/d\n", "type: t\n", "headers.x-tenant: acme\n", "headers.n: 5\n"] {
        assert!(ran.stdout.contains(line), "{ran:?}");
    }
}

#[test]
fn lines_in_json_say_all_of_a_request_and_quiet_says_none() {
    let vhost = broker::shared().vhost();
    let args = ["--queue", "any", "--declare", "--count", "1"];
    let mut stub = Stub::start(&vhost.uri(), &[&args[..], &["--json"]].concat());
    ask(&vhost.uri(), &["--correlation-id", "mine", "--type", "verb", "body"]);
    let line = stub.wait_for("correlation_id");
    let object: Value = serde_json::from_str(&line).unwrap();
    let expected = [("correlation_id", "mine"), ("type", "verb"), ("status", "OK")];
    for (name, value) in expected {
        assert_eq!(object[name], value, "{line}");
    }
    assert_eq!((&object["bytes"], &object["reply_bytes"]), (&4.into(), &4.into()), "{line}");
    assert_eq!(object["redelivered"], false, "{line}");
    assert!(object["seconds"].is_f64() && object["time"].is_f64(), "{line}");
    assert_eq!(stub.wait().0, Some(0));
    let mut stub = Stub::start(&vhost.uri(), &[&args[..], &["--quiet"]].concat());
    ask(&vhost.uri(), &["--correlation-id", "mine", "body"]);
    let (code, said) = stub.wait();
    assert!(code == Some(0) && !said.contains("mine"), "{said}");
}

#[test]
fn a_command_gets_what_the_request_says_and_its_failures_are_errors() {
    let vhost = broker::shared().vhost();
    let serve = |command: &str| {
        let args = ["--queue", "any", "--declare", "--command", command];
        let mut command = ctl_command(&vhost.uri(), &[&["serve"], &args[..]].concat());
        Stub::run(command.env("FIBRPC_TYPE", "inherited"))
    };
    let mut stub = serve("cat; echo; env | grep ^FIBRPC_ | sort");
    let ran = ask(
        &vhost.uri(),
        &[
            "-H",
            "x-tenant: acme",
            "-H",
            "n:=5",
            "--correlation-id",
            "mine",
            "--property",
            "priority=3",
            "body",
        ],
    );
    let lines: HashSet<&str> = ran.stdout.lines().collect();
    for line in [
        "body",
        "FIBRPC_CORRELATION_ID=mine",
        "FIBRPC_HEADER_N=5",
        "FIBRPC_HEADER_X_TENANT=acme",
        "FIBRPC_PRIORITY=3",
        "FIBRPC_QUEUE=any",
        "FIBRPC_REDELIVERED=false",
    ] {
        assert!(lines.contains(line), "{line} is not in {ran:?}");
    }
    assert!(ran.stdout.contains("FIBRPC_REPLY_TO=amq.gen") && !ran.stdout.contains("inherited"));
    assert_eq!(stub.terminate().0, Some(143));
    let _stub = serve("read what; $what");
    for (what, says) in [
        ("false", "INTERNAL: the command ended with exit status 1"),
        ("nonsense", "INTERNAL: the command ended with exit status 127"),
    ] {
        let ran = ask(&vhost.uri(), &[&format!("{what}\n")]);
        assert!(ran.code == Some(3) && ran.stderr.contains(says), "{ran:?}");
    }
    // Killed when the time is up, that of the request here: the next one is answered, though only
    // as many run at once as there are cores.
    for _ in 0..thread::available_parallelism().unwrap().get() {
        let args = ["--property", "expiration=300", &format!("{NEVER_ENDS}\n")];
        let ran = ask(&vhost.uri(), &args);
        let says = "DEADLINE_EXCEEDED: the command was killed: it took more than";
        assert!(ran.code == Some(3) && ran.stderr.contains(says), "{ran:?}");
    }
    assert_eq!(ask(&vhost.uri(), &["echo done\n"]).stdout, "done\n");
}

#[test]
fn failures_are_a_share_and_come_again_from_the_same_seed() {
    let vhost = broker::shared().vhost();
    let statuses = |args: &[&str]| {
        let serve = [&["--queue", "any", "--declare"], args].concat();
        let mut stub = Stub::serving(&vhost.uri(), &serve);
        let args = ["--queue", "any", "--json", "request", "--lines", "--concurrency", "1"];
        let ran = ctl_with_input(&vhost.uri(), &args, &"x\n".repeat(64));
        // Not killed: the last request would come to the next stub, and be its first draw.
        assert_eq!(stub.terminate().0, Some(143));
        let status = |line: &str| serde_json::from_str::<Value>(line).unwrap()["status"].clone();
        ran.stdout.lines().map(status).collect::<Vec<Value>>()
    };
    assert_eq!(statuses(&[]), ["OK"; 64]);
    assert_eq!(statuses(&["--fail", "0%"]), ["OK"; 64]);
    assert_eq!(statuses(&["--fail", "100%"]), ["INTERNAL"; 64]);
    let some = statuses(&["--fail", "50%", "--seed", "7"]);
    assert!(some.contains(&"OK".into()) && some.contains(&"INTERNAL".into()), "{some:?}");
    assert_eq!(some, statuses(&["--fail", "50%", "--seed", "7", "--delay", "0s..1ms"]));
}

#[test]
fn a_queue_is_used_as_it_is_or_declared_for_a_while() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    let mut stub = Stub::start(&vhost.uri(), &["--queue", "any"]);
    let (code, said) = stub.wait();
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains("there is no queue \"any\"") && said.contains("hint: --declare"),
        "{said}"
    );
    // Declared, and gone with the stub.
    let mut stub = Stub::serving(&vhost.uri(), &["--queue", "any", "--declare"]);
    assert_eq!(caller.depth("any"), Some((0, 1)));
    assert_eq!(stub.terminate().0, Some(143));
    assert_eq!(caller.depth("any"), None);
    // There already: neither changed nor removed.
    declare(&caller, "any", "quorum");
    let mut stub = Stub::serving(&vhost.uri(), &["--queue", "any", "--declare"]);
    for reply_queue in ["exclusive", "direct"] {
        assert_eq!(ask(&vhost.uri(), &["--reply-queue", reply_queue, "x"]).stdout, "x\n");
    }
    stub.signal("INT");
    assert_eq!(stub.wait().0, Some(130));
    wait_for_depth(&caller, "any", 0);
    declare(&caller, "any", "quorum"); // refused if it is another one now
    // Waited for.
    caller.delete("any");
    let mut stub = Stub::start(&vhost.uri(), &["--queue", "any", "--wait"]);
    stub.wait_for("waiting: ");
    declare(&caller, "any", "classic");
    stub.wait_for("serving ");
    assert_eq!(ask(&vhost.uri(), &["x"]).stdout, "x\n");
}

#[test]
fn without_a_broker_it_ends_and_says_why() {
    let mut stub = Stub::start("amqp://127.0.0.1:1", &[]);
    let (code, said) = stub.wait();
    assert!(code == Some(6) && said.contains("cannot serve: connecting to"), "{said}");
    assert!(said.contains("hint: look at host and port in --uri"), "{said}");
    for (args, says) in [
        (&["--reply", "/nowhere"][..], "cannot read /nowhere: no such file"),
        (&["--echo", "--reply-text", "x"], "cannot be used with"),
        (&["-v"], "--verbose cannot be used with serve, which makes no calls"),
        (&["--fail", "1"], "such as 1%"),
        (&["--delay", "2s..1s"], "shorter than the first"),
    ] {
        let (code, said) = Stub::start("amqp://127.0.0.1:1", args).wait();
        assert!(code == Some(2) && said.contains(says), "{args:?}: {said}");
    }
}

#[test]
fn replies_that_nobody_can_receive_are_told_and_the_requests_are_over() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    declare(&caller, "any", "classic");
    let mut stub = Stub::serving(&vhost.uri(), &["--queue", "any", "--count", "4"]);
    let gone = caller.properties("gone").with_reply_to("nowhere".into());
    caller.publish("any", gone, b"1");
    stub.wait_for("the reply to \"gone\" has no receiver: there is no queue \"nowhere\"");
    stub.wait_for("gone - 1 B UNROUTABLE");
    caller.publish("any", BasicProperties::default(), b"2");
    stub.wait_for("has no reply_to that can be answered");
    stub.wait_for(" - - 1 B NO_REPLY_TO");
    let exchange = caller.properties("e").with_reply_to("/exchanges/amq.direct/x".into());
    caller.publish("any", exchange, b"3");
    stub.wait_for("e - 1 B NO_REPLY_TO");
    caller.publish("any", caller.properties("good"), b"4");
    assert_eq!(caller.reply().body, "4");
    let (code, said) = stub.wait();
    assert_eq!(code, Some(0));
    assert!(said.contains("served 4, 0 failed, 1 unroutable, 2 without reply_to"), "{said}");
    wait_for_depth(&caller, "any", 0);
}

#[test]
fn a_stop_ends_what_was_begun_and_gives_the_rest_back() {
    const REQUESTS: u32 = 20;
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    declare(&caller, "any", "classic");
    for number in 0..REQUESTS {
        caller.publish("any", caller.properties(&number.to_string()), b"x");
    }
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let mut opened = OpenOptions::new().read(true).write(true).open(&gate).unwrap();
    let command = format!("echo begun >&2; read line < {}; cat", gate.display());
    let args = ["--queue", "any", "--prefetch", "8", "--concurrency", "2", "--command", &command];
    let mut stub = Stub::serving(&vhost.uri(), &args);
    stub.wait_for("begun");
    stub.wait_for("begun");
    stub.signal("TERM");
    stub.wait_for("stopping: 2 under way, ");
    opened.write_all(b"\n\n").unwrap();
    let (code, said) = stub.wait();
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("served 2, 0 failed, 0 unroutable"), "{said}");
    caller.echo("last");
    let replies: Vec<String> = (0..3).map(|_| caller.reply().id.unwrap()).collect();
    assert_eq!(replies.last().map(String::as_str), Some("last"), "two before it: {replies:?}");
    wait_for_depth(&caller, "any", REQUESTS - 2);
}

#[test]
fn a_second_signal_ends_it_at_once_with_the_commands_that_run() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    declare(&caller, "any", "classic");
    let (mut held, holder) = io::pipe().unwrap();
    let path = format!("/proc/{}/fd/{}", process::id(), holder.as_raw_fd());
    let command = format!("exec 3> {path}; echo begun >&2; ({NEVER_ENDS}) & {NEVER_ENDS}");
    let args = ["--timeout", "1h", "--queue", "any", "--command", &command];
    let mut stub = Stub::serving(&vhost.uri(), &args);
    caller.publish("any", caller.properties("1"), b"x");
    stub.wait_for("begun");
    drop(holder);
    stub.signal("INT");
    stub.wait_for("stopping: 1 under way, 0 given back");
    stub.signal("INT");
    assert_eq!(stub.wait().0, Some(130));
    let (sender, over) = mpsc::channel();
    thread::spawn(move || sender.send(held.read_to_end(&mut Vec::new()).unwrap()));
    over.recv_timeout(PATIENCE).expect("nobody holds the pipe any more");
    wait_for_depth(&caller, "any", 1);
}

#[test]
fn output_that_nobody_reads_holds_up_no_answer() {
    // More than the pipe and the stub hold.
    const REQUESTS: usize = 6000;
    let vhost = broker::shared().vhost();
    let args = ["serve", "--queue", "any", "--declare"];
    let mut command = ctl_command(&vhost.uri(), &args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut stub = command.spawn().unwrap();
    let args = ["--queue", "any", "--wait", "--timeout", "1m", "request", "--lines"];
    let ran = ctl_with_input(&vhost.uri(), &args, &"x\n".repeat(REQUESTS));
    let _ = stub.kill();
    let _ = stub.wait();
    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), REQUESTS), "{}", ran.stderr);
}

#[test]
fn every_request_is_answered_though_the_broker_restarts() {
    const REQUESTS: usize = 400;
    let mut broker = Broker::private();
    let caller = Caller::connect(&broker.uri());
    for queue in ["any", "replies"] {
        declare(&caller, queue, "quorum"); // keeps transient messages as well
    }
    publish_numbered(&caller, REQUESTS);
    let args = ["--queue", "any", "--delay", "1ms..20ms", "--concurrency", "8", "--prefetch", "64"];
    let mut stub = Stub::serving(&broker.uri(), &args);
    for _ in 0..REQUESTS / 8 {
        stub.wait_for(" OK ");
    }
    broker.stop();
    stub.wait_for("lost the broker, attaching again");
    broker.start();
    stub.wait_for("serving ");
    let caller = Caller::connect(&broker.uri());
    collect_numbered(&caller, REQUESTS);
    assert_eq!(stub.terminate().0, Some(143));
    wait_for_depth(&caller, "any", 0);
}
