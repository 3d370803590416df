//! Methods as lapin gets them: only those that a broker sends, with texts in UTF-8 and no tables.

use super::reader::{Fields, make_utf8};

/// The longest name of a cluster, a product or a version that is kept, in bytes.
const MAX_NAME: usize = 255;

/// A field of a method.
enum Field {
    Short,
    Skip(usize),
}

/// The fields of the methods that a broker sends, up to the last short string; `None` for others.
///
/// Others have tables, which lapin reads by recursion before it looks whether it wants them: one
/// that is nested deeply enough would end the process.
fn layout(class: u16, method: u16) -> Option<&'static [Field]> {
    use Field::{Short, Skip};
    Some(match (class, method) {
        (10, 50) | (20, 40) => &[Skip(2), Short], // connection.close, channel.close
        (60, 60) => &[Short, Skip(9), Short, Short], // basic.deliver
        (60, 50) => &[Skip(2), Short, Short, Short], // basic.return
        (60, 71) => &[Skip(9), Short, Short],     // basic.get-ok
        // connection.blocked, queue.declare-ok, basic.consume-ok, basic.cancel, basic.cancel-ok
        (10, 60) | (50, 11) | (60, 21 | 30 | 31) => &[Short],
        // connection: secure, tune, open-ok, close-ok, unblocked, update-secret-ok
        (10, 20 | 30 | 41 | 51 | 61 | 71)
        // channel: open-ok, flow, flow-ok, close-ok
        | (20, 11 | 20 | 21 | 41)
        // exchange and queue: the answers
        | (40, 11 | 21 | 31 | 51)
        | (50, 21 | 31 | 41 | 51)
        // basic: qos-ok, get-empty, ack, recover-ok, nack
        | (60, 11 | 72 | 80 | 111 | 120)
        // confirm.select-ok; tx: the answers
        | (85, 11)
        | (90, 11 | 21 | 31) => &[],
        _ => return None,
    })
}

/// Writes a method with every short string made UTF-8; the original bytes are never needed. `None`
/// if no broker sends it, or not so. One that is too short is written as it is: lapin says so
/// without reading further.
pub(super) fn rewrite(payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut fields = Fields(payload);
    let (Some(class), Some(method)) = (fields.u16(), fields.u16()) else {
        out.extend_from_slice(payload);
        return Some(());
    };
    if (class, method) == GREETING {
        return without_table(payload, out);
    }
    let layout = layout(class, method)?;
    let start = out.len();
    out.extend_from_slice(payload);
    make_short_strings_utf8(&mut out[start..], fields, layout);
    Some(())
}

/// Does so in place, as far as the payload goes: `fields` are those of the original.
fn make_short_strings_utf8(payload: &mut [u8], mut fields: Fields<'_>, layout: &[Field]) {
    for field in layout {
        let text = match field {
            Field::Skip(count) => fields.bytes(*count).map(|_| 0),
            Field::Short => fields.short().map(<[u8]>::len),
        };
        let Some(length) = text else { return };
        let end = payload.len() - fields.0.len();
        make_utf8(&mut payload[end - length..end]);
    }
}

/// The class and method of connection.start, the one from a broker that has a table.
const GREETING: (u16, u16) = (10, 10);

/// The properties that a broker names in its greeting, as a table without its length.
fn greeting(payload: &[u8]) -> Option<(&[u8], Fields<'_>, &[u8])> {
    let mut fields = Fields(payload);
    let start = fields.bytes(6)?; // class, method, version
    let table = fields.long()?;
    Some((start, fields, table))
}

/// A greeting without the table, of which lapin needs nothing.
fn without_table(payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (start, mut rest, _) = greeting(payload)?;
    let texts = rest.0;
    rest.long()?; // mechanisms
    rest.long()?; // locales
    for part in [start, &[0; 4], &texts[..texts.len() - rest.0.len()]] {
        out.extend_from_slice(part);
    }
    Some(())
}

/// What a broker says of itself when it greets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// What it calls its cluster.
    pub(crate) cluster: Option<String>,
    /// What it is.
    pub(crate) product: Option<String>,
    /// Its version.
    pub(crate) version: Option<String>,
    /// The ways to log in that it knows, with spaces between.
    pub(crate) mechanisms: Option<String>,
}

/// What the broker says of itself, if this is its greeting.
pub(super) fn introduction(payload: &[u8]) -> Option<Greeting> {
    let mut fields = Fields(payload);
    if (fields.u16()?, fields.u16()?) != GREETING {
        return None;
    }
    let (_, mut texts, table) = greeting(payload)?;
    let mut entries = Fields(table);
    let shown = |bytes: &[u8]| {
        let start = bytes.get(..MAX_NAME).unwrap_or(bytes);
        Some(String::from_utf8_lossy(start).into())
    };
    let mechanisms = texts.long().and_then(shown);
    let mut heard = Greeting { mechanisms, ..Greeting::default() };
    while let Some(entry) = entries.entry() {
        let field = match entry.name {
            b"cluster_name" => &mut heard.cluster,
            b"product" => &mut heard.product,
            b"version" => &mut heard.version,
            _ => continue,
        };
        if entry.kind == b'S' && field.is_none() {
            // A long string, whose length comes first; `Fields::value` has taken that away.
            *field = shown(entry.value);
        }
    }
    Some(heard)
}
