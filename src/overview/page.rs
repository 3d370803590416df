//! The state of the daemon as a page for people.
//!
//! Complete as it is sent; a few lines of script fetch it anew every few seconds, and where there
//! is no script, the browser loads it again. Nothing comes from elsewhere.

use super::{
    spark::chart,
    status::{Past, Status},
};
use std::{
    fmt::{self, Write as _},
    time::Duration,
};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Text from a stranger, fit for HTML and for its attributes.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ch in self.0.chars() {
            match ch {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                ch => f.write_char(ch)?,
            }
        }
        Ok(())
    }
}

/// The whole page. The nonce is what its Content-Security-Policy lets style and script have.
pub(super) fn render(status: &Status, nonce: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n\
         <title>{} - fibrpcd</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <style nonce=\"{nonce}\">{STYLE}</style>\n\
         <script nonce=\"{nonce}\" defer>{SCRIPT}</script>\n</head>\n<body>\n\
         <main>\n{}{}{}{}{}</main>\n<footer>{}</footer>\n</body>\n</html>\n",
        status.state,
        header(status),
        tiles(status),
        charts(&status.history),
        failures(status),
        warnings(status),
        footer(),
    )
}

fn header(status: &Status) -> String {
    let trouble = if status.configuration_good {
        ""
    } else {
        "<p class=\"bad\">The new configuration is wrong; the old one stays. See the log.</p>\n"
    };
    format!(
        "<header>\n<h1>fibrpcd <small>{}</small></h1>\n\
         <p class=\"state {}\"><strong>{}</strong> <span>{}</span></p>\n{trouble}</header>\n",
        Escaped(status.version),
        status.state,
        status.state,
        Escaped(&status.detail),
    )
}

fn tiles(status: &Status) -> String {
    let (requests, latency, compute) = (&status.requests, &status.latency, &status.compute);
    let micros = |micros: Option<u64>| micros.map_or("-".to_owned(), time);
    let failed: u64 = requests.failures.values().sum();
    let tiles = [
        ("requests/s", number(requests.per_second), format!("{} in all", requests.total)),
        ("failures/s", number(requests.failures_per_second), format!("{failed} in all")),
        ("half within", micros(latency.p50_us), "of the last minute".to_owned()),
        ("90 % within", micros(latency.p90_us), "of the last minute".to_owned()),
        ("99 % within", micros(latency.p99_us), "of the last minute".to_owned()),
        ("in flight", requests.in_flight.to_string(), format!("of {}", requests.prefetch)),
        (
            "threads busy",
            compute.threads_busy.to_string(),
            format!("of {}, for large n", compute.threads),
        ),
        (
            "memory reserved",
            bytes(compute.memory_reserved_bytes),
            format!("of {}", bytes(compute.memory_bytes)),
        ),
        (
            "cache",
            bytes(u64::try_from(compute.cache_bytes).unwrap_or(0)),
            format!("{} hits, {} misses", compute.cache_hits, compute.cache_misses),
        ),
        (
            "attached",
            format!("{} ×", status.link.connects),
            format!("up for {}", long_time(status.uptime_seconds)),
        ),
    ];
    let tile = |(name, value, note)| {
        format!("<div><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>\n")
    };
    format!("<dl class=\"tiles\">\n{}</dl>\n", tiles.map(tile).concat())
}

/// One for each point, where there is one.
type Values = Vec<Option<f64>>;

/// Writes a value with its unit.
type Show = fn(f64) -> String;

