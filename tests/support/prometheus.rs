//! A Prometheus of the test's own, as a process.

use super::{PATIENCE, helper::Helper, port::Port, program::get};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A running Prometheus, killed when dropped.
#[derive(Debug)]
pub(crate) struct Prometheus {
    _process: Helper,
    port: Port,
    _dir: TempDir,
}

impl Prometheus {
    /// Starts it with the rules of `packaging/monitoring`, the alerts firing at once, and these
    /// addresses to scrape, each with the name of its job.
    pub(crate) fn start(targets: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let port = Port::hold();
        write_config(dir.path(), targets);
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}/prometheus.yml", dir.path().display()))
            .arg(format!("--storage.tsdb.path={}/data", dir.path().display()))
            .arg(format!("--web.listen-address={}", port.address()));
        let process = Helper::start(command, "Server is ready");
        Self { _process: process, port, _dir: dir }
    }

    /// The numbers that a query returns.
    pub(crate) fn query(&self, expression: &str) -> Vec<f64> {
        let results = self.results(expression);
        results.iter().map(|result| number(&result["value"][1])).collect()
    }

    /// The same, each with the labels that distinguish its series.
    pub(crate) fn series(&self, expression: &str) -> Vec<(String, f64)> {
        let results = self.results(expression).into_iter();
        let told = results.map(|result| {
            let labels = result["metric"].as_object().unwrap().iter();
            let labels = labels.filter(|(name, _)| !["__name__", "job"].contains(&name.as_str()));
            let labels: Vec<_> = labels.map(|(_, value)| value.as_str().unwrap()).collect();
            (labels.join(" "), number(&result["value"][1]))
        });
        told.collect()
    }

    /// Whether an alert with this name fires for an instance or job that contains this.
    pub(crate) fn fires(&self, alert: &str, whose: &str) -> bool {
        let firing = format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}");
        self.results(&firing).iter().any(|result| {
            let label = |name: &str| result["metric"][name].as_str().unwrap_or_default();
            label("instance").contains(whose) || label("job").contains(whose)
        })
    }

    /// Each rule, as the API reports it.
    pub(crate) fn rules(&self) -> Vec<Value> {
        let data = self.api("rules");
        let groups = data["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    }

    /// Asks again and again until there is nothing left to wait for. A database has no events.
    pub(crate) fn wait_until_none<T: std::fmt::Debug>(
        &self,
        mut left: Vec<T>,
        is_there: impl Fn(&Self, &T) -> bool,
    ) {
        let started = Instant::now();
        loop {
            left.retain(|one| !is_there(self, one));
            if left.is_empty() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "still missing: {left:#?}");
            thread::park_timeout(Duration::from_millis(100)); // leaves the machine to the others
        }
    }

    fn results(&self, expression: &str) -> Vec<Value> {
        let query = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        self.api(&format!("query?query={query}"))["result"].as_array().unwrap().clone()
    }

    fn api(&self, path: &str) -> Value {
        let (status, body) = get(&self.port.address().to_string(), &format!("/api/v1/{path}"));
        assert_eq!(status, 200, "{path}: {body}");
        let mut answer: Value = serde_json::from_str(&body).unwrap();
        answer["data"].take()
    }
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn write_config(dir: &Path, targets: &[(&str, &str)]) {
    let monitoring = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/monitoring");
    for file in ["rules.yaml", "alerts.yaml"] {
        let text = fs::read_to_string(monitoring.join(file)).unwrap();
        let at_once = |line: &str| {
            let patient = line.trim_start().starts_with("for: ");
            if patient { String::new() } else { format!("{line}\n") }
        };
        fs::write(dir.join(file), text.lines().map(at_once).collect::<String>()).unwrap();
    }
    let mut config =
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}\n\
         rule_files: [rules.yaml, alerts.yaml]\n\
         scrape_configs:\n\
         - job_name: fibrpcd\n  static_configs:\n"
            .to_owned();
    for (job, address) in targets {
        writeln!(config, "  - {{targets: ['{address}'], labels: {{job: '{job}'}}}}").unwrap();
    }
    fs::write(dir.join("prometheus.yml"), config).unwrap();
}
