//! Third-party programs: the Python tutorial's client and server, on pika.

use crate::support::{
    PATIENCE, broker,
    program::{Daemon, ctl},
};
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

/// Debian's Python: the first one on PATH may be one without pika.
fn python(script: &str, uri: &str) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(format!("{}/tests/interop/{script}", env!("CARGO_MANIFEST_DIR"))).arg(uri);
    command
}

#[test]
fn the_python_tutorial_client_gets_its_answer() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let output = python("rpc_client.py", &vhost.uri()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "b'832040'\n");
}

#[test]
fn fibrpcctl_gets_its_answers_from_the_python_tutorial_server_and_leaves_it_alive() {
    let vhost = broker::shared().vhost();
    let mut server = python("rpc_server.py", &vhost.uri()).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(server.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line.unwrap())));
    let waiting = lines.recv_timeout(PATIENCE).expect("the server starts");
    assert_eq!(waiting, " [x] Awaiting RPC requests");
    let pinged = ctl(&vhost.uri(), &["ping"]);
    let pinged_json = ctl(&vhost.uri(), &["--format", "json", "ping"]);
    let asked = ctl(&vhost.uri(), &["info"]);
    let asked_json = ctl(&vhost.uri(), &["--format", "json", "info"]);
    // It is alive after each of them.
    let ran = ctl(&vhost.uri(), &["call", "30", "7"]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n13\n"), "{ran:?}");

    let stranger = pinged.stdout.starts_with("\"0\" after ")
        && pinged.stdout.ends_with(": a server that does not know ping\n");
    assert!(pinged.code == Some(0) && stranger, "{pinged:?}");
    let object: serde_json::Value = serde_json::from_str(&pinged_json.stdout).unwrap();
    assert_eq!((&object["status"], &object["answer"]), (&"OK".into(), &"0".into()));
    let reason = "the server does not know info; it answered \"0\"";
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(3), ""), "{asked:?}");
    assert!(asked.stderr.contains(reason), "{asked:?}");
    let object: serde_json::Value = serde_json::from_str(&asked_json.stdout).unwrap();
    assert_eq!((&object["status"], &object["error"]), (&"BAD_REPLY".into(), &reason.into()));
}
