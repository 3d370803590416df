//! Peers that vanish, fall silent, or send what no broker sends.

use crate::support::{
    PATIENCE, broker,
    checked_calls::CheckedCalls,
    fake_broker::{ALL, FakeBroker, Script, Then, frame, method},
    program::{Daemon, QUICK, ctl},
    raw_amqp::{long, short},
};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Answers of a broker that a daemon needs until it consumes.
const ATTACH: usize = 14;

#[test]
fn a_peer_that_goes_or_falls_silent_in_any_step_of_attaching_does_not_stop_the_daemon() {
    let vhost = broker::shared().vhost();
    let closes = (0..ATTACH).map(|answers| Script { answers, then: Then::Close });
    let garbage = (0..ATTACH).map(|answers| Script {
        answers,
        then: Then::Send(b"HTTP/1.1 400 Bad Request\r\n".into()),
    });
    let silent =
        [0, 2, 5, 7, 13].into_iter().map(|answers| Script { answers, then: Then::Silence });
    let fakes = closes.chain(garbage).chain(silent).map(FakeBroker::start).collect::<Vec<_>>();
    let mut uris = fakes.iter().map(FakeBroker::uri).collect::<Vec<_>>();
    uris.push(vhost.uri());
    let daemon = Daemon::serving(&uris.join(","), &QUICK);
    let failures = daemon.metric("fibrpcd_amqp_connect_failures_total");
    assert_eq!(failures, fakes.len() as u64, "{}", daemon.log());
    let mut calls = CheckedCalls::new(&vhost.uri());
    calls.many(10);
    calls.all_right("after the fakes");
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

/// What no broker sends to a consumer on this channel.
fn impossible(channel: u16) -> Vec<(&'static str, Vec<u8>)> {
    let deliver = |tag: u64| {
        let arguments =
            [short(b"fibrpcd"), tag.to_be_bytes().into(), vec![0], short(b""), short(b"q")];
        method(channel, 60, 60, &arguments.concat())
    };
    let header = |size: u64, properties: &[u8]| {
        let head = [&[0, 60, 0, 0][..], &size.to_be_bytes(), properties].concat();
        frame(2, channel, &head)
    };
    let message = |tag| request(channel, tag);
    vec![
        ("a delivery with tag 0", message(0)),
        ("a delivery with a tag from the future", message(7)),
        ("the same delivery twice", [message(1), message(1)].concat()),
        ("the highest tag there is", message(u64::MAX)),
        ("a body without a head", frame(3, channel, b"30")),
        ("a header without a method", header(2, &[0, 0])),
        ("a method in place of a header", [deliver(1), deliver(2)].concat()),
        ("a size that no memory has", [deliver(1), header(u64::MAX, &[0, 0])].concat()),
        (
            "more body than was said",
            [deliver(1), header(1, &[0, 0]), frame(3, channel, b"30")].concat(),
        ),
        ("properties that end too early", [deliver(1), header(2, &[0xFF, 0xFE, 9])].concat()),
        ("an unknown class", method(channel, 99, 99, b"")),
        ("an unknown type of frame", frame(9, channel, b"")),
        ("a channel nobody opened", method(channel + 7, 60, 60, b"")),
        ("an empty method", frame(1, channel, b"")),
        ("a frame of 4 GiB", vec![3, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF]),
        (
            "a close that is not UTF-8",
            method(0, 10, 50, &[&[1, 64][..], &short(&[0xFF; 9]), &[0; 4]].concat()),
        ),
        ("a close without the rest", method(0, 10, 50, &[1])),
        (
            "another start",
            method(0, 10, 10, &[&[0, 9][..], &long(b""), &long(b""), &long(b"")].concat()),
        ),
        ("a cancelled consumer", method(channel, 60, 30, &[&short(b"fibrpcd")[..], &[1]].concat())),
        ("a heartbeat on a channel", frame(8, channel, b"")),
        (
            "a method that brokers do not send",
            method(channel, 50, 10, &[&[0; 4][..], &nested()].concat()),
        ),
        (
            "a nested table in the head of another class",
            frame(2, channel, &[&[0, 50, 0, 0][..], &[0; 8], &[0x20, 0], &nested()].concat()),
        ),
        ("more requests than it may", (1..=1000).flat_map(message).collect()),
    ]
}

/// A table in a table, and so on: deeper than a stack is.
fn nested() -> Vec<u8> {
    // Within a frame of any connection, of 32 KiB.
    (0..5400).fold(long(b""), |inner, _| long(&[&[0, b'F'][..], &inner].concat()))
}

#[test]
fn a_greeting_cannot_exhaust_the_stack() {
    let deep = (0..20_000).fold(long(b""), |inner, _| long(&[&[0, b'F'][..], &inner].concat()));
    let greeting = [&[0, 9][..], &deep, &long(b"PLAIN"), &long(b"en_US")].concat();
    let greeting = method(0, 10, 10, &greeting);
    let fake = FakeBroker::start(Script { answers: 0, then: Then::Send(greeting) });
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&format!("{},{}", fake.uri(), vhost.uri()), &QUICK);
    assert_eq!(daemon.metric("fibrpcd_amqp_connect_failures_total"), 1);
    let ran = ctl(&fake.uri(), &["--timeout", "1s", "ping"]);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
}

