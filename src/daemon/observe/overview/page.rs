//! The state of the daemon as a page for people.
//!
//! The page is complete as it is sent; a few lines of script fetch it anew every few seconds, and
//! without scripts the browser reloads it. Nothing is loaded from elsewhere.

use super::{
    chart::{Chart, Format, Line},
    html::Escaped,
    status::{Compute, Latency, LogLine, Status},
};
use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Warnings that are shown at once; the others are folded.
const WARNINGS: usize = 5;

/// The whole page. The nonce is the one that its Content-Security-Policy allows for style and
/// script.
pub(super) fn render(status: &Status, nonce: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n\
         <title>{} - fibrpcd at {instance}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <style nonce=\"{nonce}\">{STYLE}</style>\n\
         <script nonce=\"{nonce}\" defer>{SCRIPT}</script>\n</head>\n<body data-name=\"fibrpcd at {instance}\">\n\
         <p id=\"lost\" role=\"alert\">No answer from fibrpcd. Below is what it said last.</p>\n\
         <main>\n{}{}{}{}</main>\n<footer>{}</footer>\n</body>\n</html>\n",
        status.state,
        header(status),
        charts(status),
        warnings(status),
        details(status),
        footer(),
        instance = Escaped(&status.instance),
    )
}

fn header(status: &Status) -> String {
    let trouble = if status.configuration_good {
        ""
    } else {
        "<p class=\"bad\">The new configuration is wrong; the old one stays. See the log.</p>\n"
    };
    format!(
        "<header class=\"{}\">\n<h1>fibrpcd <small>{}</small></h1>\n\
         <p class=\"facts\">{}; up for {}, at {}</p>\n\
         <p class=\"state\"><strong>{}</strong> {}</p>\n\
         <p class=\"detail\">{}</p>\n{trouble}</header>\n",
        status.state,
        Escaped(status.version),
        Escaped(&status.instance),
        long_time(status.uptime_seconds),
        moment(&humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
        status.state,
        status.meaning,
        Escaped(&status.detail),
    )
}

#[expect(clippy::cast_precision_loss, reason = "charts are some pixels high")]
fn charts(status: &Status) -> String {
    let (requests, latency, past) = (&status.requests, &status.latency, &status.history);
    let away: Vec<_> = past.consuming.iter().map(|consuming| !consuming).collect();
    let known =
        |class, values: &[f64]| Line { class, points: values.iter().copied().map(Some).collect() };
    let times = |class, values: &[Option<u64>]| Line {
        class,
        points: values.iter().map(|at| at.map(|at| at as f64)).collect(),
    };
    let as_time = |value: f64| time(Duration::from_secs_f64(value.max(0.0) / 1e6).as_micros());
    let in_flight: Vec<_> = past.in_flight.iter().map(|count| *count as f64).collect();
    let failed = requests.failures.values().sum();
    let cards = [
        (
            "Requests",
            rate(requests.per_second, requests.total),
            vec![known("requests", &past.requests_per_second)],
            1.0,
            number as Format,
        ),
        (
            "Failures",
            rate(requests.failures_per_second, failed),
            vec![known("failures", &past.failures_per_second)],
            1.0,
            number,
        ),
        (
            "Latency",
            latencies(latency),
            vec![times("half", &past.p50_us), times("most", &past.p99_us)],
            1e3,
            as_time,
        ),
        (
            "In flight",
            big_number(
                &requests.in_flight.to_string(),
                &format!("of {} at most", requests.prefetch),
            ),
            vec![known("in-flight", &in_flight)],
            1.0,
            number,
        ),
    ];
    let card = |(name, top, lines, least, show): (&str, String, Vec<Line<'_>>, f64, Format)| {
        let chart = Chart { label: name, lines: &lines, away: &away, least, show }.html();
        format!("<section class=\"card\"><h2>{name}</h2>{top}{chart}</section>\n")
    };
    format!(
        "<div class=\"cards\">\n{}</div>\n<p class=\"note\">Shaded: not consuming. Latency is from \
         the delivery to the confirmed reply, the numbers beside it of the last minute.</p>\n",
        cards.map(card).concat()
    )
}

/// A large number, and a note beside it.
fn big_number(value: &str, note: &str) -> String {
    format!("<div class=\"top\"><p class=\"big\">{value}</p><p class=\"note\">{note}</p></div>")
}

fn rate(per_second: f64, total: u64) -> String {
    let value = format!("{} <small>/s</small>", number(per_second));
    big_number(&value, &format!("{} since the start", grouped(total)))
}

fn latencies(latency: &Latency) -> String {
    let shares = [
        ("first", "50 % in", latency.p50_us),
        ("none", "90 % in", latency.p90_us),
        ("second", "99 % in", latency.p99_us),
    ];
    let share = |(class, name, micros): (&str, &str, Option<u64>)| {
        let value = micros.map_or("–".to_owned(), time);
        format!("<div><dt class=\"{class}\">{name}</dt><dd class=\"big\">{value}</dd></div>")
    };
    format!("<div class=\"top\"><dl>{}</dl></div>", shares.map(share).concat())
}

fn details(status: &Status) -> String {
    let (requests, link) = (&status.requests, &status.link);
    let broker = [
        ("attached", format!("{} ×", grouped(link.connects))),
        ("replies confirmed", grouped(link.replies)),
        ("replies unconfirmed", link.unconfirmed.to_string()),
        ("replies to nobody", grouped(link.replies_unroutable)),
        ("replies the broker refused", grouped(link.replies_refused)),
        ("redeliveries", grouped(requests.redeliveries)),
        ("consumers the broker ended", grouped(link.consumer_cancels)),
    ];
    let failures = requests.failures.iter();
    format!(
        "<div class=\"cards three\">\n{}{}{}</div>\n",
        list(
            "Failures since the start",
            "failures",
            failures.map(|(name, count)| (*name, grouped(*count)))
        ),
        list("Broker link", "link", broker),
        large_numbers(&status.compute),
    )
}

fn list<'a>(name: &str, class: &str, rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut html = format!("<section class=\"card\"><h2>{name}</h2><dl class=\"{class}\">");
    for (name, value) in rows {
        let zero = if value == "0" { " class=\"zero\"" } else { "" };
        // Writing to a string cannot fail, here and below.
        let _ = write!(html, "<div><dt>{name}</dt><dd{zero}>{value}</dd></div>");
    }
    html + "</dl></section>\n"
}

