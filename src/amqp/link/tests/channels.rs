//! Channels that come and go, on a connection that has few numbers for them.

use super::{Event, Server, next};
use std::{env, fs, process::Command};

const NOT_FOUND: &str = "NOT_FOUND - no queue 'q' in vhost '/'";

impl Server {
    /// Looks for a queue that is not there.
    async fn look_in_vain(&mut self) {
        self.consume.leave_unanswered(50, 10);
        self.link.count_consumers("q");
        let asked = self.method(|server| &mut server.consume, (50, 10)).await;
        self.consume.close(asked.channel, 404, NOT_FOUND);
        self.expect(&["not counted: NoQueue"]).await;
        self.consume.answer_again();
    }

    /// Looks for one that is there.
    async fn look(&mut self) {
        self.link.count_consumers("q");
        match next(&mut self.link).await {
            Event::Consumers { consumers: 2, messages: 5 } => {}
            event => panic!("{}", super::shown(&event)),
        }
    }
}

#[tokio::test]
async fn a_queue_is_found_though_the_number_of_the_channel_was_that_of_a_failed_look() {
    let mut server = Server::start().await;
    for _ in 0..5 {
        server.look_in_vain().await;
    }
    assert!(!server.link.is_worn_out());
    // The numbers come round several times.
    for _ in 0..100 {
        server.look().await;
        while server.consume.arrived().is_some() {}
    }
    assert!(!server.link.is_worn_out());
    for _ in 0..3 {
        server.look_in_vain().await;
    }
    assert!(server.link.is_worn_out(), "half of the numbers");
}

/// Tells the child, a process of its own to be measured, how often to look.
const LOOKS: &str = "FIBRPC_TEST_LOOKS";

#[test]
fn very_many_channels_leave_nothing_behind() {
    if let Ok(looks) = env::var(LOOKS) {
        return looks_leave_nothing_behind(looks.parse().unwrap());
    }
    let (_, here) = module_path!().split_once("::").unwrap();
    let looks = env::var("FIBRPC_LOOKS").unwrap_or_else(|_| "5000".into());
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!("{here}::very_many_channels_leave_nothing_behind"))
        .env(LOOKS, looks)
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    print!("{}", String::from_utf8_lossy(&child.stdout));
}

fn looks_leave_nothing_behind(looks: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut server = runtime.block_on(Server::start());
    let mut look = |count: u32| {
        runtime.block_on(async {
            for _ in 0..count {
                server.look().await;
                while server.consume.arrived().is_some() {}
            }
        });
        (runtime.metrics().num_alive_tasks(), resident_kib())
    };
    // A tenth each.
    let held: Vec<_> = (0..10).map(|_| look(looks / 10)).collect();
    // In the first one the allocator's pools fill up.
    let (first, last) = (held[1], held[9]);
    println!("{looks} looks, (tasks, KiB): {held:?}");
    assert!(last.0 <= first.0 + 4 && last.1 <= first.1 + 1024, "{first:?}, then {last:?}");
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
