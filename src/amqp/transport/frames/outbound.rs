//! What goes to a broker: replies whose correlation id is not UTF-8 get it back.

use super::{
    raw,
    reader::{Fields, HEADER, Splitter, Visitor, parts, write_frame, write_short},
};
use std::io;

/// What a client says first: `AMQP`, 0, 0, 9, 1.
const PROTOCOL_HEADER: usize = 8;

/// Rewrites what lapin sends.
#[derive(Debug)]
pub(in crate::amqp) struct Outbound(Splitter);

impl Default for Outbound {
    fn default() -> Self {
        Self(Splitter::after(PROTOCOL_HEADER))
    }
}

impl Outbound {
    /// Takes bytes from lapin; writes those for the socket.
    pub(in crate::amqp) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.0.push(input, &mut Restore, out)
    }
}

struct Restore;

impl Visitor for Restore {
    fn wants(&self, kind: u8) -> bool {
        kind == HEADER
    }

    fn frame(&mut self, frame: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let restored = parts(frame).and_then(|(kind, channel, payload)| {
            let restored = restore(payload)?;
            write_frame(kind, channel, out, |out| out.extend_from_slice(&restored));
            Some(())
        });
        if restored.is_none() {
            out.extend_from_slice(frame);
        }
        Ok(())
    }
}

/// Property flags, as the number of their bit.
mod bit {
    pub(super) const HEADERS: u16 = 13;
    pub(super) const DELIVERY_MODE: u16 = 12;
    pub(super) const PRIORITY: u16 = 11;
    pub(super) const CORRELATION_ID: u16 = 10;
    pub(super) const TIMESTAMP: u16 = 6;
}

/// A content header with the real correlation id; `None` if it has none to restore.
fn restore(payload: &[u8]) -> Option<Vec<u8>> {
    // Nearly all have none.
    let flags = Fields(payload.get(12..)?).u16()?;
    if flags & (1 << bit::HEADERS) == 0 {
        return None;
    }
    let mut fields = Fields(payload);
    let start = fields.bytes(12)?; // class, weight, body size
    let flags = fields.u16()?;
    let mut restored_flags = flags | 1 << bit::CORRELATION_ID;
    let (mut id, mut properties) = (None, Vec::new());
    for bit in (0..16).rev() {
        let set = flags & (1 << bit) != 0;
        match bit {
            bit::HEADERS if set => {
                let (found, table) = split_off_id(fields.long()?)?;
                id = Some(found);
                if table.is_empty() {
                    restored_flags &= !(1 << bit);
                } else {
                    properties.extend_from_slice(&u32::try_from(table.len()).ok()?.to_be_bytes());
                    properties.extend_from_slice(table);
                }
            }
            // It follows the headers, so by now it is known, or there is none.
            bit::CORRELATION_ID => write_short(id?, &mut properties),
            bit::DELIVERY_MODE | bit::PRIORITY if set => {
                properties.extend_from_slice(fields.bytes(1)?);
            }
            bit::TIMESTAMP if set => properties.extend_from_slice(fields.bytes(8)?),
            _ if set => write_short(fields.short()?, &mut properties),
            _ => {}
        }
    }
    Some([start, &restored_flags.to_be_bytes(), &properties].concat())
}

/// The id in a table, and the rest. lapin sorts its tables, and nothing we send sorts before it.
fn split_off_id(table: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Fields(table);
    let first = fields.entry()?;
    (first.name == raw::CORRELATION_ID.as_bytes()).then_some((first.value, fields.0))
}
