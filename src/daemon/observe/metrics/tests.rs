//! The metrics as Prometheus reads them, and as the documentation lists them.

use super::*;
use crate::{
    amqp::Cause,
    wire::{Method, Status},
};
use std::{collections::BTreeSet, time::Duration};

fn assert_has(text: &str, series: &[&str]) {
    for series in series {
        assert!(text.lines().any(|line| line == *series), "{series} in {text}");
    }
}

fn now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn every_series_is_there_at_zero() {
    let text = Metrics::new().unwrap().render().unwrap();
    assert_has(
        &text,
        &[
            "fibrpcd_requests_total{method=\"fib\"} 0",
            "fibrpcd_requests_total{method=\"unknown\"} 0",
            "fibrpcd_request_failures_total{reason=\"no_reply_to\"} 0",
            "fibrpcd_request_failures_total{reason=\"deadline_exceeded\"} 0",
            "fibrpcd_request_duration_seconds_count{method=\"ping\"} 0",
            "fibrpcd_requests_in_flight 0",
            "fibrpcd_amqp_connected 0",
            "fibrpcd_amqp_connects_total 0",
            "fibrpcd_amqp_connect_failures_total{cause=\"network\"} 0",
            "fibrpcd_amqp_disconnects_total{cause=\"consumer_cancelled\"} 0",
            "fibrpcd_redeliveries_total 0",
            "fibrpcd_replies_unroutable_total 0",
            "fibrpcd_log_messages_total{level=\"error\"} 0",
            "fibrpcd_state{state=\"draining\"} 0",
        ],
    );
    assert!(text.contains("fibrpcd_build_info{version="));
    assert!(text.contains("process_open_fds "));
    assert!(!text.contains("reason=\"ok\""), "success is no failure");
}

#[test]
fn answers_are_counted_by_method_and_failures_by_reason() {
    let metrics = Metrics::new().unwrap();
    let times = Times { total: Duration::from_micros(70), answer: Some(Duration::from_micros(10)) };
    metrics.requests.answered(Method::Fib, Status::Ok, times);
    metrics.requests.answered(Method::Fib, Status::InvalidArgument, times);
    metrics.requests.rejected(Method::Info, Reason::NoReplyTo);
    metrics.requests.rejected(Method::Fib, Reason::ReplyRefused);
    let text = metrics.render().unwrap();
    assert_has(
        &text,
        &[
            "fibrpcd_requests_total{method=\"fib\"} 3",
            "fibrpcd_request_failures_total{reason=\"reply_refused\"} 1",
            "fibrpcd_requests_total{method=\"info\"} 1",
            "fibrpcd_request_failures_total{reason=\"invalid_argument\"} 1",
            "fibrpcd_request_failures_total{reason=\"no_reply_to\"} 1",
            "fibrpcd_request_duration_seconds_bucket{method=\"fib\",le=\"0.00005\"} 0",
            "fibrpcd_request_duration_seconds_bucket{method=\"fib\",le=\"0.0001\"} 2",
            "fibrpcd_request_answer_seconds_bucket{le=\"0.00005\"} 2",
            "fibrpcd_request_confirm_seconds_bucket{le=\"0.00005\"} 0",
            "fibrpcd_request_confirm_seconds_bucket{le=\"0.0001\"} 2",
        ],
    );
    assert_eq!(metrics.requests.ended(), 4);
    let failures: u64 = metrics.requests.failures().map(|(_, count)| count).sum();
    assert_eq!(failures, 3);
    let of_fib = metrics.requests.failures_of(Method::Fib).collect::<Vec<_>>();
    assert_eq!(of_fib, [("invalid_argument", 1), ("reply_refused", 1)]);
    assert_eq!(metrics.requests.of_method(Method::Fib).0, 3);
    assert_eq!(metrics.requests.of_method(Method::Ping).1.last(), Some(&(f64::INFINITY, 0)));
    let durations = metrics.requests.durations();
    assert_eq!(durations[..2], [(0.000_05, 0), (0.000_1, 2)]);
    assert_eq!(durations.last(), Some(&(f64::INFINITY, 2)));
}

