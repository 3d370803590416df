//! What `fibrpcctl request` prints of a reply.

use super::{
    base64,
    input::InputError,
    output::{Output, known_as, status},
    verdict::verdict,
};
use crate::{
    client::{CallError, Reply},
    text::{escaped, is_treacherous},
    wire::{Header, Properties},
};
use serde_json::{Map, Value};

/// How replies are printed, beside their format.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) raw: bool,
    pub(super) include: bool,
    /// Each on one line, and by the number of its request.
    pub(super) lines: bool,
}

/// Prints a reply.
pub(super) fn reply(
    output: &mut Output,
    shape: Shape,
    (number, id): (u64, Option<&Value>),
    reply: &Reply,
) {
    if shape.raw {
        return output.raw(&reply.body);
    }
    if output.is_json() {
        let mut object = started(shape, number, id);
        object.insert("status".into(), "OK".into());
        object.insert("seconds".into(), reply.elapsed.as_secs_f64().into());
        match str::from_utf8(&reply.body) {
            Ok(text) => object.insert("body".into(), text.into()),
            Err(_) => object.insert("body_base64".into(), base64::encode(&reply.body).into()),
        };
        object.insert("properties".into(), Value::Object(properties_object(&reply.properties)));
        return output.json(object);
    }
    if shape.include {
        for line in properties_lines(&reply.properties) {
            output.line(escaped(&line).as_bytes());
        }
        output.line(b"");
    }
    let text = String::from_utf8_lossy(&reply.body);
    if shape.lines {
        output.line(escaped(&text).as_bytes());
    } else {
        output.line(harmless(text.strip_suffix('\n').unwrap_or(&text)).as_bytes());
    }
    if !shape.lines && str::from_utf8(&reply.body).is_err() {
        output.tell().complain("the reply is no text; --raw writes it as it is");
    }
}

/// Prints why there is no reply, and what to do.
pub(super) fn failed(
    output: &mut Output,
    shape: Shape,
    (number, id, correlation_id): (u64, Option<&Value>, &str),
    error: &CallError,
    unmatched: u64,
) {
    let hint = hint(error, unmatched);
    if output.is_json() && !shape.raw {
        let mut object = started(shape, number, id);
        object.insert("status".into(), status(error).into());
        object.insert("error".into(), error.to_string().into());
        object.insert("hint".into(), hint.into());
        object.insert("correlation_id".into(), correlation_id.into());
        return output.json(object);
    }
    let place = if shape.lines { format!("request {number}: ") } else { String::new() };
    let known_as = known_as(error, correlation_id);
    output.tell().complain(&format!("{place}{error}{known_as}"));
    output.hint(&hint);
}

/// Prints why a line is no request.
pub(super) fn refused(
    output: &mut Output,
    shape: Shape,
    (number, id): (u64, Option<&Value>),
    why: String,
) {
    let error = InputError::Refused { line: number, why };
    if output.is_json() && !shape.raw {
        let mut object = started(shape, number, id);
        object.insert("status".into(), "BAD_INPUT".into());
        object.insert("error".into(), error.to_string().into());
        object.insert("hint".into(), error.hint().into());
        return output.json(object);
    }
    output.tell().complain(&error.to_string());
    output.hint(error.hint());
}

/// What every object has: which request it is for, where there are several.
fn started(shape: Shape, number: u64, id: Option<&Value>) -> Map<String, Value> {
    let mut object = Map::new();
    if shape.lines {
        object.insert("line".into(), number.into());
    }
    if let Some(id) = id {
        object.insert("id".into(), id.clone());
    }
    object
}

/// What to do; a reply that was nobody's may be the one that is missing.
fn hint(error: &CallError, unmatched: u64) -> String {
    match error {
        CallError::TimedOut(_) | CallError::NoConsumer { .. } if unmatched > 0 => format!(
            "{unmatched} replies had no correlation id of ours: a server has to send back that of \
             the request"
        ),
        error => verdict(error).hint.to_owned(),
    }
}

/// Text that cannot drive a terminal, with its line breaks and tabs.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        if is_treacherous(ch) && ch != '\n' && ch != '\t' {
            out.extend(ch.escape_default());
        } else {
            out.push(ch);
        }
    }
    out
}

fn properties_lines(properties: &Properties) -> Vec<String> {
    let texts = properties.texts().into_iter();
    let texts = texts.filter_map(|(name, text)| Some(format!("{name}: {}", text?)));
    let numbers = properties.numbers().into_iter();
    let numbers = numbers.filter_map(|(name, number)| Some(format!("{name}: {}", number?)));
    let headers = properties.headers.iter().map(|(name, value)| {
        let value = match header_value(value) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        format!("headers.{name}: {value}")
    });
    texts.chain(numbers).chain(headers).collect()
}

fn properties_object(properties: &Properties) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, text) in properties.texts() {
        if let Some(text) = text {
            object.insert(name.replace('-', "_"), text.into());
        }
    }
    for (name, number) in properties.numbers() {
        if let Some(number) = number {
            object.insert(name.replace('-', "_"), number.into());
        }
    }
    let headers = properties.headers.iter();
    let headers: Map<_, _> =
        headers.map(|(name, value)| (name.clone(), header_value(value))).collect();
    object.insert("headers".into(), Value::Object(headers));
    object
}

fn header_value(header: &Header) -> Value {
    match header {
        Header::Text(text) => text.as_str().into(),
        Header::Bytes(bytes) => bytes.escape_ascii().to_string().into(),
        Header::Integer(number) => (*number).into(),
        Header::Float(number) => (*number).into(),
        Header::Bool(truth) => (*truth).into(),
        Header::Timestamp(seconds) => (*seconds).into(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_lines_and_drives_no_terminal() {
        assert_eq!(harmless("{\n\t\"a\": 1\r\n}"), "{\n\t\"a\": 1\\r\n}");
        assert_eq!(harmless("\u{1b}[2J\u{202e}"), "\\u{1b}[2J\\u{202e}");
    }
}
