//! Methods and events as bytes.

use crate::{
    broker::types::{Delivery, Event, Kind, Message, Method, Settle, Shape},
    support::raw_amqp::{flag, long, short},
};

const EXPIRATION: u16 = 1 << 8;

/// The frames of a method.
pub(crate) fn frames(channel: u16, method: &Method) -> Vec<u8> {
    let named = |queue: &str, rest: &[u8]| [&[0, 0], &short(queue.as_bytes())[..], rest].concat();
    let (class, number, arguments) = match method {
        Method::OpenChannel => (20, 10, short(b"")),
        Method::CloseChannel => (20, 40, [&[0, 200], &short(b"")[..], &[0; 4]].concat()),
        Method::ConfirmSelect => (85, 10, vec![0]),
        Method::Declare { queue, shape } => {
            let flags = u8::from(shape.durable) << 1 | u8::from(shape.exclusive) << 2;
            (50, 10, named(queue, &[&[flags], &long(&table(shape))[..]].concat()))
        }
        Method::DeclarePassive { queue } => (50, 10, named(queue, &[1, 0, 0, 0, 0])),
        Method::Delete { queue } => (50, 40, named(queue, &[0])),
        Method::Purge { queue } => (50, 30, named(queue, &[0])),
        Method::Prefetch { count } => (60, 10, [&[0; 4], &count.to_be_bytes()[..], &[0]].concat()),
        Method::Consume { queue, tag, no_ack } => {
            let rest = [&short(tag.as_bytes())[..], &[u8::from(*no_ack) << 1], &[0; 4]].concat();
            (60, 20, named(queue, &rest))
        }
        Method::Cancel { tag } => (60, 30, [&short(tag.as_bytes())[..], &[0]].concat()),
        Method::PublishTooLarge => unreachable!("no script sends that much"),
        Method::Publish { queue, mandatory, message } => {
            let exchange = short(b"");
            let to = [&exchange, &short(queue.as_bytes())[..], &[u8::from(*mandatory)]].concat();
            let method = method_frame(channel, 60, 40, &[&[0, 0], &to[..]].concat());
            return [method, content(channel, message)].concat();
        }
        Method::Settle { tag, multiple, how } => {
            let multiple = u8::from(*multiple);
            let (number, flags) = match how {
                Settle::Ack => (80, multiple),
                Settle::Nack { requeue } => (120, multiple | u8::from(*requeue) << 1),
                Settle::Reject { requeue } => (90, u8::from(*requeue)),
            };
            (60, number, [&tag.to_be_bytes()[..], &[flags]].concat())
        }
    };
    method_frame(channel, class, number, &arguments)
}

/// The properties and the body of a message.
fn content(channel: u16, message: &Message) -> Vec<u8> {
    let mut flags = flag::DELIVERY_MODE;
    let mut properties = vec![if message.persistent { 2 } else { 1 }];
    if let Some(expiration) = message.expiration {
        flags |= EXPIRATION;
        properties.extend(short(expiration.to_string().as_bytes()));
    }
    let size = (message.body.len() as u64).to_be_bytes();
    let header = [&[0, 60, 0, 0], &size[..], &flags.to_be_bytes(), &properties].concat();
    [frame(2, channel, &header), frame(3, channel, message.body.as_bytes())].concat()
}

/// The arguments of a queue, as the entries of a table.
fn table(shape: &Shape) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut text = |name: &str, value: &str| {
        entries.extend([&short(name.as_bytes())[..], b"S", &long(value.as_bytes())].concat());
    };
    if shape.kind == Kind::Quorum {
        text("x-queue-type", "quorum");
    }
    if shape.reject_publish {
        text("x-overflow", "reject-publish");
    }
    if let Some(letters) = &shape.dead_letters {
        text("x-dead-letter-exchange", "");
        text("x-dead-letter-routing-key", letters);
    }
    let numbers = [
        ("x-max-length", shape.max_length.map(|length| length as u64)),
        ("x-message-ttl", shape.message_ttl),
        ("x-delivery-limit", shape.delivery_limit.map(u64::from)),
    ];
    for (name, value) in numbers {
        let Some(value) = value else {
            continue;
        };
        entries.extend([&short(name.as_bytes())[..], b"l", &value.to_be_bytes()].concat());
    }
    entries
}

/// A frame.
pub(crate) fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xCE]].concat()
}

/// A frame with a method.
pub(crate) fn method_frame(channel: u16, class: u16, number: u16, arguments: &[u8]) -> Vec<u8> {
    frame(1, channel, &[&class.to_be_bytes()[..], &number.to_be_bytes(), arguments].concat())
}

