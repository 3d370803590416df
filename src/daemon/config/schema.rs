//! The table of all keys.

use super::on_reload::{OnReload, field};
use crate::mistakes::nearest;
use std::time::Duration;

/// More threads than this are a mistake.
pub(super) const MAX_THREADS: usize = 1024;

/// One configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Section and name, such as `amqp.prefetch`.
    pub path: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default as it would stand in the file; `None` if it depends on the machine.
    pub default: Option<&'static str>,
    /// What a reload does with it.
    pub on_reload: OnReload,
    /// What it is for, in one line.
    pub doc: &'static str,
}

/// The kind and range of a value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A list of broker URIs. Never shown: they hold passwords.
    Uris,
    /// The name of a queue.
    Queue,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number.
    Integer {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
        /// What 0 would mean, if people may try it.
        zero: Option<&'static str>,
    },
    /// A span of time.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
        /// Whether fractions of a second are refused.
        whole_seconds: bool,
    },
    /// A number of bytes.
    Size {
        /// The smallest, in bytes.
        min: u64,
        /// The largest, in bytes.
        max: u64,
    },
    /// An IP address and a port, or nothing.
    Address,
    /// The path of a file, or nothing.
    File,
    /// The URL of a collector of traces, or nothing.
    Collector,
    /// A part of a whole.
    Ratio,
}

