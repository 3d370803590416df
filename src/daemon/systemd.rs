//! What the service manager is told: readiness, status, reloads, stops, signs of life.
//!
//! The protocol is that of `sd_notify(3)`: datagrams to the socket that `$NOTIFY_SOCKET` names.
//! Without that variable nothing is sent.

use crate::daemon::{
    compute::Pool, config::ConfigError, observe::metrics::Metrics, server::Standing,
    watchdog::WatchdogTimer,
};
use sd_notify::NotifyState;
use std::{
    borrow::Cow,
    future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval},
};

/// How often the status is looked at, and sent if it is another one.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// How much longer than until now a stop may take, said every [`EXTENSION_INTERVAL`].
const EXTENSION: Duration = Duration::from_secs(15);
const EXTENSION_INTERVAL: Duration = Duration::from_secs(5);

/// Tells the service manager.
#[derive(Debug)]
pub(crate) struct Notifier {
    metrics: Arc<Metrics>,
    standings: watch::Receiver<Standing>,
    /// What was wrong with the configuration that was read last.
    complaint: Mutex<Option<String>>,
    failed: AtomicBool,
}

/// What must be alive for requests to flow.
pub(crate) struct Watchdog {
    pub(crate) server: Arc<WatchdogTimer>,
    pub(crate) pool: Pool,
}

impl Watchdog {
    fn all_alive(&self, now: Instant) -> bool {
        !self.server.expired(now) && !self.pool.is_stuck(now)
    }
}

impl Notifier {
    pub(crate) fn new(metrics: Arc<Metrics>, standings: watch::Receiver<Standing>) -> Self {
        Self { metrics, standings, complaint: Mutex::default(), failed: AtomicBool::new(false) }
    }

    /// Requests are taken as soon as there is a broker.
    pub(crate) fn ready(&self) {
        self.notify(&[NotifyState::Ready, NotifyState::Status(&self.status())]);
    }

    /// The configuration is read again; [`Notifier::reloaded`] follows.
    pub(crate) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.notify(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "cannot read the clock for the service manager"),
        }
    }

    /// The configuration was read, and this is what was wrong with it.
    pub(crate) fn reloaded(&self, error: Option<&ConfigError>) {
        let first = error.and_then(|error| error.problems().first()).map(ToString::to_string);
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = first;
        self.ready();
    }

    /// The daemon stops. Never ends: keeps the service manager from losing patience before
    /// `shutdown.drain_timeout` does.
    pub(crate) async fn stopping(&self) {
        let status = describe(&Standing::Draining, self.metrics.requests.in_flight.get());
        self.notify(&[NotifyState::Stopping, NotifyState::Status(&status)]);
        let mut ticks = every(EXTENSION_INTERVAL);
        loop {
            ticks.tick().await;
            let microseconds = u32::try_from(EXTENSION.as_micros()).unwrap_or(u32::MAX);
            self.notify(&[NotifyState::ExtendTimeoutUsec(microseconds)]);
        }
    }

    /// Keeps the status current, and sends signs of life while requests could flow. Never ends.
    pub(crate) async fn report(&self, watchdog: &Watchdog) {
        tokio::join!(self.keep_status(), self.keep_alive(watchdog));
    }

    async fn keep_status(&self) {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return future::pending().await;
        }
        let mut ticks = every(STATUS_INTERVAL);
        let mut said = String::new();
        loop {
            ticks.tick().await;
            let status = self.status();
            if status != said {
                self.notify(&[NotifyState::Status(&status)]);
                said = status;
            }
        }
    }

    async fn keep_alive(&self, watchdog: &Watchdog) {
        let Some(patience) = sd_notify::watchdog_enabled().filter(|time| !time.is_zero()) else {
            return future::pending().await;
        };
        let mut ticks = every(patience / 2);
        loop {
            ticks.tick().await;
            if watchdog.all_alive(Instant::now()) {
                self.notify(&[NotifyState::Watchdog]);
            } else {
                tracing::error!("requests do not flow any more: asking for a restart by silence");
            }
        }
    }

    fn status(&self) -> String {
        let mut status = describe(&self.standings.borrow(), self.metrics.requests.in_flight.get());
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(complaint) = &*complaint {
            status.push_str("; the new configuration is wrong, the old one stays: ");
            status.push_str(complaint);
        }
        status
    }

    fn notify(&self, states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states) {
            // Once: the same is tried every second.
            if !self.failed.swap(true, Ordering::Relaxed) {
                tracing::warn!(%error, "cannot notify the service manager");
            }
        }
    }
}

/// Ticks at once and then at this interval, without catching up on those that were missed.
fn every(time: Duration) -> Interval {
    let mut ticks = interval(time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One line: a line break would be the end of it, and the start of another notification.
fn describe(standing: &Standing, in_flight: i64) -> String {
    let line: Cow<'_, str> = match standing {
        Standing::Consuming(place) => format!("serving {place}, {in_flight} in flight").into(),
        Standing::Blocked(why) => {
            format!("the broker takes no replies: {why}; {in_flight} in flight").into()
        }
        Standing::Draining => format!("draining, {in_flight} left").into(),
        Standing::Detached(why) => format!("waiting for a broker: {why}").into(),
    };
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::compute::Shares;
    use std::num::NonZeroUsize;

    #[test]
    fn a_server_that_is_silent_for_too_long_is_not_alive() {
        let shares = Shares::new(1 << 30, 0, NonZeroUsize::MIN);
        let pool = Pool::start(NonZeroUsize::MIN, shares).unwrap();
        let watchdog = Watchdog { server: Arc::default(), pool };
        watchdog.server.arm(Duration::from_mins(1));
        assert!(watchdog.all_alive(Instant::now()));
        assert!(!watchdog.all_alive(Instant::now() + Duration::from_mins(2)));
    }

    #[test]
    fn the_status_is_one_line_that_says_what_the_daemon_does() {
        let consuming = Standing::Consuming("rpc_queue at h:5672".to_owned());
        assert_eq!(describe(&consuming, 3), "serving rpc_queue at h:5672, 3 in flight");
        assert_eq!(describe(&Standing::Draining, 5), "draining, 5 left");
        let detached = Standing::Detached("refused\nREADY=1".to_owned());
        assert_eq!(describe(&detached, 0), "waiting for a broker: refused READY=1");
    }
}
