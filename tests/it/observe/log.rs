//! A log that nobody reads.

use crate::support::{
    PATIENCE, broker,
    program::{ctl_with_input, get},
};
use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, pipe},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Calls, with several lines of the log each: more than a pipe and the queue hold.
const CALLS: usize = 5000;

fn start(uri: &str, stderr: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_fibrpcd"))
        .env("FIBRPCD_AMQP__URIS", uri)
        .args(["--set", "http.listen=127.0.0.1:0", "--set", "log.format=json"])
        .args(["--set", "log.level=debug"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap()
}

fn exit_code(child: &mut Child) -> Option<i32> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not stop");
        }
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_log_that_nobody_reads_costs_its_lines_and_nothing_else() {
    let vhost = broker::shared().vhost();
    let (reader, writer) = pipe().unwrap();
    let mut daemon = start(&vhost.uri(), writer.into());
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    let mut address = String::new();
    while !line.contains("attached; consuming") {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some((_, rest)) = line.split_once("\"address\":\"") {
            address = rest.split_once('"').unwrap().0.to_owned();
        }
    }
    // From here on nobody reads.
    let mut numbers = String::new();
    (0..CALLS).for_each(|n| writeln!(numbers, "{}", n % 91).unwrap());
    let answers =
        ctl_with_input(&vhost.uri(), &["--wait", "--timeout", "1m", "call", "-"], &numbers);
    assert_eq!(answers.stdout.lines().count(), CALLS, "{answers:?}");
    assert_eq!(get(&address, "/livez").0, 200);
    let metrics = get(&address, "/metrics").1;
    let dropped = metrics.lines().find(|line| line.starts_with("fibrpcd_log_messages_dropped"));
    assert!(!dropped.unwrap().ends_with(" 0"), "{dropped:?}");
    let pid = daemon.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(exit_code(&mut daemon), Some(0));
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
}

#[test]
fn a_log_that_is_read_again_says_how_much_is_missing() {
    let vhost = broker::shared().vhost();
    let (reader, writer) = pipe().unwrap();
    let mut daemon = start(&vhost.uri(), writer.into());
    let mut numbers = String::new();
    (0..CALLS).for_each(|n| writeln!(numbers, "{}", n % 91).unwrap());
    let answers =
        ctl_with_input(&vhost.uri(), &["--wait", "--timeout", "1m", "call", "-"], &numbers);
    assert_eq!(answers.stdout.lines().count(), CALLS, "{answers:?}");
    let told = BufReader::new(reader).lines().map(Result::unwrap).find(|line| {
        assert!(line.starts_with('{') && line.ends_with('}'), "whole lines: {line}");
        line.contains("messages were dropped, as nobody took the log")
    });
    assert!(told.unwrap().contains("\"dropped\":"));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn a_log_on_a_full_disk_stops_nothing() {
    let vhost = broker::shared().vhost();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut daemon = start(&vhost.uri(), full.into());
    let answer = ctl_with_input(&vhost.uri(), &["--wait", "--timeout", "1m", "call", "-"], "30\n");
    assert_eq!(answer.stdout, "832040\n");
    let pid = daemon.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(exit_code(&mut daemon), Some(0));
}
