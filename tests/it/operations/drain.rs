//! Stopping: what is running is finished, what is not started stays in the queue.

use crate::support::{
    broker::{self, Vhost},
    lapin_caller::{Caller, QUEUE, Reply},
    program::Daemon,
    relay::Relay,
};
use std::collections::HashMap;

const CALLS: usize = 64;

/// Rounds of the first test. A fault that shows in one stop of ten is found for sure.
const ROUNDS: usize = 50;

/// Numbers of mixed size: most are answered at once, some take milliseconds, some longer.
fn number(call: usize) -> u64 {
    match call % 8 {
        0 => 300_000,
        1 => 100_000,
        2 => 20_000,
        _ => call as u64,
    }
}

/// The answer to each number, from a daemon that is not stopped.
fn answers(uri: &str) -> HashMap<u64, String> {
    let mut daemon = Daemon::serving(uri, &[]);
    let caller = Caller::connect(uri);
    let numbers = (0..CALLS).map(number).collect::<Vec<_>>();
    for n in &numbers {
        caller.call(&n.to_string(), &n.to_string());
    }
    let ids = numbers.iter().map(ToString::to_string).collect::<Vec<_>>();
    let replies = caller.replies_for(&ids);
    assert_eq!(daemon.terminate(), Some(0));
    numbers.iter().map(|n| (*n, replies[&n.to_string()][0].body.clone())).collect()
}

#[test]
fn a_stop_under_load_loses_nothing_and_answers_nothing_wrongly() {
    let vhost = broker::shared().vhost();
    let right = answers(&vhost.uri());
    let (mut lost, mut wrong, mut duplicates, mut left_in_queue) = (0, 0, 0, 0);
    for round in 0..ROUNDS {
        let caller = Caller::connect(&vhost.uri());
        let mut daemon = Daemon::serving(&vhost.uri(), &[]);
        for call in 0..CALLS {
            caller.call(&format!("{call}"), &number(call).to_string());
            // Stops at another point of the load in each round.
            if call == round * CALLS / ROUNDS {
                daemon.signal("TERM");
            }
        }
        assert_eq!(daemon.wait().code(), Some(0), "round {round}");
        let log = daemon.log();
        assert!(log.contains("everything that was started is answered"), "{log}");
        // The broker sends replies to a caller in the order it took them: once a message of our
        // own has come round, every reply that was confirmed is here.
        let mut replies = arrived(&caller);
        let mut unanswered = Vec::new();
        while let Some(message) = caller.get(QUEUE) {
            unanswered.push(message.properties.correlation_id().clone().unwrap().to_string());
        }
        left_in_queue += unanswered.len();
        for call in 0..CALLS {
            let (id, n) = (call.to_string(), number(call));
            let answered = replies.remove(&id).unwrap_or_default();
            duplicates += answered.len().saturating_sub(1);
            wrong += answered.iter().filter(|reply| reply.body != right[&n]).count();
            if answered.is_empty() && !unanswered.contains(&id) {
                lost += 1;
            }
        }
    }
    println!("{left_in_queue} calls left in the queue, {duplicates} answered twice");
    assert_eq!((lost, wrong), (0, 0), "lost, wrong");
    assert!(left_in_queue > 0, "some stop came before the last call was started");
    assert_eq!(duplicates, 0, "nothing was answered and given back");
}

/// The replies so far, by id.
fn arrived(caller: &Caller) -> HashMap<String, Vec<Reply>> {
    let mut replies: HashMap<String, Vec<Reply>> = HashMap::new();
    caller.echo("end");
    loop {
        let reply = caller.reply();
        if reply.id.as_deref() == Some("end") {
            return replies;
        }
        replies.entry(reply.id.clone().unwrap()).or_default().push(reply);
    }
}

/// Rounds of the next test: `FIBRPC_CUT_ROUNDS` asks for more.
fn cut_rounds() -> usize {
    std::env::var("FIBRPC_CUT_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// Calls of a daemon whose replies do not get through, so that all of them stay open.
struct Stuck {
    relay: Relay,
    daemon: Daemon,
    ids: Vec<String>,
}

impl Stuck {
    fn new(vhost: &Vhost, caller: &Caller, round: usize) -> Self {
        let relay = Relay::to(&vhost.uri());
        let daemon = Daemon::serving(&relay.uri(), &[("shutdown.drain_timeout", "1s")]);
        relay.hold_replies();
        let ids = (0..CALLS).map(|call| format!("{round}/{call}")).collect::<Vec<_>>();
        for (call, id) in ids.iter().enumerate() {
            caller.call(id, &number(call).to_string());
        }
        daemon.wait_for_metric("fibrpcd_requests_in_flight", CALLS as u64);
        Self { relay, daemon, ids }
    }
}

/// Has another daemon answer; counts what is lost, and what is wrong.
fn answered_by_another(
    vhost: &Vhost,
    caller: &Caller,
    ids: &[String],
    right: &HashMap<u64, String>,
) -> (usize, usize) {
    let mut second = Daemon::serving(&vhost.uri(), &[]);
    let mut replies = caller.replies_for(ids);
    let (mut lost, mut wrong) = (0, 0);
    for (call, id) in ids.iter().enumerate() {
        let answered = replies.remove(id).unwrap_or_default();
        lost += usize::from(answered.is_empty());
        wrong += answered.iter().filter(|reply| reply.body != right[&number(call)]).count();
    }
    assert_eq!(second.terminate(), Some(0));
    (lost, wrong)
}

#[test]
fn a_stop_that_takes_too_long_gives_everything_back_for_the_next_server() {
    let vhost = broker::shared().vhost();
    let right = answers(&vhost.uri());
    let caller = Caller::connect(&vhost.uri());
    for round in 0..cut_rounds() {
        let Stuck { relay, mut daemon, ids } = Stuck::new(&vhost, &caller, round);
        assert_eq!(daemon.terminate(), Some(1), "round {round}");
        assert!(daemon.log().contains("not drained in time"), "{}", daemon.log());
        drop(relay); // and the replies in it
        assert_eq!(caller.arrived(), [], "nothing was answered");
        let counts = answered_by_another(&vhost, &caller, &ids, &right);
        assert_eq!(counts, (0, 0), "lost, wrong; round {round}");
    }
}

#[test]
fn a_second_signal_gives_up_at_once_and_a_second_daemon_answers() {
    let vhost = broker::shared().vhost();
    let right = answers(&vhost.uri());
    let caller = Caller::connect(&vhost.uri());
    let Stuck { relay, mut daemon, ids } = Stuck::new(&vhost, &caller, 0);
    daemon.signal("INT");
    daemon.wait_for("draining");
    assert_eq!(daemon.get("/readyz"), (503, "draining\n".to_owned()));
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(1));
    drop(relay);
    assert_eq!(answered_by_another(&vhost, &caller, &ids, &right), (0, 0), "lost, wrong");
}

#[test]
fn a_stop_without_a_broker_is_prompt() {
    let mut daemon = Daemon::start("amqp://127.0.0.1:1", &[]);
    daemon.wait_for("cannot attach");
    assert_eq!(daemon.terminate(), Some(0));
}
