//! What comes from a broker: methods and content headers get a form that lapin can read, and bodies
//! an end.

use super::{
    bodies::Bodies,
    deaths::{self, DEATHS},
    methods::{self, Greeting},
    raw,
    reader::{
        BASIC, CONNECTION, END, Entry, Fields, HEADER, METHOD, Splitter, Visitor, make_utf8, parts,
        write_bytes_entry, write_frame, write_long, write_short,
    },
    whole,
};
use crate::wire::{
    CORRELATION_ID_HEADER, DEADLINE_HEADER, DELIVERY_COUNT_HEADER, MESSAGE_ID_HEADER,
    REPLY_TOPIC_HEADER, STATUS_HEADER, TIMING_HEADER, TRACE_HEADERS,
};
use std::{
    io,
    sync::{Arc, OnceLock},
};

/// The longest text or byte string that a kept header may have; see `TRACE_LIMIT`.
const MAX_HEADER: usize = 512;

/// How `basic.deliver` begins: class 60, method 60.
const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// Most headers that are kept. There are few names, but a table may repeat them.
const MAX_KEPT: usize = 32;

/// What a broker says of itself, as soon as it has greeted.
pub(in crate::amqp) type Greeted = Arc<OnceLock<Greeting>>;

/// Rewrites what a broker sends.
#[derive(Debug)]
pub(in crate::amqp) struct Inbound {
    splitter: Splitter,
    state: State,
    rewrite: Rewrite,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Start,
    Frames,
    /// The peer does not speak our version, and says so without frames: lapin understands that.
    Foreign,
}

impl Inbound {
    /// Bodies of more than `max_body` bytes are cut to one byte more; what the broker says of itself
    /// is put into `greeted`.
    pub(in crate::amqp) fn new(max_body: u64, greeted: Greeted) -> Self {
        Self {
            splitter: Splitter::default(),
            state: State::Start,
            rewrite: Rewrite {
                deliveries: 0,
                bodies: Bodies::up_to(max_body),
                greeted,
                whole: false,
            },
        }
    }

    /// Keeps every property and every simple header, not only those that a server looks at.
    pub(in crate::amqp) fn keeping_all(mut self, whole: bool) -> Self {
        self.rewrite.whole = whole;
        self
    }

    /// A number that identifies the incomplete frame, if there is one.
    pub(in crate::amqp) fn under_way(&self) -> Option<u64> {
        self.splitter.under_way()
    }

    /// Takes bytes from the socket; writes those for lapin.
    pub(in crate::amqp) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if let (State::Start, Some(first)) = (self.state, input.first()) {
            self.state = if *first == b'A' { State::Foreign } else { State::Frames };
        }
        if let State::Foreign = self.state {
            out.extend_from_slice(input);
            return Ok(());
        }
        self.splitter.push(input, &mut self.rewrite, out)
    }

    /// How many deliveries began since the last call.
    pub(in crate::amqp) fn take_deliveries(&mut self) -> usize {
        std::mem::take(&mut self.rewrite.deliveries)
    }
}

#[derive(Debug)]
struct Rewrite {
    deliveries: usize,
    bodies: Bodies,
    greeted: Greeted,
    /// Whether all properties are wanted.
    whole: bool,
}

impl Visitor for Rewrite {
    fn wants(&self, kind: u8) -> bool {
        kind == METHOD || kind == HEADER
    }

    fn frame(&mut self, frame: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let (kind, channel, payload) =
            parts(frame).filter(|_| is_sound(frame)).ok_or_else(impossible)?;
        if kind == METHOD {
            self.deliveries += usize::from(payload.starts_with(&DELIVER));
            self.bodies.method(channel, payload);
            if let Some(greeting) = methods::introduction(payload) {
                let _ = self.greeted.set(greeting); // the first greeting counts
            }
            let written = write_frame(kind, channel, out, |out| methods::rewrite(payload, out));
            written.ok_or_else(impossible)
        } else {
            write_frame(kind, channel, out, |out| {
                let start = out.len();
                if self.whole { whole::header(payload, out) } else { header(payload, out) }
                    .ok_or_else(impossible)?;
                self.bodies.header(channel, &mut out[start..])
            })
        }
    }

    fn passes(&mut self, kind: u8, channel: [u8; 2], size: usize) -> io::Result<usize> {
        self.bodies.passes(kind, channel, size)
    }
}

fn impossible() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the broker sent a frame that cannot be")
}

/// Whether a frame has the right end and is on a channel where it may be. lapin never sees the end
/// of a rewritten frame, and silently accepts methods on channel 0 that belong elsewhere.
fn is_sound(frame: &[u8]) -> bool {
    let Some((kind, channel, payload)) = parts(frame) else { return false };
    let class = Fields(payload).u16();
    let of_connection = kind == METHOD && class == Some(CONNECTION);
    frame.last() == Some(&END) && of_connection == (channel == [0, 0])
}

/// Property flags of the class `basic`, highest bit first.
mod flag {
    pub(super) const HEADERS: u16 = 1 << 13;
    pub(super) const CORRELATION_ID: u16 = 1 << 10;
    pub(super) const REPLY_TO: u16 = 1 << 9;
    pub(super) const EXPIRATION: u16 = 1 << 8;
    pub(super) const MESSAGE_ID: u16 = 1 << 7;
    pub(super) const TIMESTAMP: u16 = 1 << 6;
    pub(super) const KIND: u16 = 1 << 5;
}

