//! What a server has done, as it answers `stats`, and the table of it that `info --stats` prints.

use crate::text::excerpt;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, time::Duration};

/// Most methods that are shown, and most failures; ours has five methods.
const MOST_METHODS: usize = 8;
const MOST_FAILURES: usize = 8;

/// The answer to `stats`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stats {
    name: String,
    version: String,
    uptime_seconds: f64,
    pub(super) in_flight: Option<u64>,
    pub(super) oldest_seconds: Option<f64>,
    pub(super) recent: Option<Recent>,
    methods: BTreeMap<String, OfMethod>,
}

/// What it did lately.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Recent {
    seconds: u64,
    pub(super) requests: u64,
    pub(super) failures: u64,
    pub(super) p50_us: Option<u64>,
    pub(super) p99_us: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfMethod {
    requests: u64,
    failures: BTreeMap<String, u64>,
    p50_us: Option<u64>,
    p99_us: Option<u64>,
}

impl Stats {
    /// `None` if it is not what `stats` answers.
    pub(super) fn read(stats: &Map<String, Value>) -> Option<Self> {
        serde_json::from_value(Value::Object(stats.clone())).ok()
    }

    /// Who answers, and since when.
    pub(super) fn server(&self) -> String {
        format!("{}, up {}", product(&self.name, &self.version), up(self.uptime_seconds))
    }

    /// What it is doing.
    pub(super) fn load(&self) -> String {
        let count = self.in_flight.unwrap_or_default();
        match self.oldest_seconds {
            Some(age) => format!("{count} in flight, the oldest for {age:.1}s"),
            None => format!("{count} in flight"),
        }
    }

    /// What it did lately.
    pub(super) fn lately(&self) -> Option<String> {
        let Recent { seconds, requests, failures, p50_us, p99_us } = self.recent.as_ref()?;
        let (p50, p99) = (latency(*p50_us), latency(*p99_us));
        let ended = format!("in {seconds}s {requests} ended, {failures} failed");
        Some(match requests {
            0 => ended,
            _ => format!("{ended}; p50 {p50} ms, p99 {p99} ms"),
        })
    }

    /// A small table: less than a screen, whatever the server says.
    pub(super) fn table(&self) -> Vec<String> {
        let heading = row(["method", "requests", "failed", "p50 ms", "p99 ms"]);
        let mut lines = vec![self.server(), self.load()];
        lines.extend(self.lately());
        lines.extend([String::new(), heading]);
        for (name, method) in self.methods.iter().take(MOST_METHODS) {
            let failed: u64 = method.failures.values().fold(0, |sum, n| sum.saturating_add(*n));
            lines.push(row([
                &excerpt(name.as_bytes(), 16),
                &method.requests.to_string(),
                &failed.to_string(),
                &latency(method.p50_us),
                &latency(method.p99_us),
            ]));
        }
        let failures = self.failures();
        if !failures.is_empty() {
            lines.extend([String::new(), "failures by reason".to_owned()]);
            lines.extend_from_slice(failures.get(..MOST_FAILURES).unwrap_or(&failures));
        }
        if self.methods.len() > MOST_METHODS || failures.len() > MOST_FAILURES {
            lines.push("... (--json has all)".to_owned());
        }
        lines
    }

    fn failures(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, method) in &self.methods {
            let name = excerpt(name.as_bytes(), 16);
            for (reason, count) in method.failures.iter().filter(|(_, count)| **count > 0) {
                lines.push(format!("{name:<19}{count:>10}  {}", excerpt(reason.as_bytes(), 40)));
            }
        }
        lines
    }
}

fn row([name, requests, failed, p50, p99]: [&str; 5]) -> String {
    format!("{name:<19}{requests:>10}{failed:>10}{p50:>11}{p99:>11}")
}

/// A name and a version.
pub(super) fn product(name: &str, version: &str) -> String {
    let name = excerpt(name.as_bytes(), 30);
    format!("{name} {}", excerpt(version.as_bytes(), 20)).trim().to_owned()
}

/// In milliseconds.
fn latency(micros: Option<u64>) -> String {
    let millis = micros.map(|micros| Duration::from_micros(micros).as_secs_f64() * 1e3);
    millis.map_or_else(|| "-".to_owned(), |millis| format!("{millis:.2}"))
}

/// The two largest units of a time.
fn up(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{whole}s"),
        (0, 0, _) => format!("{minutes}m {}s", whole % 60),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_absurd_is_survived() {
        let stats = Stats::read(&Map::new()).unwrap();
        assert_eq!((stats.server(), stats.load()), (", up 0s".into(), "0 in flight".into()));
        let text = r#"{"name":"x\u001b[31m","version":"1","uptime_seconds":1e300,"oldest_seconds":2,
            "recent":{"seconds":60,"requests":3,"p50_us":1500}}"#;
        let stats = Stats::read(&serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(stats.server(), "x\\x1b[31m 1, up 0s");
        assert_eq!(stats.load(), "0 in flight, the oldest for 2.0s");
        let lately = "in 60s 3 ended, 0 failed; p50 1.50 ms, p99 - ms";
        assert_eq!(stats.lately().unwrap(), lately);
        assert_eq!(stats.table().len(), 5);
        let many = (0..100).map(|n| format!(r#""{n}":{{"failures":{{"a":1,"b":2}}}}"#));
        let many = format!(r#"{{"methods":{{{}}}}}"#, many.collect::<Vec<_>>().join(","));
        let many = Stats::read(&serde_json::from_str(&many).unwrap()).unwrap();
        assert!(
            many.table().len() <= 23 && many.table().ends_with(&["... (--json has all)".into()])
        );
        let wrong = serde_json::from_str(r#"{"methods": 5}"#).unwrap();
        assert!(Stats::read(&wrong).is_none());
    }

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        for (seconds, text) in
            [(7.9, "7s"), (61.0, "1m 1s"), (7260.0, "2h 1m"), (90_000.0, "1d 1h")]
        {
            assert_eq!(up(seconds), text);
        }
    }
}
