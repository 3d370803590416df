//! Message properties to and from the types of [`crate::wire`].

use super::{
    message,
    transport::frames::{raw, rejections_by},
};
use crate::wire::{
    CORRELATION_ID_HEADER, DEADLINE_HEADER, DELIVERY_COUNT_HEADER, Envelope, MESSAGE_ID_HEADER,
    Properties, REPLY_TOPIC_HEADER, Reply, STATUS_HEADER, ServerTiming, Status, TIMING_HEADER,
    TRACE_HEADERS, TRACE_PARENT, TraceParent, expiration_ms, reply_address,
};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};

/// Delivery mode of messages that need not survive a restart of the broker: a reply is worth
/// nothing without the caller that waits for it.
const TRANSIENT: u8 = 1;

/// Longest trace header that is echoed, in bytes: the least that W3C asks for (Trace Context,
/// section 3.3.1.5). The headers of a message must fit one frame, so not everything can come back.
const TRACE_LIMIT: usize = 512;

/// Reads the properties of a request that came from this queue.
pub(crate) fn envelope(properties: &BasicProperties, queue: &str) -> Envelope {
    let text = |value: &Option<ShortString>| Some(value.as_ref()?.as_str().to_owned());
    let id = |value: &Option<ShortString>| text(value).map(String::into_bytes);
    let mut envelope = Envelope {
        correlation_id: id(properties.correlation_id()),
        message_id: id(properties.message_id()),
        kind: text(properties.kind()),
        expiration_ms: properties
            .expiration()
            .as_ref()
            .and_then(|text| expiration_ms(text.as_str())),
        ..Envelope::default()
    };
    let mut topic = None;
    if let Some(headers) = properties.headers() {
        let header = |name: &str| headers.inner().get(name).and_then(bytes);
        topic = header(REPLY_TOPIC_HEADER);
        for (name, id) in [
            (raw::CORRELATION_ID, &mut envelope.correlation_id),
            (raw::MESSAGE_ID, &mut envelope.message_id),
        ] {
            if let Some(value) = headers.inner().get(name).and_then(bytes) {
                *id = Some(value.to_vec());
            }
        }
        if envelope.correlation_id.is_none() {
            let no_property = envelope.message_id.is_none();
            let stand_in = || header(MESSAGE_ID_HEADER).filter(|_| no_property);
            envelope.correlation_id =
                header(CORRELATION_ID_HEADER).or_else(stand_in).map(<[u8]>::to_vec);
            envelope.id_in_header = envelope.correlation_id.is_some();
        }
        envelope.delivery_count = headers.inner().get(DELIVERY_COUNT_HEADER).and_then(integer);
        envelope.rejections = header(raw::REJECTIONS).map_or(0, |told| rejections_by(queue, told));
        envelope.timing = headers.contains_key(TIMING_HEADER);
        envelope.deadline_ms = headers.inner().get(DEADLINE_HEADER).and_then(integer);
        envelope.trace = TRACE_HEADERS
            .into_iter()
            .filter_map(|name| Some((name, bytes(headers.inner().get(name)?)?)))
            .filter(|(_, value)| value.len() <= TRACE_LIMIT)
            .map(|(name, value)| (name, value.to_vec()))
            .collect();
    }
    let reply_to = properties.reply_to().as_ref().map(ShortString::as_str);
    (envelope.via, envelope.reply_to) = reply_address(reply_to, topic);
    envelope
}

/// Writes a reply's properties.
pub(crate) fn of_reply(
    envelope: &Envelope,
    reply: &Reply,
    timing: Option<ServerTiming>,
) -> BasicProperties {
    let mut properties = BasicProperties::default()
        .with_content_type(reply.content_type.into())
        .with_delivery_mode(TRANSIENT);
    let mut headers = FieldTable::default();
    properties = with_id(properties, &mut headers, envelope);
    if reply.status != Status::Ok || !envelope.trace.is_empty() {
        headers.insert(STATUS_HEADER.into(), AMQPValue::LongString(reply.status.name().into()));
        for (name, value) in &envelope.trace {
            headers.insert((*name).into(), AMQPValue::LongString(value.as_slice().into()));
        }
    }
    add_timing(&mut headers, timing);
    if !headers.inner().is_empty() {
        properties = properties.with_headers(headers);
    }
    properties
}

