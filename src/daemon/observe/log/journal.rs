//! Messages for the systemd journal, in its native protocol
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
//!
//! The crate for it, tracing-journald, sends from the thread that logs, and so stands still when the
//! journal does.

use super::queue::{Queue, Sink};
use std::{
    fmt::{self, Write as _},
    io::{self, ErrorKind},
    os::unix::net::UnixDatagram,
    path::Path,
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// Where the journal listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Longer values are cut: with a few of this length a message still fits a datagram.
const MAX_VALUE: usize = 16 << 10;

/// Finds the journal, whether or not it has time for us now.
pub(super) fn connect(path: &Path) -> io::Result<Sink> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    // The journal ignores an empty message; without a journal it is an error.
    match socket.send_to(&[], path) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
        _ => socket.set_nonblocking(false)?,
    }
    Ok(Sink::Journal(socket, path.to_owned()))
}

/// The layer that turns events into messages. Spans are left out: the daemon has none.
pub(super) struct JournalLayer(pub(super) Queue);

impl<S: Subscriber> Layer<S> for JournalLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.push(message(event));
    }
}

fn message(event: &Event<'_>) -> Vec<u8> {
    let about = event.metadata();
    let mut message = Message(Vec::with_capacity(512));
    message.put("PRIORITY", priority(*about.level()));
    message.put("TARGET", about.target());
    if let Some(file) = about.file() {
        message.put("CODE_FILE", file);
    }
    if let Some(line) = about.line() {
        message.put("CODE_LINE", &line.to_string());
    }
    message.put("SYSLOG_IDENTIFIER", "fibrpcd");
    event.record(&mut message);
    message.0
}

/// Of `syslog(3)`.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

struct Message(Vec<u8>);

impl Message {
    /// The form with a length takes any value, line breaks included.
    fn put(&mut self, name: &str, value: &str) {
        let value = &value[..value.floor_char_boundary(MAX_VALUE)];
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(&name(field), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}"); // writing to a string cannot fail
        self.put(&name(field), &text);
    }
}

/// The name as the journal permits it, with a prefix against clashes with its own.
fn name(field: &Field) -> String {
    match field.name() {
        "message" => "MESSAGE".to_owned(),
        name => {
            let permitted = |ch: char| if ch == '.' { '_' } else { ch.to_ascii_uppercase() };
            let name = name.chars().map(permitted);
            format!(
                "F_{}",
                name.filter(|ch| matches!(ch, 'A'..='Z' | '0'..='9' | '_')).collect::<String>()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::IntCounter;
    use tracing_subscriber::{layer::SubscriberExt as _, registry};

    /// The fields of a message.
    fn fields(mut message: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        while let Some(end) = message.iter().position(|byte| *byte == b'\n') {
            let (name, rest) = message.split_at(end);
            let (length, rest) = rest[1..].split_at(8);
            let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            fields.push((text(name), text(&rest[..length])));
            assert_eq!(rest[length], b'\n');
            message = &rest[length + 1..];
        }
        fields
    }

    #[test]
    fn an_event_is_a_datagram_of_fields() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        assert!(connect(&path).is_err(), "nobody is there");
        let journal = UnixDatagram::bind(&path).unwrap();
        let sink = connect(&path).unwrap();
        let queue = Queue::start(sink, IntCounter::new("dropped", "lines").unwrap()).unwrap();
        tracing::subscriber::with_default(registry().with(JournalLayer(queue)), || {
            tracing::warn!(correlation_id = "a\nb", r#type = %"fib", n = 30, "first\nMESSAGE=fake");
            tracing::debug!(long = "ä".repeat(MAX_VALUE), "second");
        });
        let mut buffer = vec![0; 64 << 10];
        let mut receive = || {
            let length = journal.recv(&mut buffer).unwrap();
            fields(&buffer[..length])
        };
        assert_eq!(receive(), [], "to see whether it is there");
        let first = receive();
        let get =
            |name: &str| first.iter().find(|(there, _)| there == name).map(|(_, value)| &**value);
        assert_eq!(get("MESSAGE"), Some("first\nMESSAGE=fake"));
        assert_eq!((get("PRIORITY"), get("SYSLOG_IDENTIFIER")), (Some("4"), Some("fibrpcd")));
        assert_eq!(
            (get("F_CORRELATION_ID"), get("F_N"), get("F_TYPE")),
            (Some("a\nb"), Some("30"), Some("fib"))
        );
        assert_eq!(get("TARGET"), Some(module_path!()));
        assert!(get("CODE_FILE").is_some() && get("CODE_LINE").is_some());
        let second = receive();
        assert!(second.iter().any(|(name, value)| name == "F_LONG" && value.len() == MAX_VALUE));
        assert!(second.contains(&("PRIORITY".to_owned(), "7".to_owned())));
    }
}
