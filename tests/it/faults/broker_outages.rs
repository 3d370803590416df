//! Brokers that are not there, come late, go and come back.

use crate::support::{
    PATIENCE,
    broker::{self, Broker},
    lapin_caller::QUEUE,
    program::{Daemon, ctl, ctl_command},
    raw_amqp::RawConnection,
    sustained_load::GRACE,
};
use std::{
    net::TcpListener,
    process::Stdio,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// What became of calls that went on all the time.
#[derive(Debug, Default)]
struct Count {
    made: usize,
    right: usize,
    wrong: Vec<String>,
}

/// Starts a `fibrpcctl call` every 100 ms, each with 30 s to wait, until stopped.
fn call_all_the_time(uri: &str, stop: &mpsc::Receiver<()>) -> Count {
    let mut running = Vec::new();
    let mut count = Count::default();
    while let Err(mpsc::RecvTimeoutError::Timeout) = stop.recv_timeout(Duration::from_millis(100)) {
        let child = ctl_command(uri, &["--wait", "--timeout", "30s", "call", "30"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        running.push(child);
        count.made += 1;
    }
    for child in running {
        let output = child.wait_with_output().unwrap();
        if output.status.success() && output.stdout == b"832040\n" {
            count.right += 1;
        } else {
            count.wrong.push(format!("{output:?}"));
        }
    }
    count
}

/// How long the broker is stopped and started for. `FIBRPC_OUTAGE_SECONDS` asks for more.
fn outage_time() -> Duration {
    let seconds = std::env::var("FIBRPC_OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

#[test]
fn calls_survive_a_broker_that_is_stopped_and_started() {
    // A node that has run once, so that its port and data are known, and is away now.
    let mut broker = Broker::private();
    let uri = broker.uri();
    broker.stop();
    let daemon = Daemon::start(&uri, &[("amqp.backoff_max", "30s")]);
    daemon.wait_for("cannot attach");
    assert_eq!(daemon.get("/readyz").0, 503);
    let (stop, stopped) = mpsc::channel();
    let caller = thread::spawn(move || call_all_the_time(&uri, &stopped));
    let (started, mut attached) = (Instant::now(), 0);
    while attached == 0 || started.elapsed() < outage_time() {
        broker.start();
        attached += 1;
        daemon.wait_for_nth("attached; consuming", attached);
        assert_eq!(daemon.get("/readyz").0, 200);
        // Up until calls have come through again.
        daemon.wait_for_metric("fibrpcd_acks_total", daemon.metric("fibrpcd_acks_total") + 50);
        // Once killed, once stopped politely, in turn.
        if attached % 2 == 0 {
            broker.kill();
        } else {
            broker.stop();
        }
        daemon.wait_for_nth("lost the broker", attached);
        assert_eq!(daemon.get("/readyz").0, 503);
    }
    broker.start();
    daemon.wait_for_nth("attached; consuming", attached + 1);
    stop.send(()).unwrap();
    let count = caller.join().unwrap();
    println!("{} calls over {attached} outages, {} answered", count.made, count.right);
    assert!(count.wrong.is_empty(), "lost or wrong: {:#?}", count.wrong);
    assert_eq!(count.right, count.made);
}

#[test]
fn brokers_are_tried_in_turn() {
    let vhost = broker::shared().vhost();
    // A port that is closed, one that accepts and stays silent, and a broker.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("amqp://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let uris = format!("amqp://127.0.0.1:1,{silent},{}", vhost.uri());
    let daemon = Daemon::serving(&uris, &[("amqp.connect_timeout", "200ms")]);
    let log = daemon.log();
    assert!(log.contains("onnection refused") && log.contains("no answer within 200ms"), "{log}");
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
}

#[test]
fn a_daemon_that_is_refused_keeps_trying_and_tells_no_secret() {
    let vhost = broker::shared().vhost();
    let wrong = vhost.uri().replace("guest:guest", "guest:wrong-secret");
    let daemon = Daemon::start(&wrong, &[("log.level", "trace")]);
    daemon.wait_for("cannot attach, will keep trying");
    daemon.wait_for_metric("fibrpcd_amqp_connect_failures_total", 3);
    assert!(daemon.log().contains("403"), "{}", daemon.log());
    assert!(!daemon.log().contains("wrong-secret"), "{}", daemon.log());
    assert!(!daemon.get("/readyz").1.contains("wrong-secret"));
}

#[test]
fn a_client_ends_in_time_though_the_broker_freezes() {
    let broker = Broker::private();
    // A server that takes requests and says nothing.
    let mut mute = RawConnection::connect(&broker.uri().replace("%2f", "/"));
    mute.serve(QUEUE.as_bytes());
    for seconds in [2, 4] {
        let timeout = format!("{seconds}s");
        let mut command = ctl_command(&broker.uri(), &["--timeout", &timeout, "call", "30"]);
        let (sender, ended) = mpsc::channel();
        let program = thread::spawn(move || sender.send(command.output().unwrap()));
        mute.message();
        // From now on the client looks for a server again and again, and gets no answer.
        broker.signal("STOP");
        // By the definition of a call that hangs.
        let output = ended.recv_timeout(Duration::from_secs(seconds) + GRACE);
        broker.signal("CONT");
        let output = output.expect("the program ends one second after its timeout");
        assert!(matches!(output.status.code(), Some(4 | 6)), "{output:?}");
        program.join().unwrap().unwrap();
    }
}

#[test]
fn a_client_gives_up_on_a_silent_broker_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("amqp://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let (sender, receiver) = mpsc::channel();
    let caller = uri.clone();
    thread::spawn(move || sender.send(ctl(&caller, &["--timeout", "300ms", "call", "30"])));
    let ran = receiver.recv_timeout(PATIENCE).expect("it does not hang");
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
}
