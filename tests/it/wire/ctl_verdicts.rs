//! Why a call has no answer: what `fibrpcctl` says of it, and when.

use crate::support::{
    PATIENCE, broker,
    lapin_caller::{Caller, QUEUE, arguments},
    program::{Daemon, Ran, ctl, ctl_command},
    relay::Relay,
};
use lapin::{options::QueueDeclareOptions, types::AMQPValue};
use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

#[test]
fn a_server_that_stops_still_answers_what_it_has() {
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    // A quorum queue counts a consumer for as long as it has messages.
    let mut daemon = Daemon::serving(&relay.uri(), &[("amqp.queue_type", "classic")]);
    relay.hold_replies();
    let mut command = ctl_command(&vhost.uri(), &["--timeout", "30s", "call", "30"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    daemon.wait_for_metric("fibrpcd_requests_in_flight", 1);
    daemon.signal("TERM");
    daemon.wait_for("draining");
    let caller = Caller::connect(&vhost.uri());
    // Nobody consumes; the client looks again and again.
    while caller.depth(QUEUE) != Some((0, 0)) {}
    assert_eq!(daemon.metric("fibrpcd_amqp_connected"), 0, "nothing more is taken");
    thread::park_timeout(Duration::from_secs(2));
    relay.release_replies();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n"), "{ran:?}");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_queue_that_takes_no_more_is_told_or_waited_for() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    let full = [
        ("x-max-length", AMQPValue::LongInt(1)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ];
    caller.declare(QUEUE, QueueDeclareOptions::durable(), arguments(&full)).unwrap();
    caller.publish(QUEUE, lapin::BasicProperties::default(), b"in the way");
    let ran = ctl(&vhost.uri(), &["--timeout", "1h", "call", "30"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(
        ran.stderr.contains("the broker refuses the call: queue \"rpc_queue\" is full"),
        "{ran:?}"
    );
    let ran = ctl(&vhost.uri(), &["--wait", "--timeout", "2s", "call", "30"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("is full"), "{ran:?}");
    let mut command = ctl_command(&vhost.uri(), &["--wait", "--timeout", "1m", "call", "30", "31"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.starts_with("fibrpcctl: waiting: the broker refuses the call"), "{said}");
    caller.purge(QUEUE);
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n1346269\n"), "{ran:?}");
}

#[test]
fn without_a_broker_a_call_ends_at_once_or_says_what_it_waits_for() {
    let nobody = "amqp://127.0.0.1:1";
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(ctl(nobody, &["--timeout", "1h", "call", "30"])));
    let ran = ended.recv_timeout(PATIENCE).expect("it does not wait for an hour");
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("onnection refused"), "{ran:?}");
    let mut command = ctl_command(nobody, &["--wait", "--timeout", "1h", "call", "30"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        said.starts_with("fibrpcctl: waiting: ") && said.contains("onnection refused"),
        "{said}"
    );
    let ran = ctl(nobody, &["--wait", "--no-wait", "--timeout", "1h", "ping"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
}

#[test]
fn a_call_waits_for_a_queue_and_a_server_if_asked_to() {
    let vhost = broker::shared().vhost();
    let ran = ctl(&vhost.uri(), &["--wait", "--timeout", "1s", "call", "30"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(ran.stderr.contains("there is no queue"), "{ran:?}");
    let command = || ctl_command(&vhost.uri(), &["--timeout", "1m", "call", "30", "31"]);
    let mut children = [(); 2].map(|()| {
        let mut command = command();
        command.env("FIBRPCCTL_WAIT", "yes").stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    let mut said = String::new();
    BufReader::new(children[0].stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.starts_with("fibrpcctl: waiting: there is no queue"), "{said}");
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    for child in children {
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n1346269\n"), "{ran:?}");
    }
}
