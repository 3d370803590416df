//! Alerts made to fire by their causes, in a real Prometheus beside real daemons. Only their `for:`
//! is left out; docs/monitoring.md has the table of what makes which alert fire.

use crate::support::{
    alarm,
    broker::{self, Broker},
    lapin_caller::{Caller, QUEUE, arguments},
    port::Port,
    program::{Daemon, ctl_command},
    prometheus::Prometheus,
    relay::Relay,
};
use lapin::{BasicProperties, options::QueueDeclareOptions, types::AMQPValue};
use std::{cell::RefCell, net::TcpStream, process::Stdio};

/// Waits until each of these alerts fires, for an instance or a job; does something before each
/// look. None of them may fire before.
fn make_fire(prometheus: &Prometheus, alerts: &[(&str, &str)], mut cause: impl FnMut()) {
    let cause = RefCell::new(&mut cause);
    prometheus.wait_until_none(alerts.to_vec(), |prometheus, (alert, whose)| {
        (cause.borrow_mut())();
        prometheus.fires(alert, whose)
    });
}

/// Waits until a daemon has been scraped, and sees that nothing fires for it.
fn quiet(prometheus: &Prometheus, address: &str, alerts: &[(&str, &str)]) {
    prometheus.wait_until_none(vec![address], |prometheus, address| {
        prometheus.query(&format!("fibrpcd_build_info{{instance=\"{address}\"}}")) == [1.0]
    });
    for (alert, whose) in alerts {
        assert!(!prometheus.fires(alert, whose), "{alert}: nothing has happened yet");
    }
}

/// A broker without memory takes no replies.
#[test]
fn blocked() {
    let broker = Broker::private();
    let relay = Relay::to(&broker.uri());
    let daemon = Daemon::serving(&relay.uri(), &[]);
    let address = daemon.http_address();
    let prometheus = Prometheus::start(&[("fibrpcd", &address)]);
    let expected = [("FibrpcdBlocked", address.as_str())];
    quiet(&prometheus, &address, &expected);
    alarm::raise(&broker, &relay, &daemon);
    make_fire(&prometheus, &expected, || ());
}

/// A broker is slow to confirm: replies hold their places and their memory, further calls wait in
/// the queue, and all of them take long.
#[test]
fn slow_waits_saturated_and_short_of_memory() {
    const PREFETCH: usize = 200;
    /// As many as `fibrpcctl` has under way at once: a fifth is left in the queue.
    const CALLS: usize = 256;
    /// Longer than the threshold of `FibrpcdWaits`, in seconds.
    const SLOW: f64 = 11.5;
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    let daemon = Daemon::serving(
        &relay.uri(),
        &[
            ("amqp.prefetch", &PREFETCH.to_string()),
            ("compute.memory", "16MiB"),
            ("compute.max_n", "10000000"),
            ("compute.cache", "0MiB"),
        ],
    );
    let address = daemon.http_address();
    relay.hold_replies();
    // Numbers for both shares of the memory, more than fit.
    let numbers = (0..CALLS).map(|n| if n % 8 < 5 { 450_000 + n } else { 110_000 + n });
    let numbers: Vec<_> = numbers.map(|n| n.to_string()).collect();
    let mut args = vec!["--timeout", "50s", "call"];
    args.extend(numbers.iter().map(String::as_str));
    let mut client = ctl_command(&vhost.uri(), &args).stdout(Stdio::null()).spawn().unwrap();
    daemon.wait_for_metric("fibrpcd_requests_in_flight", PREFETCH as u64);
    let prometheus = Prometheus::start(&[("fibrpcd", &address)]);
    let slow = [("FibrpcdSlow", "fibrpcd"), ("FibrpcdWaits", "fibrpcd")];
    quiet(&prometheus, &address, &slow);
    let started = prometheus.query("vector(time())")[0];
    let full = [("FibrpcdSaturated", address.as_str()), ("FibrpcdShortOfMemory", address.as_str())];
    make_fire(&prometheus, &full, || ());
    let over = format!("vector(time()) > {}", started + SLOW);
    prometheus.wait_until_none(vec![over], |prometheus, over| !prometheus.query(over).is_empty());
    relay.release_replies();
    make_fire(&prometheus, &slow, || ());
    assert!(client.wait().unwrap().success(), "every call is answered");
}

/// An instance is killed again and again while it holds requests, which another one gets.
#[test]
fn restarts_and_redeliveries() {
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    relay.hold_replies();
    let steady = Daemon::serving(&vhost.uri(), &[]);
    let port = Port::hold();
    let address = port.address().to_string();
    let prometheus =
        Prometheus::start(&[("fibrpcd", &steady.http_address()), ("fibrpcd", &address)]);
    let expected = [("FibrpcdRestarts", address.as_str()), ("FibrpcdRedeliveries", "fibrpcd")];
    quiet(&prometheus, &steady.http_address(), &expected);
    let caller = Caller::connect(&vhost.uri());
    make_fire(&prometheus, &expected, || {
        let victim = Daemon::serving(&relay.uri(), &[("http.listen", &address)]);
        (0..20).for_each(|id| caller.call(&id.to_string(), "30"));
        victim.wait_for_metric("fibrpcd_requests_in_flight", 1);
        let started = victim.metric("process_start_time_seconds");
        let life = format!("process_start_time_seconds{{instance=\"{address}\"}} == {started}");
        prometheus
            .wait_until_none(vec![life], |prometheus, life| !prometheus.query(life).is_empty());
    });
}

/// Callers vanish, or let nothing into their queues; somebody keeps connections open.
#[test]
fn callers_gone_replies_refused_and_files_run_out() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::start_with_few_files(64, &vhost.uri(), &[]);
    daemon.wait_for("attached; consuming");
    let address = daemon.http_address();
    let prometheus = Prometheus::start(&[("fibrpcd", &address)]);
    let expected = [
        ("FibrpcdCallersGone", "fibrpcd"),
        ("FibrpcdRepliesRefused", address.as_str()),
        ("FibrpcdFilesRunOut", &address),
    ];
    quiet(&prometheus, &address, &expected);
    let caller = Caller::connect(&vhost.uri());
    let limit = [
        ("x-max-length", AMQPValue::LongInt(0)),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ];
    caller.declare("full", QueueDeclareOptions::default(), arguments(&limit)).unwrap();
    let call = |reply_to: &str| {
        let properties = BasicProperties::default().with_reply_to(reply_to.into());
        caller.publish(QUEUE, properties, b"30");
    };
    call("full");
    // The daemon closes idle connections after a while; others then take their place.
    let mut connections = Vec::new();
    make_fire(&prometheus, &expected, || {
        call("never.was");
        let open = daemon.metric("process_open_fds");
        connections.extend((open..60).map(|_| TcpStream::connect(&address).unwrap()));
    });
}
