//! Large numbers: the threads, the memory, the cache.

use super::{DURATION_BUCKETS, maker::Maker};
use fibrpc_core::server::Usage;
use prometheus::{Histogram, IntCounter, IntGauge};

/// The metrics of large numbers.
#[derive(Debug)]
pub(crate) struct Compute {
    /// Large results computed.
    pub computations: IntCounter,
    /// Computations that ended early because nobody waited for them any more.
    pub stopped: IntCounter,
    /// Computations that failed.
    pub failed: IntCounter,
    /// How long they took on their thread.
    pub durations: Histogram,
    /// Times digits were found wrong and computed anew.
    pub check_failures: IntCounter,
    /// Large requests whose result was in the cache.
    pub cache_hits: IntCounter,
    /// Large requests whose result was not.
    pub cache_misses: IntCounter,
    /// What the cache holds.
    pub cache_bytes: IntGauge,
    /// The most it may hold.
    pub cache_limit: IntGauge,
    /// Threads for large numbers.
    pub threads: IntGauge,
    /// Those that compute.
    pub threads_busy: IntGauge,
    /// Memory for large numbers and their replies.
    pub memory: IntGauge,
    /// How much of that is taken.
    pub memory_reserved: IntGauge,
}

impl Compute {
    pub(super) fn new(make: &Maker) -> Result<Self, prometheus::Error> {
        Ok(Self {
            computations: make.counter("fibrpcd_computations_total", "Large numbers computed.")?,
            stopped: make.counter(
                "fibrpcd_computations_stopped_total",
                "Computations ended early because nobody waited for them any more.",
            )?,
            failed: make
                .counter("fibrpcd_computations_failed_total", "Computations that failed.")?,
            durations: make.histogram(
                "fibrpcd_computation_duration_seconds",
                "Time a large number was computed on its thread.",
                &DURATION_BUCKETS,
            )?,
            check_failures: make.counter(
                "fibrpcd_computation_check_failures_total",
                "Times the digits of a number were found wrong, and computed anew.",
            )?,
            cache_hits: make.counter(
                "fibrpcd_cache_hits_total",
                "Requests for large numbers whose result was in the cache.",
            )?,
            cache_misses: make.counter(
                "fibrpcd_cache_misses_total",
                "Requests for large numbers whose result was not in the cache.",
            )?,
            cache_bytes: make
                .gauge("fibrpcd_cache_bytes", "What the cache of results holds, in bytes.")?,
            cache_limit: make
                .gauge("fibrpcd_cache_limit_bytes", "The most it may hold (compute.cache).")?,
            threads: make.gauge("fibrpcd_compute_threads", "Threads for large numbers.")?,
            threads_busy: make.gauge("fibrpcd_compute_threads_busy", "Those that compute.")?,
            memory: make.gauge(
                "fibrpcd_compute_memory_limit_bytes",
                "Memory for large numbers and their replies (of compute.memory).",
            )?,
            memory_reserved: make
                .gauge("fibrpcd_compute_memory_reserved_bytes", "How much of that is taken.")?,
        })
    }

    /// Notes what is taken from now on.
    pub(crate) fn set_usage(&self, usage: &Usage) {
        for (gauge, value) in [
            (&self.threads, usage.threads as u64),
            (&self.threads_busy, usage.threads_busy as u64),
            (&self.memory, usage.memory),
            (&self.memory_reserved, usage.memory_reserved),
        ] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }
}
