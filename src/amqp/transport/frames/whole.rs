//! Content headers for those who want all of a message: every property, made readable, and every
//! header but tables and arrays, which lapin reads by recursion.

use super::reader::{BASIC, Entry, Fields, make_utf8, write_long, write_short};

/// Most headers that are kept, and the longest value and name, in bytes.
const MAX_KEPT: usize = 64;
const MAX_VALUE: usize = 2 << 10;

/// Property flags of the class `basic` whose values are no short strings.
mod flag {
    pub(super) const HEADERS: u16 = 1 << 13;
    pub(super) const DELIVERY_MODE: u16 = 1 << 12;
    pub(super) const PRIORITY: u16 = 1 << 11;
    pub(super) const TIMESTAMP: u16 = 1 << 6;
    /// There are no such properties.
    pub(super) const NONE: u16 = 0b11;
}

/// Writes a content header that lapin can read. What is behind an unreadable property is left out.
pub(super) fn header(payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut fields = Fields(payload);
    let start = fields.bytes(12)?; // class, weight, body size
    if !start.starts_with(&BASIC.to_be_bytes()) {
        return None;
    }
    let flags = fields.u16()?;
    out.extend_from_slice(start);
    let flags_at = out.len();
    out.extend_from_slice(&[0; 2]);
    let mut kept: u16 = 0;
    for bit in (0..16).rev().map(|bit| 1 << bit).filter(|bit| flags & bit != 0) {
        let Some(()) = value(bit, &mut fields, out) else { break };
        kept |= bit;
    }
    out[flags_at..flags_at + 2].copy_from_slice(&kept.to_be_bytes());
    Some(())
}

/// Passes one property on.
fn value(bit: u16, fields: &mut Fields<'_>, out: &mut Vec<u8>) -> Option<()> {
    match bit {
        flag::HEADERS => {
            let table = fields.long()?;
            write_long(out, |out| write_simple(table, out));
        }
        flag::DELIVERY_MODE | flag::PRIORITY => out.extend_from_slice(fields.bytes(1)?),
        flag::TIMESTAMP => out.extend_from_slice(fields.bytes(8)?),
        none if none & flag::NONE != 0 => return None,
        _ => {
            let text = fields.short()?;
            write_short(text, out);
            let end = out.len();
            make_utf8(&mut out[end - text.len()..]);
        }
    }
    Some(())
}

/// Writes the entries of a table that are neither tables nor arrays nor too long.
fn write_simple(table: &[u8], out: &mut Vec<u8>) {
    let mut fields = Fields(table);
    let entries = std::iter::from_fn(|| fields.entry());
    for entry in entries.filter(is_simple).take(MAX_KEPT) {
        out.extend_from_slice(entry.all);
    }
}

fn is_simple(entry: &Entry<'_>) -> bool {
    let flat = !matches!(entry.kind, b'A' | b'F') && entry.value.len() <= MAX_VALUE;
    // A name in our own namespace would be taken for what it is not.
    let foreign = !entry.name.starts_with(b"fibrpc.raw.");
    flat && foreign && std::str::from_utf8(entry.name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(payload: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        super::header(payload, &mut out).map(|()| out)
    }

    fn short(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_short(text, &mut out);
        out
    }

    fn entry(name: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
        [&short(name)[..], &[kind], value].concat()
    }

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    }

    fn payload(flags: u16, values: &[u8]) -> Vec<u8> {
        [&BASIC.to_be_bytes(), &[0; 10][..], &flags.to_be_bytes(), values].concat()
    }

    #[test]
    fn every_property_passes_and_is_readable() {
        let all = |text: &[u8], table: &[u8]| {
            let (text, table) = (short(text), long(table));
            let (number, time) = (vec![2], vec![7; 8]);
            [
                &text, &text, &table, &number, &number, &text, &text, &text, &text, &time, &text,
                &text, &text, &text,
            ]
            .map(Vec::as_slice)
            .concat()
        };
        let kept = [entry(b"n", b'l', &[1; 8]), entry(b"text", b'S', &long(b"\xff"))].concat();
        let table = [
            &kept[..],
            &entry(b"nested", b'F', &long(b"whatever")),
            &entry(b"list", b'A', &long(b"\xff\xff")),
            &entry(b"long", b'S', &long(&[b'x'; MAX_VALUE + 1])),
            &entry(b"\xff", b'l', &[1; 8]),
            &entry(b"fibrpc.raw.correlation_id", b'x', &long(b"forged")),
        ]
        .concat();
        let passed = header(&payload(0xFFFC, &all(b"a\xff", &table))).unwrap();
        assert_eq!(passed, payload(0xFFFC, &all(b"a?", &kept)));
        // What ends too early, and properties that there are not.
        assert_eq!(header(&payload(0x8000, b"\x09short")), Some(payload(0, b"")));
        assert_eq!(header(&payload(0x8001, b"\x01a")), Some(payload(0x8000, b"\x01a")));
        assert_eq!(header(&[0, 50, 0, 0]), None);
        let many = payload(0x2000, &long(&entry(b"n", b'l', &[1; 8]).repeat(10_000)));
        assert!(header(&many).unwrap().len() < 1000);
    }
}