/// Every key there is, section by section.
pub const KEYS: &[Key] = &[
    Key {
        path: "amqp.uris",
        kind: Kind::Uris,
        default: Some(r#"["amqp://guest:guest@127.0.0.1:5672/%2f"]"#),
        on_reload: OnReload::Reattach(field!(amqp.uris)),
        doc: "Broker nodes, tried in turn; amqps for TLS.",
    },
    Key {
        path: "amqp.password_file",
        kind: Kind::File,
        default: NO_FILE,
        on_reload: OnReload::Reattach(field!(amqp.password_file)),
        doc: "A file whose only line replaces the URIs' password; by default \
              %d/amqp-password, if there.",
    },
    Key {
        path: "amqp.ca_file",
        kind: Kind::File,
        default: NO_FILE,
        on_reload: OnReload::Reattach(field!(amqp.ca_file)),
        doc: "The only authorities trusted for amqps, in PEM; without it, the system's.",
    },
    Key {
        path: "amqp.cert_file",
        kind: Kind::File,
        default: NO_FILE,
        on_reload: OnReload::Reattach(field!(amqp.cert_file)),
        doc: "The client certificate, in PEM; logs in where a URI names no user.",
    },
    Key {
        path: "amqp.key_file",
        kind: Kind::File,
        default: NO_FILE,
        on_reload: OnReload::Reattach(field!(amqp.key_file)),
        doc: "The key of the client certificate, in PEM.",
    },
    Key {
        path: "amqp.queue",
        kind: Kind::Queue,
        default: Some(r#""rpc_queue""#),
        on_reload: OnReload::Reattach(field!(amqp.queue)),
        doc: "The queue that requests come from.",
    },
    Key {
        path: "amqp.queue_type",
        kind: Kind::Word(&["auto", "quorum", "classic", "transient", "passive"]),
        default: Some(r#""auto""#),
        on_reload: OnReload::Reattach(field!(amqp.queue_type)),
        doc: "How the queue is declared; auto takes it as it is, or creates a quorum queue.",
    },
    Key {
        path: "amqp.prefetch",
        kind: Kind::Integer { min: 1, max: u16::MAX as u64, zero: Some("0 would be unlimited") },
        default: Some("64"),
        on_reload: OnReload::Reattach(field!(amqp.prefetch)),
        doc: "Unacknowledged requests held at once; 1 is the tutorial's fair dispatch.",
    },
    Key {
        path: "amqp.heartbeat",
        kind: Kind::Duration {
            min: Duration::from_secs(1),
            max: Duration::from_hours(1),
            whole_seconds: true,
        },
        default: Some(r#""10s""#),
        on_reload: OnReload::Reattach(field!(amqp.heartbeat)),
        doc: "The heartbeat proposed to the broker; a dead connection is noticed within two.",
    },
    Key {
        path: "amqp.connect_timeout",
        kind: Kind::Duration {
            min: Duration::from_millis(100),
            max: Duration::from_mins(10),
            whole_seconds: false,
        },
        default: Some(r#""10s""#),
        on_reload: OnReload::Reattach(field!(amqp.connect_timeout)),
        doc: "The deadline of one attempt to connect to one node.",
    },
    Key {
        path: "amqp.backoff_initial",
        kind: BACKOFF,
        default: Some(r#""200ms""#),
        on_reload: OnReload::Reattach(field!(amqp.backoff_initial)),
        doc: "The pause after the first failed attempt; it grows with each further one.",
    },
    Key {
        path: "amqp.backoff_max",
        kind: BACKOFF,
        default: Some(r#""30s""#),
        on_reload: OnReload::Reattach(field!(amqp.backoff_max)),
        doc: "The longest pause between two attempts to connect.",
    },
    Key {
        path: "compute.threads",
        kind: Kind::Integer { min: 1, max: MAX_THREADS as u64, zero: None },
        default: None,
        on_reload: OnReload::Restart(field!(compute.threads)),
        doc: "Threads for large n; by default one less than there are cores, at least 1.",
    },
    Key {
        path: "compute.max_n",
        kind: Kind::Integer { min: 0, max: 1_000_000_000, zero: None },
        default: Some("50000000"),
        on_reload: OnReload::AtOnce(field!(compute.max_n)),
        doc: "The largest n that is answered; larger ones get RESOURCE_EXHAUSTED.",
    },
    Key {
        path: "compute.memory",
        kind: Kind::Size { min: 1 << 20, max: 1 << 40 },
        default: Some(r#""512MiB""#),
        on_reload: OnReload::Restart(field!(compute.memory)),
        doc: "Memory for all large n together, computed or not sent yet; what does not fit waits.",
    },
    Key {
        path: "compute.cache",
        kind: Kind::Size { min: 0, max: 1 << 40 },
        default: Some(r#""64MiB""#),
        on_reload: OnReload::Restart(field!(compute.cache)),
        doc: "Memory for results of large n that are kept, beside compute.memory; 0 keeps none.",
    },
    Key {
        path: "http.listen",
        kind: Kind::Address,
        default: Some(r#""127.0.0.1:9674""#),
        on_reload: OnReload::Restart(field!(http.listen)),
        doc: "Where metrics and probes are served; the empty text turns them off.",
    },
    Key {
        path: "shutdown.drain_timeout",
        kind: Kind::Duration {
            min: Duration::ZERO,
            max: Duration::from_hours(1),
            whole_seconds: false,
        },
        default: Some(r#""30s""#),
        on_reload: OnReload::AtOnce(field!(shutdown.drain_timeout)),
        doc: "How long running requests may take to finish when the daemon stops.",
    },
    Key {
        path: "log.level",
        kind: Kind::Word(&["error", "warn", "info", "debug", "trace"]),
        default: Some(r#""info""#),
        on_reload: OnReload::AtOnce(field!(log.level)),
        doc: "The least severe level that is logged.",
    },
    Key {
        path: "log.format",
        kind: Kind::Word(&["auto", "journald", "text", "json"]),
        default: Some(r#""auto""#),
        on_reload: OnReload::Restart(field!(log.format)),
        doc: "The form of the log; auto is journald under systemd, text on a terminal, else json.",
    },
    Key {
        path: "trace.endpoint",
        kind: Kind::Collector,
        default: Some(r#""""#),
        on_reload: OnReload::Restart(field!(trace.endpoint)),
        doc: "Where traces are exported to by OTLP over HTTP; needs a build with the feature otlp.",
    },
    Key {
        path: "trace.sample_ratio",
        kind: Kind::Ratio,
        default: Some("0"),
        on_reload: OnReload::Restart(field!(trace.sample_ratio)),
        doc: "The part of the requests that name no trace which is traced all the same.",
    },
];

/// No file, as it would stand in the file.
const NO_FILE: Option<&str> = Some(r#""""#);

/// Both backoff keys.
const BACKOFF: Kind = Kind::Duration {
    min: Duration::from_millis(10),
    max: Duration::from_hours(1),
    whole_seconds: false,
};

impl Key {
    /// The part before the dot.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.path.split_once('.').map_or("", |(section, _)| section)
    }

    /// The part after the dot.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, name)| name)
    }
}

impl Kind {
    /// What a value must be, to follow "expected".
    #[must_use]
    pub fn expectation(&self) -> String {
        match self {
            Self::Uris => "a list of at least one broker URI".to_owned(),
            Self::Queue => "a queue name of 1 to 255 bytes".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Integer { min, max, .. } => format!("an integer from {min} to {max}"),
            Self::Duration { min, max, whole_seconds } => {
                let (min, max) =
                    (humantime::format_duration(*min), humantime::format_duration(*max));
                let whole = if *whole_seconds { " in whole seconds" } else { "" };
                format!("a duration{whole} from \"{min}\" to \"{max}\"")
            }
            Self::Size { min, max } => {
                let (min, max) = (bytesize::ByteSize(*min), bytesize::ByteSize(*max));
                format!("a size from \"{min}\" to \"{max}\"")
            }
            Self::Address => {
                "an IP address and port such as \"127.0.0.1:9674\", or \"\" for off".to_owned()
            }
            Self::File => "the path of a file, or \"\" for none".to_owned(),
            Self::Collector => {
                "the URL of a collector such as \"http://127.0.0.1:4318\", or \"\" for off"
                    .to_owned()
            }
            Self::Ratio => "a number from 0 to 1".to_owned(),
        }
    }
}

/// The names of all sections, each once.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().map(Key::section).collect();
    sections.dedup();
    sections
}

/// The key of this path, or why there is none and what may have been meant.
pub(super) fn find(path: &str) -> Result<&'static Key, String> {
    if let Some(key) = KEYS.iter().find(|key| key.path == path) {
        return Ok(key);
    }
    Err(match path.split_once('.') {
        None if sections().contains(&path) => not_a_key(path),
        None => outside_sections(path),
        Some((section, name)) if sections().contains(&section) => unknown_key(section, name),
        Some((section, _)) => unknown_section(section),
    })
}

fn not_a_key(section: &str) -> String {
    format!("a section, not a key; expected one of its keys: {}", names(section))
}

/// The message about a key that is not in any section.
pub(super) fn outside_sections(name: &str) -> String {
    let known = KEYS.iter().find(|key| key.path == name).map(|key| key.path);
    match known.or_else(|| named_like(name, |_| true)) {
        Some(path) => format!("unknown key outside of the sections; did you mean {path}?"),
        None => format!(
            "unknown key outside of the sections; the sections are {}",
            sections().join(", ")
        ),
    }
}

/// The message about a section that does not exist.
pub(super) fn unknown_section(section: &str) -> String {
    match nearest(section, sections()) {
        Some(near) => format!("unknown section; did you mean {near}?"),
        None => format!("unknown section; the sections are {}", sections().join(", ")),
    }
}

fn unknown_key(section: &str, name: &str) -> String {
    let moved = KEYS.iter().find(|key| key.name() == name).map(|key| key.path);
    match moved.or_else(|| named_like(name, |key| key.section() == section)) {
        Some(path) => format!("unknown key; did you mean {path}?"),
        None => format!("unknown key; the keys of {section} are {}", names(section)),
    }
}

/// The path of the key whose name is nearest to `name`, among those that pass.
fn named_like(name: &str, pass: impl Fn(&Key) -> bool) -> Option<&'static str> {
    let keys = || KEYS.iter().filter(|key| pass(key));
    let near = nearest(name, keys().map(Key::name))?;
    keys().find(|key| key.name() == near).map(|key| key.path)
}

fn names(section: &str) -> String {
    let names: Vec<_> = KEYS.iter().filter(|key| key.section() == section).map(Key::name).collect();
    names.join(", ")
}
