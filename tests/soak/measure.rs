//! What a process holds.

use crate::support::program::memory_kib;
use std::fs;

/// How much a process holds at one time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holds {
    kib: u64,
    files: u64,
    threads: u64,
    /// Of the runtime, where somebody says so.
    tasks: u64,
}

/// How much more of each there may be at the end. Connections that come and go hold some of it.
const LIMITS: [u64; 4] = [1024, 8, 8, 32];

impl Holds {
    pub(crate) fn of(process: u32, tasks: u64) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
        Self {
            kib: memory_kib(process, "VmRSS"),
            files: fs::read_dir(format!("/proc/{process}/fd")).unwrap().count() as u64,
            threads: threads.trim().parse().unwrap(),
            tasks,
        }
    }

    fn all(self) -> [u64; 4] {
        [self.kib, self.files, self.threads, self.tasks]
    }
}

/// The first tenth and the last beside each other, as columns of a table, and whether nothing grew.
pub(crate) fn growth(samples: &[Holds]) -> (String, bool) {
    let tenth = samples.len().div_ceil(10);
    let (first, last) = (&samples[..tenth], &samples[samples.len() - tenth..]);
    let mut flat = true;
    let columns = (0..LIMITS.len()).map(|index| {
        let (before, after) = (median(first, index), median(last, index));
        flat &= after <= before + LIMITS[index];
        format!("{before} → {after}")
    });
    let columns: Vec<_> = columns.collect();
    (columns.join(" | "), flat)
}

fn median(samples: &[Holds], index: usize) -> u64 {
    let mut values: Vec<_> = samples.iter().map(|holds| holds.all()[index]).collect();
    values.sort_unstable();
    values[values.len() / 2]
}