/// What the broker says by a method, without the content that may follow it.
pub(crate) fn event(class: u16, number: u16, arguments: &[u8]) -> Event {
    let mut bytes = Bytes(arguments);
    match (class, number) {
        (20, 11) => Event::Done("open-ok"),
        (20, 41) => Event::Done("close-ok"),
        (60, 11) => Event::Done("qos-ok"),
        (60, 21) => Event::Done("consume-ok"),
        (60, 31) => Event::Done("cancel-ok"),
        (85, 11) => Event::Done("select-ok"),
        (50, 11) => {
            Event::DeclareOk { queue: bytes.short(), ready: bytes.u32(), consumers: bytes.u32() }
        }
        (50, 31) => Event::Removed { what: "purged", messages: bytes.u32() },
        (50, 41) => Event::Removed { what: "deleted", messages: bytes.u32() },
        (60, 30) => Event::Cancelled { tag: bytes.short() },
        (60, 80) => Event::Confirm { tag: bytes.u64(), multiple: bytes.u8() & 1 > 0, ack: true },
        (60, 120) => Event::Confirm { tag: bytes.u64(), multiple: bytes.u8() & 1 > 0, ack: false },
        (60, 50) => Event::Return { code: bytes.u16(), body: String::new() },
        (60, 60) => Event::Deliver(Delivery {
            consumer: bytes.short(),
            tag: bytes.u64(),
            redelivered: bytes.u8() & 1 > 0,
            count: None,
            acquired: None,
            death: None,
            body: String::new(),
        }),
        (20, 40) | (10, 50) => {
            let (code, _) = (bytes.u16(), bytes.short());
            let (class, method) = (bytes.u16(), bytes.u16());
            match number {
                40 => Event::ChannelClosed { code, class, method },
                _ => Event::ConnectionClosed { code },
            }
        }
        (10, 60) => Event::Blocked,
        (10, 61) => Event::Unblocked,
        _ => panic!("the broker says {class}.{number}, which nobody expects"),
    }
}

/// Adds a message's properties and body to the event that announced it.
pub(crate) fn add_content(event: &mut Event, header: &[u8], content: &[u8]) {
    let text = String::from_utf8_lossy(content).into_owned();
    match event {
        Event::Return { body, .. } => *body = text,
        Event::Deliver(delivery) => {
            delivery.body = text;
            for (name, value) in headers(header) {
                match (name.as_str(), value) {
                    ("x-delivery-count", Value::Number(count)) => delivery.count = Some(count),
                    ("x-acquired-count", Value::Number(count)) => delivery.acquired = Some(count),
                    ("x-first-death-reason", Value::Text(why)) => delivery.death = Some(why),
                    _ => {}
                }
            }
        }
        other => panic!("a message after {other}"),
    }
}

/// The headers among the properties of a content header.
fn headers(header: &[u8]) -> Vec<(String, Value)> {
    let mut bytes = Bytes(&header[12..]);
    let flags = bytes.u16();
    for bit in [flag::CONTENT_TYPE, flag::CONTENT_ENCODING] {
        if flags & bit != 0 {
            bytes.short();
        }
    }
    if flags & flag::HEADERS == 0 { Vec::new() } else { bytes.table() }
}

/// The value of a field, as far as anybody looks at it.
#[derive(Debug)]
pub(crate) enum Value {
    Number(u32),
    Text(String),
    Other,
}

/// Bytes to read from.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().unwrap();
        self.0 = rest;
        *taken
    }

    fn skip(&mut self, count: usize) -> &[u8] {
        let (skipped, rest) = self.0.split_at(count);
        self.0 = rest;
        skipped
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }

    pub(crate) fn short(&mut self) -> String {
        let length = self.u8().into();
        String::from_utf8_lossy(self.skip(length)).into_owned()
    }

    pub(crate) fn table(&mut self) -> Vec<(String, Value)> {
        let length = self.u32() as usize;
        let mut entries = Bytes(self.skip(length));
        let mut fields = Vec::new();
        while !entries.0.is_empty() {
            let name = entries.short();
            fields.push((name, entries.value()));
        }
        fields
    }

    fn value(&mut self) -> Value {
        let kind = self.u8();
        let number = match kind {
            b't' | b'b' | b'B' => u64::from(self.u8()),
            b's' | b'u' => u64::from(self.u16()),
            b'I' | b'i' => u64::from(self.u32()),
            b'l' | b'T' => self.u64(),
            b'S' => {
                let length = self.u32() as usize;
                return Value::Text(String::from_utf8_lossy(self.skip(length)).into_owned());
            }
            _ => {
                let length = match kind {
                    b'V' => 0,
                    b'd' => 8,
                    b'f' => 4,
                    b'D' => 5,
                    b'F' | b'A' | b'x' => self.u32() as usize,
                    _ => panic!("a field of kind {}", kind.escape_ascii()),
                };
                self.skip(length);
                return Value::Other;
            }
        };
        u32::try_from(number).map_or(Value::Other, Value::Number)
    }
}
