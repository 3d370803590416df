//! The configuration of `fibrpcd`: defaults < file < environment < options.
//!
//! Each source is read into a layer that remembers where every value stands and collects every
//! mistake; `figment` merges the layers. [`KEYS`] is the only list of keys: what is accepted, what
//! is suggested, and what is documented come from it.

mod de;
mod environment;
mod file;
mod layer;
mod loaded;
mod named_files;
mod on_reload;
mod options;
mod pairs;
mod problem;
mod schema;
#[cfg(test)]
mod tests;
mod value;

use crate::{broker_uri::BrokerUri, tls::Tls};
use serde::Deserialize;
use std::{
    ffi::OsString,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

pub use crate::amqp::QueueType;
pub(crate) use loaded::Loaded;
pub use on_reload::{Field, OnReload};
pub use problem::{ConfigError, Problem};
pub use schema::{KEYS, Key, Kind};

/// The file that is read unless another is named.
pub const DEFAULT_FILE: &str = "/etc/fibrpcd/fibrpcd.toml";

/// Everything that can be configured. `Debug` shows no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The link to the broker.
    pub amqp: Amqp,
    /// The computation of large numbers.
    pub compute: Compute,
    /// Metrics, probes and status.
    pub http: Http,
    /// How the daemon ends.
    pub shutdown: Shutdown,
    /// What is logged, and how.
    pub log: Log,
    /// Traces.
    pub trace: Trace,
}

impl Config {
    /// The keys whose values are not those of `old`.
    pub(crate) fn changed(&self, old: &Self) -> Vec<&'static str> {
        let changed = KEYS.iter().filter(|key| (key.on_reload.field().differs)(old, self));
        changed.map(|key| key.path).collect()
    }

    /// Puts back what `old` has for every key that cannot change while the daemon runs; returns
    /// those of them that had changed.
    pub(crate) fn keep_what_needs_a_restart(&mut self, old: &Self) -> Vec<&'static str> {
        let mut kept = Vec::new();
        for key in KEYS {
            if let OnReload::Restart(field) = key.on_reload
                && (field.differs)(old, self)
            {
                (field.keep)(self, old);
                kept.push(key.path);
            }
        }
        kept
    }
}

/// The link to the broker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Amqp {
    /// Broker nodes, tried in turn; never empty.
    #[serde(deserialize_with = "de::uris")]
    pub uris: Vec<BrokerUri>,
    /// The file that held the password of all URIs, which then is in `uris`.
    #[serde(deserialize_with = "de::path")]
    pub password_file: Option<PathBuf>,
    /// The only authorities to trust; `None` is the system's store.
    #[serde(deserialize_with = "de::path")]
    pub ca_file: Option<PathBuf>,
    /// The client certificate.
    #[serde(deserialize_with = "de::path")]
    pub cert_file: Option<PathBuf>,
    /// Its key.
    #[serde(deserialize_with = "de::path")]
    pub key_file: Option<PathBuf>,
    /// The contents of those three; `None` if no URI asks for TLS and none of them is named.
    #[serde(skip)]
    pub tls: Option<Tls>,
    /// The queue that requests come from.
    pub queue: String,
    /// How that queue is declared.
    pub queue_type: QueueType,
    /// Unacknowledged deliveries held at once; never 0, which AMQP reads as unlimited.
    pub prefetch: u16,
    /// The heartbeat proposed to the broker, in whole seconds.
    #[serde(deserialize_with = "de::duration")]
    pub heartbeat: Duration,
    /// The deadline of one attempt to connect.
    #[serde(deserialize_with = "de::duration")]
    pub connect_timeout: Duration,
    /// The pause after the first failed attempt.
    #[serde(deserialize_with = "de::duration")]
    pub backoff_initial: Duration,
    /// The longest pause between attempts; at least `backoff_initial`.
    #[serde(deserialize_with = "de::duration")]
    pub backoff_max: Duration,
}

