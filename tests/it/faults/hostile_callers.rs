//! Clients that misbehave: none of them may cost another one its answer.

use crate::support::{
    broker,
    checked_calls::fibonacci,
    lapin_caller::{Caller, QUEUE, Reply, arguments},
    program::{Daemon, memory_kib},
};
use lapin::{
    BasicProperties,
    types::{AMQPValue, ShortString},
};

/// A daemon, the caller that misbehaves, and a good one whose calls must be answered.
struct Setup {
    uri: String,
    daemon: Daemon,
    caller: Caller,
    good: Caller,
}

impl Setup {
    fn new() -> Self {
        let uri = broker::shared().vhost().uri();
        let daemon = Daemon::serving(&uri, &[]);
        let (caller, good) = (Caller::connect(&uri), Caller::connect(&uri));
        Self { uri, daemon, caller, good }
    }

    /// A good call is answered, each time in the same session.
    fn goes_on(&self) {
        self.good.call("good", "30");
        assert_eq!(self.good.reply(), answer("good", "832040"));
        assert_eq!(self.daemon.metric("fibrpcd_amqp_connects_total"), 1, "{}", self.daemon.log());
        assert_eq!(self.daemon.metric("fibrpcd_redeliveries_total"), 0);
        assert!(!self.daemon.log().contains("panicked"), "{}", self.daemon.log());
    }
}

fn answer(id: &str, body: &str) -> Reply {
    Reply { id: Some(id.into()), status: None, body: body.into() }
}

#[test]
fn callers_that_are_gone_before_the_reply_are_counted_and_harm_nobody() {
    const GONE: u64 = 20;
    let setup = Setup::new();
    for n in 0..GONE {
        let gone = Caller::connect(&setup.uri);
        gone.call("1", if n % 2 == 0 { "30" } else { "300000" });
        drop(gone); // and with it, its exclusive queue
    }
    // The calls of whoever was quick enough to see an answer count as well.
    setup.daemon.wait_for_metric("fibrpcd_acks_total", GONE);
    let unroutable = setup.daemon.metric("fibrpcd_replies_unroutable_total");
    println!("{unroutable} of {GONE} replies found nobody");
    assert!(unroutable > 0 && unroutable <= GONE);
    setup.goes_on();
}

#[test]
fn reply_queues_that_are_deleted_or_never_were_are_counted_and_harm_nobody() {
    let setup = Setup::new();
    let queue = setup.caller.properties("x").reply_to().clone().unwrap();
    setup.caller.delete(queue.as_str());
    let names = [queue, "never.was".into(), "".into(), "x".repeat(255).into()];
    // An empty name is none: such a request is rejected.
    for name in &names {
        let properties = BasicProperties::default()
            .with_reply_to(ShortString::clone(name))
            .with_correlation_id("id".into());
        setup.caller.publish(QUEUE, properties, b"30");
    }
    setup.daemon.wait_for_metric("fibrpcd_replies_unroutable_total", 3);
    setup.daemon.wait_for_metric("fibrpcd_rejects_total", 1);
    setup.goes_on();
    assert_eq!(setup.daemon.metric("fibrpcd_replies_unroutable_total"), 3);
}

#[test]
fn the_same_correlation_id_for_every_call_gets_every_answer() {
    const CALLS: usize = 1000;
    let setup = Setup::new();
    for n in 0..CALLS {
        setup.caller.call("same", &(n % 90).to_string());
    }
    let mut right = (0..CALLS).map(|n| n as u64 % 90).map(fibonacci).collect::<Vec<_>>();
    let mut replies = (0..CALLS).map(|_| setup.caller.reply()).collect::<Vec<_>>();
    assert!(replies.iter().all(|reply| reply.id.as_deref() == Some("same")));
    right.sort_unstable();
    replies.sort_unstable_by(|a, b| a.body.cmp(&b.body));
    let wrong = replies.iter().zip(&right).filter(|(reply, right)| reply.body != **right).count();
    assert_eq!(wrong, 0, "of {CALLS}");
    setup.goes_on();
    assert_eq!(setup.caller.arrived(), [], "one answer each");
}

