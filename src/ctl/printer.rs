//! Threads that write to standard output and standard error: a write may block for as long as
//! nobody reads, and the thread that makes the calls has replies and heartbeats to see to.

use super::patience::patiently;
use std::{
    fs::File,
    io::{self, ErrorKind, Write as _},
    os::fd::AsFd,
    thread,
};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

/// A thread that writes.
#[derive(Debug)]
pub(super) struct Printer {
    chunks: mpsc::Sender<Vec<u8>>,
    ended: oneshot::Receiver<io::Result<()>>,
}

/// Nothing can be written any more; [`Printer::finish`] has the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Printer {
    /// Starts it. At most `bound` chunks wait for it.
    pub(super) fn start(name: &str, descriptor: impl AsFd, bound: usize) -> io::Result<Self> {
        let mut file = File::from(descriptor.as_fd().try_clone_to_owned()?);
        Self::writing(name, bound, move |chunk| write_all(&mut file, chunk))
    }

    /// Starts one that takes away what a file held, but only when there is something to write.
    pub(super) fn start_anew(name: &str, mut file: File, bound: usize) -> io::Result<Self> {
        let mut is_old = file.metadata()?.is_file(); // a pipe is not emptied
        Self::writing(name, bound, move |chunk| {
            if std::mem::take(&mut is_old) {
                file.set_len(0)?;
            }
            write_all(&mut file, chunk)
        })
    }

    fn writing(
        name: &str,
        bound: usize,
        mut write: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (chunks, mut inbox) = mpsc::channel::<Vec<u8>>(bound);
        let (end, ended) = oneshot::channel();
        let work = move || {
            let mut result = Ok(());
            while let Some(chunk) = inbox.blocking_recv() {
                result = write(&chunk);
                if result.is_err() {
                    break;
                }
            }
            drop(inbox);
            drop(end.send(result)); // nobody may wait for it
        };
        thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { chunks, ended })
    }

    /// Waits until the thread can take a chunk, then gives it what is in `pending`. Cancel safe.
    pub(super) async fn hand_over(&self, pending: &mut Vec<u8>) -> Result<(), Broken> {
        let place = self.chunks.reserve().await.map_err(|_| Broken)?;
        place.send(std::mem::take(pending));
        Ok(())
    }

    /// Gives it a chunk; false if there is no room for it.
    pub(super) fn try_give(&self, chunk: Vec<u8>) -> bool {
        !matches!(self.chunks.try_send(chunk), Err(TrySendError::Full(_)))
    }

    /// Waits until all is written, or nothing can be any more.
    pub(super) async fn finish(self) -> io::Result<()> {
        drop(self.chunks);
        let died = || io::Error::other("the thread that writes has died");
        self.ended.await.unwrap_or_else(|_| Err(died()))
    }
}

/// Writes all, also where the descriptor is shared with somebody who has set it to not block.
fn write_all(file: &mut File, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match patiently(|| file.write(rest)) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