#[test]
fn only_credible_time_stamps_count() {
    let metrics = Metrics::new().unwrap();
    for sent in [0, 1, now() * 1000, now() + 3600, u64::MAX] {
        metrics.requests.sent_at(sent);
    }
    let none = "fibrpcd_request_queue_wait_seconds_count 0";
    assert_has(&metrics.render().unwrap(), &[none]);
    for sent in [now() + 5, now(), now() - 100] {
        metrics.requests.sent_at(sent);
    }
    let text = metrics.render().unwrap();
    assert_has(
        &text,
        &[
            "fibrpcd_request_queue_wait_seconds_bucket{le=\"60\"} 2",
            "fibrpcd_request_queue_wait_seconds_bucket{le=\"300\"} 3",
        ],
    );
}

#[test]
fn a_lost_broker_is_counted_by_its_cause() {
    let metrics = Metrics::new().unwrap();
    metrics.link.connect_failed(Cause::NoVhost);
    metrics.link.lost(Cause::TooLarge { limit: 5 });
    metrics.link.lost(Cause::ConsumerCancelled);
    let text = metrics.render().unwrap();
    assert_has(
        &text,
        &[
            "fibrpcd_amqp_connect_failures_total{cause=\"no_vhost\"} 1",
            "fibrpcd_amqp_disconnects_total{cause=\"too_large\"} 1",
            "fibrpcd_amqp_disconnects_total{cause=\"consumer_cancelled\"} 1",
            "fibrpcd_amqp_disconnects_total{cause=\"no_vhost\"} 0",
        ],
    );
}

#[test]
fn time_blocked_is_counted_while_it_passes() {
    let metrics = Metrics::new().unwrap();
    let seconds = || {
        metrics.link.sample();
        let text = metrics.render().unwrap();
        let name = "fibrpcd_amqp_blocked_seconds_total ";
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(seconds().to_bits(), 0.0_f64.to_bits());
    metrics.link.set_blocked(true);
    let first = seconds();
    assert!(first > 0.0 && seconds() > first);
    metrics.link.set_blocked(false);
    assert_eq!(seconds().to_bits(), seconds().to_bits());
}

#[test]
fn exactly_one_state_is_on() {
    let metrics = Metrics::new().unwrap();
    let why = String::new;
    let states =
        [State::Detached(why()), State::Consuming(why()), State::Blocked(why()), State::Draining];
    for state in states {
        metrics.daemon.sample(&state);
        let text = metrics.render().unwrap();
        let on: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("fibrpcd_state{") && line.ends_with(" 1"))
            .collect();
        assert_eq!(on, [format!("fibrpcd_state{{state=\"{}\"}} 1", state.name())]);
    }
}

/// `docs/metrics.md` names every metric, with its type and labels, and no other.
#[test]
fn the_list_is_that_of_the_program() {
    let list = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md"));
    let listed: BTreeSet<_> = list
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|');
            let (name, _) = cells.next()?.split_once('`')?;
            // The other tables explain labels.
            let metric = name.starts_with("fibrpcd_") || name.starts_with("process_");
            metric.then_some(())?;
            Some((name.to_owned(), cells.next()?.trim().to_owned()))
        })
        .collect();
    let families = Metrics::new().unwrap().registry.gather();
    let there: BTreeSet<_> = families
        .iter()
        .map(|family| {
            let labels = family.get_metric()[0].get_label();
            let labels: Vec<_> = labels.iter().map(prometheus::proto::LabelPair::name).collect();
            let labels =
                if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let kind = format!("{:?}", family.get_field_type()).to_lowercase();
            (format!("{}{labels}", family.name()), kind)
        })
        .collect();
    assert_eq!(listed, there);
}
