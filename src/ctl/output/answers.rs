//! The answers to numbers, pings and questions about the server, and why there is none.

use super::{Output, insert_error, known_as, status};
use crate::{
    cli::{OutputFormat, advice_for_number},
    client::{CallError, Pong},
    ctl::{input::InputError, stats::Stats, verdict::verdict},
    text::{escaped, excerpt},
    wire::Status,
};
use serde_json::{Map, Value};
use std::time::Duration;

/// Most bytes of a number that are shown again.
const MAX_NUMBER: usize = 60;

/// Most bytes of an answer to a ping that are shown.
pub(in crate::ctl) const MOST_OF_ANSWER: usize = 60;

impl Output {
    /// F(n).
    pub(in crate::ctl) fn answer(
        &mut self,
        number: &str,
        id: Option<Value>,
        digits: &[u8],
        elapsed: Duration,
    ) {
        match self.format {
            OutputFormat::Plain if digits.iter().all(u8::is_ascii_digit) => self.line(digits),
            // Whatever it is, it came from a stranger.
            OutputFormat::Plain => self.line(escaped(&String::from_utf8_lossy(digits)).as_bytes()),
            OutputFormat::Json => {
                let mut object = call_object(number, id, "OK", elapsed);
                object.insert("result".into(), text(digits));
                self.json(object);
            }
        }
    }

    /// Why there is no F(n).
    pub(in crate::ctl) fn call_failed(
        &mut self,
        number: &str,
        (id, correlation_id): (Option<Value>, &str),
        error: &CallError,
        elapsed: Duration,
    ) {
        let is_no_number = status(error) == Status::InvalidArgument.name();
        let advice = advice_for_number(number).filter(|_| is_no_number);
        match self.format {
            OutputFormat::Plain => {
                let number = excerpt(number.as_bytes(), MAX_NUMBER);
                let known_as = known_as(error, correlation_id);
                self.teller.complain(&format!("call {number}: {error}{known_as}"));
                self.hint(advice.unwrap_or(verdict(error).hint));
            }
            OutputFormat::Json => {
                let mut object = call_object(number, id, status(error), elapsed);
                insert_error(&mut object, error);
                if let Some(advice) = advice {
                    object.insert("hint".into(), advice.into());
                }
                object.insert("correlation_id".into(), correlation_id.into());
                self.json(object);
            }
        }
    }

    /// Why a line of standard input was not sent.
    pub(in crate::ctl) fn bad_input(&mut self, error: &InputError, id: Option<Value>) {
        match self.format {
            OutputFormat::Plain => {
                self.teller.complain(&error.to_string());
                self.hint(error.hint());
            }
            OutputFormat::Json => {
                let mut object = Map::new();
                if let Some(id) = id {
                    object.insert("id".into(), id);
                }
                object.insert("status".into(), "BAD_INPUT".into());
                object.insert("error".into(), error.to_string().into());
                object.insert("hint".into(), error.hint().into());
                self.json(object);
            }
        }
    }

    /// The answer to a ping, and what it is where it is no pong.
    pub(in crate::ctl) fn pong(&mut self, pong: &Pong) {
        let elapsed = pong.elapsed;
        match self.format {
            OutputFormat::Plain => self.line(
                match pong.instead.as_deref().map(|answer| excerpt(answer, MOST_OF_ANSWER)) {
                    None => format!("{} after {elapsed:.1?}", self.good("pong")),
                    Some(answer) => format!(
                        "\"{answer}\" after {elapsed:.1?}: a server that does not know ping"
                    ),
                }
                .as_bytes(),
            ),
            OutputFormat::Json => {
                let mut object = Map::new();
                object.insert("status".into(), "OK".into());
                object.insert("seconds".into(), elapsed.as_secs_f64().into());
                object.insert("answer".into(), answer_to_ping(pong));
                self.json(object);
            }
        }
    }

    /// What the server says of itself: as JSON, or a line for each thing in it.
    pub(in crate::ctl) fn info(&mut self, info: Map<String, Value>) {
        match self.format {
            OutputFormat::Plain => self.lines_of("", &info),
            OutputFormat::Json => self.json(info),
        }
    }

    /// What the server has done: as JSON, or as a table.
    pub(in crate::ctl) fn stats(&mut self, stats: Map<String, Value>) {
        match (self.format, Stats::read(&stats)) {
            (OutputFormat::Plain, Some(stats)) => {
                stats.table().iter().for_each(|line| self.shown(line));
            }
            (OutputFormat::Plain, None) => self.lines_of("", &stats),
            (OutputFormat::Json, _) => self.json(stats),
        }
    }

    fn lines_of(&mut self, prefix: &str, object: &Map<String, Value>) {
        for (key, value) in object {
            let text = match value {
                Value::Object(inner) => {
                    self.lines_of(&format!("{prefix}{key}."), inner);
                    continue;
                }
                Value::String(text) => text.clone(),
                Value::Array(items) => {
                    let items = items.iter().map(|item| item.as_str().unwrap_or("?"));
                    items.collect::<Vec<_>>().join(", ")
                }
                other => other.to_string(),
            };
            self.line(escaped(&format!("{prefix}{key}: {text}")).as_bytes());
        }
    }
}

fn call_object(
    number: &str,
    id: Option<Value>,
    status: &str,
    elapsed: Duration,
) -> Map<String, Value> {
    let mut object = Map::new();
    if let Some(id) = id {
        object.insert("id".into(), id);
    }
    let number = if number.len() > MAX_NUMBER {
        excerpt(number.as_bytes(), MAX_NUMBER)
    } else {
        number.to_owned()
    };
    object.insert("n".into(), number.into());
    object.insert("status".into(), status.into());
    object.insert("seconds".into(), elapsed.as_secs_f64().into());
    object
}

/// What was answered to a ping, for an object.
pub(in crate::ctl) fn answer_to_ping(pong: &Pong) -> Value {
    pong.instead.as_deref().map_or_else(|| "pong".into(), beginning)
}

/// The start of an answer, for an object: as it is, but for what is no text.
pub(in crate::ctl) fn beginning(answer: &[u8]) -> Value {
    text(answer.get(..MOST_OF_ANSWER).unwrap_or(answer))
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}
