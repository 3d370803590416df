//! What a script led to, in a form in which the model and a broker can be compared.

use crate::broker::types::{Event, Method};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    mem,
};

/// What came of one step: the events of each channel, in order, and what the queues then had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: BTreeMap<String, Vec<Entry>>,
    /// Of each queue: name, ready messages, consumers.
    pub(crate) queues: Vec<(String, u32, u32)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Event(Event),
    /// The confirm of one message, whether or not the broker confirmed others with it.
    Confirm {
        tag: u64,
        ack: bool,
    },
}

/// Collects the events of each channel.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    confirms: BTreeMap<String, Publishes>,
    events: BTreeMap<String, Vec<Entry>>,
    /// The channels that were opened, and whose connection is still there.
    known: BTreeSet<String>,
}

/// What is published on a channel with confirms.
#[derive(Debug, Default)]
struct Publishes {
    last: u64,
    unconfirmed: BTreeSet<u64>,
}

impl Recorder {
    /// A method is sent.
    pub(crate) fn sent(&mut self, channel: &str, method: &Method) {
        self.known.insert(channel.into());
        match method {
            Method::OpenChannel => drop(self.confirms.remove(channel)),
            Method::ConfirmSelect => drop(self.confirms.entry(channel.into()).or_default()),
            Method::Publish { .. } => {
                if let Some(publishes) = self.confirms.get_mut(channel) {
                    publishes.last += 1;
                    publishes.unconfirmed.insert(publishes.last);
                }
            }
            _ => {}
        }
    }

    /// An event has come. One confirm of several messages becomes one each, since the broker is
    /// free to put them together as it likes.
    pub(crate) fn got(&mut self, channel: &str, event: Event) {
        let entries = self.events.entry(channel.into()).or_default();
        let Event::Confirm { tag, multiple, ack } = event else {
            return entries.push(Entry::Event(event));
        };
        let publishes = self.confirms.entry(channel.into()).or_default();
        let first = if multiple { 0 } else { tag };
        let tags: Vec<_> = publishes.unconfirmed.range(first..=tag).copied().collect();
        if tags.is_empty() {
            entries.push(Entry::Event(event)); // confirmed twice, or never published
        }
        for tag in tags {
            publishes.unconfirmed.remove(&tag);
            entries.push(Entry::Confirm { tag, ack });
        }
    }

    /// Whether a channel was used before.
    pub(crate) fn knows(&self, channel: &str) -> bool {
        self.known.contains(channel)
    }

    /// A connection has ended, and its channels with it.
    pub(crate) fn closed(&mut self, connection: &str) {
        self.known.retain(|channel| !channel.starts_with(connection));
    }

    /// A channel that is opened because it is used says nothing of it.
    pub(crate) fn forget_opening(&mut self, channel: &str) {
        self.events.remove(channel);
    }

    /// How much has come on each channel.
    pub(crate) fn events(&self) -> &BTreeMap<String, Vec<Entry>> {
        &self.events
    }

    /// What has come since the last time.
    pub(crate) fn take(&mut self) -> BTreeMap<String, Vec<Entry>> {
        mem::take(&mut self.events)
    }
}

impl Outcome {
    /// Puts in one order what the broker may do in any: when it confirms several messages that
    /// were published in one go.
    pub(crate) fn normalised(mut self, several: bool) -> Self {
        for entries in self.events.values_mut() {
            if several {
                entries.sort_by_key(|entry| match entry {
                    Entry::Event(_) => (false, 0),
                    Entry::Confirm { tag, .. } => (true, *tag),
                });
            }
        }
        self.events.retain(|_, entries| !entries.is_empty());
        self
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (channel, entries) in &self.events {
            let mut confirms: Option<(bool, String)> = None;
            for entry in entries {
                match (entry, &mut confirms) {
                    (Entry::Confirm { tag, ack }, Some((same, line))) if ack == same => {
                        let _ = write!(line, " {tag}");
                        continue;
                    }
                    _ => lines.extend(confirms.take().map(|(_, line)| line)),
                }
                let line = format!("  {channel}: {entry}");
                match entry {
                    Entry::Confirm { ack, .. } => confirms = Some((*ack, line)),
                    Entry::Event(_) => lines.push(line),
                }
            }
            lines.extend(confirms.map(|(_, line)| line));
        }
        let queues = self.queues.iter();
        lines.extend(queues.map(|(name, ready, consumers)| {
            format!("  ({name}: {ready} ready, {consumers} consumers)")
        }));
        lines
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(event) => event.fmt(out),
            Self::Confirm { tag, ack } => {
                write!(out, "{} {tag}", if *ack { "confirmed" } else { "refused" })
            }
        }
    }
}

/// Both sides, line by line; lines that differ are marked.
pub(crate) fn side_by_side(model: &[String], broker: &[String]) -> String {
    let width = model.iter().map(String::len).max().unwrap_or(0).max(5);
    let mut text = format!("    {:width$} | broker\n", "model");
    let rows = model.len().max(broker.len());
    for row in 0..rows {
        let [left, right] = [model, broker].map(|side| side.get(row).map_or("", String::as_str));
        let mark = if left == right { ' ' } else { '>' };
        let _ = writeln!(text, "  {mark} {left:width$} | {right}");
    }
    text
}
