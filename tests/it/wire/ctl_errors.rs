//! Why a call of `fibrpcctl` has no answer, as the table of docs/fibrpcctl.md has it: the message, the
//! word for it, the exit code, and what to do.

use crate::support::{
    broker::{self, Vhost},
    certificates::Authority,
    lapin_caller::{Caller, arguments},
    program::{Daemon, Ran, ctl, ctl_command},
    relay::Relay,
};
use lapin::{
    BasicProperties,
    message::Delivery,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use serde_json::Value;
use std::{collections::BTreeSet, fs, process::Stdio, thread};
use tempfile::NamedTempFile;

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

/// The row of what was said in JSON; all of it is as the row says.
fn row_of(ran: &Ran) -> Row<'static> {
    let said: Value = serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap();
    let text = |name: &str| said[name].as_str().unwrap().to_owned();
    let row =
        rows().into_iter().find(|row| row.status == text("status") && row.is_of(&text("error")));
    let row = row.unwrap_or_else(|| panic!("no row for {said}"));
    assert_eq!((ran.code, text("hint").as_str()), (Some(row.code), row.hint), "{said}");
    row
}

/// What was said in JSON is as the row with this status says.
pub(super) fn assert_row(status: &str, ran: &Ran) {
    assert_eq!(row_of(ran).status, status, "{ran:?}");
}

