//! New settings for a running daemon: a good configuration is applied as a whole, a bad one not at
//! all. And new contents of the files that it names, where the broker refuses the old ones.
//!
//! Files are read on a thread of its own: one may stand still, a pipe or the file of a server that is
//! away.

use crate::{
    daemon::{
        compute::Shares,
        config::{Config, ConfigError, Loaded, Sources},
        observe::{log::LevelHandle, metrics::Metrics},
    },
    threads,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

/// How long reading all files may take.
const READING: Duration = Duration::from_secs(10);

/// Most mistakes of one configuration that are logged.
const MAX_PROBLEMS: usize = 100;

/// Reads the configuration again and passes it to the parts it concerns.
#[derive(Debug)]
pub(crate) struct Reloader {
    sources: Sources,
    /// What was read last and was good.
    loaded: Loaded,
    config: watch::Sender<Arc<Config>>,
    level: LevelHandle,
    shares: Shares,
    metrics: Arc<Metrics>,
    /// Whether a thread is reading, perhaps one that nobody waits for any more.
    reading: Arc<AtomicBool>,
    /// Asks for the files that the configuration names to be read again.
    pub(crate) renewal: Arc<Notify>,
    /// Why they could not be, when that was last tried.
    not_renewed: Option<String>,
}

impl Reloader {
    pub(crate) fn new(
        (sources, loaded): (Sources, Loaded),
        config: watch::Sender<Arc<Config>>,
        level: LevelHandle,
        shares: Shares,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            sources,
            loaded,
            config,
            level,
            shares,
            metrics,
            reading: Arc::default(),
            renewal: Arc::default(),
            not_renewed: None,
        }
    }

    /// The settings that are in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }

    /// Reads the configuration again. Safe to drop: nothing has happened then.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the old one stays in force.
    pub(crate) async fn reload(&mut self) -> Result<(), ConfigError> {
        let (sources, before) = (self.sources.clone(), self.loaded.clone());
        let read = self.read(move || before.read_again(sources)).await;
        let loaded =
            read.unwrap_or_else(|why| Err(ConfigError::unread(self.sources.file.path(), why)));
        self.metrics.daemon.configured(loaded.is_ok());
        match loaded {
            Ok(loaded) => {
                self.adopt(loaded);
                Ok(())
            }
            Err(error) => {
                log_problems(&error);
                Err(error)
            }
        }
    }

    /// Reads the files again that the configuration in force names, and passes on what is new.
    pub(crate) async fn renew(&mut self) {
        let (files, config) = (self.loaded.named_files.clone(), self.config());
        let read = self.read(move || files.renew(&config.amqp)).await;
        match read.unwrap_or_else(Err) {
            Ok(amqp) => {
                self.not_renewed = None;
                let new = Config { amqp, ..Config::clone(&self.config()) };
                if new != *self.config() {
                    tracing::info!("a password or certificate has changed in its file");
                    self.config.send_replace(Arc::new(new));
                }
            }
            Err(reason) => {
                if self.not_renewed.as_ref() != Some(&reason) {
                    tracing::warn!(reason, "cannot read passwords and certificates again");
                }
                self.not_renewed = Some(reason);
            }
        }
    }

    /// Reads on a thread of its own, one at a time.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        if self.reading.swap(true, Ordering::Relaxed) {
            return Err("the files are still being read, since the last time".to_owned());
        }
        let under_way = UnderWay(Arc::clone(&self.reading));
        let read = threads::run("configuration", move || {
            let result = work();
            drop(under_way); // before the result is seen
            result
        });
        match timeout(READING, read).await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "not read within {READING:?}: it, or a file that it names, is a pipe without a \
                 writer or on a server that does not answer"
            )),
        }
    }

    fn adopt(&mut self, loaded: Loaded) {
        let (old, mut new) = (self.config(), loaded.config.clone());
        let fits = self.shares.admit(new.compute.max_n);
        let fixed = keep_fixed(&old, &mut new, fits);
        if !fixed.is_empty() {
            let keys = fixed.join(", ");
            tracing::warn!(keys, "these settings have changed, which needs a restart");
        }
        log_remarks(&loaded);
        self.level.set(new.log.level);
        let (file, link) = (&loaded.file, old.amqp != new.amqp);
        let changed = match new.changed(&old).join(", ") {
            // Passwords and certificates are in files of their own.
            keys if keys.is_empty() && link => "what files hold".to_owned(),
            keys if keys.is_empty() => "nothing".to_owned(),
            keys => keys,
        };
        tracing::info!(file, changed, link, "read the configuration again");
        self.loaded = loaded;
        self.config.send_replace(Arc::new(new));
    }
}

/// A thread that reads; over when this is dropped.
struct UnderWay(Arc<AtomicBool>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Logs each setting that does nothing.
pub(crate) fn log_remarks(loaded: &Loaded) {
    for problem in &loaded.remarks {
        tracing::warn!(problem, "a setting is not what it seems");
    }
}

/// Logs each mistake; the monitor of the log limits no line with a field of this name.
fn log_problems(error: &ConfigError) {
    for problem in error.problems().iter().take(MAX_PROBLEMS) {
        let problem = problem.to_string();
        tracing::error!(problem, "the new configuration is wrong; the old one stays");
    }
    let more = error.problems().len().saturating_sub(MAX_PROBLEMS);
    if more > 0 {
        tracing::error!(more, "and there are further mistakes; fibrpcd --check shows all");
    }
}

/// Restores the settings that cannot change while the daemon runs; returns the keys that had
/// changed. `fits` says whether there is memory for the new `compute.max_n`: a number that does not
/// fit would wait for ever.
fn keep_fixed(old: &Config, new: &mut Config, fits: bool) -> Vec<&'static str> {
    let mut kept = new.keep_what_needs_a_restart(old);
    if !fits {
        new.compute.max_n = old.compute.max_n;
        kept.push("compute.max_n");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::config::{Format, Level};
    use std::num::NonZeroUsize;

    #[test]
    fn what_needs_a_restart_is_named_and_put_back() {
        let old = Config::default();
        let mut new = old.clone();
        assert!(keep_fixed(&old, &mut new, true).is_empty());
        new.amqp.prefetch = 1;
        new.log.level = Level::Debug;
        new.compute.max_n = 100;
        let changeable = new.clone();
        assert_eq!(new.changed(&old), ["amqp.prefetch", "compute.max_n", "log.level"]);
        assert!(keep_fixed(&old, &mut new, true).is_empty());
        assert_eq!(new, changeable, "taken over");
        new.http.listen = None;
        new.log.format = Format::Json;
        new.compute.threads = NonZeroUsize::MAX;
        new.trace.endpoint = Some("http://127.0.0.1:4318".to_owned());
        let fixed = keep_fixed(&old, &mut new, true);
        assert_eq!(fixed, ["compute.threads", "http.listen", "log.format", "trace.endpoint"]);
        assert_eq!(new, changeable);
    }

    #[test]
    fn a_limit_beyond_the_memory_there_is_needs_a_restart() {
        let old = Config::default();
        let mut new = old.clone();
        new.compute.max_n = 1_000_000_000;
        new.compute.memory = 4 << 30;
        assert_eq!(keep_fixed(&old, &mut new, false), ["compute.memory", "compute.max_n"]);
        assert_eq!(new, old);
    }
}
