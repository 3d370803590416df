//! Reads and writes frames and their fields.

use std::io;

/// The octet at the end of a frame, and the class of connection methods, which are the only ones on
/// channel 0 (AMQP 0-9-1, sections 4.2.3 and 4.2.7).
pub(super) const END: u8 = 0xCE;
pub(super) const CONNECTION: u16 = 10;

/// Frame types (AMQP 0-9-1, section 4.2.3).
pub(super) const METHOD: u8 = 1;
pub(super) const HEADER: u8 = 2;
pub(super) const BODY: u8 = 3;

/// The class of messages, `basic`.
pub(super) const BASIC: u16 = 60;

/// Type, channel, size.
const FRAME_HEAD: usize = 7;

/// The octet after a frame.
const FRAME_END: usize = 1;

/// A method or content header larger than this is taken for damage: both fit one frame, for which
/// `RabbitMQ` proposes 128 KiB by default.
const MAX_BUFFERED: usize = 4 << 20;

/// What the buffer for incomplete frames keeps of its memory, in bytes.
const KEPT: usize = 64 << 10;

/// Splits a stream of bytes into frames. Those of the types a [`Visitor`] wants are handed to it
/// whole; of everything else as much passes as it lets.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// What is still to come of a frame that is not handed over, or of a preamble.
    rest: Rest,
    /// The start of an incomplete frame.
    partial: Vec<u8>,
    /// How many frames that came in parts have been completed.
    complete: u64,
}

/// Handles frames.
pub(super) trait Visitor {
    /// Whether frames of this type are wanted.
    fn wants(&self, kind: u8) -> bool;

    /// Takes a frame, head and end included, and writes its replacement.
    ///
    /// An error ends the connection.
    fn frame(&mut self, frame: &[u8], out: &mut Vec<u8>) -> io::Result<()>;

    /// How much passes of the payload of a frame that is not wanted; of nothing, no frame does.
    fn passes(&mut self, _kind: u8, _channel: [u8; 2], size: usize) -> io::Result<usize> {
        Ok(size)
    }
}

/// The rest of a frame: so many bytes pass, those behind them do not, and its end does.
#[derive(Debug, Default)]
struct Rest {
    passing: usize,
    dropping: usize,
    end: usize,
}

impl Rest {
    fn is_over(&self) -> bool {
        self.passing == 0 && self.dropping == 0 && self.end == 0
    }

    /// Takes what belongs to it; returns the other input.
    fn take<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let (pass, input) = split(&mut self.passing, input);
        let (_, input) = split(&mut self.dropping, input);
        let (end, input) = split(&mut self.end, input);
        out.extend_from_slice(pass);
        out.extend_from_slice(end);
        input
    }
}

/// Splits so many bytes off, or as many as there are.
fn split<'a>(count: &mut usize, input: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let (taken, rest) = input.split_at((*count).min(input.len()));
    *count -= taken.len();
    (taken, rest)
}

impl Splitter {
    /// Lets this many bytes pass before the first frame.
    pub(super) fn after(preamble: usize) -> Self {
        Self { rest: Rest { passing: preamble, ..Rest::default() }, ..Self::default() }
    }

    /// A number that identifies the incomplete frame, if there is one.
    pub(super) fn under_way(&self) -> Option<u64> {
        (!self.rest.is_over() || !self.partial.is_empty()).then_some(self.complete)
    }

    pub(super) fn push(
        &mut self,
        mut input: &[u8],
        visitor: &mut impl Visitor,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        while !input.is_empty() {
            if !self.rest.is_over() {
                input = self.rest.take(input, out);
                self.complete += u64::from(self.rest.is_over());
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
                } else if let Some((head, rest)) = input.split_first_chunk() {
                    self.rest = begin(*head, visitor, out)?;
                    input = rest;
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
                self.partial.shrink_to(KEPT);
                self.complete += 1;
            }
        } else if let Some(head) = self.partial.first_chunk() {
            self.rest = begin(*head, visitor, out)?;
            self.partial.clear();
        }
        Ok(rest)
    }
}

/// Begins a frame that is not handed over.
fn begin(
    head: [u8; FRAME_HEAD],
    visitor: &mut impl Visitor,
    out: &mut Vec<u8>,
) -> io::Result<Rest> {
    let [kind, high, low, size @ ..] = head;
    let size = u32::from_be_bytes(size) as usize;
    let passing = visitor.passes(kind, [high, low], size)?.min(size);
    if passing == 0 && size > 0 {
        return Ok(Rest { passing, dropping: size.saturating_add(FRAME_END), end: 0 });
    }
    out.extend_from_slice(&[kind, high, low]);
    out.extend_from_slice(&u32::try_from(passing).unwrap_or(u32::MAX).to_be_bytes());
    Ok(Rest { passing, dropping: size - passing, end: FRAME_END })
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

/// Writes a frame with the payload that `write` appends.
pub(super) fn write_frame<T>(
    kind: u8,
    channel: [u8; 2],
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> T,
) -> T {
    out.push(kind);
    out.extend_from_slice(&channel);
    let result = write_long(out, write);
    out.push(END);
    result
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

/// Writes what has its length before it: the payload of a frame, a table.
pub(super) fn write_long<T>(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let content = out.len();
    let result = write(out);
    let length = u32::try_from(out.len() - content).unwrap_or(u32::MAX);
    out[start..content].copy_from_slice(&length.to_be_bytes());
    result
}

/// Writes a byte string as an entry of a table.
pub(super) fn write_bytes_entry(name: &str, value: &[u8], out: &mut Vec<u8>) {
    write_short(name.as_bytes(), out);
    out.push(b'x');
    write_long(out, |out| out.extend_from_slice(value));
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
