//! The way of a line of the log to whoever reads it: a bounded queue, and a thread of its own that
//! writes.
//!
//! A pipe that nobody reads, a journal that stands still or a disk that is full stop that thread and
//! nothing else. What does not fit meanwhile is dropped and counted; once lines are taken again, one
//! of them says how many were lost.

use crate::threads;
use prometheus::IntCounter;
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, ErrorKind, Write},
    os::{fd::AsFd, unix::net::UnixDatagram},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tracing_subscriber::fmt::MakeWriter;

/// Most bytes that wait: seconds of a log at level debug.
const MAX_BYTES: usize = 1 << 20;

/// How long the last lines may take when the process ends.
const FLUSH: Duration = Duration::from_secs(1);

/// How long to wait where standard error has been made non-blocking, by another process that shares
/// it, and is full.
const FULL: Duration = Duration::from_millis(10);

/// While the log is never quite caught up with, what was dropped is told this often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Where lines go in the end.
#[derive(Debug)]
pub(super) enum Sink {
    /// Standard error, or what stands in for it.
    Lines(File),
    /// The journal: a datagram for each message, to the socket of this path.
    Journal(UnixDatagram, PathBuf),
}

impl Sink {
    /// Not [`io::stderr`], whose lock would be held while nobody reads.
    pub(super) fn stderr() -> io::Result<Self> {
        Ok(Self::Lines(io::stderr().as_fd().try_clone_to_owned()?.into()))
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Lines(file) => write_all(file, line),
            Self::Journal(socket, path) => socket.send_to(line, path).map(drop),
        }
    }
}

fn write_all(file: &mut File, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(FULL),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Lines that wait to be written. Clones are the same queue.
#[derive(Clone, Debug)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    dropped: IntCounter,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Whether the thread is writing a line.
    writing: bool,
    /// Lines that were dropped, which was not told yet.
    untold: u64,
}

impl Queue {
    /// Starts the thread.
    pub(super) fn start(sink: Sink, dropped: IntCounter) -> io::Result<Self> {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new(), dropped };
        let queue = Self(Arc::new(shared));
        let own = queue.clone();
        threads::start("log".to_owned(), move || own.write_out(sink))?;
        Ok(queue)
    }

    /// Takes a line in, or drops it; does not wait for its reader.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut state = self.state();
        if state.bytes + line.len() > MAX_BYTES {
            self.count_dropped(&mut state);
        } else {
            state.bytes += line.len();
            state.lines.push_back(line);
            self.0.changed.notify_all();
        }
    }

    /// Waits until all is written, but not for long.
    fn flush(&self) {
        let over = Instant::now() + FLUSH;
        let mut state = self.state();
        while !state.lines.is_empty() || state.writing {
            let left = over.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes lines for as long as the process lives.
    fn write_out(&self, mut sink: Sink) {
        let mut told = Instant::now();
        loop {
            let line = self.next();
            let written = sink.write(&line);
            let mut state = self.state();
            state.bytes -= line.len();
            let mut lost = 0;
            if written.is_err() {
                self.count_dropped(&mut state);
            } else if state.lines.is_empty() || told.elapsed() >= TELL_EVERY {
                lost = std::mem::take(&mut state.untold);
            }
            drop(state);
            if lost > 0 {
                told = Instant::now();
                tracing::warn!(dropped = lost, "messages were dropped, as nobody took the log");
            }
            self.state().writing = false; // only now, so that a flush includes that message
            self.0.changed.notify_all();
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.writing = true;
                return line;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn count_dropped(&self, state: &mut State) {
        state.untold += 1;
        self.0.dropped.inc();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Queue {
    /// Takes whole lines, which is how the formatters write.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Waits for the last lines when it is dropped, however the program ends; but not for long.
#[derive(Debug)]
pub(crate) struct FlushLog(pub(super) Queue);

impl Drop for FlushLog {
    fn drop(&mut self) {
        self.0.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead as _, BufReader, PipeReader, pipe},
        os::fd::OwnedFd,
    };

    fn counter() -> IntCounter {
        IntCounter::new("dropped", "lines").unwrap()
    }

    /// A queue into a pipe, and what counts its losses.
    fn queue() -> (Queue, PipeReader, IntCounter) {
        let (reader, writer) = pipe().unwrap();
        let dropped = counter();
        let sink = Sink::Lines(File::from(OwnedFd::from(writer)));
        (Queue::start(sink, dropped.clone()).unwrap(), reader, dropped)
    }

    #[test]
    fn lines_come_out_in_order_and_before_the_end() {
        let (queue, reader, dropped) = queue();
        for line in 0..1000 {
            queue.push(format!("{line}\n").into_bytes());
        }
        drop(FlushLog(queue)); // the pipe takes it all
        let lines: Vec<_> = BufReader::new(reader).lines().take(1000).map(Result::unwrap).collect();
        assert_eq!(lines, (0..1000).map(|line| line.to_string()).collect::<Vec<_>>());
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn what_nobody_reads_is_dropped_counted_and_told_to_the_next_reader() {
        const LINES: usize = 5000;
        let (queue, reader, dropped) = queue();
        let line = || vec![b'x'; 999].into_iter().chain([b'\n']).collect::<Vec<_>>();
        for _ in 0..LINES {
            queue.push(line()); // comes back though nobody reads
        }
        drop(FlushLog(queue)); // so does this
        let lost = usize::try_from(dropped.get()).unwrap();
        assert!(lost > 0);
        let mut lines = BufReader::new(reader).lines();
        let kept = lines.by_ref().take(LINES - lost);
        assert!(kept.map(Result::unwrap).all(|line| line.len() == 999), "whole lines");
    }

    #[test]
    fn a_journal_that_stands_still_stops_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let journal = UnixDatagram::bind(&path).unwrap();
        let dropped = counter();
        let sink = Sink::Journal(UnixDatagram::unbound().unwrap(), path);
        let queue = Queue::start(sink, dropped.clone()).unwrap();
        while dropped.get() == 0 {
            queue.push(vec![b'x'; 10_000]);
        }
        let mut buffer = vec![0; 20_000];
        assert_eq!(journal.recv(&mut buffer).unwrap(), 10_000, "it goes on where it stood");
    }

    #[test]
    fn a_full_disk_costs_its_lines_and_no_more() {
        let dropped = counter();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let queue = Queue::start(Sink::Lines(full), dropped.clone()).unwrap();
        for _ in 0..10 {
            queue.push(b"line\n".to_vec());
        }
        drop(FlushLog(queue));
        assert_eq!(dropped.get(), 10);
    }
}
