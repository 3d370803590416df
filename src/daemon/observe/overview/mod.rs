//! What people see of the daemon over HTTP: `/` and `/status`, and whether it is ready.
//!
//! A few numbers are noted every few seconds and kept for a quarter of an hour; the rest is looked
//! up when somebody asks.

mod chart;
mod history;
mod html;
mod page;
mod status;

use self::{
    history::{History, INTERVAL, Sample},
    status::Status,
};
use crate::daemon::{
    compute::Pool,
    observe::{
        http::{Probe, ProbeError},
        log::LogMonitor,
        metrics::{Metrics, State},
    },
    server::Standing,
};
use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// Looks at the daemon from all sides.
#[derive(Debug)]
pub(crate) struct Overview {
    metrics: Arc<Metrics>,
    log_monitor: Arc<LogMonitor>,
    standings: watch::Receiver<Standing>,
    pool: Pool,
    started: Instant,
    history: Mutex<History>,
}

impl Overview {
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        log_monitor: Arc<LogMonitor>,
        standings: watch::Receiver<Standing>,
        pool: Pool,
    ) -> Self {
        let (started, history) = (Instant::now(), Mutex::default());
        Self { metrics, log_monitor, standings, pool, started, history }
    }

    /// Keeps the history, and the log honest about what it left out. Never ends.
    pub(crate) async fn keep(&self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let sample = self.sample();
            self.history().add(sample);
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
            consuming: self.standings.borrow().state() == State::Consuming,
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Overview {
    fn metrics(&self) -> Result<String, ProbeError> {
        self.metrics.sample(self.standings.borrow().state(), &self.pool.usage());
        Ok(self.metrics.render()?)
    }

    fn readiness(&self) -> Result<(), Cow<'static, str>> {
        match &*self.standings.borrow() {
            Standing::Consuming(_) => Ok(()),
            Standing::Blocked(why) => {
                Err(format!("the broker takes no replies at the moment: {why}").into())
            }
            Standing::Draining => Err("draining".into()),
            Standing::Detached(why) => Err(format!("not consuming: {why}").into()),
        }
    }

    fn status(&self) -> Result<String, ProbeError> {
        Ok(serde_json::to_string(&Status::of(self))?)
    }

    fn page(&self, nonce: &str) -> String {
        page::render(&Status::of(self), nonce)
    }
}
