//! The dashboard, the rules and the alerts of `packaging/monitoring`, tried with a real Prometheus
//! that scrapes real daemons.

use crate::support::{
    broker,
    port::Port,
    program::{Daemon, ctl},
    prometheus::Prometheus,
    relay::Relay,
    sustained_load::Clients,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
    slice,
    sync::atomic::{AtomicU64, Ordering},
};

const MONITORING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/monitoring");
const DASHBOARD: &str = include_str!("../../../packaging/monitoring/dashboards/fibrpcd.json");

/// The `schemaVersion` of dashboards that Grafana 11.0 writes.
const SCHEMA: u64 = 39;

/// Versions of Grafana whose own types the dashboard is checked with.
const GRAFANAS: [&str; 2] = ["11.0.0", "11.6.0"];

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).unwrap()
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value:#}"))
}

/// The queries of all panels, as Grafana sends them with every job and instance chosen, each with
/// the title of its panel.
fn queries(dashboard: &Value) -> Vec<(&str, String)> {
    let mut queries = Vec::new();
    for panel in panels(dashboard) {
        for target in panel["targets"].as_array().unwrap() {
            queries.push((text(panel, "title"), sent(text(target, "expr"))));
        }
    }
    queries
}

fn sent(query: &str) -> String {
    query.replace("$__rate_interval", "10s").replace("$job", ".+").replace("$instance", ".+")
}

/// Writes what every query returns, if `FIBRPC_PANELS` names a file for it.
fn write_table(prometheus: &Prometheus, queries: &[(&str, String)]) {
    let Some(file) = std::env::var_os("FIBRPC_PANELS").filter(|file| !file.is_empty()) else {
        return;
    };
    let mut table = "| panel | query | values |\n|---|---|---|\n".to_owned();
    for (title, query) in queries {
        let series = prometheus.series(query).into_iter();
        let values: Vec<_> = series.map(|(name, value)| format!("{name} {value:.6}")).collect();
        let (query, values) = (query.replace('|', "\\|"), values.join(", "));
        writeln!(table, "| {title} | `{query}` | {} |", values.trim()).unwrap();
    }
    fs::write(file, table).unwrap();
}

/// What an alert compares with its threshold, in the first of its comparisons.
fn measured(alert: &str) -> String {
    if let Some(absent) = alert.strip_prefix("absent(").and_then(|rest| rest.strip_suffix(')')) {
        return absent.to_owned();
    }
    let alert = alert.split(" and ").next().unwrap_or(alert);
    let place = alert.rfind([' ']).and_then(|end| alert[..end].rfind(' '));
    let (measured, threshold) = alert.split_at(place.expect("a comparison"));
    let threshold = threshold.trim().trim_start_matches(['<', '>']).trim();
    assert!(threshold.parse::<f64>().is_ok(), "{alert} compares with {threshold}");
    measured.to_owned()
}

/// Wrong calls, and one for a large number that is in no cache yet.
fn mistakes(uri: &str) {
    static LARGE: AtomicU64 = AtomicU64::new(100_000);
    let large = LARGE.fetch_add(1, Ordering::Relaxed).to_string();
    let ran = ctl(uri, &["call", "x", "99999999999999", &large, "x", "x"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    // Large numbers that nobody waits for long enough to get.
    ctl(uri, &["--timeout", "20ms", "call", "49999997", "49999998", "49999999"]);
}

#[test]
fn every_query_and_rule_returns_data() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let clients = Clients::start(slice::from_ref(&vhost.uri()), 1);
    let prometheus = Prometheus::start(&[("fibrpcd", &daemon.http_address())]);
    let dashboard = dashboard();
    let queries = queries(&dashboard);
    assert!(queries.len() > 50, "{queries:#?}");
    let mut wanted: Vec<_> = queries.iter().map(|(_, query)| query.clone()).collect();
    for rule in prometheus.rules() {
        let query = text(&rule, "query");
        match text(&rule, "type") {
            "alerting" => wanted.push(measured(query)),
            _ => wanted.push(text(&rule, "name").to_owned()),
        }
    }
    prometheus.wait_until_none(wanted, |prometheus, query| {
        mistakes(&vhost.uri());
        let numbers = prometheus.query(query);
        !numbers.is_empty() && numbers.iter().all(|number| number.is_finite())
    });
    for rule in prometheus.rules() {
        assert_eq!(rule["health"], "ok", "{rule:#}");
    }
    write_table(&prometheus, &queries);
    clients.stop().assert_good();
}

#[test]
fn alerts_fire_when_it_happens() {
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("[amqp]\nuris = [\"{}\"]\n", relay.uri())).unwrap();
    let daemon = Daemon::start_with_file(file.path(), &[]);
    daemon.wait_for("attached; consuming");
    let away = Daemon::start("amqp://127.0.0.1:1", &[]);
    let port = Port::hold();
    let nobody = port.address().to_string();
    let (here, gone) = (daemon.http_address(), away.http_address());
    let jobs = [("fibrpcd", here.as_str()), ("fibrpcd", &nobody), ("away", &gone)];
    let prometheus = Prometheus::start(&jobs);
    mistakes(&vhost.uri());
    prometheus.wait_until_none(vec![&here, &gone], |prometheus, instance| {
        prometheus.query(&format!("fibrpcd_state{{instance=\"{instance}\"}}")).len() == 4
    });
    assert!(!prometheus.fires("FibrpcdReloadFailed", &here), "nothing has happened yet");
    fs::write(file.path(), "[amqp]\nprefetch = -1\n").unwrap();
    daemon.signal("HUP");
    for time in 1..=7 {
        relay.reset();
        daemon.wait_for_nth("lost the broker", time);
        daemon.wait_for_nth("attached; consuming", time + 1);
    }
    let expected = vec![
        ("FibrpcdDown", nobody.as_str()),
        ("FibrpcdDetached", &gone),
        ("FibrpcdNobodyConsumes", "away"),
        ("FibrpcdReloadFailed", &here),
        ("FibrpcdErrorsLogged", &here),
        ("FibrpcdLosesBroker", &here),
        ("FibrpcdCallersFail", "fibrpcd"),
        ("FibrpcdLate", "fibrpcd"),
    ];
    prometheus.wait_until_none(expected, |prometheus, (alert, whose)| {
        mistakes(&vhost.uri());
        prometheus.fires(alert, whose)
    });
    assert!(!prometheus.fires("FibrpcdNobodyConsumes", "fibrpcd"), "one does");
    assert!(!prometheus.fires("FibrpcdDown", &here));
    // Whatever callers do, it wakes nobody up.
    assert!(!prometheus.fires("FibrpcdFails", "fibrpcd"));
    assert_eq!(prometheus.query("ALERTS{alertname=\"FibrpcdAllDown\"}"), [] as [f64; 0]);
}

