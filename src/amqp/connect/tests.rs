//! Failed attempts to connect leave no tasks, threads or memory behind.

use super::{Dial, Link, Steps};
use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    process::Command,
    thread,
    time::Duration,
};

/// A peer that is no broker, or one that refuses us.
#[derive(Clone, Copy, Debug)]
enum Peer {
    /// Nobody listens.
    Absent,
    /// Closes the connection at once.
    Closing,
    /// Answers in another protocol.
    Foreign,
}

impl Peer {
    /// Starts the peer, which ends with the process, and returns its address.
    fn start(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if !matches!(self, Self::Absent) {
            thread::spawn(move || {
                for mut stream in listener.incoming().map_while(Result::ok) {
                    if matches!(self, Self::Foreign) {
                        let _ = stream.read(&mut [0; 8]);
                        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
                    }
                }
            });
        }
        address
    }
}

/// Tells the child, a process of its own to be measured, which peer to use.
const PEER: &str = "FIBRPC_TEST_FAILING_PEER";

#[test]
fn a_hundred_thousand_failed_attempts_leave_nothing_behind() {
    let peers = [(Peer::Absent, 100_000), (Peer::Closing, 10_000), (Peer::Foreign, 10_000)];
    if let Ok(name) = env::var(PEER) {
        let (peer, attempts) =
            peers.into_iter().find(|(peer, _)| format!("{peer:?}") == name).unwrap();
        return attempts_leave_nothing_behind(peer, attempts);
    }
    let (_, here) = module_path!().split_once("::").unwrap();
    for (peer, _) in peers {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg(format!("{here}::a_hundred_thousand_failed_attempts_leave_nothing_behind"))
            .env(PEER, format!("{peer:?}"))
            // One pool for all threads of glibc's allocator: each of lapin's may else begin another,
            // the more of them the busier the machine is.
            .env("MALLOC_ARENA_MAX", "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{peer:?}: {child:?}");
        print!("{}", String::from_utf8_lossy(&child.stdout));
    }
}

fn attempts_leave_nothing_behind(peer: Peer, attempts: u32) {
    let uri = format!("amqp://guest:guest@{}", peer.start()).parse().unwrap();
    let dial = Dial {
        timeout: Duration::from_mins(1),
        heartbeat: Duration::from_secs(10),
        name: "test".into(),
        tls: None,
        max_body: 1000,
        all_properties: false,
        steps: Steps::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fail = |attempts: u32| {
        runtime.block_on(async {
            for _ in 0..attempts {
                assert!(Link::open(&uri, &dial).await.is_err());
            }
        });
        measure(&runtime)
    };
    let first = fail(attempts / 10);
    let last = fail(attempts - attempts / 10);
    println!(
        "{peer:?}: (tasks, threads, KiB) {first:?} after {}, {last:?} after {attempts}",
        attempts / 10
    );
    // Some of the last attempts may still be winding down.
    assert!(last.0 <= first.0 + 16 && last.1 <= first.1 + 16, "{first:?}, then {last:?}");
    // A leak of half a KiB per attempt would show; the allocator's own pools fill up gradually.
    assert!(last.2 <= first.2 + 4096, "{first:?}, then {last:?}");
}

/// Tasks, threads, and resident memory in KiB.
fn measure(runtime: &tokio::runtime::Runtime) -> (usize, u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let number = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (runtime.metrics().num_alive_tasks(), number("Threads:"), number("VmRSS:"))
}
