//! Networks that fail between the daemon and its broker.
//!
//! A call is lost here if it is never answered although a daemon is there, and wrong if it gets the
//! answer of another number. Calls may be answered twice.

use crate::support::{
    PATIENCE,
    broker::{self, Vhost},
    checked_calls::{CheckedCalls, LARGE, fibonacci},
    program::{Daemon, QUICK, ctl},
    relay::{Damage, Pace, Relay, Way},
};
use std::time::Duration;

/// A daemon behind a relay, and a caller that is not.
struct Setup {
    relay: Relay,
    daemon: Daemon,
    calls: CheckedCalls,
}

impl Setup {
    fn new(vhost: &Vhost) -> Self {
        let relay = Relay::to(&vhost.uri());
        let daemon = Daemon::serving(&relay.uri(), &QUICK);
        Self { relay, daemon, calls: CheckedCalls::new(&vhost.uri()) }
    }
}

/// Open calls, then the fault, then calls that arrive while the link is down.
fn is_survived(what: &str, fault: impl Fn(&Relay), repair: impl Fn(&Relay)) {
    let vhost = broker::shared().vhost();
    let Setup { relay, daemon, mut calls } = Setup::new(&vhost);
    for fault_number in 1..=2 {
        let received = daemon.metric("fibrpcd_deliveries_total");
        relay.hold_replies();
        calls.many(50);
        calls.call(LARGE);
        daemon.wait_for_metric("fibrpcd_deliveries_total", received + 51);
        fault(&relay);
        relay.release_replies();
        daemon.wait_for_nth("lost the broker", fault_number);
        calls.many(50);
        repair(&relay);
        daemon.wait_for_nth("attached; consuming", fault_number + 1);
    }
    calls.all_right(what);
    assert!(daemon.metric("fibrpcd_redeliveries_total") > 0, "there were open calls");
    assert_eq!(daemon.get("/readyz").0, 200);
}

#[test]
fn a_reset_loses_no_call() {
    is_survived("reset", Relay::reset, |_| ());
}

#[test]
fn a_broker_that_refuses_for_a_while_loses_no_call() {
    let cut = |relay: &Relay| {
        relay.refuse();
        relay.reset();
    };
    is_survived("refused", cut, Relay::accept);
}

#[test]
fn a_black_hole_is_found_by_heartbeat_and_loses_no_call() {
    is_survived("both ways", |relay| relay.black_hole(&[Way::ToBroker, Way::ToClient]), |_| ());
}

#[test]
fn a_hole_on_the_way_to_the_broker_loses_no_call() {
    is_survived("to the broker", |relay| relay.black_hole(&[Way::ToBroker]), |_| ());
}

#[test]
fn a_hole_on_the_way_to_the_daemon_loses_no_call() {
    is_survived("to the daemon", |relay| relay.black_hole(&[Way::ToClient]), |_| ());
}

#[test]
fn a_slow_link_is_no_fault() {
    for pace in [Pace::Delay(Duration::from_millis(300)), Pace::Bytewise] {
        let vhost = broker::shared().vhost();
        let relay = Relay::to(&vhost.uri());
        relay.pace(pace);
        // A heartbeat of 1 s, but time enough to connect: that takes ten times the delay.
        let settings = [("amqp.heartbeat", "1s"), ("amqp.connect_timeout", "30s")];
        let daemon = Daemon::serving(&relay.uri(), &settings);
        let mut calls = CheckedCalls::new(&vhost.uri());
        calls.many(100);
        calls.call(20_001);
        calls.all_right(&format!("{pace:?}"));
        let ran = ctl(&relay.uri(), &["--timeout", "30s", "call", "30", "10", "20001"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.stdout, format!("832040\n55\n{}\n", fibonacci(20_001)), "{pace:?}");
        daemon.wait_for_metric("fibrpcd_acks_total", 104);
        assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1, "{}", daemon.log());
        assert_eq!(daemon.metric("fibrpcd_redeliveries_total"), 0);
    }
}