#[test]
fn what_no_broker_says_ends_the_session_and_not_the_daemon() {
    let vhost = broker::shared().vhost();
    let mut calls = CheckedCalls::new(&vhost.uri());
    for (index, (what, _)) in impossible(0).into_iter().enumerate() {
        let fake = FakeBroker::start(Script { answers: ALL, then: Then::Close });
        let uris = format!("{},{}", fake.uri(), vhost.uri());
        let mut daemon = Daemon::serving(&uris, &QUICK);
        fake.send(|channel| impossible(channel).swap_remove(index).1);
        daemon.wait_for_nth("attached; consuming", 2);
        calls.many(10);
        calls.all_right(what);
        calls.numbers.clear();
        assert!(!daemon.log().contains("panicked"), "{what}: {}", daemon.log());
        assert_eq!(daemon.terminate(), Some(0), "{what}");
    }
}

/// A delivery whose body, of so many bytes, is still to come.
fn announced(channel: u16, size: u64) -> Vec<u8> {
    let deliver = [&short(b"fibrpcd")[..], &1u64.to_be_bytes(), &[0], &short(b""), &short(b"q")];
    let head = [&[0, 60, 0, 0][..], &size.to_be_bytes(), &[0, 0]].concat();
    [method(channel, 60, 60, &deliver.concat()), frame(2, channel, &head)].concat()
}

#[test]
fn a_frame_that_never_ends_is_found_though_the_peer_goes_on_talking() {
    let vhost = broker::shared().vhost();
    let fake = FakeBroker::start(Script { answers: ALL, then: Then::Close });
    let daemon = Daemon::serving(&format!("{},{}", fake.uri(), vhost.uri()), &QUICK);
    // The head of a body of 100,000 bytes. Heartbeats are all that follows.
    fake.send(|channel| {
        let head = [&[3][..], &channel.to_be_bytes(), &100_000u32.to_be_bytes()].concat();
        [announced(channel, 100_000), head].concat()
    });
    let started = Instant::now();
    while daemon.metric("fibrpcd_amqp_connects_total") == 1 {
        fake.send_to_all(&frame(8, 0, b""));
        assert!(started.elapsed() < PATIENCE, "{}", daemon.log());
        thread::park_timeout(Duration::from_millis(100));
    }
    assert!(daemon.wait_for("lost the broker").contains("a frame was not complete"));
    let mut calls = CheckedCalls::new(&vhost.uri());
    calls.many(10);
    calls.all_right("after it");
}

/// A request, as a broker delivers it to a consumer on this channel.
fn request(channel: u16, tag: u64) -> Vec<u8> {
    let deliver = [short(b"fibrpcd"), tag.to_be_bytes().into(), vec![0], short(b""), short(b"q")];
    let properties = [&[0x06, 0x00][..], &short(b"id"), &short(b"queue")].concat();
    let head = [&[0, 60, 0, 0][..], &2u64.to_be_bytes(), &properties].concat();
    let message = [frame(2, channel, &head), frame(3, channel, b"30")].concat();
    [method(channel, 60, 60, &deliver.concat()), message].concat()
}

#[test]
fn a_channel_on_which_the_broker_refuses_replies_is_replaced() {
    let fake = FakeBroker::refusing_first_channels();
    let daemon = Daemon::serving(&fake.uri(), &QUICK);
    fake.send(|channel| request(channel, 1));
    assert!(!fake.next_publish_is_taken());
    assert!(fake.next_publish_is_taken(), "the same reply, on another channel");
    daemon.wait_for_metric("fibrpcd_acks_total", 1);
    let counts = ["requeues", "acks", "rejects", "amqp_connects"]
        .map(|name| daemon.metric(&format!("fibrpcd_{name}_total")));
    assert_eq!(counts, [0, 1, 0, 1], "given back, acknowledged, rejected, sessions");
}

#[test]
fn a_client_makes_its_call_on_another_channel_when_the_broker_refuses_it() {
    let fake = FakeBroker::refusing_first_channels();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = fibrpc::Client::builder(fake.uri().parse().unwrap()).build().unwrap();
        // Nobody answers; it is the publishing that matters.
        let taken = tokio::task::spawn_blocking(move || {
            (1..100).find(|_| fake.next_publish_is_taken()).expect("one that is taken")
        });
        tokio::select! {
            outcome = client.fibonacci(30) => panic!("answered by nobody: {outcome:?}"),
            refused = taken => assert!(refused.unwrap() > 1, "the first one is refused"),
        }
        client.close().await;
    });
}

/// How long a call may take; it hangs when it takes a second more.
const TIMEOUT: Duration = Duration::from_millis(1500);

#[test]
fn no_call_of_a_client_hangs_on_a_peer_that_goes_or_falls_silent_in_any_step() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut made, mut hung, mut answered) = (0, 0, 0);
    for then in [Then::Close, Then::Silence, Then::Send(vec![0xFF; 8])] {
        for answers in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ALL] {
            let fake = FakeBroker::start(Script { answers, then: then.clone() });
            let uri = fake.uri().parse().unwrap();
            made += 1;
            runtime.block_on(async {
                let client = fibrpc::Client::builder(uri).timeout(TIMEOUT).build().unwrap();
                let call = async {
                    let outcome = client.fibonacci(30).await;
                    client.close().await;
                    outcome
                };
                match tokio::time::timeout(TIMEOUT + Duration::from_secs(1), call).await {
                    Err(_) => {
                        hung += 1;
                        eprintln!("hung: {then:?} after {answers}");
                    }
                    Ok(outcome) => answered += usize::from(outcome.is_ok()),
                }
            });
        }
    }
    eprintln!("{made} calls");
    assert_eq!((hung, answered), (0, 0), "hung, answered by nobody");
}