/// Writes the properties of a reply that says what it likes, but for the id and the status.
pub(crate) fn of_any_reply(
    envelope: &Envelope,
    said: &Properties,
    status: Status,
    timing: Option<ServerTiming>,
) -> BasicProperties {
    let mut properties = message::written(said);
    if said.delivery_mode.is_none() {
        properties = properties.with_delivery_mode(TRANSIENT);
    }
    let mut headers = properties.headers().clone().unwrap_or_default();
    properties = with_id(properties, &mut headers, envelope);
    if status != Status::Ok {
        headers.insert(STATUS_HEADER.into(), AMQPValue::LongString(status.name().into()));
    }
    add_timing(&mut headers, timing);
    if headers.inner().is_empty() { properties } else { properties.with_headers(headers) }
}

fn add_timing(headers: &mut FieldTable, timing: Option<ServerTiming>) {
    if let Some(timing) = timing {
        headers.insert(TIMING_HEADER.into(), AMQPValue::LongString(timing.to_string().into()));
    }
}

/// Adds what the caller knows the reply by.
fn with_id(
    properties: BasicProperties,
    headers: &mut FieldTable,
    envelope: &Envelope,
) -> BasicProperties {
    match envelope.reply_id().map(|id| (id, str::from_utf8(id))) {
        Some((id, _)) if envelope.id_in_header => {
            headers.insert(CORRELATION_ID_HEADER.into(), AMQPValue::LongString(id.into()));
        }
        Some((_, Ok(id))) => return properties.with_correlation_id(id.into()),
        // The socket moves the bytes into the property; see `transport::frames`.
        Some((id, Err(_))) => {
            headers.insert(raw::CORRELATION_ID.into(), AMQPValue::ByteArray(id.into()));
        }
        None => {}
    }
    properties
}

/// A call's properties, as a client sets them.
pub(crate) struct CallProperties<'a> {
    /// What the caller says; what follows is left to it where it says that, too.
    pub(crate) properties: &'a Properties,
    pub(crate) reply_to: &'a str,
    pub(crate) correlation_id: &'a str,
    /// How long the request stays useful, in milliseconds.
    pub(crate) remaining_ms: u64,
    /// When it stops being useful: Unix time in milliseconds.
    pub(crate) deadline_ms: i64,
    pub(crate) trace: Option<TraceParent>,
}

/// Writes a call's properties.
pub(crate) fn of_call(call: &CallProperties<'_>) -> BasicProperties {
    let said = call.properties;
    let mut properties = message::written(said);
    let mut headers = properties.headers().clone().unwrap_or_default();
    let mut insert = |name: &str, value| {
        if !headers.contains_key(name) {
            headers.insert(name.into(), value);
        }
    };
    insert(DEADLINE_HEADER, AMQPValue::LongLongInt(call.deadline_ms));
    if let Some(parent) = call.trace {
        insert(TRACE_PARENT, AMQPValue::LongString(parent.to_string().into()));
    }
    if said.delivery_mode.is_none() {
        properties = properties.with_delivery_mode(TRANSIENT);
    }
    if said.timestamp.is_none() {
        // In whole seconds, as AMQP has it; from this the server computes the time in the queue.
        let now = u64::try_from(call.deadline_ms).unwrap_or_default();
        properties = properties.with_timestamp(now.saturating_sub(call.remaining_ms) / 1000);
    }
    if said.expiration.is_none() {
        properties = properties.with_expiration(call.remaining_ms.to_string().into());
    }
    properties
        .with_reply_to(call.reply_to.into())
        .with_correlation_id(call.correlation_id.into())
        .with_headers(headers)
}

/// The value of the status header of a reply.
pub(crate) fn status(properties: &BasicProperties) -> Option<&[u8]> {
    bytes(properties.headers().as_ref()?.inner().get(STATUS_HEADER)?)
}

fn bytes(value: &AMQPValue) -> Option<&[u8]> {
    match value {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        AMQPValue::ShortString(text) => Some(text.as_str().as_bytes()),
        AMQPValue::ByteArray(array) => Some(array.as_slice()),
        _ => None,
    }
}

