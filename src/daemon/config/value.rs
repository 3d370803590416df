//! Checks one value against the kind of its key.

use super::schema::Kind;
use crate::{
    broker_uri::BrokerUri,
    mistakes::{nearest, parser_message, quoted, type_name},
    wire::{QueueNameError, check_queue_name},
};
use figment::value::Value;
use std::{borrow::Cow, net::SocketAddr, ops::RangeInclusive, time::Duration};
use toml::{
    Spanned,
    de::{DeArray, DeInteger, DeValue},
};
use url::Url;

/// A value as its source has it.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    /// From the environment or an option.
    Text(&'a str),
    /// From the file.
    Toml(&'a DeValue<'a>),
}

/// What is wrong with a value.
pub(super) struct Fault {
    pub(super) message: String,
    /// Where in the file, if at a part of the value.
    pub(super) offset: Option<usize>,
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self { message, offset: None }
    }
}

/// The value for figment, or all that is wrong with it.
pub(super) fn check(kind: Kind, raw: Raw<'_>) -> Result<Value, Vec<Fault>> {
    let checked = match kind {
        Kind::Uris => return uris(raw),
        Kind::Queue => queue(raw),
        Kind::Word(words) => word(words, raw),
        Kind::Integer { min, max, zero } => integer(min, max, zero, raw),
        Kind::Duration { min, max, whole_seconds } => duration(min..=max, whole_seconds, raw),
        Kind::Size { min, max } => size(min..=max, raw),
        Kind::Address => address(raw),
        Kind::File => file(raw),
        Kind::Collector => collector(raw, cfg!(feature = "otlp")),
        Kind::Ratio => ratio(raw),
    };
    checked.map_err(|remark| {
        let (expected, found) = (kind.expectation(), raw.found());
        let message = match remark {
            Remark::None => format!("expected {expected}, found {found}"),
            Remark::Also(also) => format!("expected {expected}, found {found}; {also}"),
            Remark::Instead(message) => message,
        };
        vec![message.into()]
    })
}

/// What to say beyond "expected this, found that".
enum Remark {
    None,
    Also(String),
    Instead(String),
}

impl<'a> Raw<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Toml(value) => value.as_str(),
        }
    }

    /// The value to follow "found".
    fn found(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Toml(DeValue::String(text)) => quoted(text),
            Self::Toml(DeValue::Integer(integer)) => integer.to_string(),
            Self::Toml(DeValue::Float(float)) => float.to_string(),
            Self::Toml(DeValue::Boolean(boolean)) => boolean.to_string(),
            Self::Toml(value) => type_name(value).to_owned(),
        }
    }
}

fn queue(raw: Raw<'_>) -> Result<Value, Remark> {
    let name = raw.text().ok_or(Remark::None)?;
    if name.starts_with("amq.") {
        let found = quoted(name);
        return Err(Remark::Instead(format!(
            "names that start with \"amq.\" are the broker's own; choose another, found {found}"
        )));
    }
    match check_queue_name(name) {
        Ok(()) => Ok(name.into()),
        Err(QueueNameError::TooLong { length }) => Err(Remark::Instead(format!(
            "expected {}, found one of {length}",
            Kind::Queue.expectation()
        ))),
        Err(_) => Err(Remark::None),
    }
}

fn word(words: &[&'static str], raw: Raw<'_>) -> Result<Value, Remark> {
    let text = raw.text().ok_or(Remark::None)?;
    if words.contains(&text) {
        return Ok(text.into());
    }
    Err(match nearest(text, words.iter().copied()) {
        Some(near) => Remark::Also(format!("did you mean \"{near}\"?")),
        None => Remark::None,
    })
}

fn integer(min: u64, max: u64, zero: Option<&str>, raw: Raw<'_>) -> Result<Value, Remark> {
    let number = match raw {
        Raw::Toml(DeValue::Integer(integer)) => to_u64(integer),
        // The same grammar as in the file: decimal, 0x.., underscores between digits.
        Raw::Text(text) => match DeValue::parse(text).map(Spanned::into_inner) {
            Ok(DeValue::Integer(integer)) => to_u64(&integer),
            _ => None,
        },
        Raw::Toml(_) => None,
    };
    match (number, zero) {
        (Some(number), _) if (min..=max).contains(&number) => Ok(number.into()),
        (Some(0), Some(zero)) => Err(Remark::Also(zero.to_owned())),
        _ => Err(Remark::None),
    }
}

/// Negative and very large numbers are `None`: all ranges are within u64.
fn to_u64(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn duration(
    range: RangeInclusive<Duration>,
    whole_seconds: bool,
    raw: Raw<'_>,
) -> Result<Value, Remark> {
    let text = number_or_text(raw)?;
    if is_zero(&text) {
        let possible = range.contains(&Duration::ZERO);
        return if possible { Ok("0s".into()) } else { Err(Remark::None) };
    }
    // The commonest mistake.
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Remark::Also(format!("add a unit, as in \"{text}s\"")));
    }
    let duration = humantime::parse_duration(&text).map_err(|_| Remark::None)?;
    if range.contains(&duration) && !(whole_seconds && duration.subsec_nanos() > 0) {
        Ok(text.into_owned().into())
    } else {
        Err(Remark::None)
    }
}