/// Each bit takes a second: `FIBRPC_BIT_STEP=1` asks for all.
fn bit_step() -> usize {
    std::env::var("FIBRPC_BIT_STEP").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// Bytes that are no frame, or not the one that was meant.
fn damages() -> Vec<(Way, Damage)> {
    let mut damages = Vec::new();
    for way in [Way::ToClient, Way::ToBroker] {
        for place in [0, 50, 100] {
            for bytes in [vec![0xCE], vec![0xFF; 64], b"HTTP/1.1 400\r\n\r\n".to_vec()] {
                damages.push((way, Damage::Insert(place, bytes)));
            }
        }
    }
    // Towards the daemon; how the broker takes damage is not our concern. Always the lowest bit of
    // the channel: channel 0 is lapin's own.
    let bits = (0..64).step_by(bit_step()).chain([16]);
    damages.extend(bits.map(|bit| (Way::ToClient, Damage::FlipBit(bit))));
    damages
}

#[test]
fn garbage_and_flipped_bits_lose_no_call_and_change_no_answer() {
    let vhost = broker::shared().vhost();
    let Setup { relay, daemon, mut calls } = Setup::new(&vhost);
    let damages = damages();
    for (index, (way, damage)) in damages.iter().enumerate() {
        calls.many(3); // a frame passes, if no heartbeat does
        relay.damage(*way, damage.clone());
        // The log leaves warnings out when there are so many.
        daemon.wait_for_metric("fibrpcd_amqp_disconnects_total", index as u64 + 1);
        daemon.wait_for_nth("attached; consuming", index + 2);
    }
    calls.many(3);
    calls.all_right(&format!("{} damages", damages.len()));
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

#[test]
fn calls_of_a_client_outlive_resets_and_holes_within_their_timeout() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[("compute.threads", "1")]);
    let relay = Relay::to(&vhost.uri());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let uri = relay.uri().parse().unwrap();
        fibrpc::Client::builder(uri).timeout(PATIENCE).wait_for_server(true).build().unwrap()
    });
    let large = fibonacci(LARGE);
    let (mut made, mut wrong, mut failed) = (0, 0, Vec::new());
    for round in 0..5 {
        let mut calls = tokio::task::JoinSet::new();
        for n in (0..20).chain([LARGE]) {
            let client = client.clone();
            calls.spawn_on(async move { (n, client.fibonacci(n).await) }, runtime.handle());
            made += 1;
        }
        // A small call has been answered, the large one has not: a fault in the middle.
        let first = runtime.block_on(calls.join_next()).unwrap();
        match round {
            4 => relay.black_hole(&[Way::ToClient]),
            _ => relay.reset(),
        }
        let rest = runtime.block_on(calls.join_all());
        for (n, outcome) in rest.into_iter().chain([first.unwrap()]) {
            match outcome {
                Ok(digits) => {
                    let right = if n == LARGE { large.clone() } else { fibonacci(n) };
                    wrong += usize::from(digits != right);
                }
                Err(error) => failed.push(error),
            }
        }
    }
    eprintln!("{made} calls");
    assert_eq!((wrong, failed), (0, Vec::new()), "wrong, failed");
    runtime.block_on(client.close());
}

#[test]
fn a_client_says_which_login_or_vhost_is_wrong() {
    let vhost = broker::shared().vhost();
    let password = vhost.uri().replace("guest:guest", "guest:wrong-secret");
    let missing = vhost.uri().replace(vhost.name(), "nowhere");
    for (uri, code) in [(password, "403"), (missing, "530")] {
        let ran = ctl(&uri, &["call", "30"]);
        assert_eq!(ran.code, Some(6), "{ran:?}");
        assert!(ran.stderr.contains(code) && !ran.stderr.contains("wrong-secret"), "{ran:?}");
        let daemon = Daemon::start(&uri, &[]);
        assert!(daemon.wait_for("cannot attach, will keep trying").contains(code));
        daemon.wait_for_metric("fibrpcd_amqp_connect_failures_total", 3);
    }
}
