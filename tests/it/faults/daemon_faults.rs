//! A daemon that is killed, stopped, frozen, or short of something, under load: no call is lost,
//! answered wrongly, or left hanging.

use crate::support::{
    PATIENCE,
    broker::{self, Vhost},
    lapin_caller::{Caller, QUEUE, Reply},
    program::Daemon,
    random::Random,
    sustained_load::{Load, pause},
};
use std::{
    net::TcpStream,
    slice,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// A request that outlives more daemons than this is poison, and is answered with an error.
const SURVIVED: usize = 15;

/// How often the daemon is killed. `FIBRPC_KILLS` asks for another number.
fn kills() -> usize {
    std::env::var("FIBRPC_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(SURVIVED)
}

/// Ends the daemon by a signal again and again, each time after a random number of answers, and
/// starts it again at once.
fn ended_again_and_again(signal: &str, exit_code: Option<i32>) {
    let uri = broker::shared().vhost().uri();
    let seed = Random::any_seed();
    let mut random = Random::new(seed);
    let mut daemon = Daemon::serving(&uri, &[]);
    let load = Load::start(slice::from_ref(&uri), seed);
    for _ in 0..kills() {
        load.wait_for_answers(random.below(100));
        daemon.signal(signal);
        assert_eq!(daemon.wait().code(), exit_code, "{}", daemon.log());
        daemon = Daemon::serving(&uri, &[]);
    }
    let tally = load.stop();
    println!("{} times SIG{signal}, seed {seed}:\n{tally}", kills());
    tally.assert_good();
    let poison = kills() > SURVIVED && tally.errors.keys().all(|kind| kind.contains("INTERNAL"));
    assert!(tally.errors.is_empty() || poison, "with a daemon there nearly always: {tally}");
}

#[test]
fn a_daemon_killed_again_and_again_loses_nothing() {
    ended_again_and_again("KILL", None);
}

#[test]
fn a_daemon_terminated_again_and_again_loses_nothing() {
    ended_again_and_again("TERM", Some(0));
}

/// Waits until a condition holds for the request queue, which has no events, so it is polled.
fn wait_for_queue(vhost: &Vhost, what: &str, holds: impl Fn((u32, u32)) -> bool) {
    let caller = Caller::connect(&vhost.uri());
    let started = Instant::now();
    while !caller.depth(QUEUE).is_some_and(&holds) {
        assert!(started.elapsed() < PATIENCE, "{what}: {:?}", caller.depth(QUEUE));
        pause(Duration::from_millis(50));
    }
}

#[test]
fn a_daemon_frozen_for_longer_than_the_heartbeat_loses_nothing() {
    const FREEZES: usize = 3;
    let vhost = broker::shared().vhost();
    let mut daemon = Daemon::serving(&vhost.uri(), &[("amqp.heartbeat", "1s")]);
    let load = Load::start(&[vhost.uri()], Random::any_seed());
    for freeze in 1..=FREEZES {
        load.wait_for_answers(50);
        daemon.signal("STOP");
        // The broker has given the daemon up.
        wait_for_queue(&vhost, "no consumer is left", |(_, consumers)| consumers == 0);
        daemon.signal("CONT");
        daemon.wait_for_nth("attached; consuming", freeze + 1);
    }
    load.wait_for_answers(50);
    let tally = load.stop();
    assert!(daemon.is_running(), "{}", daemon.log());
    println!("{FREEZES} times SIGSTOP and SIGCONT:\n{tally}");
    tally.assert_good();
    assert!(tally.errors.is_empty(), "none was away for long: {tally}");
}

#[test]
fn a_daemon_without_file_descriptors_goes_on_and_recovers() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::start_with_few_files(40, &vhost.uri(), &[]);
    daemon.wait_for("attached; consuming");
    let load = Load::start(&[vhost.uri()], Random::any_seed());
    load.wait_for_answers(50);
    let address = daemon.http_address();
    let connect = || TcpStream::connect(&address).unwrap();
    let connections: Vec<_> = (0..80).map(|_| connect()).collect();
    daemon.wait_for("cannot accept an HTTP connection");
    // The descriptors it has open are enough to go on with.
    load.wait_for_answers(200);
    // Without its links it needs more than there is, until the HTTP connections have gone.
    let close = ["close_all_connections", "--vhost", vhost.name(), "a test"];
    broker::shared().ctl(&close);
    daemon.wait_for("lost the broker");
    load.wait_for_answers(200);
    drop(connections);
    daemon.wait_for_nth("attached; consuming", 2);
    assert_eq!(daemon.get("/readyz").0, 200);
    let tally = load.stop();
    println!("out of file descriptors:\n{tally}");
    tally.assert_good();
    assert!(tally.errors.is_empty(), "none was away for long: {tally}");
}

/// The largest n of the memory test. `FIBRPC_MAX_N` asks for another one.
fn largest() -> u64 {
    std::env::var("FIBRPC_MAX_N").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

/// What the daemon takes beside `compute.memory` and `compute.cache`: itself, its buffers, and the
/// copies in the socket's buffers.
const BASE: u64 = 64 << 20;

#[test]
fn memory_stays_bounded_with_many_calls_of_the_largest_numbers() {
    const CALLS: u64 = 200;
    let vhost = broker::shared().vhost();
    // Enough for one of the largest, and a little more.
    let (max_n, memory, cache) = (largest(), (16 << 20) + 2 * largest(), 4 << 20);
    let sizes = [max_n.to_string(), format!("{memory}B"), format!("{cache}B")];
    let keys = ["compute.max_n", "compute.memory", "compute.cache"];
    let settings: Vec<_> = keys.into_iter().zip(sizes.iter().map(String::as_str)).collect();
    let daemon = Daemon::serving(&vhost.uri(), &settings);
    let resident = || daemon.metric("process_resident_memory_bytes");
    let before = resident();
    let caller = Caller::connect(&vhost.uri());
    let ids: Vec<_> = (0..CALLS).map(|less| format!("{}", max_n - less)).collect();
    for n in &ids {
        caller.call(n, n);
    }
    let (sender, answered) = mpsc::channel();
    let collector = thread::spawn(move || {
        let replies = caller.replies_for(&ids);
        let right = |n: &str, body: &str| {
            body.as_bytes() == fibrpc::fibonacci::decimal(n.parse().unwrap(), || false).unwrap()
        };
        let wrong = |n: &str, replies: &[Reply]| replies.iter().any(|reply| !right(n, &reply.body));
        let wrong = replies.iter().filter(|(n, replies)| wrong(n, replies)).count();
        sender.send((replies.len(), wrong)).unwrap();
    });
    let mut most = before;
    let (answered, wrong) = loop {
        most = most.max(resident());
        match answered.recv_timeout(Duration::from_millis(20)) {
            Ok(result) => break result,
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => panic!("a call is lost or hangs"),
        }
    };
    collector.join().unwrap();
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "{CALLS} calls of n up to {max_n}: {answered} answered, {wrong} wrong, resident memory \
         {} MiB before, at most {} MiB, {} MiB after; compute.memory {} MiB",
        mib(before),
        mib(most),
        mib(resident()),
        mib(memory)
    );
    assert_eq!((answered as u64, wrong), (CALLS, 0));
    assert!(most < BASE + memory + cache, "{} MiB", mib(most));
}
