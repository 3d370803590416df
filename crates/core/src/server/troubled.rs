//! Reply queues that gave trouble lately.
//!
//! A queue that refuses replies, or never confirms them, would otherwise hold a place of the
//! prefetch for each request that names it, again and again.

use super::{
    clock::Moment,
    hash::{Build, keyed},
};
use std::{collections::HashMap, time::Duration};

/// How long a queue is remembered after its last trouble.
pub const REMEMBERED: Duration = Duration::from_secs(10);

/// How long after a session ended waiting for a queue it is no coincidence if another one does.
const SUSPECTED: Duration = Duration::from_mins(3);

/// Most queues that are remembered.
const CAPACITY: usize = 256;

/// The queues, until when each of them is remembered.
#[derive(Debug)]
pub(super) struct TroubledQueues {
    seed: u64,
    until: HashMap<u64, Moment, Build>,
    /// The queue that the last session waited for when it ended, if it ended so.
    suspect: Option<(u64, Moment)>,
}

impl TroubledQueues {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, until: HashMap::default(), suspect: None }
    }

    /// Notes that a queue gives trouble.
    pub(super) fn note(&mut self, now: Moment, queue: &str) {
        let name = keyed(self.seed, &queue);
        if self.until.len() >= CAPACITY && !self.until.contains_key(&name) {
            let first = self.until.iter().min_by_key(|(name, until)| (**until, **name));
            if let Some(first) = first.map(|(name, _)| *name) {
                self.until.remove(&first);
            }
        }
        self.until.insert(name, now.plus(REMEMBERED));
    }

    /// Notes that a session ended waiting for this queue. That is trouble if the one before did, too.
    pub(super) fn suspect(&mut self, now: Moment, queue: &str) {
        let name = keyed(self.seed, &queue);
        let before = self.suspect.replace((name, now));
        if before.is_some_and(|(one, at)| one == name && now <= at.plus(SUSPECTED)) {
            self.note(now, queue);
        }
    }

    /// Whether a queue gave trouble lately.
    pub(super) fn contains(&mut self, now: Moment, queue: &str) -> bool {
        if self.until.is_empty() {
            return false;
        }
        self.until.retain(|_, until| *until > now);
        self.until.contains_key(&keyed(self.seed, &queue))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_remembered_for_a_while_and_not_too_many_of_them() {
        let mut queues = TroubledQueues::new(7);
        let start = Moment::default();
        queues.note(start, "full");
        assert!(queues.contains(start, "full") && !queues.contains(start, "other"));
        let later = start.plus(REMEMBERED);
        assert!(!queues.contains(later, "full"));
        for number in 0..2 * CAPACITY {
            queues.note(later, &number.to_string());
        }
        assert_eq!(queues.until.len(), CAPACITY);
        queues.note(later.plus(Duration::from_secs(1)), "last");
        assert!(queues.contains(later, "last"));
    }
}
