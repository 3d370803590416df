//! Reads and writes frames and their fields.

use std::io;

/// The octet at the end of a frame, and the class of connection methods, which are the only ones on
/// channel 0 (AMQP 0-9-1, sections 4.2.3 and 4.2.7).
pub(super) const END: u8 = 0xCE;
pub(super) const CONNECTION: u16 = 10;

/// Frame types (AMQP 0-9-1, section 4.2.3).
pub(super) const METHOD: u8 = 1;
pub(super) const HEADER: u8 = 2;

/// The class of messages, `basic`.
pub(super) const BASIC: u16 = 60;

/// Type, channel, size.
const FRAME_HEAD: usize = 7;

/// The octet after a frame.
const FRAME_END: usize = 1;

/// A method or content header larger than this is taken for damage: both fit one frame, for which
/// `RabbitMQ` proposes 128 KiB by default.
const MAX_BUFFERED: usize = 4 << 20;

/// Splits a stream of bytes into frames. Those of the types a [`Visitor`] wants are handed to it
/// whole; everything else passes through unchanged.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// How many bytes still pass through: the rest of a frame, or of a preamble.
    passing: usize,
    /// The start of an incomplete frame.
    partial: Vec<u8>,
    /// How many frames that came in parts have been completed.
    complete: u64,
}

/// Handles whole frames.
pub(super) trait Visitor {
    /// Whether frames of this type are wanted.
    fn wants(&self, kind: u8) -> bool;

    /// Takes a frame, head and end included, and writes its replacement.
    ///
    /// An error ends the connection.
    fn frame(&mut self, frame: &[u8], out: &mut Vec<u8>) -> io::Result<()>;
}

impl Splitter {
    /// Lets this many bytes pass before the first frame.
    pub(super) fn after(preamble: usize) -> Self {
        Self { passing: preamble, ..Self::default() }
    }

    /// A number that identifies the incomplete frame, if there is one.
    pub(super) fn under_way(&self) -> Option<u64> {
        (self.passing > 0 || !self.partial.is_empty()).then_some(self.complete)
    }

    pub(super) fn push(
        &mut self,
        mut input: &[u8],
        visitor: &mut impl Visitor,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        while !input.is_empty() {
            if self.passing > 0 {
                let (pass, rest) = input.split_at(self.passing.min(input.len()));
                out.extend_from_slice(pass);
                self.passing -= pass.len();
                self.complete += u64::from(self.passing == 0);
                input = rest;
                continue;
            }
            if self.partial.is_empty() {
                // The usual case: the frame is all here.
                if let Some(length) = wanted(input, visitor)? {
                    if let Some((frame, rest)) = input.split_at_checked(length) {
                        visitor.frame(frame, out)?;
                        input = rest;
                        continue;
                    }
                } else if let Some(size) = length(input) {
                    self.passing = size;
                    continue;
                }
            }
            input = self.buffer(input, visitor, out)?;
        }
        Ok(())
    }

    /// Adds to the incomplete frame; returns the rest of the input.
    fn buffer<'a>(
        &mut self,
        input: &'a [u8],
        visitor: &mut impl Visitor,
        out: &mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        let target = match wanted(&self.partial, visitor)? {
            Some(length) => length,
            None => FRAME_HEAD,
        };
        let missing = target.saturating_sub(self.partial.len());
        let (more, rest) = input.split_at(missing.min(input.len()));
        self.partial.extend_from_slice(more);
        if let Some(length) = wanted(&self.partial, visitor)? {
            if self.partial.len() == length {
                visitor.frame(&self.partial, out)?;
                self.partial.clear();
                self.complete += 1;
            }
        } else if let Some(size) = length(&self.partial) {
            out.extend_from_slice(&self.partial);
            self.passing = size - self.partial.len();
            self.partial.clear();
        }
        Ok(rest)
    }
}

/// The length of the frame that starts here, once its head is complete.
fn length(input: &[u8]) -> Option<usize> {
    let size = u32::from_be_bytes(input.get(3..FRAME_HEAD)?.try_into().ok()?);
    (size as usize).checked_add(FRAME_HEAD + FRAME_END)
}

/// The same for a frame that the visitor wants; an error if it is impossibly large.
fn wanted(input: &[u8], visitor: &impl Visitor) -> io::Result<Option<usize>> {
    let Some(length) = length(input).filter(|_| visitor.wants(input[0])) else { return Ok(None) };
    if length > MAX_BUFFERED {
        let message = format!("a frame of type {} and {length} bytes cannot be", input[0]);
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(Some(length))
}

/// The type of a frame, its channel, and its payload.
pub(super) fn parts(frame: &[u8]) -> Option<(u8, [u8; 2], &[u8])> {
    let payload = frame.get(FRAME_HEAD..frame.len().checked_sub(FRAME_END)?)?;
    Some((*frame.first()?, [*frame.get(1)?, *frame.get(2)?], payload))
}

/// Writes a frame.
pub(super) fn write_frame(kind: u8, channel: [u8; 2], payload: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&channel);
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(payload);
    out.push(END);
}

/// Reads fields from a payload, from front to back; `None` where it ends too early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.bytes(2)?.try_into().ok()?))
    }

    pub(super) fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.bytes(length.into())
    }

    /// A long string, a table or an array: they all start with their length in bytes.
    pub(super) fn long(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(self.bytes(4)?.try_into().ok()?);
        self.bytes(usize::try_from(length).ok()?)
    }

    /// A value of a table, after its type. Nested values are not descended into, so depth costs
    /// nothing.
    pub(super) fn value(&mut self, kind: u8) -> Option<&'a [u8]> {
        match kind {
            b't' | b'b' | b'B' => self.bytes(1),
            b's' | b'U' | b'u' => self.bytes(2),
            b'I' | b'i' | b'f' => self.bytes(4),
            b'L' | b'l' | b'd' | b'T' => self.bytes(8),
            b'D' => self.bytes(5),
            b'S' | b'A' | b'F' | b'x' => self.long(),
            b'V' => self.bytes(0),
            _ => None,
        }
    }

    /// The next entry of a table: its name, its type, its value, and its raw bytes.
    pub(super) fn entry(&mut self) -> Option<Entry<'a>> {
        let all = self.0;
        let name = self.short()?;
        let kind = self.u8()?;
        let value = self.value(kind)?;
        Some(Entry { name, kind, value, all: &all[..all.len() - self.0.len()] })
    }
}

/// An entry of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: u8,
    pub(super) value: &'a [u8],
    pub(super) all: &'a [u8],
}

/// Writes a short string, cut to the longest there can be; no caller passes a longer one.
pub(super) fn write_short(text: &[u8], out: &mut Vec<u8>) {
    let text = &text[..text.len().min(255)];
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(text);
}

/// Writes a byte string as an entry of a table.
pub(super) fn write_bytes_entry(name: &str, value: &[u8], out: &mut Vec<u8>) {
    write_short(name.as_bytes(), out);
    out.push(b'x');
    out.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(value);
}

/// Replaces every byte that is not valid UTF-8 by a question mark.
pub(super) fn make_utf8(mut text: &mut [u8]) {
    while let Err(error) = std::str::from_utf8(text) {
        let from = error.valid_up_to();
        let count = error.error_len().unwrap_or(text.len() - from);
        text[from..from + count].fill(b'?');
        text = &mut text[from + count..];
    }
}
