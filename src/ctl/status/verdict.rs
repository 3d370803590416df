//! What the conditions make of the findings.

use super::findings::{Answers, Findings, Http, Server};
use crate::{
    cli::{Condition, Figure, StatusArgs},
    client::CallError,
    exit::Exit,
};

/// The states of plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warning,
    Critical,
    Unknown,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Known(f64),
    /// There is none, such as a latency where there was no request. No condition is met.
    Nothing,
    /// It could not be found out.
    Unknown,
}

/// A figure, and the first condition about it of each kind.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) figure: Figure,
    pub(super) value: Value,
    pub(super) warn: Option<Condition>,
    pub(super) crit: Option<Condition>,
}

#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) queue: String,
    pub(super) state: State,
    /// Why it is not OK; else what there is.
    pub(super) reasons: Vec<String>,
    pub(super) judged: Vec<Judged>,
}

impl Verdict {
    pub(super) fn of(args: &StatusArgs, findings: &Findings) -> Self {
        let (warn, crit) = (args.warn(), args.crit());
        let mut critical = Vec::from_iter(outright(findings));
        critical.extend(met(&crit, findings));
        let warnings = met(warn, findings);
        let unknown = unknown(warn.iter().chain(&crit), findings);
        let (state, reasons) = match (critical.is_empty(), warnings.is_empty(), unknown.is_empty())
        {
            (false, ..) => (State::Critical, [critical, warnings].concat()),
            (_, false, _) => (State::Warning, warnings),
            (.., false) => (State::Unknown, unknown),
            _ => (State::Ok, vec![well(findings)]),
        };
        let first = |conditions: &[Condition], figure| {
            conditions.iter().find(|condition| condition.figure == figure).copied()
        };
        let judged = Figure::ALL.map(|figure| Judged {
            figure,
            value: value(figure, findings),
            warn: first(warn, figure),
            crit: first(&crit, figure),
        });
        Self { queue: findings.queue.clone(), state, reasons, judged: judged.into() }
    }

    pub(super) fn exit(&self) -> Exit {
        match self.state {
            State::Ok => Exit::Ok,
            State::Warning => Exit::CHECK_WARNING,
            State::Critical => Exit::CHECK_CRITICAL,
            State::Unknown => Exit::CHECK_UNKNOWN,
        }
    }
}

/// What is CRITICAL whatever the conditions are: no call can be answered. That nobody consumes is
/// not, as a condition may say.
fn outright(findings: &Findings) -> Option<String> {
    let error = findings.failure()?;
    let expected =
        matches!(error, CallError::NoServer(_)) && matches!(findings.server, Server::NotAsked);
    (!expected).then(|| error.to_string())
}

fn met(conditions: &[Condition], findings: &Findings) -> Vec<String> {
    let met = conditions.iter().filter_map(|condition| {
        let Value::Known(value) = value(condition.figure, findings) else { return None };
        let figure = condition.figure;
        condition
            .holds(value)
            .then(|| format!("{} is {} (limit: {condition})", figure.name(), figure.show(value)))
    });
    met.collect()
}

/// What was asked for and could not be found out.
fn unknown<'a>(
    conditions: impl Iterator<Item = &'a Condition>,
    findings: &Findings,
) -> Vec<String> {
    let mut names: Vec<_> = conditions
        .filter(|condition| value(condition.figure, findings) == Value::Unknown)
        .map(|condition| condition.figure.name())
        .collect();
    names.dedup();
    let mut unknown = Vec::new();
    if !names.is_empty() {
        let why = match &findings.server {
            Server::NotAsked => "nobody consumes",
            _ => "the server does not say",
        };
        unknown.push(format!("not known: {} ({why})", names.join(", ")));
    }
    if let Some(Http { url, answer: Err(why) }) = &findings.http {
        unknown.push(format!("{url}: {why}"));
    }
    unknown
}

fn well(findings: &Findings) -> String {
    let known = [Figure::Depth, Figure::Consumers, Figure::Ping].map(|figure| {
        match value(figure, findings) {
            Value::Known(value) => format!("{} {}", figure.name(), figure.show(value)),
            _ => format!("{} not known", figure.name()),
        }
    });
    format!("{}: {}", findings.queue, known.join(", "))
}

fn value(figure: Figure, findings: &Findings) -> Value {
    let broker = findings.broker.as_ref();
    let answers = match &findings.server {
        Server::Answers(answers) => Some(answers),
        _ => None,
    };
    let known = |value: Option<f64>| value.map_or(Value::Unknown, Value::Known);
    match figure {
        Figure::Depth => {
            let queue = broker.ok().and_then(|broker| broker.queue);
            known(queue.map(|queue| queue.messages.into()))
        }
        Figure::Consumers => known(
            broker.ok().map(|broker| broker.queue.map_or(0.0, |queue| queue.consumers.into())),
        ),
        Figure::Ping => known(answers.map(|answers| answers.ping.as_secs_f64())),
        _ => answers.map_or(Value::Unknown, |answers| of_server(figure, answers)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn of_server(figure: Figure, answers: &Answers) -> Value {
    let Some(stats) = &answers.read else { return Value::Unknown };
    let recent = stats.recent.as_ref();
    let seconds = |micros: Option<u64>| {
        micros.map_or(Value::Nothing, |micros| Value::Known(micros as f64 / 1e6))
    };
    match figure {
        Figure::InFlight => {
            stats.in_flight.map_or(Value::Unknown, |count| Value::Known(count as f64))
        }
        Figure::Age => Value::Known(stats.oldest_seconds.unwrap_or_default()),
        Figure::P50 => seconds(recent.and_then(|recent| recent.p50_us)),
        Figure::P99 => seconds(recent.and_then(|recent| recent.p99_us)),
        Figure::Errors => match recent {
            Some(recent) if recent.requests > 0 => {
                Value::Known(recent.failures as f64 / recent.requests as f64)
            }
            _ => Value::Nothing,
        },
        Figure::Depth | Figure::Consumers | Figure::Ping => Value::Unknown,
    }
}
