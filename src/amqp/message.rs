//! Messages of any kind, to and from [`wire::Properties`](crate::wire::Properties).

use super::transport::frames::raw;
use crate::wire::{Header, Properties};
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};

/// Writes properties. A text that is too long for its place is left out: whoever hands properties
/// in has checked that.
pub(crate) fn written(properties: &Properties) -> BasicProperties {
    let mut out = BasicProperties::default();
    let text = |text: &Option<String>| ShortString::try_new(text.as_deref()?).ok();
    macro_rules! put {
        ($($field:ident => $with:ident),*) => {
            $(if let Some(value) = text(&properties.$field) { out = out.$with(value); })*
        };
    }
    put!(
        content_type => with_content_type,
        content_encoding => with_content_encoding,
        correlation_id => with_correlation_id,
        reply_to => with_reply_to,
        expiration => with_expiration,
        message_id => with_message_id,
        kind => with_type,
        user_id => with_user_id,
        app_id => with_app_id
    );
    if let Some(mode) = properties.delivery_mode {
        out = out.with_delivery_mode(mode);
    }
    if let Some(priority) = properties.priority {
        out = out.with_priority(priority);
    }
    if let Some(time) = properties.timestamp {
        out = out.with_timestamp(time);
    }
    if properties.headers.is_empty() {
        return out;
    }
    let mut table = FieldTable::default();
    for (name, header) in &properties.headers {
        if let Ok(name) = ShortString::try_new(name.as_str()) {
            table.insert(name, value(header));
        }
    }
    out.with_headers(table)
}

/// Reads the properties of a message that arrived on a link that keeps all of them.
pub(crate) fn read(properties: &BasicProperties) -> Properties {
    let text = |value: &Option<ShortString>| Some(value.as_ref()?.as_str().to_owned());
    let headers = properties.headers().as_ref().map(|table| {
        let ours = [raw::CORRELATION_ID, raw::MESSAGE_ID];
        let entries = table.inner().iter().filter(|(name, _)| !ours.contains(&name.as_str()));
        entries.map(|(name, value)| (name.as_str().to_owned(), header(value))).collect()
    });
    Properties {
        content_type: text(properties.content_type()),
        content_encoding: text(properties.content_encoding()),
        headers: headers.unwrap_or_default(),
        delivery_mode: *properties.delivery_mode(),
        priority: *properties.priority(),
        correlation_id: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        expiration: text(properties.expiration()),
        message_id: text(properties.message_id()),
        timestamp: *properties.timestamp(),
        kind: text(properties.kind()),
        user_id: text(properties.user_id()),
        app_id: text(properties.app_id()),
    }
}

fn value(header: &Header) -> AMQPValue {
    match header {
        Header::Text(text) => AMQPValue::LongString(text.as_str().into()),
        Header::Bytes(bytes) => AMQPValue::ByteArray(bytes.as_slice().into()),
        Header::Integer(value) => AMQPValue::LongLongInt(*value),
        Header::Float(value) => AMQPValue::Double(*value),
        Header::Bool(value) => AMQPValue::Boolean(*value),
        Header::Timestamp(value) => AMQPValue::Timestamp(*value),
        _ => AMQPValue::Void,
    }
}

fn header(value: &AMQPValue) -> Header {
    let text = |bytes: &[u8]| match str::from_utf8(bytes) {
        Ok(text) => Header::Text(text.to_owned()),
        Err(_) => Header::Bytes(bytes.to_vec()),
    };
    match value {
        AMQPValue::LongString(bytes) => text(bytes.as_bytes()),
        AMQPValue::ShortString(short) => Header::Text(short.as_str().to_owned()),
        AMQPValue::ByteArray(bytes) => Header::Bytes(bytes.as_slice().to_vec()),
        AMQPValue::Boolean(value) => Header::Bool(*value),
        AMQPValue::ShortShortInt(value) => Header::Integer((*value).into()),
        AMQPValue::ShortShortUInt(value) => Header::Integer((*value).into()),
        AMQPValue::ShortInt(value) => Header::Integer((*value).into()),
        AMQPValue::ShortUInt(value) => Header::Integer((*value).into()),
        AMQPValue::LongInt(value) => Header::Integer((*value).into()),
        AMQPValue::LongUInt(value) => Header::Integer((*value).into()),
        AMQPValue::LongLongInt(value) => Header::Integer(*value),
        AMQPValue::Float(value) => Header::Float((*value).into()),
        AMQPValue::Double(value) => Header::Float(*value),
        AMQPValue::Timestamp(value) => Header::Timestamp(*value),
        _ => Header::Void,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_survive_the_way_there_and_back() {
        let some = |text: &str| Some(text.to_owned());
        let all = Properties {
            content_type: some("a"),
            content_encoding: some("b"),
            headers: vec![
                ("b".to_owned(), Header::Bool(true)),
                ("f".to_owned(), Header::Float(0.5)),
                ("i".to_owned(), Header::Integer(-1)),
                ("t".to_owned(), Header::from("text")),
                ("x".to_owned(), Header::Bytes(vec![0xFF])),
            ],
            delivery_mode: Some(2),
            priority: Some(9),
            correlation_id: some("c"),
            reply_to: some("d"),
            expiration: some("5"),
            message_id: some("e"),
            timestamp: Some(7),
            kind: some("f"),
            user_id: some("g"),
            app_id: some("h"),
        };
        assert_eq!(read(&written(&all)), all);
        let long = Properties { kind: Some("x".repeat(256)), ..Properties::default() };
        assert_eq!(read(&written(&long)), Properties::default());
    }
}
