//! Notifications to the service manager: readiness, status, reloads, stops, signs of life.
//!
//! The protocol is that of `sd_notify(3)`: datagrams to the socket that `$NOTIFY_SOCKET` names.
//! Without that variable, or where it is empty, nothing is sent.

use super::{
    config::ConfigError, manager_socket::ManagerSocket, observe::metrics::Metrics, state::State,
    ticks::every, watchdog::Watchdog,
};
use sd_notify::NotifyState;
use std::{
    convert::Infallible,
    future, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::sleep};

/// How often the status is checked, and sent if it has changed.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// How much more time a stop asks for, every [`EXTENSION_INTERVAL`].
const EXTENSION: Duration = Duration::from_secs(15);
const EXTENSION_INTERVAL: Duration = Duration::from_secs(5);

/// How long what seems to be stuck has until it is looked at again: after a process was frozen, all
/// its timers have expired at once, and this look may come before the server's own turn.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Notifies the service manager.
#[derive(Debug)]
pub(crate) struct Notifier {
    /// `None` if there is none.
    socket: Option<ManagerSocket>,
    metrics: Arc<Metrics>,
    states: watch::Receiver<State>,
    /// What was wrong with the configuration that was read last.
    complaint: Mutex<Option<String>>,
    failed: AtomicBool,
}

impl Notifier {
    pub(crate) fn new(metrics: Arc<Metrics>, states: watch::Receiver<State>) -> Self {
        let socket = ManagerSocket::of_environment(metrics.daemon.notifications_dropped.clone());
        let socket = socket.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot use NOTIFY_SOCKET; the service manager is not notified");
            None
        });
        let failed = AtomicBool::new(false);
        Self { socket, metrics, states, complaint: Mutex::default(), failed }
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

    /// The configuration was read; `error` is what was wrong with it.
    pub(crate) fn reloaded(&self, error: Option<&ConfigError>) {
        let first = error.and_then(|error| error.problems().first()).map(ToString::to_string);
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = first;
        self.ready();
    }

    /// The daemon stops: keeps the service manager from losing patience before
    /// `shutdown.drain_timeout` does.
    pub(crate) async fn stopping(&self) -> Infallible {
        let status = status_line(&State::Draining, self.metrics.requests.in_flight.get());
        self.notify(&[NotifyState::Stopping, NotifyState::Status(&status)]);
        let mut ticks = every(EXTENSION_INTERVAL);
        loop {
            ticks.tick().await;
            let microseconds = u32::try_from(EXTENSION.as_micros()).unwrap_or(u32::MAX);
            self.notify(&[NotifyState::ExtendTimeoutUsec(microseconds)]);
        }
    }

    /// Keeps the status current, and sends signs of life while requests could flow.
    pub(crate) async fn report(&self, watchdog: &Watchdog) -> Infallible {
        tokio::select! {
            never = self.keep_status() => never,
            never = self.keep_alive(watchdog) => never,
        }
    }

    async fn keep_status(&self) -> Infallible {
        let Some(socket) = &self.socket else {
            return future::pending().await;
        };
        let mut ticks = every(STATUS_INTERVAL);
        let mut shown = String::new();
        loop {
            ticks.tick().await;
            self.noting_failure(socket.send_waiting());
            let status = self.status();
            if status != shown {
                self.notify(&[NotifyState::Status(&status)]);
                shown = status;
            }
        }
    }

    async fn keep_alive(&self, watchdog: &Watchdog) -> Infallible {
        let Some(patience) = sd_notify::watchdog_enabled().filter(|time| !time.is_zero()) else {
            return future::pending().await;
        };
        let mut ticks = every(patience / 2);
        loop {
            ticks.tick().await;
            let mut alive = watchdog.all_alive(Instant::now());
            if !alive {
                sleep(SECOND_LOOK.min(patience / 4)).await;
                alive = watchdog.all_alive(Instant::now());
            }
            if alive {
                self.notify(&[NotifyState::Watchdog]);
            } else {
                tracing::error!(
                    "the server loop or a compute thread is stuck; no longer answering the \
                     systemd watchdog, which will restart this process"
                );
            }
        }
    }

    fn status(&self) -> String {
        let mut status = status_line(&self.states.borrow(), self.metrics.requests.in_flight.get());
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(complaint) = &*complaint {
            status.push_str("; the new configuration is wrong, the old one stays: ");
            status.push_str(complaint);
        }
        status
    }

    fn notify(&self, states: &[NotifyState<'_>]) {
        if let Some(socket) = &self.socket {
            let lines: Vec<_> = states.iter().map(|state| format!("{state}\n")).collect();
            self.noting_failure(socket.send(lines.concat()));
        }
    }

    /// Logged once: it is tried again every second.
    fn noting_failure(&self, result: io::Result<()>) {
        if let Err(error) = result
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(%error, "cannot notify the service manager");
        }
    }
}

/// The line that `systemctl status` shows.
fn status_line(state: &State, in_flight: i64) -> String {
    match state {
        State::Detached(_) => state.to_string(),
        _ => format!("{state}, {in_flight} in flight"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_says_how_much_is_in_flight_where_something_can_be() {
        let consuming = State::Consuming("rpc_queue at h:5672".to_owned());
        assert_eq!(status_line(&consuming, 3), "serving rpc_queue at h:5672, 3 in flight");
        assert_eq!(status_line(&State::Draining, 5), "draining, 5 in flight");
        let detached = State::Detached("refused".to_owned());
        assert_eq!(status_line(&detached, 0), "waiting for a broker: refused");
    }
}
