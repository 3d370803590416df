//! The client for programs that are not asynchronous: a thread of its own keeps the connection.

use super::{BuildError, CallError, Client, ClientBuilder, Pong, Reply, Request};
use crate::threads;
use serde_json::{Map, Value};
use std::{
    future::Future,
    io,
    sync::mpsc,
    thread::{self, JoinHandle},
};
use tokio::{
    runtime::{self, Handle},
    sync::oneshot,
};

/// Makes calls, from any number of threads at once; each waits for its answer.
///
/// ```no_run
/// use std::time::Duration;
///
/// let uri = "amqp://guest:guest@127.0.0.1:5672/%2f".parse()?;
/// let client = fibrpc::Client::builder(uri).timeout(Duration::from_secs(5)).build_blocking()?;
/// assert_eq!(client.fibonacci(30)?, "832040");
/// client.close();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// Its methods panic where they may not block: within a task of an asynchronous runtime, which has
/// [`Client`].
#[derive(Debug)]
pub struct BlockingClient {
    client: Client,
    runtime: Handle,
    /// The thread ends when this goes.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ClientBuilder {
    /// Makes a client for programs that are not asynchronous. It has a thread of its own, and needs no
    /// runtime.
    ///
    /// # Errors
    /// [`BuildError`] names the setting that makes no sense, or says why there is no thread.
    pub fn build_blocking(self) -> Result<BlockingClient, BuildError> {
        BlockingClient::start(self)
    }
}

impl BlockingClient {
    fn start(builder: ClientBuilder) -> Result<Self, BuildError> {
        let failed = |error: io::Error| BuildError::Thread(error.to_string());
        let runtime =
            runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let (made, client) = mpsc::sync_channel(1);
        let keep = move || {
            runtime.block_on(async move {
                if made.send(builder.build()).is_ok() {
                    let _ = ended.await; // an error: the client was dropped
                }
            });
            runtime.shutdown_background(); // a name lookup may hang on
        };
        let thread = thread::Builder::new().name("fibrpc-client".to_owned()).spawn(keep);
        let thread = thread.map_err(|error| BuildError::Thread(threads::refused(&error)))?;
        let died = |_| BuildError::Thread("the thread of the client died".to_owned());
        let client = client.recv().map_err(died)??;
        Ok(Self { client, runtime: handle, end: Some(end), thread: Some(thread) })
    }

    /// See [`Client::fibonacci`].
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer.
    pub fn fibonacci(&self, n: u64) -> Result<String, CallError> {
        self.wait(self.client.fibonacci(n))
    }

    /// See [`Client::ping`].
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer.
    pub fn ping(&self) -> Result<Pong, CallError> {
        self.wait(self.client.ping())
    }

    /// See [`Client::info`].
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer.
    pub fn info(&self) -> Result<Map<String, Value>, CallError> {
        self.wait(self.client.info())
    }

    /// See [`Client::request`].
    ///
    /// # Errors
    /// [`CallError`] says why there is no reply.
    pub fn request(&self, request: Request) -> Result<Reply, CallError> {
        self.wait(self.client.request(request))
    }

    /// Ends the connection in good order. Dropping the client ends it as well, without a word to the
    /// broker.
    pub fn close(self) {
        self.wait(self.client.clone().close());
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

impl Drop for BlockingClient {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // an error: it panicked, and has said so
        }
    }
}