#[expect(clippy::cast_precision_loss, reason = "charts are some pixels high")]
fn charts(past: &Past) -> String {
    let away: Vec<_> = past.consuming.iter().map(|consuming| !consuming).collect();
    let known = |values: &[f64]| values.iter().copied().map(Some).collect::<Values>();
    let micros =
        |values: &[Option<u64>]| values.iter().map(|at| at.map(|at| at as f64)).collect::<Values>();
    let as_time = |value: f64| time(Duration::from_secs_f64(value.max(0.0) / 1e6).as_micros());
    let in_flight: Vec<_> = past.in_flight.iter().map(|count| Some(*count as f64)).collect();
    let charts: [(&str, Values, Show); 5] = [
        ("requests/s", known(&past.requests_per_second), number),
        ("failures/s", known(&past.failures_per_second), number),
        ("half within", micros(&past.p50_us), as_time),
        ("99 % within", micros(&past.p99_us), as_time),
        ("in flight", in_flight, number),
    ];
    let mut html = String::from("<section class=\"charts\">\n");
    for (name, points, show) in charts {
        let most = points.iter().flatten().copied().reduce(f64::max);
        let most = most.map_or("nothing yet".to_owned(), |most| format!("at most {}", show(most)));
        let label = format!("{name}, last 15 minutes: {most}");
        // Writing to a string cannot fail.
        let _ = writeln!(
            html,
            "<figure><figcaption>{name} <small>{most}</small></figcaption>{}</figure>",
            chart(&label, &points, &away)
        );
    }
    html + "</section>\n<p class=\"note\">The last 15 minutes, now at the right; shaded: not \
            consuming.</p>\n"
}

fn failures(status: &Status) -> String {
    let (requests, link) = (&status.requests, &status.link);
    let others = [
        ("redeliveries", requests.redeliveries),
        ("replies to nobody", link.replies_unroutable),
        ("replies the broker refused", link.replies_refused),
    ];
    let failures = requests.failures.iter().map(|(name, count)| (*name, *count));
    let mut rows = String::new();
    for (name, count) in failures.chain(others).filter(|(_, count)| *count > 0) {
        let _ = writeln!(rows, "<tr><td>{name}</td><td>{count}</td></tr>");
    }
    if rows.is_empty() {
        return "<h2>Failures</h2>\n<p>None since the start.</p>\n".to_owned();
    }
    format!("<h2>Failures since the start</h2>\n<table>\n{rows}</table>\n")
}

fn warnings(status: &Status) -> String {
    if status.warnings.is_empty() {
        return "<h2>Warnings in the log</h2>\n<p>None since the start.</p>\n".to_owned();
    }
    let mut html = String::from("<h2>Last warnings in the log</h2>\n<ol class=\"log\">\n");
    for told in &status.warnings {
        let _ = writeln!(
            html,
            "<li class=\"{}\"><time>{}</time> {} <span>{}</span></li>",
            told.level,
            told.time,
            told.level,
            Escaped(&told.text)
        );
    }
    html + "</ol>\n"
}

fn footer() -> String {
    let link = |path| format!("<a href=\"{path}\">/{path}</a> ");
    ["status", "metrics", "readyz", "livez"].map(link).concat()
}

/// Three digits or so.
fn number(value: f64) -> String {
    match value {
        value if value >= 99.95 || value.fract() == 0.0 => format!("{value:.0}"),
        value => format!("{value:.1}"),
    }
}

/// Microseconds in the unit that suits them.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn time(micros: impl TryInto<u64>) -> String {
    let micros = micros.try_into().unwrap_or(u64::MAX);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{:.1} ms", micros as f64 / 1e3),
        100_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

fn bytes(count: u64) -> String {
    bytesize::ByteSize(count).display().iec().to_string()
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
    fn strangers_say_nothing_in_html() {
        let said = Escaped("<script>alert('\"&')</script>").to_string();
        assert_eq!(said, "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;");
    }

    #[test]
    fn values_have_the_unit_that_suits_them() {
        for (micros, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_240, "1.2 ms"),
            (99_949, "99.9 ms"),
            (250_000, "250 ms"),
            (30_000_000, "30.0 s"),
        ] {
            assert_eq!(time(micros), text);
        }
        let numbers = [0.0, 0.2, 64.0, 99.94, 12345.6].map(number);
        assert_eq!(numbers, ["0", "0.2", "64", "99.9", "12346"]);
        assert_eq!(bytes(64 << 20), "64.0 MiB");
        assert_eq!(long_time(90_061), "1day 1h");
        assert_eq!(long_time(5), "5s");
    }
}
