//! What the processor does for which threads: the one that serves is not the only one that can be
//! at its limit.

use super::maker::Maker;
use prometheus::Counter;
use std::{
    collections::HashMap,
    fs,
    path::Path,
    process,
    sync::{Mutex, PoisonError},
};

/// The kinds of threads.
const KINDS: [&str; 4] = ["io", "broker", "compute", "other"];

/// Where Linux tells of our threads.
const THREADS: &str = "/proc/self/task";

/// The processor time of threads, by kind.
#[derive(Debug)]
pub(super) struct Threads {
    seconds: Vec<Counter>,
    seen: Mutex<HashMap<u32, Seen>>,
}

/// What was known of a thread when it was looked at.
#[derive(Clone, Copy, Debug)]
struct Seen {
    kind: usize,
    nanoseconds: u64,
}

impl Threads {
    pub(super) fn new(make: &Maker) -> Result<Self, prometheus::Error> {
        let seconds = make.seconds_by(
            "fibrpcd_threads_cpu_seconds_total",
            "Processor time of threads: the I/O thread, those of the broker's connections, those \
             that compute, others.",
            "threads",
            KINDS,
        )?;
        Ok(Self { seconds, seen: Mutex::default() })
    }

    /// Counts the time up to now. Where the system does not tell, nothing is counted.
    pub(super) fn sample(&self) {
        let Ok(threads) = fs::read_dir(THREADS) else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = HashMap::with_capacity(seen.len());
        for thread in threads.flatten() {
            let id = thread.file_name().to_str().and_then(|name| name.parse().ok());
            let (Some(id), Some(nanoseconds)) = (id, nanoseconds(&thread.path())) else { continue };
            // Less than before: the number is that of another thread by now.
            let known = seen.get(&id).filter(|known| known.nanoseconds <= nanoseconds);
            let kind = known.map_or_else(|| kind(id, &thread.path()), |known| known.kind);
            let passed = nanoseconds - known.map_or(0, |known| known.nanoseconds);
            if let Some(counter) = self.seconds.get(kind) {
                counter.inc_by(std::time::Duration::from_nanos(passed).as_secs_f64());
            }
            now.insert(id, Seen { kind, nanoseconds });
        }
        *seen = now;
    }
}

/// The processor time of a thread: the first number of its `schedstat`.
fn nanoseconds(thread: &Path) -> Option<u64> {
    let text = fs::read_to_string(thread.join("schedstat")).ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// The place of a thread's kind in [`KINDS`].
fn kind(id: u32, thread: &Path) -> usize {
    let name = fs::read_to_string(thread.join("comm")).unwrap_or_default();
    match name.trim_end() {
        _ if id == process::id() => 0,
        "lapin-io-loop" => 1,
        name if name.starts_with("compute-") => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::Registry;
    use std::{sync::mpsc, thread};

    #[test]
    fn the_time_of_a_thread_goes_to_its_kind() {
        let make = Maker(Registry::new());
        let threads = Threads::new(&make).unwrap();
        let (sender, receiver) = mpsc::channel::<()>();
        let (busy, is_busy) = mpsc::channel();
        let name = "compute-7".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || {
            let began = std::time::Instant::now();
            while began.elapsed().as_millis() < 20 {}
            busy.send(()).unwrap();
            receiver.recv().unwrap_err();
        });
        is_busy.recv().unwrap();
        let spent = |kind: usize| threads.seconds[kind].get();
        threads.sample();
        let first = spent(2);
        assert!(first > 0.0);
        threads.sample();
        assert!(spent(2) >= first && spent(2) < 2.0 * first, "counted once");
        drop(sender);
        thread.unwrap().join().unwrap();
    }
}