#[test]
fn ten_thousand_requests_that_nobody_can_answer_are_rejected_and_good_ones_between_answered() {
    const BAD: u64 = 10_000;
    let setup = Setup::new();
    for n in 0..BAD {
        let properties = BasicProperties::default().with_correlation_id("nobody".into());
        setup.caller.publish_unconfirmed(QUEUE, properties, b"30");
        if n % 1000 == 0 {
            setup.good.call(&n.to_string(), "30");
        }
    }
    for n in (0..BAD).step_by(1000) {
        assert_eq!(setup.good.reply(), answer(&n.to_string(), "832040"));
    }
    setup.daemon.wait_for_metric("fibrpcd_rejects_total", BAD);
    let failures = "fibrpcd_request_failures_total{reason=\"no_reply_to\"}";
    assert_eq!(setup.daemon.metric(failures), BAD);
    setup.goes_on();
    assert_eq!(setup.good.depth(QUEUE), Some((0, 1)), "none is left in the queue");
    // Thousands of mistakes do not make thousands of lines.
    assert!(setup.daemon.log().lines().count() < 100);
}

/// Every property there is, one by one and all together, in values that are usual and that are not.
fn properties() -> Vec<(&'static str, BasicProperties)> {
    let none = BasicProperties::default;
    let long = || ShortString::from("x".repeat(255));
    let table = arguments(&[
        ("a", AMQPValue::Void),
        ("b", AMQPValue::Timestamp(u64::MAX)),
        ("x-deadline", AMQPValue::LongString("tomorrow".into())),
        ("x-fibrpc-status", AMQPValue::LongString("INTERNAL".into())),
        ("x-delivery-count", AMQPValue::LongLongInt(i64::MAX)),
        ("x-death", AMQPValue::LongString("often".into())),
    ]);
    let all = none()
        .with_content_type(long())
        .with_content_encoding(long())
        .with_headers(table.clone())
        .with_delivery_mode(2)
        .with_priority(255)
        .with_expiration("60000".into())
        .with_message_id(long())
        .with_timestamp(u64::MAX)
        .with_user_id("guest".into())
        .with_app_id(long())
        .with_cluster_id(long());
    vec![
        ("content_type", none().with_content_type("application/json".into())),
        ("content_encoding", none().with_content_encoding("gzip".into())),
        ("headers", none().with_headers(table)),
        ("no headers", none().with_headers(arguments(&[]))),
        ("transient", none().with_delivery_mode(1)),
        ("persistent", none().with_delivery_mode(2)),
        ("priority", none().with_priority(9)),
        ("the highest priority", none().with_priority(255)),
        ("expiration", none().with_expiration("60000".into())),
        ("message_id", none().with_message_id("message".into())),
        ("timestamp", none().with_timestamp(0)),
        ("user_id", none().with_user_id("guest".into())),
        ("app_id", none().with_app_id(long())),
        ("cluster_id", none().with_cluster_id(long())),
        ("type", none().with_type("fib".into())),
        ("an empty type", none().with_type("".into())),
        ("all", all),
    ]
}

#[test]
fn every_property_a_request_may_have_leaves_its_answer_as_it_is() {
    let setup = Setup::new();
    let cases = properties();
    for (what, properties) in &cases {
        let reply_to = setup.caller.properties(what).reply_to().clone().unwrap();
        let properties =
            properties.clone().with_reply_to(reply_to).with_correlation_id((*what).into());
        setup.caller.publish(QUEUE, properties, b"30");
    }
    let mut wrong = Vec::new();
    for (what, _) in &cases {
        let delivery = setup.caller.delivery();
        // A reply has nothing of the request but its id.
        assert_eq!(delivery.properties.delivery_mode(), &Some(1), "{what}");
        assert_eq!(delivery.properties.message_id(), &None, "{what}");
        let reply = Reply::from(delivery);
        if reply != answer(what, "832040") {
            wrong.push(reply);
        }
    }
    assert_eq!(wrong, [], "of {}", cases.len());
    setup.goes_on();
}

#[test]
fn requests_that_expired_in_the_queue_are_the_brokers_to_drop_and_the_others_are_answered() {
    let setup = Setup::new();
    let mut daemon = setup.daemon;
    assert_eq!(daemon.terminate(), Some(0));
    let expired = setup.caller.properties("expired").with_expiration("0".into());
    setup.caller.publish(QUEUE, expired, b"30");
    setup.caller.call("kept", "30");
    let daemon = Daemon::serving(&setup.uri, &[]);
    assert_eq!(setup.caller.reply(), answer("kept", "832040"));
    daemon.wait_for_metric("fibrpcd_acks_total", 1);
    assert_eq!(daemon.metric("fibrpcd_deliveries_total"), 1);
}

/// The longest body that is read.
const LONGEST: usize = 64 << 10;

