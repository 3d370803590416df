//! Makes metrics, and registers each on the way with all its series at 0.

use prometheus::{
    Counter, CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

type Result<T> = std::result::Result<T, prometheus::Error>;

pub(super) struct Maker(pub(super) Registry);

impl Maker {
    fn registered<M: Collector + Clone + 'static>(&self, metric: M) -> Result<M> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        self.registered(IntCounter::new(name, help)?)
    }

    /// A counter of seconds, with fractions.
    pub(super) fn seconds(&self, name: &str, help: &str) -> Result<Counter> {
        self.registered(Counter::new(name, help)?)
    }

    /// One such counter for each value of a label, in their order.
    pub(super) fn seconds_by(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<Vec<Counter>> {
        let counters = self.registered(CounterVec::new(Opts::new(name, help), &[label])?)?;
        Ok(values.into_iter().map(|value| counters.with_label_values(&[value])).collect())
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge> {
        self.registered(IntGauge::new(name, help)?)
    }

    /// One counter for each value of a label, in their order.
    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<Vec<IntCounter>> {
        let counters = self.registered(IntCounterVec::new(Opts::new(name, help), &[label])?)?;
        Ok(values.into_iter().map(|value| counters.with_label_values(&[value])).collect())
    }

    /// One gauge for each value of a label, in their order.
    pub(super) fn gauges(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<Vec<IntGauge>> {
        let gauges = self.registered(IntGaugeVec::new(Opts::new(name, help), &[label])?)?;
        Ok(values.into_iter().map(|value| gauges.with_label_values(&[value])).collect())
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.registered(Histogram::with_opts(options)?)
    }

    /// One histogram for each value of a label, in their order.
    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<Vec<Histogram>> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histograms = self.registered(HistogramVec::new(options, &[label])?)?;
        Ok(values.into_iter().map(|value| histograms.with_label_values(&[value])).collect())
    }
}
