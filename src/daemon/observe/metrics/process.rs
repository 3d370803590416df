//! The daemon itself: what it is doing, its configuration, its log, its I/O thread, its build.

use super::{maker::Maker, threads::Threads};
use crate::{daemon::state::State, wall_clock};
use prometheus::{Counter, IntCounter, IntGauge};
use tokio::runtime::Handle;
use tracing::Level;

const LEVELS: [(Level, &str); 5] = [
    (Level::ERROR, "error"),
    (Level::WARN, "warn"),
    (Level::INFO, "info"),
    (Level::DEBUG, "debug"),
    (Level::TRACE, "trace"),
];

/// Counts what is logged, by level.
#[derive(Clone, Debug)]
pub(crate) struct LogMessages(Vec<IntCounter>);

impl LogMessages {
    /// Counts a message.
    pub(crate) fn count(&self, level: Level) {
        let place = LEVELS.iter().position(|(known, _)| *known == level);
        if let Some(counter) = place.and_then(|place| self.0.get(place)) {
            counter.inc();
        }
    }
}

/// The metrics of the daemon itself.
#[derive(Debug)]
pub(crate) struct DaemonMetrics {
    states: Vec<IntGauge>,
    reload_successful: IntGauge,
    reload_success_time: IntGauge,
    runtime_busy: Counter,
    runtime_tasks: IntGauge,
    threads: Threads,
    /// What was logged.
    pub log_messages: LogMessages,
    /// Messages that were left out because there were too many like them.
    pub log_suppressed: IntCounter,
    /// Messages that nobody took.
    pub log_dropped: IntCounter,
    /// Messages that the service manager did not take.
    pub notifications_dropped: IntCounter,
}

impl DaemonMetrics {
    pub(super) fn new(make: &Maker) -> Result<Self, prometheus::Error> {
        let build = make.gauges(
            "fibrpcd_build_info",
            "1, with the version of the daemon as label.",
            "version",
            [crate::VERSION],
        )?;
        for build in build {
            build.set(1);
        }
        Ok(Self {
            states: make.gauges(
                "fibrpcd_state",
                "1 for what the daemon is doing, 0 for what it is not.",
                "state",
                State::NAMES,
            )?,
            reload_successful: make.gauge(
                "fibrpcd_config_last_reload_successful",
                "Whether the configuration that was read last was good.",
            )?,
            reload_success_time: make.gauge(
                "fibrpcd_config_last_reload_success_timestamp_seconds",
                "When a good configuration was read last, in Unix time.",
            )?,
            runtime_busy: make.seconds(
                "fibrpcd_io_busy_seconds_total",
                "Time during which the I/O thread was busy.",
            )?,
            runtime_tasks: make
                .gauge("fibrpcd_io_tasks", "Tasks of the I/O thread that are alive.")?,
            threads: Threads::new(make)?,
            log_messages: LogMessages(make.counters(
                "fibrpcd_log_messages_total",
                "Messages logged, by level; those below log.level are not.",
                "level",
                LEVELS.map(|(_, name)| name),
            )?),
            log_suppressed: make.counter(
                "fibrpcd_log_messages_suppressed_total",
                "Warnings and errors left out of the log, because there were many of the kind.",
            )?,
            log_dropped: make.counter(
                "fibrpcd_log_messages_dropped_total",
                "Messages dropped, because the log was not read or could not be written.",
            )?,
            notifications_dropped: make.counter(
                "fibrpcd_service_notifications_dropped_total",
                "Notifications that the service manager did not take.",
            )?,
        })
    }

    /// Notes that the configuration was read, and whether it was good.
    pub(crate) fn configured(&self, good: bool) {
        self.reload_successful.set(good.into());
        if good {
            let now = wall_clock::now().as_secs();
            self.reload_success_time.set(i64::try_from(now).unwrap_or(i64::MAX));
        }
    }

    /// Whether the configuration that was read last was good.
    #[must_use]
    pub(crate) fn is_configured_well(&self) -> bool {
        self.reload_successful.get() == 1
    }

    pub(super) fn sample(&self, state: &State) {
        for (gauge, name) in self.states.iter().zip(State::NAMES) {
            gauge.set((name == state.name()).into());
        }
        self.threads.sample();
        if let Ok(handle) = Handle::try_current() {
            let runtime = handle.metrics();
            self.runtime_tasks.set(i64::try_from(runtime.num_alive_tasks()).unwrap_or(i64::MAX));
            let workers = 0..runtime.num_workers();
            let busy = workers.map(|worker| runtime.worker_total_busy_duration(worker));
            let busy = busy.sum::<std::time::Duration>().as_secs_f64();
            self.runtime_busy.inc_by((busy - self.runtime_busy.get()).max(0.0));
        }
    }
}
