//! What `fibrpcctl` prints as JSON, held against docs/schema.

use crate::support::{
    broker,
    program::{Daemon, ctl, ctl_command, ctl_with_input},
};
use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

/// How many lines there are for each alternative of a schema; all have to be sound.
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

/// Every alternative occurs, or what is said of it is not tested.
fn assert_all(schema: &str, lines: &str) {
    let counts = validated(schema, lines);
    assert!(counts.values().all(|count| *count > 0), "{schema}: {counts:?}");
}

#[test]
fn what_is_printed_as_json_is_as_the_schemas_say() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let uri = vhost.uri();
    let json = |args: &[&str]| ctl(&uri, &[&["--json"], args].concat()).stdout;
    let nowhere = ["--queue", "nowhere"];

    let input = "{\"n\":3,\"id\":[7]}\n{\"n\":\"x\",\"id\":{\"a\":1}}\n{\"id\":8}\n\u{0}\n";
    let args = ["--json", "call", "--input-format", "json", "-"];
    let with_ids = ctl_with_input(&uri, &args, input).stdout;
    let plain = json(&["--trace", "call", "300", "x"]);
    assert_all("call", &(with_ids + &plain + &json(&[&["call", "3"], &nowhere[..]].concat())));

    let input = "{\"body\":\"3\",\"id\":1}\n{\"body_base64\":\"/w==\",\"type\":\"t\"}\n[]\n";
    let args = ["--json", "request", "--input-format", "json"];
    let with_ids = ctl_with_input(&uri, &args, input).stdout;
    let binary = replied_with_bytes(&uri);
    let plain = json(&["--trace", "request", "30"]) + &json(&["request", "-H", "a:=1", "x"]);
    assert_all("request", &(with_ids + &binary + &plain));

    let series = json(&["--trace", "ping", "-c", "2", "-D", "-i", "10ms"]);
    let failed = json(&[&["ping", "-c", "1"], &nowhere[..]].concat());
    let once = json(&["ping"]) + &json(&[&["ping"], &nowhere[..]].concat());
    assert_all("ping", &(series + &failed + &once));

    let info = json(&["--trace", "info"]) + &json(&[&["info"], &nowhere[..]].concat());
    assert_all("info", &info);
}

/// The object for a reply that is no text: a server of our own, as ours has none.
fn replied_with_bytes(uri: &str) -> String {
    use crate::support::lapin_caller::{Caller, arguments};
    use lapin::{BasicProperties, options::QueueDeclareOptions};
    let caller = Caller::connect(uri);
    caller.declare("bytes", QueueDeclareOptions::default(), arguments(&[])).unwrap();
    let mut command = ctl_command(uri, &["--queue", "bytes", "--wait", "--json", "request", "x"]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let request = caller.wait_and_get("bytes");
    let said = request.properties;
    let properties =
        BasicProperties::default().with_correlation_id(said.correlation_id().clone().unwrap());
    caller.publish(said.reply_to().as_ref().unwrap().as_str(), properties, b"\xFF");
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
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
        command.env_clear().env("XDG_CONFIG_HOME", home.path()).args(["--json", "context"]);
        String::from_utf8(command.args(args).output().unwrap().stdout).unwrap()
    };
    assert_all("context", &(json(&["ls"]) + &json(&["show"]) + &json(&["show", "a"])));
}