/// A request to a queue of its own, of which this is done.
fn asked(uri: &str, caller: &Caller, args: &[&str], act: impl FnOnce(Delivery)) -> Ran {
    caller.declare("own", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    let args = [&["--queue", "own", "--wait", "--json"], args].concat();
    let mut command = ctl_command(uri, &args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    act(caller.wait_and_get("own"));
    child.wait_with_output().unwrap().into()
}

/// One that is answered with this status and body.
fn answered(uri: &str, caller: &Caller, args: &[&str], status: Option<&str>, body: &str) -> Ran {
    asked(uri, caller, args, |request| {
        let said = request.properties;
        let mut headers = FieldTable::default();
        if let Some(status) = status {
            headers.insert("x-fibrpc-status".into(), AMQPValue::LongString(status.into()));
        }
        let properties = BasicProperties::default()
            .with_correlation_id(said.correlation_id().clone().unwrap())
            .with_headers(headers);
        caller.publish(said.reply_to().as_ref().unwrap().as_str(), properties, body.as_bytes());
    })
}

/// A queue that is full, one that nobody serves, one whose server is silent, one that keeps nothing,
/// and one whose process stands still, as if its disk did. And users: one who may use no virtual host,
/// and one who may declare nothing.
fn prepare(vhost: &Vhost, caller: &Caller) -> impl Drop + use<> {
    let reject = AMQPValue::LongString("reject-publish".into());
    let full = [("x-max-length", AMQPValue::LongInt(1)), ("x-overflow", reject)];
    let none = [("x-message-ttl", AMQPValue::LongInt(0))];
    let queues: [(&str, &[_]); 5] =
        [("full", &full), ("idle", &[]), ("mute", &[]), ("sieve", &none), ("stuck", &[])];
    for (queue, about) in queues {
        caller.declare(queue, QueueDeclareOptions::default(), arguments(about)).unwrap();
    }
    caller.publish("full", BasicProperties::default(), b"in the way");
    let name = vhost.name();
    let done = broker::shared().ctl(&[
        "eval",
        &format!(
            "V = <<\"{name}\">>, By = <<\"test\">>,
             [ok = rabbit_auth_backend_internal:add_user(<<U/binary, V/binary>>, <<\"s3cret\">>, By)
                 || U <- [<<\"outsider\">>, <<\"reader\">>]],
             rabbit_auth_backend_internal:set_permissions(<<\"reader\", V/binary>>, V,
                 <<\"^$\">>, <<\".*\">>, <<\".*\">>, By),
             [sys:suspend(amqqueue:get_pid(Q)) || Q <- rabbit_amqqueue:list(V),
                 element(4, amqqueue:get_name(Q)) =:= <<\"stuck\">>]."
        ),
    ]);
    assert_eq!(done.trim(), "[ok]");
    caller.consume("mute")
}

#[test]
fn every_failure_is_as_the_table_says() {
    let vhost = broker::shared().vhost();
    let uri = vhost.uri();
    let _daemon = Daemon::serving(&uri, &[]);
    let caller = Caller::connect(&uri);
    let _consumer = prepare(&vhost, &caller);
    let relay = Relay::to(&uri);
    let authority = NamedTempFile::new().unwrap();
    fs::write(authority.path(), Authority::new("CA").pem).unwrap();
    let tls = ["--ca-file", authority.path().to_str().unwrap(), "ping"];
    let user = |user: &str| uri.replace("guest:guest", &format!("{user}{}:s3cret", vhost.name()));

    let json_of = |uri: &str, args: &[&str]| ctl(uri, &[&["--json"], args].concat());
    let json = |args: &[&str]| json_of(&uri, args);
    let all = thread::scope(|scope| {
        // Their time has to be up.
        let late = [
            &["--queue", "mute", "ping", "-c", "1"][..],
            &["--queue", "sieve", "--wait", "request"],
            &["--queue", "stuck", "request"],
        ];
        let late =
            late.map(|args| scope.spawn(move || json(&[&["--timeout", "4"], args].concat())));
        let mut all = vec![
            json(&["call", "x"]),
            json(&["call", "99999999999"]),
            json(&["request", "--type", "dance"]),
            answered(&uri, &caller, &["request"], Some("DEADLINE_EXCEEDED"), "error: late"),
            answered(&uri, &caller, &["request"], Some("INTERNAL"), "error: broken"),
            answered(&uri, &caller, &["info"], None, "hello"),
            answered(&uri, &caller, &["info"], None, &"x".repeat((1 << 20) + 1)),
            json(&["--queue", "nowhere", "ping"]),
            json(&["--queue", "idle", "info"]),
            json(&["request", "--exchange", "amq.direct"]),
            json(&["--queue", "full", "call", "1"]),
            json(&["request", "--exchange", "nowhere"]),
            asked(&relay.uri(), &caller, &["request"], |_| relay.reset()),
            json_of("amqp://127.0.0.1:1", &["call", "1"]),
            json_of(&uri.replace("guest:guest", "guest:wrong"), &["call", "1"]),
            json_of(&format!("{uri}-not"), &["ping"]),
            json_of(&user("outsider"), &["info"]),
            json_of(&format!("amqps://127.0.0.1:{}", vhost.port()), &tls),
            json_of(&user("reader"), &["request"]),
            json(&["request", "-H", &format!("a: {}", "x".repeat(30_000))]),
        ];
        all.extend(late.map(|ran| ran.join().unwrap()));
        all
    });
    let seen = all.iter().map(row_of).map(|row| (row.status, row.message));
    let seen: BTreeSet<_> = seen.collect();
    assert_eq!(
        seen.len(),
        all.len() - 1,
        "each has a row of its own, but virtual hosts: {seen:#?}"
    );
    let rows = rows();
    let others = rows.iter().filter(|row| !seen.contains(&(row.status, row.message)));
    let others: Vec<_> = others.map(|row| row.status).collect();
    // NOT_SENT takes more calls at once than any option of fibrpcctl allows, and CLOSED a client that
    // is closed under its calls (`client::a_closed_client_ends_its_calls`): only programs that use the
    // library can have these. TOO_LARGE takes a broker with another limit (`message_size_limit`).
    assert_eq!(others, ["NOT_SENT", "TOO_LARGE", "CLOSED"]);
}

#[test]
fn every_schema_names_every_status() {
    let rows = rows();
    let known: BTreeSet<_> = rows.iter().map(|row| row.status).collect();
    for schema in ["call", "request", "ping", "info", "status"] {
        let path = format!("{}/docs/schema/{schema}.json", env!("CARGO_MANIFEST_DIR"));
        let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let alternatives = schema["oneOf"].as_array().unwrap();
        let mut enums =
            alternatives.iter().filter_map(|it| it["properties"]["status"]["enum"].as_array());
        let named: BTreeSet<_> =
            enums.next().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        assert_eq!(named, known, "{path}");
    }
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
