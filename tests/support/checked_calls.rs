//! A batch of calls, every answer of which is checked.

use super::lapin_caller::Caller;

/// Its reply is many frames.
pub(crate) const LARGE: u64 = 2_000_000;

/// Calls whose answers are checked.
pub(crate) struct CheckedCalls {
    caller: Caller,
    pub(crate) numbers: Vec<u64>,
    large: String,
}

/// What became of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) answered: usize,
    pub(crate) wrong: usize,
}

impl CheckedCalls {
    pub(crate) fn new(uri: &str) -> Self {
        Self { caller: Caller::connect(uri), numbers: Vec::new(), large: fibonacci(LARGE) }
    }

    pub(crate) fn call(&mut self, n: u64) {
        self.caller.call(&self.numbers.len().to_string(), &n.to_string());
        self.numbers.push(n);
    }

    /// Makes small calls, each different from the one before.
    pub(crate) fn many(&mut self, count: u64) {
        (0..count).for_each(|n| self.call(n % 90));
    }

    /// Waits until every call is answered, and judges each answer.
    pub(crate) fn count(&self) -> Count {
        let ids = (0..self.numbers.len()).map(|id| id.to_string()).collect::<Vec<_>>();
        let replies = self.caller.replies_for(&ids);
        let mut count = Count::default();
        for (id, n) in self.numbers.iter().enumerate() {
            let right = if *n == LARGE { self.large.clone() } else { fibonacci(*n) };
            let replies = &replies[&ids[id]];
            count.answered += usize::from(!replies.is_empty());
            count.wrong += replies.iter().filter(|reply| reply.body != right).count();
        }
        count
    }

    pub(crate) fn all_right(&self, what: &str) {
        let count = self.count();
        eprintln!("{what}: {count:?}");
        assert_eq!(count, Count { answered: self.numbers.len(), wrong: 0 }, "{what}");
    }
}

/// F(n).
pub(crate) fn fibonacci(n: u64) -> String {
    String::from_utf8(fibrpc::fibonacci::decimal(n, || false).unwrap()).unwrap()
}
