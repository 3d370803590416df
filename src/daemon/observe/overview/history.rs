//! The last quarter of an hour, in points of a few seconds.

use crate::daemon::observe::metrics::quantile;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How far apart the points are.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// How many there are: a quarter of an hour.
pub(super) const POINTS: usize = 180;

/// Over how many points latencies are shown: a minute.
pub(super) const RECENT: usize = 12;

/// The counters and gauges at one moment.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) ended: u64,
    pub(super) failed: u64,
    /// How many requests took no longer than each bound, in seconds.
    pub(super) durations: Vec<(f64, u64)>,
    pub(super) in_flight: u64,
    pub(super) consuming: bool,
}

/// What happened between two samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    /// Requests.
    ended: u64,
    /// Failures among them.
    failed: u64,
    /// Requests in a second.
    pub(super) rate: f64,
    /// Failures in a second.
    pub(super) failures: f64,
    /// How many of the requests took no longer than each bound, in seconds.
    durations: Vec<(f64, u64)>,
    pub(super) in_flight: u64,
    pub(super) consuming: bool,
}

impl Point {
    /// The time that this share of the requests took at most, in seconds.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        quantile(&self.durations, share)
    }
}

/// The points, the oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    last: Option<Sample>,
    points: VecDeque<Point>,
}

impl History {
    pub(super) fn add(&mut self, sample: Sample) {
        if let Some(last) = &self.last {
            if self.points.len() == POINTS {
                self.points.pop_front();
            }
            self.points.push_back(between(last, &sample));
        }
        self.last = Some(sample);
    }

    pub(super) fn points(&self) -> impl DoubleEndedIterator<Item = &Point> + ExactSizeIterator {
        self.points.iter()
    }

    /// How many requests ended in the last minute, and how many of them failed; `None` before
    /// anything was noted.
    pub(super) fn recent_counts(&self) -> Option<(u64, u64)> {
        let recent = || self.points.iter().rev().take(RECENT);
        let counts =
            (recent().map(|point| point.ended).sum(), recent().map(|point| point.failed).sum());
        (!self.points.is_empty()).then_some(counts)
    }

    /// The time that this share of the last minute's requests took at most, in seconds.
    pub(super) fn recent_quantile(&self, share: f64) -> Option<f64> {
        let mut recent = self.points.iter().rev().take(RECENT);
        let mut sum = recent.next()?.durations.clone();
        for point in recent {
            for (sum, count) in sum.iter_mut().zip(&point.durations) {
                sum.1 += count.1;
            }
        }
        quantile(&sum, share)
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates are shown in three digits")]
fn between(last: &Sample, sample: &Sample) -> Point {
    let seconds = sample.at.saturating_duration_since(last.at).as_secs_f64().max(0.001);
    let ended = sample.ended.saturating_sub(last.ended);
    let failed = sample.failed.saturating_sub(last.failed);
    let durations = sample.durations.iter().zip(&last.durations);
    Point {
        ended,
        failed,
        rate: ended as f64 / seconds,
        failures: failed as f64 / seconds,
        durations: durations.map(|(now, then)| (now.0, now.1.saturating_sub(then.1))).collect(),
        in_flight: sample.in_flight,
        consuming: sample.consuming,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: Instant, ended: u64, quick: u64) -> Sample {
        let durations = vec![(0.001, quick), (0.01, ended), (f64::INFINITY, ended)];
        Sample { at, ended, failed: ended / 10, durations, in_flight: 3, consuming: true }
    }

    #[test]
    fn points_are_what_happened_between_samples_and_are_bounded() {
        let mut history = History::default();
        let start = Instant::now();
        for count in 0..1000_u32 {
            history.add(sample(start + INTERVAL * count, u64::from(count) * 100, 0));
        }
        assert_eq!(history.points().len(), POINTS);
        for point in history.points() {
            assert!((point.rate - 20.0).abs() < 1e-9, "{point:?}");
            assert!((point.failures - 2.0).abs() < 1e-9, "{point:?}");
        }
        assert_eq!(history.points().next().unwrap().durations[1], (0.01, 100));
        assert_eq!(history.recent_counts(), Some((1200, 120)));
        assert_eq!(History::default().recent_counts(), None);
    }

    #[test]
    fn quantiles_are_those_of_the_last_minute() {
        let mut history = History::default();
        assert_eq!(history.recent_quantile(0.5), None);
        let start = Instant::now();
        history.add(sample(start, 0, 0));
        history.add(sample(start + INTERVAL, 100, 50));
        let near = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-9;
        assert!(near(history.recent_quantile(0.25), 0.000_5));
        assert!(near(history.recent_quantile(0.5), 0.001));
        assert!(near(history.recent_quantile(1.0), 0.01));
        for count in 2..20 {
            history.add(sample(start + INTERVAL * count, 100, 50));
        }
        assert_eq!(history.recent_quantile(0.5), None, "nothing happened lately");
    }

    #[test]
    fn what_takes_longer_than_the_last_bound_is_told_as_that() {
        let durations = [(0.001, 0), (30.0, 0), (f64::INFINITY, 5)];
        assert_eq!(quantile(&durations, 0.5), Some(30.0));
    }
}