/// The properties that we use.
#[derive(Debug, Default)]
struct Properties<'a> {
    headers: Option<&'a [u8]>,
    correlation_id: Option<&'a [u8]>,
    reply_to: Option<&'a [u8]>,
    expiration: Option<&'a [u8]>,
    message_id: Option<&'a [u8]>,
    timestamp: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
}

impl<'a> Properties<'a> {
    /// Reads them, as far as they can be read.
    fn read(flags: u16, fields: &mut Fields<'a>) -> Self {
        let mut properties = Self::default();
        // Nothing after an unreadable property can be found.
        let _ = properties.fill(flags, fields);
        properties
    }

    fn fill(&mut self, flags: u16, fields: &mut Fields<'a>) -> Option<()> {
        for bit in (0..16).rev().map(|bit| 1 << bit).filter(|bit| flags & bit != 0) {
            match bit {
                flag::HEADERS => self.headers = Some(fields.long()?),
                flag::CORRELATION_ID => self.correlation_id = Some(fields.short()?),
                flag::REPLY_TO => self.reply_to = Some(fields.short()?),
                flag::EXPIRATION => self.expiration = Some(fields.short()?),
                flag::MESSAGE_ID => self.message_id = Some(fields.short()?),
                flag::KIND => self.kind = Some(fields.short()?),
                0x1000 | 0x0800 => drop(fields.bytes(1)?), // delivery_mode, priority
                flag::TIMESTAMP => self.timestamp = Some(fields.bytes(8)?),
                0x0001 | 0x0002 => return None, // there are no such properties
                _ => drop(fields.short()?),
            }
        }
        Some(())
    }
}

/// What to do with a property that is not UTF-8.
#[derive(Clone, Copy)]
enum Bytes {
    /// It need not be UTF-8.
    Keep,
    Header(&'static str),
    LeaveOut,
    MakeText,
}

fn is_text(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok()
}

/// Writes a content header with only the properties that we use.
fn header(payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut fields = Fields(payload);
    let start = fields.bytes(12)?; // class, weight, body size
    if u16::from_be_bytes([start[0], start[1]]) != BASIC {
        return None;
    }
    let properties = Properties::read(fields.u16()?, &mut fields);
    out.extend_from_slice(start);
    let flags_at = out.len();
    out.extend_from_slice(&[0; 2]);
    let mut flags = 0;
    let texts = [
        (flag::CORRELATION_ID, properties.correlation_id, Bytes::Header(raw::CORRELATION_ID)),
        (flag::REPLY_TO, properties.reply_to, Bytes::LeaveOut),
        (flag::EXPIRATION, properties.expiration, Bytes::LeaveOut),
        (flag::MESSAGE_ID, properties.message_id, Bytes::Header(raw::MESSAGE_ID)),
        (flag::TIMESTAMP, properties.timestamp, Bytes::Keep),
        (flag::KIND, properties.kind, Bytes::MakeText),
    ];
    if write_table(properties.headers, &texts, out) {
        flags |= flag::HEADERS;
    }
    for (bit, value, otherwise) in texts {
        let Some(value) = value else { continue };
        match otherwise {
            Bytes::Keep => out.extend_from_slice(value),
            Bytes::Header(_) | Bytes::LeaveOut if !is_text(value) => continue,
            _ => {
                write_short(value, out);
                let end = out.len();
                make_utf8(&mut out[end - value.len()..]);
            }
        }
        flags |= bit;
    }
    out[flags_at..flags_at + 2].copy_from_slice(&flags.to_be_bytes());
    Some(())
}

/// Writes the headers that we use, and those that stand for properties that are not UTF-8; nothing
/// if there are none. Says whether there are.
fn write_table(
    table: Option<&[u8]>,
    texts: &[(u16, Option<&[u8]>, Bytes)],
    out: &mut Vec<u8>,
) -> bool {
    let start = out.len();
    write_long(out, |out| {
        let mut fields = Fields(table.unwrap_or_default());
        let entries = std::iter::from_fn(|| fields.entry());
        for entry in entries.filter(is_kept).take(MAX_KEPT) {
            if entry.kind == b'A' {
                write_bytes_entry(raw::REJECTIONS, &deaths::rejections(entry.value), out);
            } else {
                out.extend_from_slice(entry.all);
            }
        }
        for (_, value, otherwise) in texts {
            if let (Some(value), Bytes::Header(name)) = (value, otherwise)
                && !is_text(value)
            {
                write_bytes_entry(name, value, out);
            }
        }
    });
    let is_empty = out.len() == start + 4;
    if is_empty {
        out.truncate(start);
    }
    !is_empty
}

fn is_kept(entry: &Entry<'_>) -> bool {
    const KNOWN: [&str; 7] = [
        CORRELATION_ID_HEADER,
        DEADLINE_HEADER,
        DELIVERY_COUNT_HEADER,
        MESSAGE_ID_HEADER,
        REPLY_TOPIC_HEADER,
        STATUS_HEADER,
        TIMING_HEADER,
    ];
    let known = KNOWN.iter().chain(&TRACE_HEADERS).any(|name| name.as_bytes() == entry.name);
    if entry.name == DEATHS.as_bytes() {
        return entry.kind == b'A';
    }
    let simple = !matches!(entry.kind, b'A' | b'F') && entry.value.len() <= MAX_HEADER;
    known && simple
}