#[test]
fn large_bodies_cost_no_memory_and_keep_nobody_waiting() {
    const COUNT: usize = 8;
    let setup = Setup::new();
    setup.caller.call("first", "30");
    setup.caller.reply();
    let before = memory_kib(setup.daemon.pid(), "VmHWM");
    let large = vec![b'9'; 64 << 20];
    for index in 0..COUNT {
        let id = format!("large {index}");
        setup.caller.publish(QUEUE, setup.caller.properties(&id), &large);
        setup.caller.call(&format!("small {index}"), "30");
    }
    for _ in 0..2 * COUNT {
        let reply = setup.caller.reply();
        if reply.id.unwrap().starts_with("small") {
            assert_eq!((reply.status, &*reply.body), (None, "832040"));
        } else {
            assert_eq!(reply.status.as_deref(), Some("INVALID_ARGUMENT"));
            assert!(reply.body.contains("more than 65536 bytes"), "{}", reply.body);
        }
    }
    let grown = memory_kib(setup.daemon.pid(), "VmHWM") - before;
    assert!(grown < 16 << 10, "{grown} KiB for bodies of 64 MiB");
    setup.goes_on();
}

#[test]
fn bodies_that_are_no_number_are_refused_whatever_they_hold() {
    let setup = Setup::new();
    let large = "9".repeat(LONGEST);
    let spaces = format!("{}30", " ".repeat(LONGEST - 2));
    let zeros = format!("{}30", "0".repeat(LONGEST - 2));
    let garbage = vec![0xFF; LONGEST];
    let longer = zeros.clone() + " ";
    let invalid = "INVALID_ARGUMENT";
    let cases: [(&[u8], Result<&str, &str>); 17] = [
        (b"", Err(invalid)),
        (b"\0", Err(invalid)),
        (b"30\0", Err(invalid)),
        (b"3\x000", Err(invalid)),
        ("\u{0663}\u{0660}".as_bytes(), Err(invalid)), // Arabic-Indic digits
        ("\u{FF13}\u{FF10}".as_bytes(), Err(invalid)), // fullwidth digits
        ("\u{A0}30".as_bytes(), Err(invalid)),         // a space, but not of ASCII
        ("\u{FEFF}30".as_bytes(), Err(invalid)),       // a byte order mark
        (b"-1", Err(invalid)),
        (b"3e1", Err(invalid)),
        (b"\xFF\xFE", Err(invalid)),
        (&garbage, Err(invalid)),
        (large.as_bytes(), Err("RESOURCE_EXHAUSTED")),
        (spaces.as_bytes(), Ok("832040")),
        (zeros.as_bytes(), Ok("832040")),
        (longer.as_bytes(), Err(invalid)),
        (b" +30\r\n", Ok("832040")),
    ];
    let mut wrong = Vec::new();
    for (index, (body, expected)) in cases.iter().enumerate() {
        let id = index.to_string();
        setup.caller.publish(QUEUE, setup.caller.properties(&id), body);
        let reply = setup.caller.reply();
        assert_eq!(reply.id, Some(id));
        assert!(reply.body.len() < 1000, "no body comes back: {}", reply.body.len());
        let right = match expected {
            Ok(body) => reply.status.is_none() && reply.body == *body,
            Err(status) => {
                reply.status.as_deref() == Some(status)
                    && reply.body.starts_with("error: ")
                    && !reply.body.contains(char::is_control)
            }
        };
        if !right {
            wrong.push((index, reply));
        }
    }
    assert_eq!(wrong, [], "of {}", cases.len());
    setup.goes_on();
}

#[test]
fn methods_that_do_not_exist_are_unimplemented() {
    let setup = Setup::new();
    let long = "x".repeat(255);
    let kinds = ["FIB", "fib ", "factorial", "\u{0}", "a\nb", "\u{1F980}", &long];
    let mut wrong = Vec::new();
    for kind in kinds {
        let properties = setup.caller.properties(kind).with_type(kind.into());
        setup.caller.publish(QUEUE, properties, b"30");
        let reply = setup.caller.reply();
        let one_line = !reply.body.contains(char::is_control);
        if reply.status.as_deref() != Some("UNIMPLEMENTED") || !one_line {
            wrong.push(reply);
        }
    }
    assert_eq!(wrong, [], "of {}", kinds.len());
    let failures = "fibrpcd_request_failures_total{reason=\"unimplemented\"}";
    setup.daemon.wait_for_metric(failures, kinds.len() as u64);
    setup.goes_on();
}
