//! What passes through the log: counted, the last warnings kept, floods of one kind cut off.

use super::Escaping;
use crate::daemon::observe::metrics::LogMessages;
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

/// How many warnings of one kind are logged within [`WINDOW`]; the others are counted.
const BURST: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);

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

/// What has been seen of the log.
#[derive(Debug)]
pub(crate) struct Seen {
    messages: LogMessages,
    suppressed: IntCounter,
    book: Mutex<Book>,
}

/// Bounded: by [`KEPT`], and by the places in the program that warn.
#[derive(Debug, Default)]
struct Book {
    warnings: VecDeque<Warning>,
    kinds: HashMap<Identifier, Kind>,
}

/// Warnings that come from one place in the program.
#[derive(Debug)]
struct Kind {
    since: Instant,
    logged: u32,
    left_out: u64,
    message: String,
}

impl Seen {
    /// Counts into these.
    #[must_use]
    pub(crate) fn new(messages: LogMessages, suppressed: IntCounter) -> Self {
        Self { messages, suppressed, book: Mutex::default() }
    }

    /// The last warnings and errors, the newest first.
    #[must_use]
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.book().warnings.iter().rev().cloned().collect()
    }

    /// Logs what was left out, once its flood is over or a minute old. To be called now and then.
    pub(crate) fn report(&self) {
        for (message, left_out) in self.over(Instant::now()) {
            tracing::warn!(left_out, "there were more like this: {message}");
        }
    }

    fn over(&self, now: Instant) -> Vec<(String, u64)> {
        let mut over = Vec::new();
        self.book().kinds.retain(|_, kind| {
            let open = now.saturating_duration_since(kind.since) < WINDOW;
            if !open && kind.left_out > 0 {
                over.push((std::mem::take(&mut kind.message), kind.left_out));
            }
            open
        });
        over
    }

    /// Whether to log a warning of this kind.
    fn admit(&self, kind: Identifier, now: Instant, message: impl FnOnce() -> String) -> bool {
        let mut book = self.book();
        let kind = book.kinds.entry(kind).or_insert_with(|| Kind {
            since: now,
            logged: 0,
            left_out: 0,
            message: message(),
        });
        let admitted = kind.logged < BURST;
        if admitted {
            kind.logged += 1;
        } else {
            kind.left_out += 1;
            self.suppressed.inc();
        }
        admitted
    }

    fn keep(&self, level: Level, text: String) {
        let mut book = self.book();
        if book.warnings.len() == KEPT {
            book.warnings.pop_front();
        }
        book.warnings.push_back(Warning { time: SystemTime::now(), level, text });
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a [`Seen`] see.
pub(super) struct Watch(pub(super) Arc<Seen>);

impl<S: Subscriber> Layer<S> for Watch {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let about = event.metadata();
        *about.level() > Level::WARN
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

    /// Runs the events, and returns what was seen of them and what a layer beside it got.
    fn seen(events: impl FnOnce()) -> (Arc<Seen>, Metrics) {
        let metrics = Metrics::new().unwrap();
        let life = &metrics.life;
        let seen = Seen::new(life.log_messages.clone(), life.log_suppressed.clone());
        let seen = Arc::new(seen);
        tracing::subscriber::with_default(registry().with(Watch(Arc::clone(&seen))), events);
        (seen, metrics)
    }

    fn assert_counted(metrics: &Metrics, level: &str, count: u64) {
        let text = metrics.render().unwrap();
        let line = format!("fibrpcd_log_messages_total{{level=\"{level}\"}} {count}");
        assert!(text.lines().any(|there| there == line), "{line} in {text}");
    }

    #[test]
    fn warnings_are_kept_on_one_line_and_all_is_counted() {
        let (seen, metrics) = seen(|| {
            tracing::info!("not kept");
            tracing::warn!(id = %"a\nb", "first\r");
            tracing::error!("{}", "x".repeat(2 * LENGTH));
        });
        let warnings = seen.warnings();
        assert_eq!(warnings.len(), 2);
        assert_eq!((warnings[0].level, warnings[0].text.len()), (Level::ERROR, LENGTH + 3));
        assert_eq!(warnings[1].text, r"first\r id=a\nb");
        for (level, count) in [("info", 1), ("warn", 1), ("error", 1), ("debug", 0)] {
            assert_counted(&metrics, level, count);
        }
    }

    #[test]
    fn a_flood_is_cut_off_and_told_when_it_is_over() {
        let (seen, metrics) = seen(|| {
            for count in 0..1000 {
                tracing::warn!(count, "flood");
            }
            tracing::warn!("another kind");
        });
        assert_counted(&metrics, "warn", u64::from(BURST) + 1);
        assert_eq!(metrics.life.log_suppressed.get(), 1000 - u64::from(BURST));
        assert_eq!(seen.warnings()[0].text, "another kind");
        assert_eq!(seen.over(Instant::now()), []);
        let later = Instant::now() + WINDOW;
        assert_eq!(seen.over(later), [("flood count=0".to_owned(), 990)]);
        assert_eq!(seen.over(later), []);
    }

    #[test]
    fn only_the_last_warnings_are_kept() {
        let metrics = Metrics::new().unwrap();
        let life = &metrics.life;
        let seen = Seen::new(life.log_messages.clone(), life.log_suppressed.clone());
        for count in 0..100 {
            seen.keep(Level::WARN, count.to_string());
        }
        let warnings = seen.warnings();
        assert_eq!((warnings.len(), warnings[0].text.as_str()), (KEPT, "99"));
    }
}