fn large_numbers(compute: &Compute) -> String {
    let cache = [compute.cache_bytes, compute.cache_limit_bytes];
    let [cached, cache_limit] = cache.map(|count| u64::try_from(count).unwrap_or(0));
    let (reserved, memory) = (compute.memory_reserved_bytes, compute.memory_bytes);
    let with_bar =
        |text: String, part, whole| format!("{text}</dd><dd class=\"wide\">{}", bar(part, whole));
    let threads = format!("{} of {}", compute.threads_busy, compute.threads);
    let rows = [
        ("threads busy", with_bar(threads, compute.threads_busy, compute.threads)),
        (
            "memory reserved",
            with_bar(format!("{} of {}", bytes(reserved), bytes(memory)), reserved, memory),
        ),
        (
            "cache",
            with_bar(format!("{} of {}", bytes(cached), bytes(cache_limit)), cached, cache_limit),
        ),
        ("cache hits", grouped(compute.cache_hits)),
        ("cache misses", grouped(compute.cache_misses)),
    ];
    list("Large numbers", "large", rows)
}

/// A bar that shows how much of something is used.
fn bar(part: u64, whole: u64) -> String {
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0).min(100);
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" \
         aria-hidden=\"true\"><rect width=\"{percent}\" height=\"1\"/></svg>"
    )
}

fn warnings(status: &Status) -> String {
    let mut html = String::from("<section class=\"card\"><h2>Last warnings in the log</h2>\n");
    let (newest, older) = status.warnings.split_at(status.warnings.len().min(WARNINGS));
    if newest.is_empty() {
        html.push_str("<p class=\"note\">None since the start.</p>");
    } else {
        html.push_str(&log(newest));
    }
    if !older.is_empty() {
        let (count, older) = (older.len(), log(older));
        let _ = write!(html, "<details><summary>{count} before</summary>\n{older}</details>");
    }
    html + "</section>\n"
}

fn log(warnings: &[LogLine]) -> String {
    let mut html = String::from("<ol class=\"log\">\n");
    for line in warnings {
        let _ = writeln!(
            html,
            "<li class=\"{}\"><time>{}</time> <em>{}</em> <span>{}</span></li>",
            line.level,
            moment(&line.time),
            line.level,
            Escaped(&line.text)
        );
    }
    html + "</ol>\n"
}

fn footer() -> String {
    let link = |path| format!("<a href=\"{path}\">/{path}</a> ");
    ["status", "metrics", "readyz", "livez"].map(link).concat()
}

/// A time stamp of RFC 3339 as people write it.
fn moment(rfc3339: &str) -> String {
    rfc3339.replace('T', " ").replace('Z', " UTC")
}

/// With a comma before each three digits.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits or so.
fn number(value: f64) -> String {
    match value {
        0.0..1.0 => trimmed(&format!("{value:.2}")),
        1.0..99.95 => trimmed(&format!("{value:.1}")),
        _ => grouped(Duration::from_secs_f64(value.clamp(0.0, 1e15).round()).as_secs()),
    }
}

/// Without trailing zeros after the decimal point.
fn trimmed(decimal: &str) -> String {
    decimal.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Microseconds in the unit that suits them.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn time(micros: impl TryInto<u64>) -> String {
    let micros = micros.try_into().unwrap_or(u64::MAX);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{} ms", trimmed(&format!("{:.1}", micros as f64 / 1e3))),
        100_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{} s", trimmed(&format!("{:.1}", micros as f64 / 1e6))),
    }
}

fn bytes(count: u64) -> String {
    bytesize::ByteSize(count).display().iec().to_string().replace(".0 ", " ")
}

/// Seconds as days, hours and so on, the two largest.
fn long_time(seconds: u64) -> String {
    let text = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_unit_that_suits_them() {
        for (micros, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_240, "1.2 ms"),
            (99_949, "99.9 ms"),
            (250_000, "250 ms"),
            (30_000_000, "30 s"),
        ] {
            assert_eq!(time(micros), text);
        }
        let numbers = [0.0, 0.05, 0.2, 64.0, 99.94, 12345.6].map(number);
        assert_eq!(numbers, ["0", "0.05", "0.2", "64", "99.9", "12,346"]);
        let counts = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(moment("2026-01-02T03:04:05Z"), "2026-01-02 03:04:05 UTC");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(long_time(90_061), "1day 1h");
        assert_eq!(long_time(5), "5s");
    }
}
