//! `fibrpc::Client` inside a program.

use crate::support::{
    broker,
    lapin_caller::{Caller, QUEUE, arguments},
    program::{Daemon, memory_kib},
    raw_amqp::RawConnection,
    relay::{Relay, Way},
};
use fibrpc::{
    BuildError, CallError, Client, ClientBuilder, Request, client::MAX_CALLS_IN_FLIGHT,
    wire::QueueNameError,
};
use futures_util::{StreamExt as _, stream};
use lapin::{
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use std::{
    env,
    future::ready,
    process::{self, Command},
    thread,
    time::Duration,
};
use tokio::time::timeout;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Tells a test where the broker is if it is run again, as a process of its own to be measured.
const URI: &str = "FIBRPC_TEST_CLIENT_URI";

/// Runs a test again as such a process.
fn run_measured(test: &str, uri: &str) {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("wire::client::{test}"), "--nocapture"])
        .env(URI, uri)
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    print!("{}", String::from_utf8_lossy(&child.stdout));
}

#[test]
fn a_hundred_thousand_calls_leave_nothing_behind() {
    if let Ok(uri) = env::var(URI) {
        return call_a_hundred_thousand_times(&uri);
    }
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[("amqp.prefetch", "256")]);
    run_measured("a_hundred_thousand_calls_leave_nothing_behind", &vhost.uri());
    daemon.wait_for_metric("fibrpcd_acks_total", 100_000);
    assert_eq!(daemon.metric("fibrpcd_requests_in_flight"), 0);
}

fn call_a_hundred_thousand_times(uri: &str) {
    runtime().block_on(async {
        let timeout = Duration::from_mins(1);
        let client = Client::builder(uri.parse().unwrap()).timeout(timeout).build().unwrap();
        let call = async |count: u64| {
            let calls = stream::iter(0..count).map(|n| {
                let client = client.clone();
                async move { client.fibonacci(n % 90).await }
            });
            let answers = calls.buffer_unordered(256);
            answers.filter(|answer| ready(answer.is_ok())).count().await as u64
        };
        assert_eq!(call(10_000).await, 10_000);
        let before = memory_kib(process::id(), "VmRSS");
        assert_eq!(call(90_000).await, 90_000);
        let after = memory_kib(process::id(), "VmRSS");
        println!("{before} KiB after 10,000 calls, {after} KiB after 100,000");
        // A word kept for each call would show.
        assert!(after < before + 90_000 * 8 / 1024 + 8192, "{before} KiB, then {after} KiB");
        assert_eq!(client.unmatched_replies(), 0);
        client.close().await;
    });
}

#[test]
fn ten_thousand_calls_that_are_given_up_leave_nothing_behind() {
    if let Ok(uri) = env::var(URI) {
        return give_up_ten_thousand_times(&uri);
    }
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[("amqp.prefetch", "256")]);
    let shortest = arguments(&[("x-max-length", AMQPValue::LongInt(1))]);
    let caller = Caller::connect(&vhost.uri());
    caller.declare("mute", QueueDeclareOptions::default(), shortest).unwrap();
    run_measured("ten_thousand_calls_that_are_given_up_leave_nothing_behind", &vhost.uri());
}

