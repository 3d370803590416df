//! Events into a buffer; whatever concerns the whole process in a process of its own.

use super::*;
use std::{
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};
use tracing::{debug, error, info, info_span, trace, warn};

/// Everything that a terminal, a reader or a parser might fall for.
const HOSTILE: &str = "\x1b[2J\x1b]0;t\x07\r\nERROR fake\t\u{9b}31m\u{7f}\u{8}\u{202e}\u{2028}\0";

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Buffer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn dropped() -> IntCounter {
    IntCounter::new("dropped", "messages").unwrap()
}

fn monitor() -> Arc<LogMonitor> {
    let daemon = crate::daemon::observe::metrics::Metrics::new().unwrap().daemon;
    Arc::new(LogMonitor::new(daemon.log_messages, daemon.log_suppressed))
}

fn logged_as_text(colour: bool, level: Level, events: impl FnOnce()) -> String {
    let buffer = Buffer::default();
    let layer = text(colour, Clock::Theirs, buffer.clone());
    tracing::subscriber::with_default(registry().with(filter(level)).with(layer), events);
    buffer.text()
}

fn logged_as_json(events: impl FnOnce()) -> String {
    let buffer = Buffer::default();
    let target = buffer.clone();
    let layer = json(move || target.clone());
    tracing::subscriber::with_default(registry().with(filter(Level::Info)).with(layer), events);
    buffer.text()
}

/// A value in every way that a field can have one.
fn log_hostile() {
    let failed = io::Error::other(HOSTILE);
    let cause: &(dyn std::error::Error + 'static) = &failed;
    let _span = info_span!("call", correlation_id = %HOSTILE).entered();
    info!(
        plain = HOSTILE,
        shown = %HOSTILE,
        debugged = ?HOSTILE,
        raw = ?format_args!("{HOSTILE}"),
        cause,
        "hostile {HOSTILE}"
    );
}

#[test]
fn text_shows_the_message_the_fields_and_the_span() {
    let logged = logged_as_text(false, Level::Info, || {
        let _span = info_span!("call", id = 7).entered();
        info!(n = 30, queue = "rpc", r#type = %"fib", "done");
    });
    assert_eq!(
        logged,
        " INFO call{id=7}: fibrpc::daemon::observe::log::tests: done n=30 queue=\"rpc\" type=fib\n"
    );
}

#[test]
fn no_value_gets_control_over_a_terminal() {
    let logged = logged_as_text(false, Level::Info, log_hostile);
    let line = logged.strip_suffix('\n').unwrap();
    assert!(!line.contains(is_treacherous), "{line:?}");
    assert_eq!(line.matches(r"\u{1b}[2J").count(), 7, "{line}");
    assert_eq!(line.matches(r"\r\nERROR fake").count(), 7, "{line}");
}

#[test]
fn in_colour_only_our_own_sequences_are_left() {
    let mut logged = logged_as_text(true, Level::Info, log_hostile);
    assert_eq!(logged.pop(), Some('\n'));
    assert!(logged.contains('\x1b'));
    for ours in ["0", "1", "2", "32"] {
        logged = logged.replace(&format!("\x1b[{ours}m"), "");
    }
    assert!(!logged.contains(is_treacherous), "{logged:?}");
}

#[test]
fn json_is_one_flat_object_a_line() {
    let logged = logged_as_json(|| {
        let _span = info_span!("call", id = 7).entered();
        warn!(n = 30, failed = true, reply_to = "q", "done");
    });
    let object: serde_json::Value = serde_json::from_str(&logged).unwrap();
    assert_eq!(object["level"], "WARN");
    assert_eq!(object["target"], module_path!());
    assert_eq!(object["message"], "done");
    assert_eq!(object["n"], 30);
    assert_eq!(object["failed"], true);
    assert_eq!(object["reply_to"], "q");
    assert_eq!(object["span"]["id"], 7);
    let timestamp = object["timestamp"].as_str().unwrap();
    assert!(humantime::parse_rfc3339(timestamp).is_ok(), "{timestamp}");
    assert!(timestamp.ends_with('Z'));
}

#[test]
fn json_carries_hostile_values_as_escapes() {
    let logged = logged_as_json(log_hostile);
    let line = logged.strip_suffix('\n').unwrap();
    assert!(!line.contains(is_treacherous), "{line:?}");
    let object: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(object["shown"], HOSTILE);
    assert_eq!(object["plain"], HOSTILE);
    assert_eq!(object["message"], format!("hostile {HOSTILE}"));
    assert_eq!(object["span"]["correlation_id"], HOSTILE);
}

#[test]
fn other_crates_are_heard_only_when_they_warn() {
    let events = || {
        debug!("ours 1");
        debug!(target: "fibrpcd", "ours 2");
        info!(target: "hyper::proto", "hyper info");
        warn!(target: "hyper::proto", "hyper warn");
        error!(target: "lapin::channel", "lapin error");
        trace!("ours 3");
    };
    let heard = |level| {
        let logged = logged_as_text(false, level, events);
        let lines = logged.lines().map(|line| line.rsplit_once(": ").unwrap().1.to_owned());
        lines.collect::<Vec<_>>()
    };
    assert!(heard(Level::Error).is_empty());
    assert_eq!(heard(Level::Info), ["hyper warn"]);
    assert_eq!(heard(Level::Debug), ["ours 1", "ours 2", "hyper warn"]);
    let all = ["ours 1", "ours 2", "hyper warn", "lapin error", "ours 3"];
    assert_eq!(heard(Level::Trace), all);
}

#[test]
fn even_at_trace_lapin_does_not_show_messages() {
    let logged = logged_as_text(false, Level::Trace, || {
        trace!(target: "lapin::channels", frame = "payload", "will handle frame");
        info!(target: "lapin::channel", "closed");
    });
    assert_eq!(logged, "");
}

#[test]
fn the_form_follows_what_stderr_is_connected_to() {
    let stderr = |journal, terminal| Stderr { journal, terminal, ..Stderr::default() };
    assert_eq!(stderr(true, false).choose(Format::Auto), Form::Journal);
    assert_eq!(stderr(false, true).choose(Format::Auto), Form::Text);
    assert_eq!(stderr(false, false).choose(Format::Auto), Form::Json);
    assert_eq!(stderr(true, true).choose(Format::Text), Form::Text);
    assert_eq!(stderr(true, true).choose(Format::Json), Form::Json);
    assert_eq!(stderr(false, true).choose(Format::Journald), Form::Journal);
}

#[test]
fn the_journal_is_known_by_device_and_inode() {
    let file = tempfile::tempfile().unwrap();
    let other = tempfile::tempfile().unwrap();
    let meta = file.metadata().unwrap();
    let stream = format!("{}:{}", meta.dev(), meta.ino());
    assert!(names(stream.as_ref(), &file));
    assert!(!names(stream.as_ref(), &other));
    for wrong in ["", ":", "1", "1:2:3", "8:x"] {
        assert!(!names(wrong.as_ref(), &file), "{wrong}");
    }
}

const CHILD: &str = "FIBRPC_TEST_LOG_CHILD";

/// Runs the named test of this module again, in a process of its own.
fn child(test: &str, stderr: Stdio) -> Output {
    let (_, here) = module_path!().split_once("::").unwrap();
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &format!("{here}::{test}")])
        .env(CHILD, "1")
        .env_remove("RUST_BACKTRACE")
        .stderr(stderr)
        .stdout(Stdio::piped())
        .output()
        .unwrap()
}

fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

#[test]
fn a_panic_is_logged_in_one_line() {
    if is_child() {
        let init = || init(Level::Error, Format::Auto, monitor(), dropped());
        let _flush = init().unwrap();
        assert!(matches!(init(), Err(LogError::AlreadySet)));
        let worker = thread::Builder::new().name("worker".to_owned());
        let worker = worker.spawn(|| panic!("no {}", "way")).unwrap();
        assert!(worker.join().is_err());
        return;
    }
    let output = child("a_panic_is_logged_in_one_line", Stdio::piped());
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let object: serde_json::Value = serde_json::from_str(&stderr).unwrap();
    assert_eq!(object["level"], "ERROR");
    assert_eq!(object["reason"], "no way");
    assert_eq!(object["thread"], "worker");
    let location = object["location"].as_str().unwrap();
    assert!(location.starts_with("src/daemon/observe/log/tests.rs:"), "{location}");
}

#[test]
fn a_log_whose_reader_is_gone_hurts_nobody() {
    if is_child() {
        let _flush = init(Level::Info, Format::Text, monitor(), dropped()).unwrap();
        return info!("into the void");
    }
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = child("a_log_whose_reader_is_gone_hurts_nobody", writer.into());
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn without_a_journal_the_log_is_text_without_time() {
    if is_child() {
        let _flush = init(Level::Info, Format::Journald, monitor(), dropped()).unwrap();
        return info!("hello");
    }
    if std::path::Path::new("/run/systemd/journal/socket").exists() {
        return; // it would be logged there
    }
    let output = child("without_a_journal_the_log_is_text_without_time", Stdio::piped());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(
        lines[0].starts_with(" WARN fibrpc::daemon::observe::log: cannot reach the journal"),
        "{stderr}"
    );
    assert_eq!(lines[1], " INFO fibrpc::daemon::observe::log::tests: hello");
}
