//! New settings for a running daemon: a good configuration is applied as a whole, a bad one not at
//! all.

use crate::daemon::{
    compute::Shares,
    config::{Config, ConfigError, Sources},
    observe::{log::LevelHandle, metrics::Metrics},
};
use std::sync::Arc;
use tokio::sync::watch;

/// Reads the configuration again and passes it to the parts it concerns.
#[derive(Debug)]
pub(crate) struct Reloader {
    pub(crate) sources: Sources,
    pub(crate) config: watch::Sender<Arc<Config>>,
    pub(crate) level: LevelHandle,
    pub(crate) shares: Shares,
    pub(crate) metrics: Arc<Metrics>,
}

impl Reloader {
    /// The settings that are in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the old one stays in force.
    pub(crate) fn reload(&self) -> Result<(), ConfigError> {
        let loaded = Config::load(self.sources.clone());
        self.metrics.daemon.configured(loaded.is_ok());
        match loaded {
            Ok(new) => {
                self.adopt(new);
                Ok(())
            }
            Err(error) => {
                let problems: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
                for problem in &problems {
                    tracing::error!(problem, "the new configuration is wrong; the old one stays");
                }
                Err(error)
            }
        }
    }

    fn adopt(&self, mut new: Config) {
        let old = self.config();
        let fits = self.shares.admit(new.compute.max_n);
        let fixed = keep_fixed(&old, &mut new, fits);
        if !fixed.is_empty() {
            let keys = fixed.join(", ");
            tracing::warn!(keys, "these settings have changed, which needs a restart");
        }
        self.level.set(new.log.level);
        let (file, link) = (self.sources.file.in_force(), old.amqp != new.amqp);
        tracing::info!(file, link, "read the configuration again");
        self.config.send_replace(Arc::new(new));
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