fn give_up_ten_thousand_times(uri: &str) {
    /// Kept for each, it would show.
    const BODY: usize = 8 << 10;
    let right = |n: u64| fibrpc::fibonacci::decimal(n, || false).unwrap();
    runtime().block_on(async {
        let minute = Duration::from_mins(1);
        let client = Client::builder(uri.parse().unwrap()).timeout(minute).build().unwrap();
        // Before they are sent, on their way, confirmed, or when the reply is near.
        let give_up = async |count: u64| {
            let calls = stream::iter(0..count).map(|number| {
                let request = Request::new(vec![b'1'; BODY]);
                // A reply would end the call as well.
                let request = if number % 2 == 0 { request.to("", "mute") } else { request };
                timeout(Duration::from_micros(number % 100 * 100), client.request(request))
            });
            let given_up = calls.buffer_unordered(64).filter(|ended| ready(ended.is_err()));
            given_up.count().await
        };
        // And how many others are answered, all at once if need be.
        let call = async |count: u64, at_once: usize| {
            let calls = stream::iter(0..count).map(|n| {
                let call = client.fibonacci(n % 90);
                async move { call.await.is_ok_and(|digits| digits.as_bytes() == right(n % 90)) }
            });
            calls.buffer_unordered(at_once).filter(|right| ready(*right)).count().await as u64
        };
        let all = MAX_CALLS_IN_FLIGHT as u64;
        assert_eq!((call(all, MAX_CALLS_IN_FLIGHT).await, give_up(1000).await > 0), (all, true));
        let before = memory_kib(process::id(), "VmRSS");
        let (cancelled, answered) = tokio::join!(give_up(10_000), call(1000, 8));
        let after = memory_kib(process::id(), "VmRSS");
        println!("{cancelled} of 10,000 calls given up: {before} KiB before, {after} KiB after");
        assert_eq!(answered, 1000, "others go on");
        assert!(after < before + 20 * 1024, "{before} KiB, then {after} KiB");
        assert_eq!(call(all, MAX_CALLS_IN_FLIGHT).await, all, "room for as many as at first");
        assert!(client.unmatched_replies() <= 11_000, "late replies, each once");
        client.close().await;
    });
}

#[test]
fn calls_given_up_while_the_broker_confirms_nothing_do_not_pile_up_on_the_way() {
    const GIVEN_UP: u64 = 4000;
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let caller = Caller::connect(&vhost.uri());
    caller.declare("mute", QueueDeclareOptions::default(), FieldTable::default()).unwrap();
    let relay = Relay::to(&vhost.uri());
    runtime().block_on(async {
        let minute = Duration::from_mins(1);
        let client = Client::builder(relay.uri().parse().unwrap()).timeout(minute).build().unwrap();
        let answer = async || client.fibonacci(30).await.unwrap();
        assert_eq!(answer().await, "832040");
        relay.black_hole(&[Way::ToClient]);
        // Many at once: it has to be over before the silence is noticed.
        let calls = stream::iter(0..GIVEN_UP).map(|_| {
            let call = client.request(Request::new(vec![b'1'; 8 << 10]).to("", "mute"));
            timeout(Duration::from_millis(10), call)
        });
        let given_up = calls.buffer_unordered(64).filter(|ended| ready(ended.is_err()));
        assert_eq!(given_up.count().await as u64, GIVEN_UP);
        relay.reset();
        assert_eq!(answer().await, "832040", "others go on");
        client.close().await;
    });
    let (sent, _) = caller.depth("mute").unwrap();
    // 8 MiB without a confirm, and no more.
    assert!((1..1000).contains(&sent), "{sent} of {GIVEN_UP} were sent");
}

#[test]
fn a_late_reply_to_a_call_that_was_given_up_is_nobody_elses() {
    let vhost = broker::shared().vhost();
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(QUEUE.as_bytes());
    let message = async |mut server: RawConnection| {
        let next = move || (server.message(), server);
        tokio::task::spawn_blocking(next).await.unwrap()
    };
    runtime().block_on(async {
        let client = Client::builder(vhost.uri().parse().unwrap()).build().unwrap();
        let call = |n| {
            let client = client.clone();
            tokio::spawn(async move { client.fibonacci(n).await })
        };
        let given_up = call(1);
        let (late, server) = message(server).await;
        let kept = call(30);
        let (request, mut server) = message(server).await;
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
        for (message, body) in [(late, "1"), (request, "832040")] {
            let (id, reply_to) = (message.correlation_id.unwrap(), message.reply_to.unwrap());
            server.reply(&reply_to, &id, body.as_bytes());
        }
        assert_eq!(kept.await.unwrap().as_deref(), Ok("832040"));
        assert_eq!(client.unmatched_replies(), 1);
        client.close().await;
    });
}

