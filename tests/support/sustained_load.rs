//! Load for the tests of faults: calls without pause, of mixed size, until told to stop.

use super::{
    durable_caller::DurableCaller,
    random::Random,
    tally::{Tally, some_number},
};
use fibrpc::{CallError, Client};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};
use tokio::{runtime::Runtime, task::JoinHandle};

/// The timeout of every call.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// A call that has not ended this long after its timeout hangs.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// Handles of [`fibrpc::Client`], and how many calls each has under way.
const CLIENTS: usize = 2;
const CALLS_OF_EACH: usize = 8;

/// Leaves the machine to the others for a while.
pub(crate) fn pause(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}

/// Both kinds of callers: one that resends and gives up, one that does neither.
#[derive(Debug)]
pub(crate) struct Load {
    durable: DurableCaller,
    clients: Clients,
}

impl Load {
    pub(crate) fn start(uris: &[String], seed: u64) -> Self {
        Self { durable: DurableCaller::start(uris, seed), clients: Clients::start(uris, seed) }
    }

    /// Waits until this many more calls are answered.
    pub(crate) fn wait_for_answers(&self, count: usize) {
        self.durable.wait_for_answers(count);
    }

    /// Stops calling and waits until every call has ended.
    pub(crate) fn stop(self) -> Tally {
        self.durable.make_no_more();
        let mut tally = self.clients.stop();
        tally.add(self.durable.stop());
        tally
    }
}

/// Some [`fibrpc::Client`]s.
#[derive(Debug)]
pub(crate) struct Clients {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Tally>>,
    handles: Vec<Client>,
}

impl Clients {
    pub(crate) fn start(uris: &[String], seed: u64) -> Self {
        let runtime = super::background_runtime();
        let (stop, mut random) = (Arc::new(AtomicBool::new(false)), Random::new(seed));
        let (mut handles, mut callers) = (Vec::new(), Vec::new());
        for index in 0..CLIENTS {
            // Each prefers another broker.
            let mut uris = uris.to_vec();
            let count = uris.len();
            uris.rotate_left(index % count);
            let client = runtime.block_on(async { client(&uris) });
            for _ in 0..CALLS_OF_EACH {
                let random = Random::new(random.next());
                callers.push(runtime.spawn(call(client.clone(), random, Arc::clone(&stop))));
            }
            handles.push(client);
        }
        Self { runtime, stop, callers, handles }
    }

    pub(crate) fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let tally = self.runtime.block_on(async {
            let mut tally = Tally::default();
            for caller in self.callers {
                tally.add(caller.await.unwrap());
            }
            for client in self.handles {
                tally.duplicates += client.unmatched_replies();
                client.close().await;
            }
            tally
        });
        self.runtime.shutdown_background();
        tally
    }
}

fn client(uris: &[String]) -> Client {
    let mut uris = uris.iter().map(|uri| uri.parse().unwrap());
    let mut builder = Client::builder(uris.next().unwrap());
    for uri in uris {
        builder = builder.uri(uri);
    }
    builder.timeout(TIMEOUT).wait_for_server(true).build().unwrap()
}

async fn call(client: Client, mut random: Random, stop: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        let n = some_number(&mut random);
        tally.made += 1;
        match tokio::time::timeout(TIMEOUT + GRACE, client.fibonacci(n)).await {
            Ok(Ok(answer)) => tally.judge(n, &answer),
            Ok(Err(error)) => tally.error(kind(&error)),
            Err(_) => tally.hung += 1,
        }
    }
    tally
}

fn kind(error: &CallError) -> String {
    match error {
        CallError::Failed(failure) => failure.to_string(),
        CallError::BadReply(_) => "BadReply".to_owned(),
        CallError::TimedOut(_) => "TimedOut".to_owned(),
        CallError::NoQueue(_) => "NoQueue".to_owned(),
        CallError::NoServer(_) => "NoServer".to_owned(),
        CallError::Unreachable(_) => "Unreachable".to_owned(),
        CallError::TooLarge { .. } => "TooLarge".to_owned(),
        CallError::ReplyTooLarge { .. } => "ReplyTooLarge".to_owned(),
        CallError::Closed => "Closed".to_owned(),
        other => format!("{other:?}"),
    }
}
