//! A program that calls without pause: this one again, as a process of its own to be measured.

use fibrpc::Client;
use std::{
    io::Read as _,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// Tells the process which broker to use.
pub(crate) const URI: &str = "FIBRPC_SOAK_URI";

/// And which queue.
const QUEUE: &str = "FIBRPC_SOAK_QUEUE";

/// Starts the program; it ends with its standard input.
pub(crate) fn start(uri: &str, queue: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .env(URI, uri)
        .env(QUEUE, queue)
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The program.
pub(crate) fn run(uri: &str) {
    let queue = std::env::var(QUEUE).unwrap();
    let (over, mut end) = oneshot::channel::<()>();
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(over);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::builder(uri.parse().unwrap())
            .queue(queue)
            .timeout(Duration::from_secs(2))
            .wait_for_server(true)
            .build()
            .unwrap();
        loop {
            let calls = async { tokio::join!(client.fibonacci(30), client.fibonacci(5000)) };
            tokio::select! {
                _ = &mut end => break,
                // One that fails has waited for its server until its timeout.
                _ = calls => {}
            }
        }
        client.close().await;
    });
}
