//! Why a call of `fibrpcctl` has no answer, as the table of docs/fibrpcctl.md has it: the message, the
//! word for it, the exit code, and what to do.

use crate::support::{
    broker,
    lapin_caller::{Caller, arguments},
    program::{Daemon, Ran, ctl, ctl_command},
};
use lapin::{
    BasicProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use serde_json::Value;
use std::{collections::BTreeSet, process::Stdio};

/// A row of the table.
struct Row<'a> {
    message: &'a str,
    status: &'a str,
    code: i32,
    hint: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let document = include_str!("../../../docs/fibrpcctl.md");
    let (_, table) = document.split_once("<!-- errors: make generated -->\n").unwrap();
    let (table, _) = table.split_once("<!-- end -->").unwrap();
    let row = |line: &'static str| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [message, status, code, hint] = cells[..] else { panic!("{line}") };
        let (message, status) = (message.trim_matches('`'), status.trim_matches('`'));
        Row { message, status, code: code.parse().unwrap(), hint }
    };
    table.lines().skip(2).map(row).collect()
}

impl Row<'_> {
    /// Whether it is the row of a message: what differs is in capital letters, or a number.
    fn is_of(&self, message: &str) -> bool {
        const DIFFERS: [&str; 8] =
            ["QUEUE", "REASON", "EXCHANGE", "KEY", "ANSWER", "10s", "1000000", "2000000"];
        let pattern = DIFFERS
            .iter()
            .fold(self.message.to_owned(), |pattern, word| pattern.replace(word, "\0"));
        let mut rest = message;
        pattern.split('\0').enumerate().all(|(at, piece)| match rest.split_once(piece) {
            Some((before, after)) if at > 0 || before.is_empty() => {
                rest = after;
                true
            }
            _ => false,
        })
    }
}

/// A request to this queue, answered once with this status and body.
fn answered(uri: &str, caller: &Caller, args: &[&str], status: Option<&str>, body: &str) -> Ran {
    caller.declare("own", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    let args = [&["--queue", "own", "--wait", "--json"], args].concat();
    let mut command = ctl_command(uri, &args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let request = caller.wait_and_get("own");
    let said = request.properties;
    let mut headers = FieldTable::default();
    if let Some(status) = status {
        headers.insert("x-fibrpc-status".into(), AMQPValue::LongString(status.into()));
    }
    let properties = BasicProperties::default()
        .with_correlation_id(said.correlation_id().clone().unwrap())
        .with_headers(headers);
    caller.publish(said.reply_to().as_ref().unwrap().as_str(), properties, body.as_bytes());
    child.wait_with_output().unwrap().into()
}

#[test]
fn every_failure_is_as_the_table_says() {
    let vhost = broker::shared().vhost();
    let uri = vhost.uri();
    let _daemon = Daemon::serving(&uri, &[]);
    let caller = Caller::connect(&uri);
    let full = [
        ("x-max-length", AMQPValue::LongInt(1)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ];
    caller.declare("full", QueueDeclareOptions::default(), arguments(&full)).unwrap();
    caller.publish("full", BasicProperties::default(), b"in the way");
    caller.declare("idle", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    caller.declare("mute", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    let _consumer = caller.consume("mute");

    let json = |args: &[&str]| ctl(&uri, &[&["--json"], args].concat());
    let all = [
        json(&["call", "x"]),
        json(&["call", "99999999999"]),
        json(&["request", "--type", "dance"]),
        answered(&uri, &caller, &["request"], Some("DEADLINE_EXCEEDED"), "error: late"),
        answered(&uri, &caller, &["request"], Some("INTERNAL"), "error: broken"),
        answered(&uri, &caller, &["info"], None, "hello"),
        json(&["--timeout", "2s", "--queue", "mute", "ping", "-c", "1"]),
        json(&["--queue", "nowhere", "ping"]),
        json(&["--queue", "idle", "info"]),
        json(&["request", "--exchange", "amq.direct"]),
        json(&["--queue", "full", "call", "1"]),
        json(&["request", "--exchange", "nowhere"]),
        json(&["--uri", "amqp://127.0.0.1:1", "call", "1"]),
        json(&["request", "-H", &format!("a: {}", "x".repeat(30_000))]),
    ];
    let rows = rows();
    let mut seen = BTreeSet::new();
    for ran in all {
        let said: Value = serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap();
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        let row = rows.iter().find(|row| row.status == text("status") && row.is_of(&text("error")));
        let row = row.unwrap_or_else(|| panic!("no row for {said}"));
        assert_eq!((ran.code, text("hint").as_str()), (Some(row.code), row.hint), "{said}");
        seen.insert(row.message);
    }
    assert_eq!(seen.len(), 14, "each has a row of its own: {seen:#?}");
    // The others take faults of the link or of the broker: other tests have those, or none can.
    let others: Vec<_> =
        rows.iter().filter(|row| !seen.contains(row.message)).map(|row| row.status).collect();
    let others_are =
        ["REPLY_TOO_LARGE", "TIMED_OUT", "UNCONFIRMED", "NOT_SENT", "TOO_LARGE", "LOST", "CLOSED"];
    assert_eq!(others, others_are);
}

#[test]
fn what_to_do_is_said_once() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let hint = |status: &str| {
        let rows = rows();
        format!("fibrpcctl: hint: {}", rows.iter().find(|row| row.status == status).unwrap().hint)
    };
    let ran = ctl(&vhost.uri(), &["call", "x", "y"]);
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{ran:?}");
    assert!(
        lines[0].contains("call x: INVALID") && lines[2].contains("call y: INVALID"),
        "{ran:?}"
    );
    assert_eq!(lines[1], hint("INVALID_ARGUMENT"));
    for (args, status) in [
        (&["--queue", "nowhere", "info"][..], "NO_QUEUE"),
        (&["--queue", "nowhere", "ping", "-c", "2", "-i", "10ms"], "NO_QUEUE"),
        (&["--uri", "amqp://127.0.0.1:1", "request", "x"], "UNREACHABLE"),
    ] {
        let ran = ctl(&vhost.uri(), args);
        let hints = ran.stderr.lines().filter(|line| *line == hint(status)).count();
        assert_eq!(hints, 1, "{ran:?}");
    }
    let ran = ctl("http://h", &["call", "1"]);
    assert!(ran.stderr.contains("\nfibrpcctl: hint: fibrpcctl context show"), "{ran:?}");
}