#[test]
fn promtool_approves_of_rules_and_alerts() {
    for args in [
        ["check", "rules", "rules.yaml", "alerts.yaml"].as_slice(),
        &["test", "rules", "tests.yaml"],
    ] {
        let output = Command::new("promtool").args(args).current_dir(MONITORING).output();
        let output = output.expect("promtool is there: install-deps.sh test installs it");
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
}

/// What follows a prefix on the lines that have it.
fn after<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    text.lines().filter_map(|line| line.trim().strip_prefix(prefix)).collect()
}

#[test]
fn each_alert_has_a_test_and_a_section_in_the_runbook() {
    let read = |path: &str| fs::read_to_string(format!("{MONITORING}/{path}")).unwrap();
    let (alerts, tests) = (read("alerts.yaml"), read("tests.yaml"));
    let runbook = read("../../docs/runbook.md");
    let named = after(&alerts, "- alert: ");
    assert_eq!(named, after(&runbook, "## "));
    assert_eq!(named, after(&tests, "- name: "));
    let linked = after(&alerts, "runbook_url: ");
    let linked: BTreeSet<_> = linked
        .iter()
        .map(|url| url.split_once("/docs/runbook.md#").unwrap().1.to_owned())
        .collect();
    assert_eq!(linked, named.iter().map(|name| name.to_lowercase()).collect());
    for severity in after(&alerts, "severity: ") {
        assert!(["critical", "warning", "info"].contains(&severity), "{severity}");
    }
}

#[test]
fn the_dashboard_is_complete() {
    let dashboard = dashboard();
    assert_eq!(dashboard["schemaVersion"], SCHEMA);
    assert_eq!((&dashboard["id"], &dashboard["uid"]), (&Value::Null, &"fibrpcd".into()));
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let variables: Vec<_> = variables.iter().map(|variable| text(variable, "name")).collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
    let all = dashboard["panels"].as_array().unwrap();
    let rows = all.iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<_> = rows.map(|row| text(row, "title")).collect();
    assert_eq!(rows, ["Symptoms", "Broker link", "Compute", "Process"]);
    let ids: BTreeSet<_> = all.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), all.len());
    for panel in panels(&dashboard) {
        let title = text(panel, "title");
        assert!(!title.is_empty());
        assert!(text(panel, "description").ends_with('.'), "{title}");
        assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().unwrap() {
            assert!(
                text(target, "expr").contains(r#"job=~"$job",instance=~"$instance""#),
                "{title}"
            );
            assert!(!text(target, "legendFormat").is_empty(), "{title}");
        }
    }
    assert_eq!(overlapping(all), None);
}

#[test]
fn grafana_knows_every_field_of_the_dashboard() {
    let root = env!("CARGO_MANIFEST_DIR");
    for version in GRAFANAS {
        let types = format!("{root}/target/tools/grafana-{version}");
        assert!(
            Path::new(&types).exists(),
            "Grafana's types are not there: packaging/dev/install-deps.sh test installs them"
        );
        let output = Command::new("/usr/bin/python3")
            .arg(format!("{root}/tests/dashboard/check.py"))
            .args([&types, &format!("{MONITORING}/dashboards/fibrpcd.json")])
            .output()
            .expect("python3 is there: packaging/dev/install-deps.sh test installs it");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "Grafana {version}: {said}");
    }
}

/// Two panels that cover the same place.
fn overlapping(panels: &[Value]) -> Option<(&str, &str)> {
    let place =
        |panel: &Value| ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
    for (index, one) in panels.iter().enumerate() {
        let [left, top, width, height] = place(one);
        for other in &panels[index + 1..] {
            let [x, y, w, h] = place(other);
            if x < left + width && left < x + w && y < top + height && top < y + h {
                return Some((text(one, "title"), text(other, "title")));
            }
        }
    }
    None
}
