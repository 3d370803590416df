//! A verdict as monitoring systems read it.

use super::{
    super::output::Output,
    verdict::{Judged, State, Value, Verdict},
};
use crate::cli::{CheckFormat, Comparison, Condition, CtlOptions, Unit, plugin_text};
use serde_json::{Map, json};
use std::fmt::Write as _;

pub(super) fn verdict(verdict: &Verdict, options: &CtlOptions, output: &mut Output) {
    match options.check_format() {
        CheckFormat::Nagios => {
            let figures: Vec<_> = verdict.judged.iter().map(figure).collect();
            let text = plugin_text(verdict.state.name(), &verdict.reasons.join("; "));
            output.line(format!("{text} | {}", figures.join(" ")).as_bytes());
        }
        CheckFormat::Json => output.json(object(verdict)),
        CheckFormat::Prometheus => {
            metrics(verdict).lines().for_each(|line| output.line(line.as_bytes()));
        }
    }
}

/// The verdict where nothing could be asked at all.
pub(in super::super) fn unknown(why: &str, options: &CtlOptions, output: &mut Output) {
    let (state, reasons) = (State::Unknown, vec![why.to_owned()]);
    let nothing = Verdict { queue: options.queue.clone(), state, reasons, judged: Vec::new() };
    if options.check_format() == CheckFormat::Nagios {
        output.line(plugin_text(state.name(), why).as_bytes());
    } else {
        verdict(&nothing, options, output);
        output.tell().complain(why);
    }
}

/// As the guidelines for plugins have it: 'label'=value[UOM];[warn];[crit]
/// (<https://www.monitoring-plugins.org/doc/guidelines.html#AEN200>).
fn figure(judged: &Judged) -> String {
    let unit = match judged.figure.unit() {
        Unit::Count => "",
        Unit::Seconds => "s",
        Unit::Share => "%",
    };
    let scale = if unit == "%" { 100.0 } else { 1.0 };
    let value = match judged.value {
        Value::Known(value) => format!("{}{unit}", number(value * scale)),
        Value::Nothing | Value::Unknown => "U".to_owned(),
    };
    let limit = |condition: Option<Condition>| condition.map(|it| range(it, scale));
    let (warn, crit) = (limit(judged.warn), limit(judged.crit));
    let limits = format!(";{};{}", warn.unwrap_or_default(), crit.unwrap_or_default());
    format!("{}={value}{}", judged.figure.name(), limits.trim_end_matches(';'))
}

/// The range outside of which, or with `@` within which, a condition is met.
fn range(condition: Condition, scale: f64) -> String {
    let bound = number(condition.bound * scale);
    match condition.comparison {
        Comparison::Above => bound,
        Comparison::AtLeast => format!("@{bound}:"),
        Comparison::Below => format!("{bound}:"),
        Comparison::AtMost => format!("@~:{bound}"),
        Comparison::Equal => format!("@{bound}:{bound}"),
        Comparison::Unequal => format!("{bound}:{bound}"),
    }
}

/// To a millionth, and never in the form 1e-7.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn object(verdict: &Verdict) -> Map<String, serde_json::Value> {
    let mut object = Map::new();
    object.insert("state".into(), verdict.state.name().into());
    object.insert("code".into(), (verdict.exit() as u8).into());
    object.insert("reasons".into(), json!(verdict.reasons));
    object.insert("queue".into(), verdict.queue.as_str().into());
    for judged in &verdict.judged {
        object.insert(series(judged), known(judged.value).map_or(json!(null), number_of));
    }
    object
}

/// A whole number where it is one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts, and such as are whole, of 53 bits at most"
)]
fn number_of(value: f64) -> serde_json::Value {
    if value.fract() == 0.0 { json!(value as u64) } else { json!(value) }
}

fn known(value: Value) -> Option<f64> {
    match value {
        Value::Known(value) => Some(value),
        Value::Nothing | Value::Unknown => None,
    }
}

/// The figure's name, with its unit.
fn series(judged: &Judged) -> String {
    let unit = match judged.figure.unit() {
        Unit::Count => "",
        Unit::Seconds => "_seconds",
        Unit::Share => "_ratio",
    };
    format!("{}{unit}", judged.figure.name())
}

/// The text format of Prometheus. What is not known has no series.
fn metrics(verdict: &Verdict) -> String {
    let mut label = String::new();
    for ch in verdict.queue.chars() {
        match ch {
            '\\' | '"' => label.extend(['\\', ch]),
            '\n' => label.push_str("\\n"),
            ch => label.push(ch),
        }
    }
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        let _ = writeln!(text, "{name}{{queue=\"{label}\"}} {value}");
    };
    let states = "The verdict: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.";
    gauge("fibrpcctl_status", states, (verdict.exit() as u8).to_string());
    for judged in &verdict.judged {
        if let Some(value) = known(judged.value) {
            let name = format!("fibrpcctl_status_{}", series(judged));
            gauge(&name, judged.figure.help(), number(value));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Figure;

    fn judged(figure: Figure, value: Value, crit: Option<(Comparison, f64)>) -> Judged {
        let crit = crit.map(|(comparison, bound)| Condition { figure, comparison, bound });
        Judged { figure, value, warn: None, crit }
    }

    #[test]
    fn ranges_are_those_of_the_guidelines() {
        for (comparison, expected) in [
            (Comparison::Above, "age=1.5s;;2.5"),
            (Comparison::AtLeast, "age=1.5s;;@2.5:"),
            (Comparison::Below, "age=1.5s;;2.5:"),
            (Comparison::AtMost, "age=1.5s;;@~:2.5"),
            (Comparison::Equal, "age=1.5s;;@2.5:2.5"),
            (Comparison::Unequal, "age=1.5s;;2.5:2.5"),
        ] {
            let judged = judged(Figure::Age, Value::Known(1.5), Some((comparison, 2.5)));
            assert_eq!(figure(&judged), expected);
        }
        let share = judged(Figure::Errors, Value::Known(0.05), Some((Comparison::Above, 0.1)));
        assert_eq!(figure(&share), "errors=5%;;10");
        assert_eq!(figure(&judged(Figure::P99, Value::Nothing, None)), "p99=U");
        assert_eq!(figure(&judged(Figure::Ping, Value::Known(3e-7), None)), "ping=0s");
        assert_eq!(figure(&judged(Figure::Depth, Value::Known(1e9), None)), "depth=1000000000");
    }

    #[test]
    fn a_queue_can_have_any_name() {
        let judged = vec![judged(Figure::Depth, Value::Known(0.0), None)];
        let queue = "a\"b\\c\n|d".to_owned();
        let verdict = Verdict { queue, state: State::Ok, reasons: Vec::new(), judged };
        let text = metrics(&verdict);
        assert!(text.ends_with("fibrpcctl_status_depth{queue=\"a\\\"b\\\\c\\n|d\"} 0\n"), "{text}");
    }
}
