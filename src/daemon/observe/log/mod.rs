//! The log: where lines go, in which form, and which of them.
//!
//! Everything goes to standard error or, under systemd, straight to the journal; nothing goes to
//! standard output.
//!
//! - *journal*: fields stay fields, `correlation_id` being `F_CORRELATION_ID`
//!   (`journalctl -u fibrpcd -o verbose`). The journal has its own clock, so no time is sent.
//! - *text*: for people, in colour on a terminal unless `NO_COLOR` is set.
//! - *JSON*: one object a line (folded here), for collectors:
//!
//!   ```json
//!   {"timestamp":"2026-05-01T12:00:00.123456Z","level":"INFO",
//!    "message":"connected","node":"h:5672","target":"fibrpc::amqp"}
//!   ```
//!
//!   `timestamp` (RFC 3339, UTC), `level` (`ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE`), `target`
//!   (the module) and `message` are always there; the event's own fields stand beside them, and
//!   `span` holds the fields of the innermost span if there is one. Hence no event may have a field
//!   called `timestamp`, `level`, `target` or `span`.
//!
//! No thread that logs waits for whoever reads the log: see [`queue`].
//!
//! Of the warnings and errors from one place in the program, ten are logged within a minute; after
//! it, one line says how many were left out.
//!
//! Field values come from strangers (correlation ids, queue names, error texts of a broker), so
//! control characters and bidirectional overrides are written as escapes, except to the journal,
//! whose readers protect themselves. A line of the log is a line of text.

use self::{
    journal::JournalLayer,
    monitor::MonitorLayer,
    queue::{FlushLog, Queue, Sink},
};
use crate::{
    daemon::config::{Format, Level},
    text::{Escaping, is_treacherous},
};
use prometheus::IntCounter;
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env,
    ffi::OsStr,
    fmt::{self, Write as _},
    fs::File,
    io::{self, IsTerminal, Write},
    os::{fd::AsFd, unix::fs::MetadataExt},
    panic,
    path::Path,
    sync::Arc,
    thread,
};
use tracing::{Subscriber, field::Field, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    field::MakeExt,
    filter::Targets,
    fmt as lines,
    fmt::{
        MakeWriter,
        format::{Writer, debug_fn},
    },
    layer::SubscriberExt,
    registry,
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt,
};

mod journal;
mod monitor;
pub(crate) mod queue;

pub(crate) use self::monitor::{LogMonitor, Warning};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// [`init`] has run before, or another subscriber is installed.
    #[error("logging is set up already; initialise it once, first thing in main")]
    AlreadySet,
    /// The system gave no thread or no file descriptor.
    #[error("cannot set up the log")]
    Thread(#[source] io::Error),
}

/// Changes the level of a log that is set up.
#[derive(Clone, Debug)]
pub(crate) struct LevelHandle(reload::Handle<Targets, Registry>);

impl LevelHandle {
    /// Logs from now on what is at least this severe.
    pub(crate) fn set(&self, level: Level) {
        // Fails only where the subscriber is gone, and with it the log.
        let _ = self.0.reload(filter(level));
    }
}

/// Sets up logging for the process, and lets it record panics. `monitor` gets all that is logged,
/// `dropped` counts what could not be written. What is returned beside the handle is to be kept
/// until the program ends.
///
/// # Errors
///
/// When it has been set up already, or there is no thread for it.
pub(crate) fn init(
    level: Level,
    format: Format,
    monitor: Arc<LogMonitor>,
    dropped: IntCounter,
) -> Result<(LevelHandle, FlushLog), LogError> {
    let stderr = Stderr::inspect();
    let form = stderr.choose(format);
    let journal = (form == Form::Journal).then(|| journal::connect(Path::new(journal::SOCKET)));
    let (sink, unreachable) = match journal {
        Some(Ok(journal)) => (journal, None),
        Some(Err(error)) => (Sink::stderr().map_err(LogError::Thread)?, Some(error)),
        None => (Sink::stderr().map_err(LogError::Thread)?, None),
    };
    let queue = Queue::start(sink, dropped).map_err(LogError::Thread)?;
    let flush = FlushLog(queue.clone());
    let layer = match form {
        Form::Journal if unreachable.is_some() => text(false, Clock::Theirs, queue),
        Form::Journal => JournalLayer(queue).boxed(),
        Form::Text => text(stderr.colour, Clock::Ours, queue),
        Form::Json => json(move || queue.clone()),
    };
    let (filter, handle) = reload::Layer::new(filter(level));
    let monitoring = MonitorLayer(monitor);
    registry()
        .with(filter)
        .with(layer)
        .with(monitoring)
        .try_init()
        .map_err(|_| LogError::AlreadySet)?;
    log_panics();
    if let Some(error) = unreachable {
        tracing::warn!(%error, "cannot reach the journal; logging text to standard error instead");
    }
    Ok((LevelHandle(handle), flush))
}

