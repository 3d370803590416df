//! The monitor of the log: counts what is logged, keeps the last warnings, and limits how often one
//! place in the program may warn.

use crate::{daemon::observe::metrics::LogMessages, text::Escaping};
use prometheus::IntCounter;
use std::{
    collections::{HashMap, VecDeque},
    fmt::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tracing::{
    Event, Level, Subscriber,
    callsite::Identifier,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// How many warnings are kept.
const KEPT: usize = 20;

/// How much of each, in bytes.
const LENGTH: usize = 500;

/// How many warnings of one callsite are logged within [`WINDOW`]; the others are counted.
const BURST: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);

/// Events with a field of this name are not limited: each is another mistake in a configuration,
/// which is read when a person asks for it.
const UNLIMITED: &str = "problem";

/// A line of the log that a person should see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    /// When it was logged.
    pub time: SystemTime,
    /// Whether it is an error.
    pub level: Level,
    /// The message and its fields, escaped, on one line.
    pub text: String,
}

/// Counts what is logged, keeps the last warnings, and limits floods.
#[derive(Debug)]
pub(crate) struct LogMonitor {
    messages: LogMessages,
    suppressed: IntCounter,
    state: Mutex<State>,
}

/// Bounded by [`KEPT`], and by the number of places in the program that warn.
#[derive(Debug, Default)]
struct State {
    warnings: VecDeque<Warning>,
    callsites: HashMap<Identifier, Callsite>,
}

/// Warnings that come from one place in the program.
#[derive(Debug)]
struct Callsite {
    since: Instant,
    logged: u32,
    left_out: u64,
    message: String,
}

impl LogMonitor {
    /// Counts into these.
    #[must_use]
    pub(crate) fn new(messages: LogMessages, suppressed: IntCounter) -> Self {
        Self { messages, suppressed, state: Mutex::default() }
    }

    /// The last warnings and errors, the newest first.
    #[must_use]
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.state().warnings.iter().rev().cloned().collect()
    }

    /// Logs how many warnings were left out, once their minute is over. To be called every few
    /// seconds.
    pub(crate) fn report(&self) {
        for (message, left_out) in self.over(Instant::now()) {
            tracing::warn!(left_out, "there were more like this: {message}");
        }
    }

    fn over(&self, now: Instant) -> Vec<(String, u64)> {
        let mut over = Vec::new();
        self.state().callsites.retain(|_, callsite| {
            let open = now.saturating_duration_since(callsite.since) < WINDOW;
            if !open && callsite.left_out > 0 {
                over.push((std::mem::take(&mut callsite.message), callsite.left_out));
            }
            open
        });
        over
    }

    /// Whether to log a warning of this callsite.
    fn admit(&self, callsite: Identifier, now: Instant, message: impl FnOnce() -> String) -> bool {
        let mut state = self.state();
        let callsite = state.callsites.entry(callsite).or_insert_with(|| Callsite {
            since: now,
            logged: 0,
            left_out: 0,
            message: message(),
        });
        let admitted = callsite.logged < BURST;
        if admitted {
            callsite.logged += 1;
        } else {
            callsite.left_out += 1;
            self.suppressed.inc();
        }
        admitted
    }

    fn keep(&self, level: Level, text: String) {
        let mut state = self.state();
        if state.warnings.len() == KEPT {
            state.warnings.pop_front();
        }
        state.warnings.push_back(Warning { time: SystemTime::now(), level, text });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tracing layer that feeds the [`LogMonitor`].
pub(super) struct MonitorLayer(pub(super) Arc<LogMonitor>);

impl<S: Subscriber> Layer<S> for MonitorLayer {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let about = event.metadata();
        *about.level() > Level::WARN
            || about.fields().field(UNLIMITED).is_some()
            || self.0.admit(about.callsite(), Instant::now(), || line(event))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        self.0.messages.count(level);
        if level <= Level::WARN {
            self.0.keep(level, line(event));
        }
    }
}

/// An event on one line, the message first.
fn line(event: &Event<'_>) -> String {
    let mut line = Line::default();
    event.record(&mut line);
    let Line { mut message, fields } = line;
    message.push_str(&fields);
    let end = message.floor_char_boundary(LENGTH);
    if end < message.len() {
        message.truncate(end);
        message.push_str("...");
    }
    message
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = if field.name() == "message" {
            write!(Escaping(&mut self.message), "{value:?}")
        } else {
            write!(Escaping(&mut self.fields), " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::observe::metrics::Metrics;
    use tracing_subscriber::{layer::SubscriberExt as _, registry};

    /// Runs the events, and returns their monitor and what a layer beside it got.
    fn monitor(events: impl FnOnce()) -> (Arc<LogMonitor>, Metrics) {
        let metrics = Metrics::new().unwrap();
        let daemon = &metrics.daemon;
        let monitor = LogMonitor::new(daemon.log_messages.clone(), daemon.log_suppressed.clone());
        let monitor = Arc::new(monitor);
        tracing::subscriber::with_default(
            registry().with(MonitorLayer(Arc::clone(&monitor))),
            events,
        );
        (monitor, metrics)
    }

    fn assert_counted(metrics: &Metrics, level: &str, count: u64) {
        let text = metrics.render().unwrap();
        let line = format!("fibrpcd_log_messages_total{{level=\"{level}\"}} {count}");
        assert!(text.lines().any(|there| there == line), "{line} in {text}");
    }

    #[test]
    fn warnings_are_kept_on_one_line_and_all_is_counted() {
        let (monitor, metrics) = monitor(|| {
            tracing::info!("not kept");
            tracing::warn!(id = %"a\nb", "first\r");
            tracing::error!("{}", "x".repeat(2 * LENGTH));
        });
        let warnings = monitor.warnings();
        assert_eq!(warnings.len(), 2);
        assert_eq!((warnings[0].level, warnings[0].text.len()), (Level::ERROR, LENGTH + 3));
        assert_eq!(warnings[1].text, r"first\r id=a\nb");
        for (level, count) in [("info", 1), ("warn", 1), ("error", 1), ("debug", 0)] {
            assert_counted(&metrics, level, count);
        }
    }

    #[test]
    fn a_flood_is_cut_off_and_told_when_it_is_over() {
        let (monitor, metrics) = monitor(|| {
            for count in 0..1000 {
                tracing::warn!(count, "flood");
            }
            tracing::warn!("another callsite");
        });
        assert_counted(&metrics, "warn", u64::from(BURST) + 1);
        assert_eq!(metrics.daemon.log_suppressed.get(), 1000 - u64::from(BURST));
        assert_eq!(monitor.warnings()[0].text, "another callsite");
        assert_eq!(monitor.over(Instant::now()), []);
        let later = Instant::now() + WINDOW;
        assert_eq!(monitor.over(later), [("flood count=0".to_owned(), 990)]);
        assert_eq!(monitor.over(later), []);
    }

    #[test]
    fn only_the_last_warnings_are_kept() {
        let metrics = Metrics::new().unwrap();
        let daemon = &metrics.daemon;
        let monitor = LogMonitor::new(daemon.log_messages.clone(), daemon.log_suppressed.clone());
        for count in 0..100 {
            monitor.keep(Level::WARN, count.to_string());
        }
        let warnings = monitor.warnings();
        assert_eq!((warnings.len(), warnings[0].text.as_str()), (KEPT, "99"));
    }
}
