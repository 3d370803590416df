//! Callers without pause, in a thread of their own.

use fibrpc::Client;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tokio::runtime::Runtime;

pub(crate) struct Callers {
    answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Callers {
    /// Starts `count` callers; caller i asks for the numbers that `next(i)` returns. Returns when
    /// the first answer has come.
    pub(crate) fn start(uri: &str, count: u64, next: impl Fn(u64) -> u64 + Send + 'static) -> Self {
        let (answered, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, end, uri) = (Arc::clone(&answered), Arc::clone(&stop), uri.to_owned());
        let (started, first) = mpsc::channel();
        let thread = thread::spawn(move || {
            runtime().block_on(async {
                let client = client(&uri);
                let callers = (0..count).map(async |caller| {
                    while !end.load(Ordering::Relaxed) {
                        client.fibonacci(next(caller)).await.unwrap();
                        if counter.fetch_add(1, Ordering::Relaxed) == 0 {
                            started.send(()).unwrap();
                        }
                    }
                });
                futures_util::future::join_all(callers).await;
                client.close().await;
            });
        });
        first.recv().unwrap();
        Self { answered, stop, thread }
    }

    /// How many answers came.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn client(uri: &str) -> Client {
    Client::builder(uri.parse().unwrap()).timeout(Duration::from_mins(1)).build().unwrap()
}
