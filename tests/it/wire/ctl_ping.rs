//! `fibrpcctl ping`, many times.

use super::{ctl_serve::wait_for_depth, interop::python_server};
use crate::support::{
    broker,
    lapin_caller::{Caller, arguments},
    program::{Daemon, ctl, ctl_command},
    raw_amqp::RawConnection,
};
use lapin::options::QueueDeclareOptions;
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
};

#[test]
fn many_pings_are_told_and_summed_up() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let ping = |args: &[&str]| ctl(&vhost.uri(), &[&["ping", "-i", "1ms"], args].concat());
    let ran = ping(&["-c", "5"]);
    let lines = ran.stdout.lines().collect::<Vec<_>>();
    assert_eq!((ran.code, ran.stderr.as_str(), lines.len()), (Some(0), "", 8), "{ran:?}");
    assert!(lines[0].starts_with("pong: seq=1 time="), "{ran:?}");
    assert!(lines[0].ends_with(" ms (connecting included)"), "{ran:?}");
    assert_eq!(lines[5], "--- rpc_queue ping statistics ---");
    assert!(lines[6].starts_with("5 sent, 5 answered, 0% lost, time "), "{ran:?}");
    assert!(lines[7].starts_with("min/p50/p99/max = "), "{ran:?}");
    assert_eq!(ping(&["-c", "5", "-q"]).stdout.lines().count(), 3);
    assert!(ping(&["-c", "1", "-D"]).stdout.starts_with('['));
    let ran = ping(&["-c", "3", "--json", "-D"]);
    let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    assert_eq!((ran.code, lines.len()), (Some(0), 4), "{ran:?}");
    assert!(lines[0]["time"].is_f64() && lines[0]["seconds"].is_f64(), "{ran:?}");
    let summary = &lines[3];
    assert_eq!((&summary["sent"], &summary["lost"]), (&3.into(), &0.into()), "{ran:?}");
    let of = |name: &str| summary[name].as_f64().unwrap();
    assert!(of("min_us") <= of("p50_us") && of("p99_us") <= of("max_us"), "{ran:?}");
}

#[test]
fn pings_without_answers_are_lost() {
    let vhost = broker::shared().vhost();
    let ping = ["ping", "-c", "2", "-i", "1ms", "-W", "1s"];
    let ran = ctl(&vhost.uri(), &ping);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stdout.contains("2 sent, 0 answered, 100% lost"), "{ran:?}");
    assert!(ran.stderr.starts_with("fibrpcctl: ping 1: there is no queue"), "{ran:?}");
    let mut mute = RawConnection::connect(&vhost.uri());
    mute.serve(b"mute");
    let ran = ctl(&vhost.uri(), &[&["--queue", "mute"], &ping[..]].concat());
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(ran.stdout.contains("2 sent, 0 answered, 100% lost"), "{ran:?}");
    assert!(!ran.stdout.contains("min/p50"), "{ran:?}");
}

/// As Ctrl-C does.
fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

#[test]
fn the_first_ctrl_c_sums_up() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut command = ctl_command(&vhost.uri(), &["ping", "-i", "0.01"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut printed = String::new();
    stdout.read_line(&mut printed).unwrap();
    interrupt(&child);
    stdout.read_to_string(&mut printed).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(printed.contains("--- rpc_queue ping statistics ---\n"), "{printed}");
    assert!(printed.contains(" 0% lost"), "{printed}");
}

#[test]
fn a_ping_that_nobody_has_answered_yet_is_neither_lost_nor_forgotten() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    caller.declare("idle", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    let mut command = ctl_command(&vhost.uri(), &["--queue", "idle", "--wait", "ping", "-c", "3"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    wait_for_depth(&caller, "idle", 1);
    interrupt(&child);
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(printed.contains("1 sent, 0 answered, 0% lost, 1 under way"), "{printed}");
}

#[test]
fn a_server_that_knows_no_ping_is_measured_and_not_harmed() {
    let vhost = broker::shared().vhost();
    let _server = python_server(&vhost.uri());
    let ran = ctl(&vhost.uri(), &["ping", "-c", "3", "-i", "1ms"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.starts_with("\"0\": seq=1 time="), "{ran:?}");
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
}

#[test]
fn verbose_says_how_long_connecting_took_and_where_the_time_of_pings_went() {
    const STEPS: &str = "connecting: lookup ";
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let said = |args: &[&str]| {
        let ran = ctl(&vhost.uri(), &[&["-v"], args].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.stderr.matches("connecting: ").count(), 1, "{ran:?}");
        assert!(ran.stderr.contains(STEPS) && ran.stderr.contains(", reply queue "), "{ran:?}");
        ran.stderr
    };
    for (args, lines) in [
        (&["ping"][..], 2),
        (&["ping", "-c", "2", "-i", "1ms"], 3),
        (&["ping", "-c", "2", "-i", "1ms", "-q"], 1),
        (&["info"], 1),
        (&["status"], 1),
        (&["status", "--check"], 1),
    ] {
        let said = said(args);
        assert_eq!(said.lines().count(), lines, "{args:?}: {said}");
        assert_eq!(said.matches(", server ").count(), lines - 1, "{args:?}: {said}");
    }
    // As far as it comes.
    let ran = ctl(&vhost.uri(), &["-v", "--queue", "nowhere", "status"]);
    assert!(ran.stderr.contains(STEPS) && ran.stderr.contains(", amqp "), "{ran:?}");
    let ran = ctl("amqp://127.0.0.1:1", &["-v", "status"]);
    assert!(ran.stderr.starts_with(STEPS) && !ran.stderr.contains(", amqp "), "{ran:?}");
}
