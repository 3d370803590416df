//! Brokers that allow frames of any size, or only small ones.

use crate::support::{
    broker::Broker,
    program::{Daemon, ctl, memory_kib},
};
use std::process::Command;

/// The virtual memory a client may have, in KiB, threads' stacks included.
const CLIENT_LIMIT: u64 = 1 << 20;

/// The resident memory a daemon may have had, in KiB: several times what it needs without load.
const DAEMON_LIMIT: u64 = 96 << 10;

#[test]
fn the_size_of_frames_is_bounded_whatever_the_broker_allows() {
    let broker = Broker::private();
    for frame_max in [0, 16 << 20, 8192] {
        let set = format!("application:set_env(rabbit, frame_max, {frame_max}).");
        assert_eq!(broker.ctl(&["eval", &set]).trim(), "ok");
        let daemon = Daemon::serving(&broker.uri(), &[]);

        let limited = "ulimit -v \"$1\"; shift; exec \"$@\"";
        let client = Command::new("sh")
            .args(["-c", limited, "sh", &CLIENT_LIMIT.to_string()])
            .args([env!("CARGO_BIN_EXE_fibrpcctl"), "--uri", &broker.uri(), "call", "30"])
            .output()
            .unwrap();
        assert!(client.status.success(), "{frame_max}: {client:?}");
        assert_eq!(String::from_utf8_lossy(&client.stdout), "832040\n", "{frame_max}");

        // A reply of many frames.
        let ran = ctl(&broker.uri(), &["call", "5000000"]);
        assert_eq!((ran.code, ran.stdout.len()), (Some(0), 1_044_938 + 1), "{frame_max}");

        let peak = memory_kib(daemon.pid(), "VmHWM");
        assert!(peak < DAEMON_LIMIT, "{peak} KiB where the broker allows {frame_max}");
        assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1, "{frame_max}");
    }
}
