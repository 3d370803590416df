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
            "there is x-queue-type = quorum, asked was x-queue-type = none",
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
