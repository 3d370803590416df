//! What the header `x-death` says of rejections: it is an array of tables, which lapin never sees.
//!
//! RabbitMQ writes an entry for each queue and reason that a message was dead-lettered from and for
//! (<https://www.rabbitmq.com/docs/dlx#effects>).

use super::reader::{Entry, Fields, write_short};

/// Its name.
pub(super) const DEATHS: &str = "x-death";

/// Most queues that are told; RabbitMQ puts the latest first.
const MOST: usize = 16;

/// Which queues have rejected a message, as [`raw::REJECTIONS`](super::raw::REJECTIONS) has it.
pub(super) fn rejections(array: &[u8]) -> Vec<u8> {
    let mut told = Vec::new();
    for (queue, count) in tables(array).filter_map(rejection).take(MOST) {
        told.extend_from_slice(&count.to_be_bytes());
        write_short(queue, &mut told);
    }
    told
}

/// How often a queue has rejected a message, from what [`rejections`] has told.
pub(in crate::amqp) fn rejections_by(queue: &str, told: &[u8]) -> u64 {
    let mut fields = Fields(told);
    let mut next = || {
        let count = u64::from_be_bytes(fields.bytes(8)?.try_into().ok()?);
        Some((count, fields.short()?))
    };
    std::iter::from_fn(&mut next).find(|(_, name)| *name == queue.as_bytes()).map_or(0, |(n, _)| n)
}

/// The tables of an array, as far as it can be read.
fn tables(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields(array);
    let values = std::iter::from_fn(move || {
        let kind = fields.u8()?;
        Some((kind, fields.value(kind)?))
    });
    values.filter(|(kind, _)| *kind == b'F').map(|(_, table)| table)
}

/// The queue and the count of an entry that tells of rejections.
fn rejection(table: &[u8]) -> Option<(&[u8], u64)> {
    let (mut queue, mut count, mut rejected) = (None, None, false);
    let mut fields = Fields(table);
    while let Some(Entry { name, kind, value, .. }) = fields.entry() {
        match (name, kind) {
            (b"queue", b'S') => queue = Some(value).filter(|name| name.len() <= 255),
            (b"reason", b'S') => rejected = value == b"rejected",
            (b"count", b'l') => count = value.try_into().ok().map(i64::from_be_bytes),
            _ => {}
        }
    }
    let count = u64::try_from(count?).ok()?;
    queue.filter(|_| rejected).map(|queue| (queue, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, value: &str) -> Vec<u8> {
        let mut entry = Vec::new();
        write_short(name.as_bytes(), &mut entry);
        entry.push(b'S');
        entry.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
        entry.extend_from_slice(value.as_bytes());
        entry
    }

    fn death(queue: &str, reason: &str, count: i64) -> Vec<u8> {
        let mut table = [text("queue", queue), text("reason", reason)].concat();
        table.extend_from_slice(b"\x05countl");
        table.extend_from_slice(&count.to_be_bytes());
        [b"F".to_vec(), u32::try_from(table.len()).unwrap().to_be_bytes().into(), table].concat()
    }

    #[test]
    fn the_rejections_of_a_queue_are_found_among_other_deaths() {
        let array = [death("q", "expired", 9), death("other", "rejected", 7)].concat();
        let array = [array, b"t\x01".to_vec(), death("q", "rejected", 3)].concat();
        let told = rejections(&array);
        assert_eq!(["q", "other", "nobody"].map(|name| rejections_by(name, &told)), [3, 7, 0]);
        for length in 0..array.len() {
            assert_eq!(rejections_by("q", &rejections(&array[..length])), 0, "{length}");
        }
        for length in 0..told.len() {
            let _ = rejections_by("q", &told[..length]);
        }
    }

    #[test]
    fn what_is_told_is_bounded_and_what_makes_no_sense_is_not() {
        let array = (0..1000).flat_map(|n| death(&n.to_string(), "rejected", 1));
        let told = rejections(&array.collect::<Vec<_>>());
        assert_eq!(["15", "16"].map(|name| rejections_by(name, &told)), [1, 0]);
        for odd in [death("q", "rejected", -1), death(&"q".repeat(256), "rejected", 1)] {
            assert_eq!(rejections(&odd), b"");
        }
    }
}
