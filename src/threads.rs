//! Threads for what may stand still: a file of a server that is away, a name that nobody resolves.
//!
//! tokio's own pool for such work panics where the system gives no thread, and what hangs in it takes
//! a place from everything else.

use std::{io, thread};
use tokio::sync::oneshot;

/// Starts a thread, which ends with the process.
///
/// # Errors
/// The system gives none.
pub(crate) fn start(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let started = thread::Builder::new().name(name).spawn(work);
    started.map(drop).map_err(|error| io::Error::new(error.kind(), refused(&error)))
}

/// What it means that the system gives no thread.
pub(crate) fn refused(error: &io::Error) -> String {
    format!(
        "no thread can be started ({error}); raise the limit of threads (TasksMax= of the unit, \
         ulimit -u)"
    )
}

/// Does work on a thread of its own. The caller sets a deadline; the thread then goes on alone.
///
/// # Errors
/// The system gives no thread, or the work panicked.
pub(crate) async fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, result) = oneshot::channel();
    start(name.to_owned(), move || {
        let _ = sender.send(work()); // nobody may be waiting any more
    })?;
    result.await.map_err(|_| io::Error::other("the thread for it failed"))
}

/// Whether the system gives two threads: a library that then starts one is given it, though the last
/// of these two may not be quite gone.
///
/// # Errors
/// It does not.
pub(crate) async fn two_are_left() -> io::Result<()> {
    run("probe", || {
        let second = thread::Builder::new().name("probe".to_owned()).spawn(|| ());
        let refused = |error: io::Error| io::Error::new(error.kind(), refused(&error));
        second.map(|second| drop(second.join())).map_err(refused)
    })
    .await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_elsewhere_and_its_panic_is_an_error() {
        let here = thread::current().id();
        assert_ne!(run("work", || thread::current().id()).await.unwrap(), here);
        let failed = run("work", || -> u8 { panic!("on purpose") }).await;
        assert_eq!(failed.unwrap_err().to_string(), "the thread for it failed");
    }
}
