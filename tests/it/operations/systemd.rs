//! Notifications to the service manager, for which a socket of the test stands in.

use crate::support::{PATIENCE, broker, lapin_caller::Caller, program::Daemon, relay::Relay};
use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::PathBuf,
    str,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The service manager's end of the socket.
struct Manager {
    directory: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { directory, socket }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("fibrpcd.toml")
    }

    /// Starts a daemon with a file of this text, with a watchdog of this timeout if `watchdog` is
    /// one.
    fn start(&self, text: &str, watchdog: Option<&str>) -> Daemon {
        fs::write(self.file(), text).unwrap();
        let notify = self.directory.path().join("notify");
        let mut environment = vec![("NOTIFY_SOCKET", notify.to_str().unwrap())];
        environment.extend(watchdog.map(|patience| ("WATCHDOG_USEC", patience)));
        Daemon::start_with_file(&self.file(), &environment)
    }

    /// The next message.
    fn message(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("a message in time");
        str::from_utf8(&buffer[..length]).unwrap().to_owned()
    }

    /// Waits for a message with this line, or one that starts with it.
    fn wait_for(&self, start: &str) -> String {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let message = self.message();
            if message.lines().any(|line| line.starts_with(start)) {
                return message;
            }
        }
        panic!("no {start} in time")
    }
}

fn file(uri: &str) -> String {
    format!("[amqp]\nuris = [\"{uri}\"]\n[compute]\nmax_n = 1_000_000_000\nmemory = \"1500MiB\"\n")
}

#[test]
fn a_life_is_told_from_readiness_to_the_last_request() {
    let vhost = broker::shared().vhost();
    let manager = Manager::new();
    let relay = Relay::to(&vhost.uri());
    let mut daemon = manager.start(&file(&relay.uri()), None);
    let ready = manager.message();
    assert!(ready.starts_with("READY=1\nSTATUS=waiting for a broker"), "first of all: {ready}");
    let port = relay.port();
    manager.wait_for(&format!("STATUS=serving rpc_queue at 127.0.0.1:{port}, 0 in flight"));
    let caller = Caller::connect(&vhost.uri());
    relay.hold_replies();
    caller.call("long", "10000000");
    manager.wait_for(&format!("STATUS=serving rpc_queue at 127.0.0.1:{port}, 1 in flight"));
    daemon.signal("TERM");
    assert_eq!(manager.wait_for("STOPPING=1"), "STOPPING=1\nSTATUS=draining, 1 in flight\n");
    manager.wait_for("EXTEND_TIMEOUT_USEC=15000000");
    relay.release_replies();
    assert_eq!(caller.reply().body.len(), 2_089_877);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_reload_is_told_and_a_bad_one_shows_in_the_status() {
    let vhost = broker::shared().vhost();
    let manager = Manager::new();
    let mut daemon = manager.start(&file(&vhost.uri()), None);
    manager.wait_for("STATUS=serving");
    daemon.signal("HUP");
    let reloading = manager.wait_for("RELOADING=1");
    let time = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(time.parse::<u64>().unwrap() > 0);
    assert!(manager.wait_for("READY=1").contains("STATUS=serving"), "and nothing else");
    fs::write(manager.file(), "[log]\nlevel = \"loud\"\n").unwrap();
    daemon.signal("HUP");
    manager.wait_for("RELOADING=1");
    let status = manager.wait_for("READY=1");
    assert!(status.contains("the old one stays: "), "{status}");
    assert!(status.contains("fibrpcd.toml:2: log.level: expected one of"), "{status}");
    fs::write(manager.file(), file(&vhost.uri())).unwrap();
    daemon.signal("HUP");
    manager.wait_for("RELOADING=1");
    assert!(!manager.wait_for("READY=1").contains("stays"));
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn signs_of_life_go_on_without_a_broker() {
    let manager = Manager::new();
    let _daemon = manager.start("[amqp]\nuris = [\"amqp://127.0.0.1:1\"]\n", Some("200000"));
    manager.wait_for("STATUS=waiting for a broker: connecting to amqp://guest@127.0.0.1:1/");
    for _ in 0..10 {
        manager.wait_for("WATCHDOG=1");
    }
}

#[test]
fn signs_of_life_go_on_while_a_computation_runs_and_stop_with_the_process() {
    let vhost = broker::shared().vhost();
    let manager = Manager::new();
    let daemon = manager.start(&file(&vhost.uri()), Some("200000"));
    daemon.wait_for("attached; consuming");
    let caller = Caller::connect(&vhost.uri());
    caller.call("long", "1000000000"); // about a second
    daemon.wait_for_metric("fibrpcd_requests_in_flight", 1);
    for _ in 0..5 {
        manager.wait_for("WATCHDOG=1");
    }
    daemon.signal("STOP");
    // All that was sent before, and then nothing.
    let silence = Duration::from_secs(1);
    manager.socket.set_read_timeout(Some(silence)).unwrap();
    let mut buffer = [0; 4096];
    while manager.socket.recv(&mut buffer).is_ok() {}
    daemon.signal("CONT");
    manager.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    manager.wait_for("WATCHDOG=1");
}

#[test]
fn a_request_to_reload_does_not_disturb_a_stop() {
    let vhost = broker::shared().vhost();
    let manager = Manager::new();
    let mut daemon = manager.start(&file(&vhost.uri()), None);
    daemon.wait_for("attached; consuming");
    let caller = Caller::connect(&vhost.uri());
    caller.call("long", "3000000");
    daemon.wait_for_metric("fibrpcd_requests_in_flight", 1);
    daemon.signal("TERM");
    manager.wait_for("STOPPING=1");
    daemon.signal("HUP");
    assert_eq!(caller.reply().body.len(), 626_963);
    assert_eq!(daemon.wait().code(), Some(0), "the stop went on: it was not given up");
}
