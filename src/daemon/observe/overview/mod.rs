//! What people see of the daemon: over HTTP `/`, `/status`, and whether it is ready; through the broker
//! the answer to `stats`.
//!
//! A few numbers are noted every few seconds and kept for a quarter of an hour; the rest is looked
//! up when somebody asks.

mod chart;
mod history;
mod html;
mod page;
mod stats;
mod status;

use self::{
    history::{History, INTERVAL, Sample},
    stats::Stats,
    status::Status,
};
use crate::daemon::{
    observe::{
        http::{Probe, ProbeError},
        log::LogMonitor,
        metrics::Metrics,
    },
    state::State,
    ticks::every,
};
use bytes::Bytes;
use std::{
    borrow::Cow,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::sync::watch;

/// Gathers what people see of the daemon.
#[derive(Debug)]
pub(crate) struct Overview {
    metrics: Arc<Metrics>,
    log_monitor: Arc<LogMonitor>,
    states: watch::Receiver<State>,
    started: Instant,
    /// Which daemon this is.
    instance: String,
    history: Mutex<History>,
}

impl Overview {
    /// `started` is where the moments of the core begin.
    pub(crate) fn new(
        started: Instant,
        metrics: Arc<Metrics>,
        log_monitor: Arc<LogMonitor>,
        states: watch::Receiver<State>,
        instance: String,
    ) -> Self {
        let history = Mutex::default();
        Self { metrics, log_monitor, states, started, instance, history }
    }

    /// One that nobody else knows.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let metrics = Arc::new(Metrics::new().unwrap());
        let daemon = &metrics.daemon;
        let log = LogMonitor::new(daemon.log_messages.clone(), daemon.log_suppressed.clone());
        let (_, states) = watch::channel(State::Draining);
        Self::new(Instant::now(), metrics, Arc::new(log), states, String::new())
    }

    /// Notes the numbers of the charts, every few seconds.
    pub(crate) async fn keep_history(&self) -> Infallible {
        let mut ticks = every(INTERVAL);
        loop {
            ticks.tick().await;
            let sample = self.sample();
            self.history().add(sample);
        }
    }

    /// The answer to `stats`: JSON, of a few kilobytes at most.
    pub(crate) fn stats(&self) -> Bytes {
        // A struct of strings and numbers can always be serialized.
        serde_json::to_vec(&Stats::of(self)).unwrap_or_default().into()
    }

    /// Has the log report, every few seconds, the warnings that it left out.
    pub(crate) async fn report_suppressed(&self) -> Infallible {
        let mut ticks = every(INTERVAL);
        loop {
            ticks.tick().await;
            self.log_monitor.report();
        }
    }

    fn sample(&self) -> Sample {
        let requests = &self.metrics.requests;
        Sample {
            at: Instant::now(),
            ended: requests.ended(),
            failed: requests.failures().map(|(_, count)| count).sum(),
            durations: requests.durations(),
            in_flight: u64::try_from(requests.in_flight.get()).unwrap_or(0),
            consuming: self.states.borrow().is_ready(),
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Overview {
    fn metrics(&self) -> Result<String, ProbeError> {
        self.metrics.sample(&self.states.borrow());
        Ok(self.metrics.render()?)
    }

    fn readiness(&self) -> Result<(), Cow<'static, str>> {
        let state = self.states.borrow();
        if state.is_ready() { Ok(()) } else { Err(state.to_string().into()) }
    }

    fn status(&self) -> Result<String, ProbeError> {
        Ok(serde_json::to_string(&Status::of(self))?)
    }

    fn page(&self, nonce: &str) -> String {
        page::render(&Status::of(self), nonce)
    }
}