#[test]
fn settings_without_sense_make_no_client() {
    let builder = || Client::builder("amqp://127.0.0.1:1".parse().unwrap());
    let day = Duration::from_hours(24);
    let refused = |builder: ClientBuilder| builder.build().expect_err("it makes no sense");
    let _runtime = runtime();
    for (queue, length) in [(String::new(), 0), ("q".repeat(256), 256), ("q".repeat(300), 300)] {
        let expected = match length {
            0 => QueueNameError::Empty,
            length => QueueNameError::TooLong { length },
        };
        assert_eq!(refused(builder().queue(queue)), BuildError::Queue(expected));
    }
    for timeout in [Duration::ZERO, day + Duration::from_nanos(1), Duration::MAX] {
        assert_eq!(refused(builder().timeout(timeout)), BuildError::Timeout(timeout));
    }
    let name = "n".repeat(256);
    assert_eq!(
        refused(builder().connection_name(name)),
        BuildError::ConnectionName { length: 256 }
    );
}

#[test]
fn the_longest_names_and_times_make_calls() {
    let vhost = broker::shared().vhost();
    let queue = "q".repeat(255);
    let _daemon = Daemon::serving(&vhost.uri(), &[("amqp.queue", &queue)]);
    for timeout in [Duration::from_hours(24), Duration::from_secs(10)] {
        runtime().block_on(async {
            let builder = Client::builder(vhost.uri().parse().unwrap()).queue(&queue);
            let client = builder.connection_name("n".repeat(255)).timeout(timeout).build();
            let client = client.unwrap();
            assert_eq!(client.fibonacci(30).await.as_deref(), Ok("832040"));
            client.close().await;
        });
    }
}

#[test]
fn late_duplicate_and_foreign_replies_are_counted_and_never_matched() {
    let vhost = broker::shared().vhost();
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(QUEUE.as_bytes());
    let client_uri = vhost.uri().parse().unwrap();
    let (first, second, unmatched) = std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            runtime().block_on(async {
                let client =
                    Client::builder(client_uri).timeout(Duration::from_secs(1)).build().unwrap();
                let first = client.fibonacci(1).await;
                let second = client.fibonacci(30).await;
                let unmatched = client.unmatched_replies();
                client.close().await;
                (first, second, unmatched)
            })
        });
        // The first call gets no answer in time; then, before the second's, everything wrong.
        let late = server.message();
        let request = server.message();
        let (id, reply_to) = (request.correlation_id.unwrap(), request.reply_to.unwrap());
        let late_id = late.correlation_id.unwrap();
        for (reply_id, body) in
            [(&late_id, "1"), (&b"foreign".to_vec(), "2"), (&id, "832040"), (&id, "3")]
        {
            server.reply(&reply_to, reply_id, body.as_bytes());
        }
        client.join().unwrap()
    });
    assert_eq!(first, Err(CallError::TimedOut(Duration::from_secs(1))));
    assert_eq!(second.as_deref(), Ok("832040"));
    // The duplicate may come when the client has ended already.
    assert!((2..=3).contains(&unmatched), "{unmatched}");
}

#[test]
fn a_reply_that_is_too_long_ends_its_call_and_no_other() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    runtime().block_on(async {
        let uri = vhost.uri().parse().unwrap();
        let client = Client::builder(uri).max_reply(1000).build().unwrap();
        let (long, short) = tokio::join!(client.fibonacci(1_000_000), client.fibonacci(4000));
        assert_eq!(long, Err(CallError::ReplyTooLarge { limit: 1000 }));
        assert_eq!(short.map(|digits| digits.len()), Ok(836));
        client.close().await;
    });
}

