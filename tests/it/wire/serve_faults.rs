//! The stub, while its broker takes no replies or delivers no requests.

use super::ctl_serve::{ask, collect_numbered, declare, publish_numbered, wait_for_depth};
use crate::support::{
    alarm,
    broker::{self, Broker},
    lapin_caller::Caller,
    stub::Stub,
};
use std::{fs::OpenOptions, process::Command};

/// Has the broker forget all consumers of a queue without a word, as RabbitMQ 3.10 may do by itself
/// when a queue is deleted and declared again at once.
fn forget_consumers(broker: &Broker, vhost: &str, queue: &str) {
    let forget = format!(
        r#"{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"{queue}">>)),
        Is4 = rabbit_misc:version() >= "4",
        Forget = fun (Pid, Tag) when Is4 ->
                {{stop_consumer, #{{pid => Pid, consumer_tag => Tag, user => <<>>}}}};
            (Pid, Tag) -> {{basic_cancel, Pid, Tag, undefined, <<>>}}
        end,
        [gen_server2:call(amqqueue:get_pid(Q), Forget(element(1, C), element(2, C)))
            || C <- rabbit_amqqueue:consumers(Q)]."#
    );
    assert_eq!(broker.ctl(&["eval", &forget]).trim(), "[ok]");
}

#[test]
fn a_stub_that_the_broker_has_forgotten_attaches_again() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    let mut stub = Stub::serving(&vhost.uri(), &["--queue", "any", "--declare"]);
    forget_consumers(broker::shared(), vhost.name(), "any");
    assert_eq!(caller.depth("any"), Some((0, 0)), "nobody consumes");
    let ran = ask(&vhost.uri(), &["--timeout", "2m", "x"]);
    assert_eq!(ran.stdout, "x\n", "{ran:?}");
    stub.wait_for("lost the queue, attaching again: the broker has forgotten this consumer");
    assert_eq!(stub.terminate().0, Some(143));
}

/// How many messages a queue has, those that somebody has and has not acknowledged included.
fn messages(broker: &Broker, queue: &str) -> usize {
    let rows = broker.ctl(&["-q", "list_queues", "--no-table-headers", "name", "messages"]);
    let row = rows.lines().find_map(|row| row.strip_prefix(queue)?.trim().parse().ok());
    row.unwrap_or_else(|| panic!("no {queue}: {rows}"))
}

#[test]
fn replies_wait_while_the_broker_is_blocked_and_no_request_is_lost() {
    const REQUESTS: usize = 200;
    const BLOCKED: &str = "the broker takes no replies at present, they wait: low on memory";
    let broker = Broker::private();
    let caller = Caller::connect(&broker.uri());
    for queue in ["any", "replies"] {
        declare(&caller, queue, "classic");
    }
    publish_numbered(&caller, REQUESTS);
    let mut idle = Stub::serving(&broker.uri(), &["--queue", "idle", "--declare"]);
    // Replies are not published before the gate is open, and then into the alarm.
    let dir = tempfile::tempdir().unwrap();
    let gate = dir.path().join("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let command = format!("echo begun >&2; : < {}; cat", gate.display());
    let args = ["--queue", "any", "--prefetch", "16", "--concurrency", "4", "--command", &command];
    let mut stub = Stub::serving(&broker.uri(), &args);
    stub.wait_for("begun");
    alarm::sound(&broker);
    let _open = OpenOptions::new().read(true).write(true).open(&gate).unwrap();
    stub.wait_for(BLOCKED);
    let left = messages(&broker, "any");
    assert!(left + messages(&broker, "replies") >= REQUESTS, "acknowledged without a confirm");
    // It ends in time all the same, and says what it leaves behind.
    let (code, said) = stub.terminate();
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("whose reply the broker has not confirmed"), "{said}");
    assert_eq!(messages(&broker, "any"), left, "{said}");
    // The next one begins in the alarm, and goes on when that is over.
    let mut stub = Stub::serving(&broker.uri(), &["--queue", "any"]);
    for stub in [&mut stub, &mut idle] {
        stub.wait_for(BLOCKED);
    }
    assert_eq!(messages(&broker, "any"), left);
    alarm::clear(&broker);
    for stub in [&mut stub, &mut idle] {
        stub.wait_for("the broker takes replies again");
    }
    collect_numbered(&caller, REQUESTS);
    for mut stub in [stub, idle] {
        let (code, said) = stub.terminate();
        assert!(code == Some(143) && !said.contains("lost the"), "{said}");
    }
    wait_for_depth(&caller, "any", 0);
}
