//! Everything that happens between a signal and the exit code.
//!
//! The first SIGTERM, SIGINT or SIGQUIT drains: no more requests are taken, what runs is finished and
//! answered (`server::session` does it). A second one, or `shutdown.drain_timeout`, gives every open
//! request back to the queue. SIGHUP reads the configuration again.

use super::{
    reload::Reloader,
    signals::{Signal, Signals},
    systemd::Notifier,
};
use crate::exit::Exit;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// How long giving everything back may take.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// The phases of the daemon's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Taking requests.
    Serving,
    /// Finishing what is running.
    Draining,
    /// Giving everything back.
    GivingUp,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// What had been started was answered.
    Drained,
    /// There was no broker: whatever was not answered goes back to its queue.
    Detached,
    /// Requests that had been started were given back.
    GaveUp,
}

impl Ending {
    /// The exit code, which the log explains.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Self::Drained => {
                tracing::info!("stopped; everything that was started is answered");
                Exit::Ok
            }
            Self::Detached => {
                tracing::info!("stopped without a broker");
                Exit::Ok
            }
            Self::GaveUp => {
                tracing::warn!("stopped; requests were given back to the queue");
                Exit::Failure
            }
        }
    }
}

/// Turns signals into phases. Ends only when giving up itself has taken too long.
pub(crate) async fn handle_signals(
    mut signals: Signals,
    phase: watch::Sender<Phase>,
    mut reloader: Reloader,
    notifier: &Notifier,
) -> Ending {
    let signal = serve_signals(&mut signals, &mut reloader, notifier).await;
    let drain_timeout = reloader.config().shutdown.drain_timeout;
    tracing::info!(?signal, ?drain_timeout, "asked to stop");
    phase.send_replace(Phase::Draining);
    tokio::select! {
        never = notifier.stopping() => match never {},
        ending = give_up(signals, phase, drain_timeout) => ending,
    }
}

/// Reloads as often as asked to, and renews what the broker refuses, until the signal to stop.
async fn serve_signals(
    signals: &mut Signals,
    reloader: &mut Reloader,
    notifier: &Notifier,
) -> Signal {
    let renewal = Arc::clone(&reloader.renewal);
    let mut again = false; // asked to reload during a reload
    loop {
        let reload = again
            || tokio::select! {
                signal = signals.next() => match signal {
                    Signal::Reload => true,
                    stop => return stop,
                },
                () = renewal.notified() => false,
            };
        again = false;
        let reading = async {
            if reload {
                notifier.reloading();
                let result = reloader.reload().await;
                notifier.reloaded(result.err().as_ref());
            } else {
                reloader.renew().await;
            }
        };
        tokio::pin!(reading);
        loop {
            tokio::select! {
                () = &mut reading => break,
                // Reading may take a while; a stop does not wait for it.
                signal = signals.next() => match signal {
                    Signal::Reload => again = true,
                    stop => return stop,
                },
            }
        }
    }
}

/// Ends a stop that takes too long.
async fn give_up(
    mut signals: Signals,
    phase: watch::Sender<Phase>,
    drain_timeout: Duration,
) -> Ending {
    let drained_too_long = sleep_until(Instant::now() + drain_timeout);
    tokio::select! {
        signal = signals.next_stop() => tracing::warn!(?signal, "asked to stop at once"),
        () = drained_too_long => tracing::warn!(?drain_timeout, "not drained in time"),
    }
    phase.send_replace(Phase::GivingUp);
    // Giving up has deadlines of its own; this one is the last resort.
    sleep_until(Instant::now() + GIVE_UP_TIMEOUT).await;
    tracing::error!("could not give everything back in time: the broker will notice and requeue");
    Ending::GaveUp
}
