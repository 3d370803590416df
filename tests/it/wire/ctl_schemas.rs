//! What `fibrpcctl` prints as JSON, held against docs/schema.

use crate::support::{
    PATIENCE, broker,
    lapin_caller::{Caller, QUEUE, arguments},
    program::{Daemon, ctl, ctl_with_input},
    raw_amqp::RawConnection,
    stub::Stub,
};
use lapin::{
    BasicProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The broker of these tests has no TLS.
const NEVER: &str = ".timing.connecting.tls_us";

/// How many lines there are for each alternative of a schema, and for each field of it; all have to
/// be sound.
fn validated(schema: &str, lines: &str) -> BTreeMap<String, u32> {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut command = Command::new("/usr/bin/python3");
    command.arg(format!("{root}/tests/schema/validate.py"));
    command.arg(format!("{root}/docs/schema/{schema}.json"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every alternative occurs with every field, or what is said of it is not tested.
fn assert_all(schema: &str, lines: &str) {
    let counts = validated(schema, lines);
    let is_missing = |(what, count): &(&String, &u32)| **count == 0 && !what.ends_with(NEVER);
    let missing: Vec<_> = counts.iter().filter(is_missing).map(|(what, _)| what).collect();
    assert!(missing.is_empty(), "{schema}: no line has {missing:?}: {lines}");
}

#[test]
fn what_is_printed_as_json_is_as_the_schemas_say() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let uri = vhost.uri();
    let json = |args: &[&str]| ctl(&uri, &[&["--json"], args].concat()).stdout;
    // The first object tells of connecting: so each kind of object has to be the first of a run.
    let nowhere = ["--trace", "--queue", "nowhere", "-v"];

    let input = "{\"n\":3,\"id\":[7]}\n{\"n\":\"x\",\"id\":{\"a\":1}}\n{\"id\":8}\n\u{0}\n";
    let args = ["--json", "--trace", "-v", "call", "--input-format", "json", "-"];
    let with_ids = ctl_with_input(&uri, &args, input).stdout;
    let plain = json(&["call", "300", "x"]) + &json(&[&nowhere[..], &["call", "3"]].concat());
    assert_all("call", &(with_ids + &plain));

    let input = "{\"body\":\"3\",\"id\":1}\n{\"body_base64\":\"/w==\",\"id\":\"t\"}\n\
                 []\n{\"id\":null,\"x\":1}\n{\"id\":2,\"x\":1}\n";
    let args = ["--json", "--trace", "request", "--input-format", "json"];
    let with_ids = ctl_with_input(&uri, &args, input).stdout;
    let replies = replied_with(&uri, b"text") + &replied_with(&uri, b"\xFF");
    let plain = json(&["request", "30"]) + &json(&["request", "-H", "a:=1", "x"]);
    let failed = json(&[&nowhere[..], &["request", "x"]].concat());
    assert_all("request", &(with_ids + &replies + &plain + &failed));

    let series = json(&["--trace", "-v", "ping", "-c", "2", "-D", "-i", "10ms"])
        + &json(&["-v", "ping", "-c", "1", "-q"]);
    let failed = json(&[&nowhere[..], &["ping", "-c", "1", "-D"]].concat());
    let once = json(&["ping"]) + &json(&[&nowhere[..], &["ping"]].concat());
    assert_all("ping", &(series + &failed + &once));

    let mut info = json(&["--trace", "-v", "info"]) + &json(&[&nowhere[..], &["info"]].concat());
    info += &json(&[&nowhere[..], &["info", "--stats"]].concat());
    let started = Instant::now();
    loop {
        let stats = json(&["--trace", "-v", "info", "--stats"]);
        info += &stats;
        // Of the first seconds there are no recent ones.
        if stats.contains("\"recent\":{") {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{stats}");
        thread::park_timeout(Duration::from_millis(50)); // leaves the machine to the others
    }
    assert_all("info", &info);
}

/// The object for a reply with this body and all that a reply can have: of a server made for it, as
/// fibrpcd sends neither bytes nor most properties.
fn replied_with(uri: &str, body: &[u8]) -> String {
    let caller = Caller::connect(uri);
    caller.declare("all", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    let args = ["--queue", "all", "--wait", "--json", "--trace", "-v", "request"];
    let args = [&args[..], &["--input-format", "json"]].concat();
    thread::scope(|scope| {
        let ran = scope.spawn(|| ctl_with_input(uri, &args, "{\"id\":1}\n"));
        let request = caller.wait_and_get("all");
        let said = request.properties;
        caller.publish(
            said.reply_to().as_ref().unwrap().as_str(),
            everything().with_correlation_id(said.correlation_id().clone().unwrap()),
            body,
        );
        ran.join().unwrap().stdout
    })
}

/// All properties, and the header that says where the time went.
fn everything() -> BasicProperties {
    let mut headers = FieldTable::default();
    let timing = AMQPValue::LongString("queue_us=1 compute_us=2".into());
    headers.insert("x-fibrpc-timing".into(), timing);
    headers.insert("truth".into(), AMQPValue::Boolean(true));
    BasicProperties::default()
        .with_content_type("a/b".into())
        .with_content_encoding("identity".into())
        .with_delivery_mode(1)
        .with_priority(3)
        .with_reply_to("q".into())
        .with_expiration("60000".into())
        .with_message_id("m".into())
        .with_timestamp(1)
        .with_type("t".into())
        .with_user_id("guest".into())
        .with_app_id("a".into())
        .with_headers(headers)
}

#[test]
fn what_there_is_and_verdicts_on_it_are_printed_as_the_schema_says() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let caller = Caller::connect(&vhost.uri());
    caller.declare("idle", QueueDeclareOptions::durable(), arguments(&[])).unwrap();
    let mut mute = RawConnection::connect(&vhost.uri());
    mute.serve(b"mute");
    let _other = Stub::serving(&vhost.uri(), &["--queue", "other", "--declare"]);
    let url = format!("http://{}", daemon.http_address());
    let no_http = "http://127.0.0.1:1";
    let mut lines = String::new();
    for args in [
        &["--trace", "-v", "status", "--http", &url][..],
        &["status", "--http", no_http],
        &["--queue", "other", "status"],
        &["--queue", "nowhere", "status", "--http", &url],
        &["--trace", "--queue", "idle", "status", "--http", no_http],
        &["--queue", "mute", "--timeout", "2s", "-v", "status"],
        &["--uri", "amqp://127.0.0.1:1", "status"],
        &["--trace", "-v", "status", "--check", "--warn", "consumers=1"],
        &["--queue", "nowhere", "status", "--check"],
        &["--uri", "amqp://127.0.0.1:1", "status", "--check"],
        &["--trace", "--password-file", "/nowhere", "status", "--check"],
    ] {
        let ran = ctl(&vhost.uri(), &[&["--json"], args].concat());
        assert_eq!(ran.stdout.lines().count(), 1, "{args:?}: {ran:?}");
        lines += &ran.stdout;
    }
    assert_all("status", &lines);
}

#[test]
fn requests_served_are_printed_as_the_schema_says() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    caller.declare(QUEUE, QueueDeclareOptions::durable(), arguments(&[])).unwrap();
    for properties in [
        caller.properties("answered").with_type("t".into()),
        BasicProperties::default().with_reply_to("nowhere".into()),
        BasicProperties::default(),
    ] {
        caller.publish(QUEUE, properties, b"x");
    }
    let mut stub = Stub::start(&vhost.uri(), &["--json", "--trace", "--count", "3"]);
    let (code, said) = stub.wait();
    assert_eq!(code, Some(0), "{said}");
    let args = ["--json", "--count", "1", "--fail", "100%"];
    let mut stub = Stub::start(&vhost.uri(), &args);
    caller.publish(QUEUE, caller.properties("failed"), b"x");
    let said = said + &stub.wait().1;
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(lines.len(), 4, "{said}");
    assert_all("serve", &lines.join("\n"));
}

#[test]
fn contexts_are_printed_as_the_schema_says() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("fibrpc")).unwrap();
    let text = "[context.a]\nuri = 'amqps://h'\nqueue = 'q'\ntimeout = '90s'\nwait = true\n\
                password_file = 'p'\nca_file = 'p'\ncert_file = 'p'\nkey_file = 'p'\nformat = 'json'\n\
                [context.b]\n";
    fs::write(home.path().join("fibrpc/fibrpcctl.toml"), text).unwrap();
    let json = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fibrpcctl"));
        command
            .env_clear()
            .env("XDG_CONFIG_HOME", home.path())
            .args(["--json", "--trace", "context"]);
        String::from_utf8(command.args(args).output().unwrap().stdout).unwrap()
    };
    assert_all("context", &(json(&["ls"]) + &json(&["show"]) + &json(&["show", "a"])));
}
