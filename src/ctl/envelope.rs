//! Requests as JSON, an object a line.

use super::base64;
use crate::{
    cli::set_property,
    mistakes::{nearest, shown_name},
    wire::{Header, Properties},
};
use serde_json::{Map, Value};

/// What a request may have, beside its properties.
const FIELDS: [&str; 4] = ["body", "body_base64", "headers", "id"];

/// The properties, by their names in JSON.
const PROPERTIES: [&str; 11] = [
    "type",
    "content_type",
    "content_encoding",
    "delivery_mode",
    "priority",
    "correlation_id",
    "expiration",
    "message_id",
    "timestamp",
    "user_id",
    "app_id",
];

/// What a line says, and its `id`: what the answer is to have, too.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Envelope<T> {
    pub(super) id: Option<Value>,
    pub(super) content: T,
}

/// What is wrong with a line.
pub(super) type Refused = Envelope<String>;

/// The body and the properties of a request; those that the line does not set are as they were.
pub(super) fn request(
    line: &str,
    mut properties: Properties,
) -> Result<Envelope<(Vec<u8>, Properties)>, Refused> {
    read(line, |object| {
        let mut body = None;
        for (name, value) in object {
            match name.as_str() {
                "id" => {}
                "body" => {
                    let text = value.as_str().ok_or(
                        "body: expected a string; JSON is sent as a string, too (jq: tojson)",
                    )?;
                    body = Some(text.as_bytes().to_vec());
                }
                "body_base64" => {
                    let bytes = value.as_str().and_then(base64::decode);
                    body = Some(bytes.ok_or("body_base64: expected a string of padded base64")?);
                }
                "headers" => set_headers(&mut properties.headers, value)?,
                name => set(&mut properties, name, value)?,
            }
        }
        if object.contains_key("body") && object.contains_key("body_base64") {
            return Err("there are body and body_base64; give one of them".to_owned());
        }
        Ok((body.unwrap_or_default(), properties))
    })
}

/// The number of a call.
pub(super) fn number(line: &str) -> Result<Envelope<String>, Refused> {
    const EXPECTED: &str = "n: expected an integer, or a string where it has more than 64 bits";
    read(line, |object| {
        if let Some(name) = object.keys().find(|name| !["n", "id"].contains(&name.as_str())) {
            return Err(format!("{}: unknown field; there are n and id", shown_name(name)));
        }
        match object.get("n") {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string()),
            Some(_) => Err(EXPECTED.to_owned()),
            None => Err("n is missing".to_owned()),
        }
    })
}

/// Reads a line; `null` is the same as nothing.
fn read<T>(
    line: &str,
    content: impl FnOnce(&Map<String, Value>) -> Result<T, String>,
) -> Result<Envelope<T>, Refused> {
    let refused = |id, content| Envelope { id, content };
    let mut object = match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(refused(None, "expected a JSON object".to_owned())),
        Err(error) => {
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            let column = error.column();
            return Err(refused(None, format!("not JSON: {message} (column {column})")));
        }
    };
    object.retain(|_, value| !value.is_null());
    let id = object.get("id").cloned();
    match content(&object) {
        Ok(content) => Ok(Envelope { id, content }),
        Err(message) => Err(refused(id, message)),
    }
}

/// Sets a property; its name may be that of no property.
fn set(properties: &mut Properties, name: &str, value: &Value) -> Result<(), String> {
    if !PROPERTIES.contains(&name) {
        let shown = shown_name(name);
        let known = || FIELDS.into_iter().chain(PROPERTIES);
        let advice = match nearest(name, known()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
        };
        return Err(format!("{shown}: unknown field; {advice}"));
    }
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err(format!("{name}: expected a string or a number")),
    };
    set_property(properties, &format!("{name}={value}")).map_err(|error| format!("{name}: {error}"))
}