/// The text of a duration or a size; that of an integer if somebody forgot the unit.
fn number_or_text(raw: Raw<'_>) -> Result<Cow<'_, str>, Remark> {
    match raw {
        Raw::Toml(DeValue::Integer(integer)) => Ok(Cow::Owned(integer.to_string())),
        _ => raw.text().map(Cow::Borrowed).ok_or(Remark::None),
    }
}

/// Zero is the same in every unit, so it needs none.
fn is_zero(text: &str) -> bool {
    let digits = text.trim();
    !digits.is_empty() && digits.bytes().all(|byte| byte == b'0')
}

fn size(range: RangeInclusive<u64>, raw: Raw<'_>) -> Result<Value, Remark> {
    let text = number_or_text(raw)?;
    if is_zero(&text) {
        return if range.contains(&0) { Ok("0B".into()) } else { Err(Remark::None) };
    }
    // A bare number would be taken for bytes, which nobody means.
    if text.trim_end().ends_with(|last: char| last.is_ascii_digit()) {
        return Err(Remark::Also(format!("add a unit, as in \"{}MiB\"", text.trim())));
    }
    match text.parse::<bytesize::ByteSize>() {
        Ok(size) if range.contains(&size.as_u64()) => Ok(text.into_owned().into()),
        _ => Err(Remark::None),
    }
}

fn address(raw: Raw<'_>) -> Result<Value, Remark> {
    let text = raw.text().ok_or(Remark::None)?;
    if text.is_empty() || text.parse::<SocketAddr>().is_ok() {
        Ok(text.into())
    } else {
        Err(Remark::None)
    }
}

fn file(raw: Raw<'_>) -> Result<Value, Remark> {
    match raw.text() {
        Some(path) if !path.contains('\0') => Ok(path.into()),
        _ => Err(Remark::None),
    }
}

/// The URL of a collector, in a build that can export `traces`.
fn collector(raw: Raw<'_>, traces: bool) -> Result<Value, Remark> {
    let text = raw.text().ok_or(Remark::None)?;
    if text.is_empty() {
        return Ok(text.into());
    }
    if !traces {
        return Err(Remark::Instead(
            "this fibrpcd is built without traces; remove the key, or build it with the cargo \
             feature otlp"
                .to_owned(),
        ));
    }
    let url = text.parse::<Url>().map_err(|_| Remark::None)?;
    if url.scheme() == "https" {
        let also = "TLS is the business of a collector nearby, which passes traces on";
        return Err(Remark::Also(also.to_owned()));
    }
    let plain = url.scheme() == "http" && url.has_host();
    let bare = url.query().is_none() && url.fragment().is_none();
    // Credentials would be shown with the key.
    let anonymous = url.username().is_empty() && url.password().is_none();
    // Normalized: the exporter's own parser accepts less than this one.
    if plain && bare && anonymous { Ok(url.as_str().into()) } else { Err(Remark::None) }
}

/// A part of a whole, in millionths.
fn ratio(raw: Raw<'_>) -> Result<Value, Remark> {
    let text = match raw {
        Raw::Toml(DeValue::Integer(integer)) => integer.to_string(),
        Raw::Toml(DeValue::Float(float)) => float.to_string(),
        Raw::Toml(_) => return Err(Remark::None),
        Raw::Text(text) => text.to_owned(),
    };
    let number: f64 = text.replace('_', "").parse().map_err(|_| Remark::None)?;
    if !(0.0..=1.0).contains(&number) {
        return Err(Remark::None);
    }
    // Millionths are to a whole what microseconds are to a second.
    let millionths = Duration::from_secs_f64(number).as_micros();
    if millionths == 0 && number > 0.0 {
        return Err(Remark::Also("the least above 0 is 0.000001".to_owned()));
    }
    Ok(u32::try_from(millionths).unwrap_or_default().into())
}

/// All broker URIs, or a fault for each bad one. Never repeats any part of a value.
fn uris(raw: Raw<'_>) -> Result<Value, Vec<Fault>> {
    let expected = |found: &str| {
        let expected = Kind::Uris.expectation();
        vec![Fault::from(format!("expected {expected}, found {found}"))]
    };
    match raw {
        Raw::Text(text) if text.trim_start().starts_with('[') => {
            let parsed = DeValue::parse(text.trim()).map_err(|error| {
                expected(&format!("an invalid TOML list ({})", parser_message(&error)))
            })?;
            // The text has no lines to point at.
            uris(Raw::Toml(parsed.get_ref())).map_err(|faults| {
                let messages = faults.into_iter().map(|fault| fault.message);
                messages.map(Fault::from).collect()
            })
        }
        Raw::Text(text) if text.trim().is_empty() => Err(expected("an empty text")),
        Raw::Text(text) => {
            let entries = split_uris(text);
            let several = entries.len() > 1;
            let entries = entries.iter().map(|entry| (Ok(entry.trim()), None));
            collect_uris(entries).map_err(|mut faults| {
                if let Some(last) = faults.last_mut().filter(|_| several) {
                    last.message.push_str("; entries end at commas: write one in a name as %2C");
                }
                faults
            })
        }
        Raw::Toml(DeValue::Array(array)) if array.is_empty() => Err(expected("an empty list")),
        Raw::Toml(DeValue::Array(array)) => collect_uris(entries(array)),
        Raw::Toml(DeValue::String(_)) => Err(expected("a string; put it in square brackets")),
        Raw::Toml(value) => Err(expected(type_name(value))),
    }
}

/// Splits at commas, but not at those in a password: what follows one has neither a scheme nor is
/// the host complete before it.
fn split_uris(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    let mut parts = text.split(',').peekable();
    while let Some(part) = parts.next() {
        let mut entry = part.to_owned();
        let in_user = |entry: &str| entry.contains("://") && !entry.contains('@');
        let mut rest = parts.clone();
        let mut joined = entry.clone();
        while in_user(&joined) && rest.peek().is_some_and(|next| !next.contains("://")) {
            joined = format!("{joined},{}", rest.next().unwrap_or_default());
        }
        if joined.contains('@') && joined != entry {
            entry = joined;
            parts = rest;
        }
        entries.push(entry);
    }
    entries
}

/// An entry of the list, or its type if it is not a text; and where it stands.
type Entry<'a> = (Result<&'a str, &'static str>, Option<usize>);

fn entries<'a>(array: &'a DeArray<'a>) -> impl Iterator<Item = Entry<'a>> {
    array.iter().map(|entry| {
        let value = entry.get_ref();
        (value.as_str().ok_or(type_name(value)), Some(entry.span().start))
    })
}

fn collect_uris<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Result<Value, Vec<Fault>> {
    let (mut values, mut faults) = (Vec::new(), Vec::new());
    for (index, (entry, offset)) in entries.enumerate() {
        let fault = match entry {
            Ok(text) => match text.parse::<BrokerUri>() {
                Ok(_) => {
                    values.push(text.to_owned());
                    continue;
                }
                Err(error) => error.to_string(),
            },
            Err(found) => format!("expected a broker URI, found {found}"),
        };
        let message = format!("entry {}: {fault}", index + 1);
        faults.push(Fault { message, offset });
    }
    if faults.is_empty() { Ok(values.into()) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector_fault(text: &str, traces: bool) -> Option<String> {
        match collector(Raw::Text(text), traces) {
            Ok(_) => None,
            Err(Remark::None) => Some(String::new()),
            Err(Remark::Also(message) | Remark::Instead(message)) => Some(message),
        }
    }

    #[test]
    fn a_collector_is_refused_by_a_build_without_traces() {
        let url = "http://127.0.0.1:4318";
        assert_eq!(collector_fault(url, true), None);
        assert!(collector_fault(url, false).unwrap().contains("feature otlp"));
        assert_eq!(collector_fault("", false), None);
    }

    #[test]
    fn a_collector_is_a_plain_http_url() {
        for good in ["http://127.0.0.1:4318", "http://[::1]:4318/", "http://otel.example/prefix"] {
            assert_eq!(collector_fault(good, true), None, "{good}");
        }
        for bad in ["127.0.0.1:4318", "grpc://h:4317", "http://u:p@h", "http://h/?q", "http://h/#f"]
        {
            assert!(collector_fault(bad, true).is_some(), "{bad}");
        }
        assert!(collector_fault("https://h", true).unwrap().contains("TLS"));
    }

    #[test]
    fn a_ratio_is_a_number_from_0_to_1() {
        for (text, millionths) in [("0", 0), ("1", 1_000_000), ("0.1", 100_000), ("1e-6", 1)] {
            let Ok(value) = ratio(Raw::Text(text)) else { panic!("{text} is good") };
            assert_eq!(value.to_u128(), Some(millionths), "{text}");
        }
        for text in ["", "-0.1", "1.1", "nan", "inf", "10%"] {
            assert!(ratio(Raw::Text(text)).is_err(), "{text}");
        }
    }
}
