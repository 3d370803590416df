//! The request queue: every shape it may have.

use crate::support::{
    broker,
    lapin_caller::{Caller, QUEUE, arguments},
    program::{Daemon, ctl},
};
use lapin::{
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

fn quorum() -> FieldTable {
    arguments(&[("x-queue-type", AMQPValue::LongString("quorum".into()))])
}

fn shapes() -> [(&'static str, QueueDeclareOptions, FieldTable); 5] {
    let durable = QueueDeclareOptions::durable();
    let transient = QueueDeclareOptions::default();
    let limited = arguments(&[
        ("x-max-length", AMQPValue::LongInt(1000)),
        ("x-message-ttl", AMQPValue::LongInt(600_000)),
    ]);
    [
        ("transient", transient, FieldTable::default()),
        ("classic", durable, FieldTable::default()),
        ("quorum", durable, quorum()),
        ("with arguments", durable, limited),
        (
            "that deletes itself",
            QueueDeclareOptions::default().auto_delete(),
            FieldTable::default(),
        ),
    ]
}

#[test]
fn auto_serves_a_queue_as_it_is() {
    for (shape, options, table) in shapes() {
        let vhost = broker::shared().vhost();
        let caller = Caller::connect(&vhost.uri());
        caller.declare(QUEUE, options, table).unwrap();
        let _daemon = Daemon::serving(&vhost.uri(), &[]);
        let ran = ctl(&vhost.uri(), &["call", "30"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n"), "{shape}: {ran:?}");
    }
}

#[test]
fn auto_creates_what_the_tutorials_declare() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let caller = Caller::connect(&vhost.uri());
    // The same declaration succeeds, a different one does not.
    assert!(caller.declare(QUEUE, QueueDeclareOptions::durable(), quorum()).is_ok());
    assert!(caller.declare(QUEUE, QueueDeclareOptions::default(), FieldTable::default()).is_err());
}

#[test]
fn a_type_asked_for_is_declared_and_found_again() {
    for kind in ["quorum", "classic", "transient"] {
        let vhost = broker::shared().vhost();
        for _ in 0..2 {
            let mut daemon = Daemon::serving(&vhost.uri(), &[("amqp.queue_type", kind)]);
            assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n", "{kind}");
            assert_eq!(daemon.terminate(), Some(0));
        }
    }
}

#[test]
fn a_mismatch_says_what_is_there_and_what_was_asked_and_ends_when_mended() {
    for (asked, options, table, message) in [
        (
            "quorum",
            QueueDeclareOptions::default(),
            FieldTable::default(),
            "there is durable = false, asked was durable = true",
        ),
        (
            "transient",
            QueueDeclareOptions::durable(),
            FieldTable::default(),
            "there is durable = true, asked was durable = false",
        ),
        (
            "classic",
            QueueDeclareOptions::durable(),
            quorum(),
            "there is x-queue-type = quorum, asked was x-queue-type = classic",
        ),
    ] {
        let vhost = broker::shared().vhost();
        let caller = Caller::connect(&vhost.uri());
        caller.declare(QUEUE, options, table).unwrap();
        let settings = [("amqp.queue_type", asked), ("amqp.backoff_max", "200ms")];
        let daemon = Daemon::start(&vhost.uri(), &settings);
        let line = daemon.wait_for("cannot attach");
        assert!(line.contains(message), "{line}");
        let (status, why) = daemon.get("/readyz");
        assert_eq!(status, 503);
        assert!(why.contains(message), "{why}");
        // It is logged once, however often it is tried.
        let failures = daemon.metric("fibrpcd_amqp_connect_failures_total");
        daemon.wait_for_metric("fibrpcd_amqp_connect_failures_total", failures + 3);
        assert_eq!(daemon.log().matches("cannot attach").count(), 1);
        caller.delete(QUEUE);
        daemon.wait_for("attached; consuming");
        assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    }
}

#[test]
fn a_queue_that_somebody_replaces_is_served_again_even_if_the_broker_does_not_say() {
    let vhost = broker::shared().vhost();
    let caller = Caller::connect(&vhost.uri());
    let settings = [("amqp.queue_type", "quorum"), ("amqp.prefetch", "1")];
    let daemon = Daemon::serving(&vhost.uri(), &settings);
    // RabbitMQ 3.10 mostly says nothing of at least one of these, and then delivers nothing; or it
    // takes as many requests as it may for delivered, and nobody gets them. The others wait, and so
    // the daemon finds it out in 20 s.
    for _ in 0..5 {
        caller.delete(QUEUE);
        caller.declare(QUEUE, QueueDeclareOptions::durable(), quorum()).unwrap();
    }
    let ran = ctl(&vhost.uri(), &["--wait", "--timeout", "2m", "call", "30", "30"]);
    if ran.stdout != "832040\n832040\n" {
        let shown = ["name", "messages_ready", "messages_unacknowledged", "consumers", "state"];
        let list = [&["list_queues", "-p", vhost.name()], &shown[..]].concat();
        panic!("{ran:?}\n{}\n{}", daemon.log(), broker::shared().ctl(&list));
    }
}

#[test]
fn a_stream_is_refused_whatever_is_asked_and_what_follows_it_is_served() {
    for asked in ["auto", "passive", "classic", "quorum", "transient"] {
        let vhost = broker::shared().vhost();
        let caller = Caller::connect(&vhost.uri());
        let stream = arguments(&[("x-queue-type", AMQPValue::LongString("stream".into()))]);
        caller.declare(QUEUE, QueueDeclareOptions::durable(), stream).unwrap();
        let settings = [("amqp.queue_type", asked), ("amqp.backoff_max", "200ms")];
        let daemon = Daemon::start(&vhost.uri(), &settings);
        let line = daemon.wait_for("cannot attach");
        if asked != "transient" {
            assert!(line.contains("is a stream, which cannot be served"), "{asked}: {line}");
        }
        let failures = "fibrpcd_amqp_connect_failures_total{cause=\"queue_mismatch\"}";
        assert!(daemon.metric(failures) > 0, "{asked}");
        assert_eq!(daemon.get("/readyz").0, 503, "{asked}");
        caller.delete(QUEUE);
        if asked == "passive" {
            caller.declare(QUEUE, QueueDeclareOptions::durable(), quorum()).unwrap();
        }
        daemon.wait_for("attached; consuming");
        assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n", "{asked}");
    }
}

#[test]
fn the_type_asked_for_is_declared_whatever_the_virtual_host_prefers() {
    let broker = broker::shared();
    for (asked, there) in [("classic", "classic\ttrue"), ("transient", "classic\tfalse")] {
        let vhost = format!("prefers-quorum-{asked}");
        broker.ctl(&["add_vhost", &vhost, "--default-queue-type", "quorum"]);
        broker.ctl(&["set_permissions", "-p", &vhost, "guest", ".*", ".*", ".*"]);
        let uri = format!("amqp://guest:guest@127.0.0.1:{}/{vhost}", broker.port());
        for _ in 0..2 {
            let mut daemon = Daemon::serving(&uri, &[("amqp.queue_type", asked)]);
            assert_eq!(daemon.terminate(), Some(0));
        }
        let queues = broker.ctl(&["list_queues", "-q", "-p", &vhost, "type", "durable"]);
        assert!(queues.contains(there), "{asked}: {queues}");
        broker.ctl(&["delete_vhost", &vhost]);
    }
}

#[test]
fn the_least_permissions_suffice_and_a_missing_one_is_found_out_when_attaching() {
    let broker = broker::shared();
    let vhost = broker.vhost();
    let uri = format!("amqp://least:secret@127.0.0.1:{}/{}", vhost.port(), vhost.name());
    let caller = Caller::connect(&vhost.uri());
    caller.declare(QUEUE, QueueDeclareOptions::durable(), quorum()).unwrap();
    broker.ctl(&["add_user", "least", "secret"]);
    let grant = |write: &str| {
        let permissions = ["", write, "^rpc_queue$"];
        let command = ["set_permissions", "-p", vhost.name(), "least"];
        broker.ctl(&[&command[..], &permissions[..]].concat());
    };
    grant("");
    let daemon = Daemon::start(&uri, &[("amqp.backoff_max", "200ms")]);
    let line = daemon.wait_for("cannot attach");
    assert!(line.contains("403") && line.contains("write to amq.default"), "{line}");
    assert_eq!(daemon.get("/readyz").0, 503);
    grant("^amq\\.default$");
    daemon.wait_for("attached; consuming");
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");

    // A topic that we may not publish to costs the request that names it, and nobody else.
    let topic = arguments(&[("x-reply-to-topic", AMQPValue::LongString("answers".into()))]);
    let properties = lapin::BasicProperties::default().with_headers(topic);
    caller.publish(QUEUE, properties, b"30");
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"reply_refused\"}", 1);
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1);
    broker.ctl(&["delete_user", "least"]);
}

#[test]
fn passive_waits_for_the_queue() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::start(&vhost.uri(), &[("amqp.queue_type", "passive")]);
    assert!(daemon.wait_for("cannot attach").contains("404"));
    let caller = Caller::connect(&vhost.uri());
    assert_eq!(caller.depth(QUEUE), None, "it created nothing");
    caller.declare(QUEUE, QueueDeclareOptions::default(), FieldTable::default()).unwrap();
    daemon.wait_for("attached; consuming");
}

#[test]
fn a_queue_deleted_under_the_daemon_is_made_again() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let caller = Caller::connect(&vhost.uri());
    caller.delete(QUEUE);
    daemon.wait_for("lost the broker");
    daemon.wait_for_nth("attached; consuming", 2);
    assert_eq!(daemon.metric("fibrpcd_amqp_consumer_cancels_total"), 1);
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
}
