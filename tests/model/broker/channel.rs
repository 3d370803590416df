//! The broker's side of a channel.

use super::types::Settle;
use std::collections::BTreeMap;

/// How many commands to a quorum queue a channel has under way at once: its soft limit is 32, and
/// the command that reaches it still goes. What is settled beyond
/// that waits in the channel, and is gone if the channel ends first.
pub(crate) const WINDOW: usize = 33;

#[derive(Debug, Default)]
pub(crate) struct Channel {
    /// How many messages were published since confirms are on.
    pub(crate) confirms: Option<u64>,
    /// For consumers from now on; 0 is no limit.
    pub(crate) prefetch: u16,
    pub(crate) delivered: u64,
    pub(crate) unacked: BTreeMap<u64, Unacked>,
    /// The queue of each consumer.
    pub(crate) consumers: BTreeMap<String, String>,
    pub(crate) windows: BTreeMap<String, Window>,
}

/// A delivery that the client has not settled.
#[derive(Clone, Debug)]
pub(crate) struct Unacked {
    pub(crate) queue: String,
    /// What the queue calls it.
    pub(crate) handout: u64,
}

/// Settlements on their way to a quorum queue.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) under_way: usize,
    /// They wait until fewer than [`WINDOW`] are under way.
    pub(crate) waiting: Vec<(Vec<u64>, Settle)>,
}

impl Channel {
    /// The number of the next delivery.
    pub(crate) fn next_tag(&mut self) -> u64 {
        self.delivered += 1;
        self.delivered
    }

    /// Takes what a client settles out of the list. `None`: it names a delivery that is not open.
    pub(crate) fn settle(&mut self, tag: u64, multiple: bool) -> Option<Vec<Unacked>> {
        if !multiple {
            return Some(vec![self.unacked.remove(&tag)?]);
        }
        if tag == 0 {
            return Some(std::mem::take(&mut self.unacked).into_values().collect());
        }
        self.unacked.get(&tag)?;
        let later = self.unacked.split_off(&(tag + 1));
        Some(std::mem::replace(&mut self.unacked, later).into_values().collect())
    }
}