#[test]
fn a_closed_client_ends_its_calls() {
    let vhost = broker::shared().vhost();
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(QUEUE.as_bytes());
    runtime().block_on(async {
        let client = Client::builder(vhost.uri().parse().unwrap()).build().unwrap();
        let caller = client.clone();
        let call = tokio::spawn(async move { caller.fibonacci(30).await });
        // The request is there; nobody answers it.
        let (server, request) = tokio::task::spawn_blocking(move || {
            let request = server.message();
            (server, request)
        })
        .await
        .unwrap();
        assert_eq!(request.body, b"30");
        client.close().await;
        assert_eq!(call.await.unwrap(), Err(CallError::Closed));
        drop(server);
    });
}

#[test]
fn the_example_in_the_library_runs() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    // Cargo builds the examples beside the tests.
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_fibrpcd")).parent().unwrap();
    let output =
        Command::new(programs.join("examples/call")).arg(vhost.uri()).arg("30").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "F(30) = 832040\n");
    // Where nobody serves it says so.
    let output = Command::new(programs.join("examples/call"))
        .args([&vhost.uri(), "30", "no such queue"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("nobody serves no such queue; start fibrpcd"), "{said}");
}

#[test]
fn a_blocking_client_serves_several_threads_and_needs_no_runtime() {
    const THREADS: u64 = 8;
    let vhost = broker::shared().vhost();
    let mut daemon = Daemon::serving(&vhost.uri(), &[]);
    let builder = Client::builder(vhost.uri().parse().unwrap());
    let refused = builder.clone().timeout(Duration::ZERO).build_blocking().unwrap_err();
    assert_eq!(refused, BuildError::Timeout(Duration::ZERO));
    let client = builder.build_blocking().unwrap();
    let right = thread::scope(|scope| {
        let call = |n: u64| client.fibonacci(n).unwrap();
        let threads: Vec<_> = (0..THREADS)
            .map(|n| scope.spawn(move || (0..50).map(|i| call(n + i)).collect()))
            .collect();
        let answers: Vec<Vec<String>> =
            threads.into_iter().map(|one| one.join().unwrap()).collect();
        let expected = |n: u64| fibrpc::fibonacci::decimal(n, || false).unwrap();
        let all = (0..THREADS).flat_map(|n| (0..50).map(move |i| n + i));
        answers
            .concat()
            .into_iter()
            .zip(all)
            .filter(|(answer, n)| answer.as_bytes() == expected(*n))
            .count()
    });
    assert_eq!(right as u64, THREADS * 50);
    assert_eq!(client.ping().unwrap().instead, None);
    assert!(client.info().unwrap().contains_key("version"));
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(client.fibonacci(30), Err(CallError::NoServer(QUEUE.to_owned())));
    client.close();
}

#[test]
fn a_reply_says_where_the_time_of_its_call_went() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    runtime().block_on(async {
        let client = Client::builder(vhost.uri().parse().unwrap()).build().unwrap();
        assert_eq!(client.connecting(), []);
        let plain = client.request(Request::new("30")).await.unwrap();
        assert_eq!(plain.timing.server, None, "it was not asked for");
        let steps = client.connecting();
        let names: Vec<_> = steps.iter().map(|(step, _)| step.name()).collect();
        assert_eq!(names, ["lookup", "tcp", "amqp", "reply_queue"]);
        let connecting: Duration = steps.iter().map(|(_, took)| *took).sum();
        assert!(plain.timing.waited >= connecting, "{plain:?}, {steps:?}");
        // Computed on a thread: some 2 MB of digits.
        let timed = client.request(Request::new("10000000").timed()).await.unwrap();
        let server = timed.timing.server.unwrap();
        assert!(server.compute > Duration::ZERO, "{server:?}");
        assert!(timed.timing.answer >= server.queue + server.compute, "{:?}", timed.timing);
        assert!(timed.elapsed >= timed.timing.waited + timed.timing.answer, "{:?}", timed.timing);
        client.close().await;
    });
}