/// Puts headers over those that are there.
fn set_headers(headers: &mut Vec<(String, Header)>, value: &Value) -> Result<(), String> {
    let object = value.as_object().ok_or("headers: expected an object")?;
    for (name, value) in object {
        let value = match value {
            Value::String(text) => Header::Text(text.clone()),
            Value::Bool(truth) => Header::Bool(*truth),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Header::Integer(integer),
                (None, Some(float)) if number.is_f64() => Header::Float(float),
                _ => return Err(format!("headers.{}: the number is too large", shown_name(name))),
            },
            _ => {
                let name = shown_name(name);
                return Err(format!("headers.{name}: expected a string, a number, true or false"));
            }
        };
        headers.retain(|(other, _)| other != name);
        headers.push((name.clone(), value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_sets_everything_over_what_all_lines_have() {
        let all = Properties {
            app_id: Some("all".into()),
            kind: Some("all".into()),
            headers: vec![("a".into(), "all".into()), ("b".into(), "all".into())],
            ..Properties::default()
        };
        let line = r#"{"id":[1,{}],"body":"b\u00e9","type":"t","priority":9,"timestamp":7,
            "delivery_mode":"persistent","content_type":null,
            "headers":{"a":"own","i":-5,"f":0.5,"t":true}}"#;
        let Envelope { id, content: (body, said) } = request(line, all).unwrap();
        assert_eq!((id.unwrap().to_string(), body.as_slice()), ("[1,{}]".into(), "bé".as_bytes()));
        let texts = (said.kind.as_deref(), said.app_id.as_deref(), said.content_type);
        assert_eq!(texts, (Some("t"), Some("all"), None));
        let numbers = (said.priority, said.timestamp, said.delivery_mode);
        assert_eq!(numbers, (Some(9), Some(7), Some(2)));
        let of = |name| said.headers.iter().find(|(other, _)| other == name).unwrap().1.clone();
        let headers = [
            "own".into(),
            "all".into(),
            Header::Integer(-5),
            Header::Float(0.5),
            Header::Bool(true),
        ];
        assert_eq!(["a", "b", "i", "f", "t"].map(of), headers);
        let line = r#"{"body_base64":"//79"}"#;
        assert_eq!(request(line, Properties::default()).unwrap().content.0, [0xFF, 0xFE, 0xFD]);
        assert!(request("{}", Properties::default()).unwrap().content.0.is_empty());
    }

    #[test]
    fn a_line_that_is_no_request_says_why_and_keeps_its_id() {
        for (line, says) in [
            ("", "not JSON: EOF while parsing a value (column 0)"),
            (r#"{"body":}"#, "not JSON: expected value (column 9)"),
            ("[]", "expected a JSON object"),
            (r#"{"boddy":"x"}"#, "boddy: unknown field; did you mean body?"),
            (r#"{"content-type":"x"}"#, "did you mean content_type?"),
            (r#"{"zzz":1}"#, "there are body, body_base64, headers, id, type"),
            (r#"{"body":{"a":1}}"#, "body: expected a string"),
            (r#"{"body_base64":"x"}"#, "padded base64"),
            (r#"{"body":"","body_base64":""}"#, "give one of them"),
            (r#"{"headers":[]}"#, "headers: expected an object"),
            (r#"{"headers":{"a":[]}}"#, "headers.a: expected a string, a number"),
            (r#"{"headers":{"a":9223372036854775808}}"#, "headers.a: the number is too large"),
            (r#"{"priority":256}"#, "priority: expected a priority of 0 to 255"),
            (r#"{"priority":true}"#, "priority: expected a string or a number"),
            (r#"{"reply_to":"q"}"#, "reply_to: unknown field"),
        ] {
            let message = request(line, Properties::default()).unwrap_err().content;
            assert!(message.contains(says), "{line}: {message}");
        }
        let error = request(r#"{"id":7,"boddy":"x"}"#, Properties::default()).unwrap_err();
        assert_eq!(error.id, Some(7.into()));
    }

    #[test]
    fn the_number_of_a_call_is_sent_as_it_is() {
        for (line, n) in [
            (r#"{"n":30}"#, "30"),
            (r#"{"n":-1,"id":null}"#, "-1"),
            (r#"{"n":" 3x","id":1}"#, " 3x"),
            (r#"{"n":18446744073709551615}"#, "18446744073709551615"),
        ] {
            assert_eq!(number(line).unwrap().content, n);
        }
        for (line, says) in [
            ("{}", "n is missing"),
            (r#"{"n":1.5}"#, "n: expected an integer"),
            (r#"{"n":18446744073709551616}"#, "a string where it has more than 64 bits"),
            (r#"{"n":1,"body":""}"#, "body: unknown field; there are n and id"),
        ] {
            assert!(number(line).unwrap_err().content.contains(says), "{line}");
        }
    }
}
