//! The stub and clients of other languages, and `fibrpcctl request` and servers of other languages.

use super::interop::python;
use crate::support::{
    broker,
    helper::Helper,
    lapin_caller::{Caller, QUEUE},
    program::ctl,
    stub::Stub,
};
use lapin::{options::QueueDeclareOptions, types::FieldTable};
use std::{path::PathBuf, process::Command};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What runs a script of Node with amqplib.
fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(format!("{ROOT}/tests/{script}"));
    command.env("NODE_PATH", format!("{ROOT}/target/tools/amqplib/node_modules"));
    command
}

/// A program in C, with librabbitmq.
fn in_c(source: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    let source = format!("{ROOT}/{source}");
    let built = Command::new("cc").arg("-o").arg(&program).args([&source, "-lrabbitmq"]).output();
    let built = built.unwrap();
    assert!(built.status.success(), "{built:?}; packaging/dev/install-deps.sh test installs it");
    (dir, program)
}

/// What a client prints that gets an answer.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_stub_answers_clients_on_pika_amqplib_and_librabbitmq() {
    const CALLS: &str = "500";
    let vhost = broker::shared().vhost();
    let uri = vhost.uri();
    let mut stub = Stub::serving(&uri, &["--declare", "--reply-text", "832040"]);
    assert_eq!(printed(&mut python("rpc_client.py", &uri)), "b'832040'\n");
    assert_eq!(printed(node("interop/rpc_client.js").arg(&uri)), "832040\n");
    // Checks every reply and every id.
    let (_dir, load) = in_c("benches/load/load.c");
    let mut load = Command::new(load);
    load.args(["--uri", &uri, "--queue", QUEUE, "--warm-up", "0", "--calls", CALLS]);
    assert!(printed(&mut load).starts_with('{'));
    stub.signal("TERM");
    let (_, said) = stub.wait();
    // The load makes some more calls than it counts.
    let summary = said.lines().last().unwrap();
    let served = summary.split(&[' ', ','][..]).nth(2).unwrap().parse::<u64>().unwrap();
    assert!(served >= 502 && summary.ends_with(", 0 failed, 0 unroutable"), "{summary}");
}

#[test]
fn requests_reach_servers_on_amqplib_and_librabbitmq() {
    let vhost = broker::shared().vhost();
    let uri = vhost.uri();
    let caller = Caller::connect(&uri);
    let (_dir, server_in_c) = in_c("tests/peers/c/fair/server.c");
    let servers = [("node", node("peers/node/fair/server.js")), ("c", Command::new(server_in_c))];
    for (queue, mut server) in servers {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        caller.declare(queue, options, FieldTable::default()).unwrap();
        server.args([&uri, queue]);
        let _server = Helper::start(server, "ready");
        let args = ["--queue", queue, "request", "-i", "--correlation-id", "mine", "30"];
        let ran = ctl(&uri, &args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stdout.contains("correlation-id: mine\n"), "{ran:?}");
        assert!(ran.stdout.ends_with("\n\n832040\n"), "{ran:?}");
    }
}
