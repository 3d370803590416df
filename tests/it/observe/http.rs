//! Metrics and readiness of a real daemon. The server itself is tested beside its code.

use crate::support::{
    broker,
    program::{Daemon, ctl},
};
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

#[test]
fn promtool_has_nothing_to_say() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    assert_eq!(ctl(&vhost.uri(), &["call", "30", "x", "100000"]).code, Some(3));
    let (status, metrics) = daemon.get("/metrics");
    assert_eq!(status, 200);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: packaging/dev/install-deps.sh test installs it");
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
    assert!(output.status.success());
}

#[test]
fn readiness_goes_with_the_consumer() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    assert_eq!(daemon.get("/livez"), (200, "ok\n".to_owned()));
    assert_eq!(daemon.get("/readyz"), (200, "ok\n".to_owned()));
    assert_eq!(daemon.get("/nothing").0, 404);
    assert_eq!(daemon.metric("fibrpcd_amqp_connected"), 1);
    let away = Daemon::start("amqp://127.0.0.1:1", &[]);
    away.wait_for("cannot attach");
    assert_eq!(away.get("/livez").0, 200);
    let (status, why) = away.get("/readyz");
    assert_eq!(status, 503);
    assert!(
        why.starts_with("waiting for a broker: connecting to amqp://guest@127.0.0.1:1/"),
        "{why}"
    );
    assert_eq!(away.metric("fibrpcd_amqp_connected"), 0);
}

#[test]
fn requests_are_counted_when_they_are_answered() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[("amqp.prefetch", "7")]);
    assert_eq!(ctl(&vhost.uri(), &["call", "1", "2", "3", "x"]).code, Some(3));
    assert_eq!(ctl(&vhost.uri(), &["ping"]).code, Some(0));
    daemon.wait_for_metric("fibrpcd_requests_total{method=\"fib\"}", 4);
    daemon.wait_for_metric("fibrpcd_requests_total{method=\"ping\"}", 1);
    for (series, value) in [
        ("fibrpcd_request_failures_total{reason=\"invalid_argument\"}", 1),
        ("fibrpcd_request_duration_seconds_count{method=\"fib\"}", 4),
        ("fibrpcd_deliveries_total", 5),
        ("fibrpcd_redeliveries_total", 0),
        ("fibrpcd_acks_total", 5),
        ("fibrpcd_replies_total", 5),
        ("fibrpcd_requests_in_flight", 0),
        ("fibrpcd_prefetch_limit", 7),
        ("fibrpcd_amqp_connects_total", 1),
    ] {
        assert_eq!(daemon.metric(series), value, "{series}");
    }
}