/// The forms that a log can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Journal,
    Text,
    Json,
}

/// Whether we put the time on a line, or somebody else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Ours,
    Theirs,
}

/// What standard error is connected to.
#[derive(Debug, Clone, Copy, Default)]
struct Stderr {
    journal: bool,
    terminal: bool,
    colour: bool,
}

impl Stderr {
    fn inspect() -> Self {
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = io::stderr().is_terminal();
        Self {
            journal: env::var_os("JOURNAL_STREAM").is_some_and(|stream| is_stderr(&stream)),
            terminal,
            colour: terminal && !dumb && !set("NO_COLOR"),
        }
    }

    fn choose(self, format: Format) -> Form {
        match format {
            Format::Journald => Form::Journal,
            Format::Text => Form::Text,
            Format::Auto if self.journal => Form::Journal,
            Format::Auto if self.terminal => Form::Text,
            Format::Auto | Format::Json => Form::Json,
        }
    }
}

/// Whether systemd's `$JOURNAL_STREAM` (`device:inode`) is what standard error is connected to.
///
/// The variable is inherited by children whose output may go elsewhere, so its presence alone says
/// nothing.
fn is_stderr(stream: &OsStr) -> bool {
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    stderr.is_ok_and(|stderr| names(stream, &stderr))
}

fn names(stream: &OsStr, file: &File) -> bool {
    file.metadata()
        .is_ok_and(|meta| stream.to_str() == Some(&format!("{}:{}", meta.dev(), meta.ino())))
}

/// Which events are logged at all: ours at `level`, those of other crates only when they warn.
fn filter(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let others = level.min(LevelFilter::WARN);
    // Lapin's errors reach us as values and are logged by us. Its own lines repeat them, many times
    // over, and contain whole messages.
    let lapin = if level == LevelFilter::TRACE { others } else { LevelFilter::OFF };
    // Targets match by prefix: fibrpc, and so fibrpcd and fibrpcctl.
    Targets::new().with_default(others).with_target("lapin", lapin).with_target("fibrpc", level)
}

type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

fn text<S, W>(colour: bool, clock: Clock, writer: W) -> BoxedLayer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = lines::layer()
        .with_writer(writer)
        .with_ansi(colour)
        // Otherwise a failed write is reported with eprintln!, which panics when it fails too.
        .log_internal_errors(false)
        .fmt_fields(debug_fn(write_field).delimited(" "));
    match clock {
        Clock::Ours => layer.boxed(),
        Clock::Theirs => layer.without_time().boxed(),
    }
}

fn json<S, W>(writer: impl Fn() -> W + Send + Sync + 'static) -> BoxedLayer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    lines::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(move || JsonWriter(writer()))
        .log_internal_errors(false)
        .boxed()
}

/// Writes one field of a text line, harmless whatever its value.
///
/// The formatter of tracing-subscriber escapes what starts a terminal sequence, but leaves line
/// breaks, with which a value could fake a line of the log.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let name = field.name();
    if name != "message" {
        let name = name.strip_prefix("r#").unwrap_or(name);
        if writer.has_ansi_escapes() {
            write!(writer, "\x1b[2m{name}=\x1b[0m")?;
        } else {
            write!(writer, "{name}=")?;
        }
    }
    write!(Escaping(writer), "{value:?}")
}

/// Writes lines of JSON with what JSON itself lets through escaped too (DEL, C1, directions).
struct JsonWriter<W>(W);

impl<W: Write> Write for JsonWriter<W> {
    /// Takes whole lines, which is how the formatter writes; so nothing is ever split.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let treacherous = |ch| ch != '\n' && is_treacherous(ch);
        if text.contains(treacherous) {
            let mut escaped = String::with_capacity(line.len() + 16);
            for ch in text.chars() {
                if treacherous(ch) {
                    // All of them are in the basic plane, so one JSON escape is enough.
                    let _ = write!(escaped, "\\u{:04x}", u32::from(ch));
                } else {
                    escaped.push(ch);
                }
            }
            self.0.write_all(escaped.as_bytes())?;
        } else {
            self.0.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Logs every panic, instead of having it printed: standard error may be one that nobody reads. With
/// `RUST_BACKTRACE`, the calls that led to it too.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let reason = panic.payload_as_str().unwrap_or("not a text");
        let location = panic.location().map(tracing::field::display);
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
        let backtrace = backtrace.map(tracing::field::display);
        tracing::error!(reason, location, thread, backtrace, "a thread panicked; this is a bug");
    }));
}

#[cfg(test)]
mod tests;