impl Default for Amqp {
    fn default() -> Self {
        Self {
            uris: vec![BrokerUri::default()],
            password_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            tls: None,
            queue: "rpc_queue".to_owned(),
            queue_type: QueueType::Auto,
            prefetch: 64,
            heartbeat: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            backoff_initial: Duration::from_millis(200),
            backoff_max: Duration::from_secs(30),
        }
    }
}

/// The computation of large numbers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Compute {
    /// Threads for large n.
    pub threads: NonZeroUsize,
    /// The largest n that is answered.
    pub max_n: u64,
    /// Memory for all large n together, in bytes; enough for `max_n` alone.
    #[serde(deserialize_with = "de::size")]
    pub memory: u64,
    /// The results of large n that are kept, in bytes; 0 for none.
    #[serde(deserialize_with = "de::size")]
    pub cache: u64,
}

impl Default for Compute {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        // One is left to I/O, so that small calls stay quick beside large ones.
        let threads = (cores.get() - 1).clamp(1, schema::MAX_THREADS);
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        Self { threads, max_n: 50_000_000, memory: 512 << 20, cache: 64 << 20 }
    }
}

/// Metrics, probes and status over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The address to listen on; `None` is off.
    #[serde(deserialize_with = "de::address")]
    pub listen: Option<SocketAddr>,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9674))) }
    }
}

/// How the daemon ends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// How long running requests may take to finish.
    #[serde(deserialize_with = "de::duration")]
    pub drain_timeout: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain_timeout: Duration::from_secs(30) }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The least severe level that is logged.
    pub level: Level,
    /// The form of the log.
    pub format: Format,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: Level::Info, format: Format::Auto }
    }
}

/// Traces of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trace {
    /// The URL of the collector, without the path `/v1/traces`; `None` is off.
    #[serde(deserialize_with = "de::collector")]
    pub endpoint: Option<String>,
    /// The fraction of the requests without a trace of their own that is traced.
    pub sample_ratio: Ratio,
}

/// A fraction, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Ratio(u32);

impl Ratio {
    /// This many millionths.
    #[must_use]
    pub fn of_million(parts: u32) -> Self {
        Self(parts.min(1_000_000))
    }

    /// The number of millionths.
    #[must_use]
    pub fn per_million(self) -> u32 {
        self.0
    }
}

/// How severe an event must be to be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The daemon or a request failed.
    Error,
    /// Something is wrong but was dealt with.
    Warn,
    /// Start, stop, connections.
    Info,
    /// Each request.
    Debug,
    /// Everything.
    Trace,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The journal under systemd, text on a terminal, else JSON lines.
    Auto,
    /// The systemd journal, with fields.
    Journald,
    /// Lines for people.
    Text,
    /// JSON lines.
    Json,
}

/// Which file is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum File {
    /// [`DEFAULT_FILE`], which may be missing.
    #[default]
    Default,
    /// This one, which must exist.
    Explicit(PathBuf),
}

impl File {
    /// Where it is, or would be.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Default => Path::new(DEFAULT_FILE),
            Self::Explicit(path) => path,
        }
    }
}

/// Where [`Config::load`] reads.
#[derive(Clone, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: File,
    /// Environment variables; those that do not start with `FIBRPCD_` are ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// `KEY=VALUE` texts, later ones over earlier ones.
    pub options: Vec<String>,
}

impl Sources {
    /// The given file and options, and the environment of this process.
    #[must_use]
    pub fn with_process_environment(file: File, options: Vec<String>) -> Self {
        Self { file, environment: std::env::vars_os().collect(), options }
    }
}

impl fmt::Debug for Sources {
    /// Shows no values of variables and options: any may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads all sources.
    ///
    /// # Errors
    ///
    /// Returns every mistake in every source, not only the first one.
    pub fn load(sources: Sources) -> Result<Self, ConfigError> {
        Loaded::read(sources).map(|loaded| loaded.config)
    }
}