/// An integer of any AMQP width; a client library picks the width, not its user.
fn integer(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::ShortShortInt(value) => Some(value.into()),
        AMQPValue::ShortShortUInt(value) => Some(value.into()),
        AMQPValue::ShortInt(value) => Some(value.into()),
        AMQPValue::ShortUInt(value) => Some(value.into()),
        AMQPValue::LongInt(value) => Some(value.into()),
        AMQPValue::LongUInt(value) => Some(value.into()),
        AMQPValue::LongLongInt(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Via;
    use std::time::Duration;

    #[test]
    fn a_deadline_is_read_in_every_integer_width() {
        for (value, expected) in [
            (AMQPValue::ShortShortInt(-1), Some(-1)),
            (AMQPValue::ShortInt(5), Some(5)),
            (AMQPValue::LongInt(7), Some(7)),
            (AMQPValue::LongUInt(u32::MAX), Some(i64::from(u32::MAX))),
            (AMQPValue::LongLongInt(1_790_000_000_000), Some(1_790_000_000_000)),
            (AMQPValue::LongString("1790000000000".into()), None),
            (AMQPValue::Double(1.0), None),
        ] {
            let mut headers = FieldTable::default();
            headers.insert(DEADLINE_HEADER.into(), value);
            let properties = BasicProperties::default().with_headers(headers);
            assert_eq!(envelope(&properties, "q").deadline_ms, expected);
        }
    }

    #[test]
    fn trace_context_comes_back_with_the_reply() {
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), AMQPValue::LongString("00-ab-cd-01".into()));
        headers.insert("other".into(), AMQPValue::LongString("not echoed".into()));
        let request =
            BasicProperties::default().with_correlation_id("id".into()).with_headers(headers);
        let reply = of_reply(&envelope(&request, "q"), &Reply::text(b"1".to_vec()), None);
        let headers = reply.headers().as_ref().unwrap().inner();
        assert_eq!(headers.get("traceparent"), Some(&AMQPValue::LongString("00-ab-cd-01".into())));
        assert!(!headers.contains_key("other"));
        assert_eq!(reply.correlation_id().as_ref().map(ShortString::as_str), Some("id"));
    }

    #[test]
    fn an_mqtt_5_caller_names_a_topic_and_its_long_id_comes_back() {
        let mut headers = FieldTable::default();
        headers.insert("x-reply-to-topic".into(), AMQPValue::LongString("answers.1".into()));
        let long = AMQPValue::LongString(vec![0xFF; 300].into());
        headers.insert("x-correlation-id".into(), long.clone());
        let mqtt = BasicProperties::default().with_headers(headers);
        let request = envelope(&mqtt, "q");
        assert_eq!((request.via, request.reply_queue()), (Via::Topic, Some("answers.1")));
        let reply = of_reply(&request, &Reply::text(b"1".to_vec()), None);
        assert!(reply.correlation_id().is_none());
        assert_eq!(reply.headers().as_ref().unwrap().inner().get("x-correlation-id"), Some(&long));
        // The property, where there is one, is what the reply is known by.
        let request = envelope(&mqtt.with_correlation_id("short".into()), "q");
        assert_eq!(request.reply_id(), Some(&b"short"[..]));
        assert!(!request.id_in_header);
    }

    #[test]
    fn a_reply_says_how_long_it_took_where_that_is_asked_for() {
        let mut headers = FieldTable::default();
        headers.insert(TIMING_HEADER.into(), AMQPValue::Boolean(true));
        let request = envelope(&BasicProperties::default().with_headers(headers), "q");
        assert!(request.timing);
        let timing = ServerTiming { compute: Duration::from_micros(5), ..ServerTiming::default() };
        let reply = of_reply(&request, &Reply::text(b"1".to_vec()), Some(timing));
        let says = bytes(&reply.headers().as_ref().unwrap().inner()[TIMING_HEADER]);
        assert_eq!(says.and_then(ServerTiming::parse), Some(timing));
    }

    #[test]
    fn a_plain_answer_has_no_headers() {
        let reply = of_reply(&Envelope::default(), &Reply::text(b"1".to_vec()), None);
        assert!(reply.headers().is_none());
        assert!(reply.correlation_id().is_none());
        assert_eq!(reply.delivery_mode(), &Some(TRANSIENT));
    }
}
