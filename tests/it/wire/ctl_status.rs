//! `fibrpcctl status`, its verdicts, and `info --stats`.

use super::{ctl_serve::wait_for_queue, interop::python_server};
use crate::support::{
    PATIENCE, broker,
    lapin_caller::{Caller, QUEUE, arguments},
    program::{Daemon, Ran, ctl, ctl_command},
    raw_amqp::RawConnection,
    stub::Stub,
    sustained_load::pause,
};
use lapin::{BasicProperties, options::QueueDeclareOptions};
use serde_json::Value;
use std::{
    fs::OpenOptions,
    io::Write as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

fn object(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Asks until it is so: what has no event but an answer.
fn until(mut ask: impl FnMut() -> Ran, is_so: impl Fn(&Ran) -> bool) -> Ran {
    let started = Instant::now();
    loop {
        let ran = ask();
        if is_so(&ran) {
            return ran;
        }
        assert!(started.elapsed() < PATIENCE, "{ran:?}");
        thread::park_timeout(Duration::from_millis(50)); // leaves the machine to the others
    }
}

#[test]
fn one_screen_shows_broker_queue_server_and_http() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let url = format!("http://{}", daemon.http_address());
    let ran = ctl(&vhost.uri(), &["status", "--http", &url]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let lines = ran.stdout.lines().collect::<Vec<_>>();
    assert!(lines.len() < 24 && lines.iter().all(|line| line.chars().count() <= 80), "{ran:?}");
    for (line, part) in [
        ("broker   RabbitMQ ", ", amqp://guest@"),
        ("queue    rpc_queue: 0 waiting, 1 consumer", ""),
        ("server   fibrpcd ", "s, pong after "),
        ("load     ", " in flight"),
        ("methods  fib, ping, info, stats; max_n 50000000", ""),
        ("http     127.0.0.1:", ": serving rpc_queue at "),
    ] {
        let found = lines.iter().find(|shown| shown.starts_with(line));
        assert!(found.is_some_and(|shown| shown.contains(part)), "{line}: {ran:?}");
    }
    assert!(!ran.stdout.contains("guest:guest"), "{ran:?}");
    let mut command = ctl_command(&vhost.uri(), &["--json", "status"]);
    let ran = Ran::from(command.env("FIBRPCCTL_HTTP", &url).output().unwrap());
    let shown = object(&ran);
    assert_eq!((&shown["status"], &shown["broker"]["product"]), (&"OK".into(), &"RabbitMQ".into()));
    assert_eq!((&shown["queue"]["depth"], &shown["queue"]["consumers"]), (&0.into(), &1.into()));
    assert!(shown["server"]["ping_seconds"].is_f64(), "{ran:?}");
    assert_eq!(shown["server"]["stats"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(shown["http"]["status"]["state"], "consuming");
    let ran = ctl(&vhost.uri(), &["status", "--http", "http://127.0.0.1:1"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("127.0.0.1:1: not known"), "{ran:?}");
    assert!(ran.stderr.contains("onnection refused"), "{ran:?}");
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1);
}

#[test]
fn what_is_missing_is_told_and_nothing_is_changed() {
    let vhost = broker::shared().vhost();
    let status =
        |args: &[&str]| ctl(&vhost.uri(), &[&["--timeout", "1h", "status"], args].concat());
    let ran = status(&[]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stdout.contains("\nqueue    rpc_queue: does not exist\n"), "{ran:?}");
    assert!(ran.stderr.starts_with("fibrpcctl: there is no queue \"rpc_queue\""), "{ran:?}");
    let caller = Caller::connect(&vhost.uri());
    assert_eq!(caller.depth(QUEUE), None, "it is not declared");
    caller.declare(QUEUE, QueueDeclareOptions::durable(), arguments(&[])).unwrap();
    caller.publish(QUEUE, BasicProperties::default(), b"waits");
    // Without consumers nobody is asked, and nothing is waited for.
    let ran = status(&[]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stdout.contains("\nqueue    rpc_queue: 1 waiting, 0 consumers\n"), "{ran:?}");
    assert!(ran.stdout.ends_with("\nserver   not asked\n"), "{ran:?}");
    assert_eq!(object(&status(&["--json"]))["status"], "NO_SERVER");
    assert_eq!(caller.depth(QUEUE), Some((1, 0)));
    // Somebody consumes and does not answer.
    let mut mute = RawConnection::connect(&vhost.uri());
    mute.serve(b"mute");
    let ran = ctl(&vhost.uri(), &["--queue", "mute", "--timeout", "2s", "status"]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stdout.ends_with("\nserver   no answer within 2s\n"), "{ran:?}");
    let ran = ctl("amqp://127.0.0.1:1", &["status"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stdout.starts_with("broker   not reached\n"), "{ran:?}");
    assert!(ran.stderr.contains("onnection refused"), "{ran:?}");
    assert!(ran.stderr.contains("hint: look at host and port in --uri"), "{ran:?}");
}

#[test]
fn a_ping_waits_in_the_queue_as_any_call_does() {
    const WAIT: Duration = Duration::from_millis(300);
    let vhost = broker::shared().vhost();
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let command = format!("echo begun >&2; : < {}; cat", gate.display());
    let serve = ["--queue", "slow", "--declare", "--prefetch", "1", "--command", &command];
    let mut stub = Stub::serving(&vhost.uri(), &serve);
    let caller = Caller::connect(&vhost.uri());
    caller.publish("slow", caller.properties("first"), b"x");
    stub.wait_for("begun");
    let status = ["--queue", "slow", "--timeout", "1m", "--json", "status"];
    let child = ctl_command(&vhost.uri(), &status).stdout(Stdio::piped()).spawn().unwrap();
    wait_for_queue(&caller, "slow", (1, 1));
    pause(WAIT);
    let _open = OpenOptions::new().read(true).write(true).open(&gate).unwrap();
    let ran: Ran = child.wait_with_output().unwrap().into();
    let ping = object(&ran)["server"]["ping_seconds"].as_f64().unwrap();
    assert!(ping >= WAIT.as_secs_f64(), "{ran:?}");
}

#[test]
fn another_server_is_told_from_ours_and_not_harmed() {
    let vhost = broker::shared().vhost();
    let _server = python_server(&vhost.uri());
    let ran = ctl(&vhost.uri(), &["status"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let says = ", a ping with \"0\": no fibrpcd\n";
    assert!(
        ran.stdout.contains("\nserver   answers after ") && ran.stdout.ends_with(says),
        "{ran:?}"
    );
    let check = ["status", "--check", "--warn", "age>5s", "--crit", "consumers<1,ping>1m"];
    let ran = ctl(&vhost.uri(), &check);
    let says = "FIBRPC UNKNOWN - not known: age (the server does not say) | ";
    assert!(ran.code == Some(3) && ran.stdout.starts_with(says), "{ran:?}");
    let ran = ctl(&vhost.uri(), &["info", "--stats"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{ran:?}");
    let says = "fibrpcctl: the server does not know stats; it answered \"0\"\n";
    assert!(ran.stderr.starts_with(says), "{ran:?}");
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
}

#[test]
fn verdicts_have_the_exit_codes_of_plugins() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let check = |args: &[&str]| ctl(&vhost.uri(), &[&["status", "--check"], args].concat());
    for (args, code, says) in [
        (&[][..], 0, "FIBRPC OK - rpc_queue: depth 0, consumers 1, ping "),
        (&["--warn", "depth>100,age>1h,ping>1h", "--crit", "consumers<1"], 0, "FIBRPC OK - "),
        (
            &["--warn", "consumers<2"],
            1,
            "FIBRPC WARNING - consumers is 1 (limit: consumers < 2) | ",
        ),
        (
            &["--warn", "consumers<2", "--crit", "depth<=0"],
            2,
            "FIBRPC CRITICAL - depth is 0 (limit",
        ),
        (&["--http", "http://127.0.0.1:1"], 3, "FIBRPC UNKNOWN - http://127.0.0.1:1/status: "),
    ] {
        let ran = check(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{args:?} {ran:?}");
        assert!(ran.stdout.starts_with(says), "{args:?} {ran:?}");
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    }
    let ran = check(&["--warn", "depth>100", "--crit", "errors>=5%"]);
    let (_, figures) =
        ran.stdout.trim_end().split_once(" | depth=0;100 consumers=1;;1: age=").unwrap();
    assert!(figures.contains(" errors=U;;@5: in_flight="), "{ran:?}");
    assert!(figures.split(' ').next_back().unwrap().starts_with("ping=0"), "{ran:?}");
    wrong_usage_is_no_verdict_on_the_service(&vhost.uri());
    for args in [&["status", "--warn", "depth>1"][..], &["status", "--format", "nagios"]] {
        let ran = ctl(&vhost.uri(), args);
        assert!(ran.code == Some(2) && ran.stderr.contains("--check"), "{ran:?}");
    }
    assert_eq!(ctl(&vhost.uri(), &["--format", "nagios", "ping"]).code, Some(2));
    // What no call gets past is critical, whatever the conditions are.
    let missing = ctl(&vhost.uri(), &["--queue", "q|1", "status", "--check", "--crit", "depth>9"]);
    let says = "FIBRPC CRITICAL - there is no queue \"q/1\"";
    assert!(missing.code == Some(2) && missing.stdout.starts_with(says), "{missing:?}");
    let ran = ctl("amqp://127.0.0.1:1", &["status", "--check"]);
    assert!(ran.code == Some(2) && ran.stdout.contains(" | depth=U consumers=U;;1: "), "{ran:?}");
    // But for nobody who consumes, as that has a figure.
    let caller = Caller::connect(&vhost.uri());
    caller.declare("idle", QueueDeclareOptions::durable(), arguments(&[])).unwrap();
    for (crit, code) in [
        (&[][..], 2),
        (&["--crit", "depth>9"], 2),
        (&["--crit", "depth>9,consumers<0"], 0),
        (&["--crit", "ping>1s,consumers<0"], 3),
    ] {
        let idle = [&["--queue", "idle", "status", "--check"], crit].concat();
        let ran = ctl(&vhost.uri(), &idle);
        assert_eq!(ran.code, Some(code), "{ran:?}");
    }
}

/// And it is told in the way of plugins: monitoring systems show nothing but standard output.
fn wrong_usage_is_no_verdict_on_the_service(uri: &str) {
    for (args, says) in [
        (
            &["--warn", "depht>1"][..],
            "invalid value 'depht>1' for '--warn <CONDITIONS>': there is no figure \"depht\"; the",
        ),
        (&["--colour"], "unexpected argument '--colour' found"),
        (&["--password-file", "/nowhere"], "--password-file: cannot read /nowhere: no such file"),
        (&["--context", "nowhere"], "--context: there is no context \"nowhere\" in "),
        (&["--uri", "http://h"], "--uri: expected a URI that starts with amqp:// or amqps://"),
    ] {
        let ran = ctl(uri, &[&["status", "--check"], args].concat());
        assert_eq!((ran.code, ran.stdout.lines().count()), (Some(3), 1), "{args:?} {ran:?}");
        let told = ran.stdout.starts_with(&format!("FIBRPC UNKNOWN - {says}"));
        assert!(told && ran.stderr.is_empty(), "{args:?} {ran:?}");
    }
    // Who reads objects gets no line that is none.
    let ran = ctl(uri, &["--json", "status", "--check", "--warn", "depht>1"]);
    let told = ran.stdout.is_empty() && ran.stderr.contains("depht");
    assert!(ran.code == Some(3) && told, "{ran:?}");
    let help = ctl(uri, &["status", "--check", "-h"]);
    assert!(help.code == Some(0) && help.stdout.contains("Usage: "), "{help:?}");
}

#[test]
fn verdicts_are_objects_or_metrics_if_asked_for() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let check = ["status", "--check", "--warn", "consumers=1", "--format"];
    for args in [&["--json", "status", "--check", "--warn", "consumers=1"][..], &{
        let mut args = check.to_vec();
        args.push("json");
        args
    }] {
        let ran = ctl(&vhost.uri(), args);
        let shown = object(&ran);
        assert_eq!((ran.code, &shown["code"]), (Some(1), &1.into()), "{ran:?}");
        assert_eq!((&shown["state"], &shown["consumers"]), (&"WARNING".into(), &1.into()));
        assert!(shown["ping_seconds"].is_f64() && shown["p99_seconds"].is_null(), "{ran:?}");
    }
    let ran = ctl(&vhost.uri(), &[&check[..], &["prometheus"]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{ran:?}");
    for series in ["", "_depth", "_consumers", "_age_seconds", "_in_flight", "_ping_seconds"] {
        let series = format!("\nfibrpcctl_status{series}{{queue=\"rpc_queue\"}} ");
        assert!(ran.stdout.contains(&series), "{series}: {ran:?}");
    }
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut promtool =
        promtool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("promtool starts");
    promtool.stdin.take().unwrap().write_all(ran.stdout.as_bytes()).unwrap();
    let checked = Ran::from(promtool.wait_with_output().unwrap());
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
}

#[test]
fn stats_tell_calls_failures_and_latencies_by_method() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    ctl(&vhost.uri(), &["call", "1", "2", "x", "99999999999"]);
    ctl(&vhost.uri(), &["ping"]);
    ctl(&vhost.uri(), &["request", "--type", "dance", "1"]);
    // A request counts when its reply is confirmed, which may be after the reply has come.
    let counted = |ran: &Ran| {
        let methods = &object(ran)["methods"];
        [&methods["fib"], &methods["ping"], &methods["unknown"]].map(|it| it["requests"].as_u64())
            == [Some(4), Some(1), Some(1)]
    };
    let stats = object(&until(|| ctl(&vhost.uri(), &["--json", "info", "--stats"]), counted));
    assert!(stats["name"] == "fibrpcd" && stats["in_flight"].is_u64(), "{stats}");
    let fib = &stats["methods"]["fib"];
    let failures = serde_json::json!({ "invalid_argument": 1, "resource_exhausted": 1 });
    assert_eq!(fib["failures"], failures);
    assert!(fib["p50_us"].as_u64() <= fib["p99_us"].as_u64() && fib["p50_us"].is_u64(), "{stats}");
    assert_eq!(stats["methods"]["unknown"]["failures"]["unimplemented"], 1);
    assert!(stats["methods"]["info"]["p99_us"].is_null(), "{stats}");
    let ran = ctl(&vhost.uri(), &["info", "--stats"]);
    let lines = ran.stdout.lines().collect::<Vec<_>>();
    assert!(lines.len() < 24 && lines[0].starts_with("fibrpcd "), "{ran:?}");
    let columns = |name: &str| {
        let line = lines.iter().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().take(3).collect::<Vec<_>>()
    };
    assert_eq!(columns("method "), ["method", "requests", "failed"]);
    assert_eq!(columns("fib "), ["fib", "4", "2"]);
    assert!(ran.stdout.contains(" 1  resource_exhausted\n"), "{ran:?}");
    // The last minute is looked at every few seconds.
    let check = ["--json", "status", "--check", "--crit", "p99>0s,errors>100%"];
    let ran = until(|| ctl(&vhost.uri(), &check), |ran| ran.code == Some(2));
    assert!(object(&ran)["errors_ratio"].as_f64().unwrap() <= 1.0, "{ran:?}");
}

#[test]
fn requests_in_flight_have_an_age() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[("compute.threads", "1")]);
    let mut child = ctl_command(&vhost.uri(), &["--timeout", "1m", "call", "49999900..50000000"]);
    let mut child = child.stdout(Stdio::null()).spawn().unwrap();
    daemon.wait_for_metric("fibrpcd_requests_in_flight", 1);
    let check = ["status", "--check", "--crit", "in_flight<1", "--warn", "age>0.001"];
    let ran = until(|| ctl(&vhost.uri(), &check), |ran| ran.code != Some(0));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with("FIBRPC WARNING - age is "), "{ran:?}");
    let screen = ctl(&vhost.uri(), &["status"]).stdout;
    assert!(screen.contains(" in flight, the oldest for "), "{screen}");
    child.kill().unwrap();
    child.wait().unwrap();
}
