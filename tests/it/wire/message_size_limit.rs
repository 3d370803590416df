//! Brokers that take no large messages. RabbitMQ announces its limit nowhere: it closes the channel
//! of whoever goes beyond it.

use super::ctl_errors::assert_row;
use crate::support::{
    broker::Broker,
    lapin_caller::{Caller, Reply},
    program::{Daemon, ctl, ctl_with_input},
};

const LIMIT: usize = 1 << 20;

/// F of these has about as many digits as the limit has bytes: just within it, and just beyond.
const WITHIN: &str = "5017400";
const BEYOND: &str = "5017500";

fn broker_with_limit(limit: usize) -> Broker {
    let broker = Broker::private();
    set_limit(&broker, limit);
    broker
}

/// New channels have the limit.
fn set_limit(broker: &Broker, limit: usize) {
    let set = format!("application:set_env(rabbit, max_message_size, {limit}).");
    assert_eq!(broker.ctl(&["eval", &set]).trim(), "ok");
}

fn is_too_large(reply: &Reply, limit: usize) -> bool {
    reply.status.as_deref() == Some("RESOURCE_EXHAUSTED")
        && reply.body.starts_with("error: the reply is larger than the broker takes")
        && reply.body.contains(&format!(" {limit} bytes"))
}

#[test]
fn a_reply_larger_than_the_broker_takes_becomes_an_error_and_the_service_goes_on() {
    let broker = broker_with_limit(LIMIT);
    let daemon = Daemon::serving(&broker.uri(), &[]);
    let caller = Caller::connect(&broker.uri());
    let mut ids = Vec::new();
    let mut call = |id: String, body: &str| {
        caller.call(&id, body);
        ids.push(id);
    };
    // The first large one ends the session, in the middle of small calls and of other large ones.
    for n in 0..200 {
        call(format!("small {n}"), "30");
        if n % 50 == 0 {
            call(format!("large {n}"), BEYOND);
        }
    }
    call("just fits".to_owned(), WITHIN);
    let replies = caller.replies_for(&ids);
    let (mut wrong, mut duplicates) = (0, 0);
    for (id, replies) in &replies {
        duplicates += replies.len() - 1;
        for reply in replies {
            let right = match id.split(' ').next() {
                Some("small") => reply.body == "832040",
                Some("large") => is_too_large(reply, LIMIT),
                _ => reply.body.len().abs_diff(LIMIT) < 100 && reply.body.len() <= LIMIT,
            };
            wrong += usize::from(!right);
        }
    }
    println!("{} calls answered, {duplicates} of them twice", ids.len());
    assert_eq!((replies.len(), wrong), (205, 0), "answered, wrong: none is lost");
    daemon.wait_for("the broker refused a large reply");
    // Learned once: nothing ends a session any more, and nothing is computed in vain.
    let connects = daemon.metric("fibrpcd_amqp_connects_total");
    assert_eq!(connects, 2, "{}", daemon.log());
    for n in 0..10 {
        caller.call(&n.to_string(), "50000000");
        assert!(is_too_large(&caller.reply(), LIMIT));
    }
    let ran = ctl(&broker.uri(), &["call", "50000000"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("larger than the broker takes"), "{ran:?}");
    assert_eq!(ctl(&broker.uri(), &["call", "30"]).stdout, "832040\n");
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), connects);
    // The broker gets another limit: a lower one is learned the same way.
    set_limit(&broker, LIMIT / 2);
    broker.ctl(&["close_all_connections", "a new limit"]);
    daemon.wait_for_nth("attached; consuming", 3);
    let caller = Caller::connect(&broker.uri());
    for n in 0..3 {
        caller.call(&n.to_string(), WITHIN);
        assert!(is_too_large(&caller.reply(), LIMIT / 2));
    }
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 4);
}

#[test]
fn where_not_even_an_error_fits_requests_are_rejected_and_small_calls_answered() {
    let broker = broker_with_limit(10);
    let daemon = Daemon::serving(&broker.uri(), &[]);
    let caller = Caller::connect(&broker.uri());
    caller.call("large", "1000");
    daemon.wait_for_metric("fibrpcd_rejects_total", 1);
    caller.call("small", "30");
    assert_eq!(caller.reply().body, "832040");
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 2);
}

#[test]
fn a_request_larger_than_the_broker_takes_fails_at_once_and_harms_no_other() {
    let broker = broker_with_limit(100);
    let _daemon = Daemon::serving(&broker.uri(), &[]);
    let large = "1".repeat(101);
    let numbers = [vec!["30"; 50], vec![&large], vec!["30"; 50]].concat();
    // Beside the large one, and behind it.
    let ran =
        ctl_with_input(&broker.uri(), &["--timeout", "30s", "call", "-"], &numbers.join("\n"));
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("the request of 101 bytes is larger"), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().filter(|line| *line == "832040").count(), 100, "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 2, "{ran:?}");
    assert!(ran.stderr.contains("hint: send less, or raise max_message_size"), "{ran:?}");
    assert_row("TOO_LARGE", &ctl(&broker.uri(), &["--json", "call", &large]));
}
