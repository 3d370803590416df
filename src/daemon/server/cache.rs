//! The recently computed results of large n.

use bytes::Bytes;
use quick_cache::{Weighter, unsync::Cache};

/// A cache by n, bounded in bytes, that keeps what is asked for again.
#[derive(Debug)]
pub(crate) struct ResultCache(Cache<u64, Bytes, Weight>);

/// The size of a typical result: a guess, few are smaller.
const TYPICAL_RESULT: u64 = 64 << 10;

/// What the cache itself needs per entry, roughly, in bytes.
const OVERHEAD: u64 = 128;

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<u64, Bytes> for Weight {
    fn weight(&self, _: &u64, digits: &Bytes) -> u64 {
        digits.len() as u64 + OVERHEAD
    }
}

impl ResultCache {
    /// A cache of this many bytes; with 0 it keeps nothing.
    pub(crate) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_RESULT).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(items.clamp(16, 1 << 16), bytes, Weight))
    }

    pub(super) fn get(&self, n: u64) -> Option<Bytes> {
        self.0.get(&n).cloned()
    }

    /// Keeps a result, unless it is larger than the whole.
    pub(super) fn insert(&mut self, n: u64, digits: Bytes) {
        self.0.insert(n, digits);
    }

    /// The bytes it holds.
    pub(super) fn size(&self) -> u64 {
        self.0.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(length: usize) -> Bytes {
        vec![b'1'; length].into()
    }

    #[test]
    fn never_holds_more_than_its_bytes() {
        let mut cache = ResultCache::new(10_000);
        for n in 0..1000 {
            cache.insert(n, digits(1000));
            assert!(cache.size() <= 10_000, "{}", cache.size());
        }
        assert!((0..1000).any(|n| cache.get(n).is_some()));
        cache.insert(7, digits(20_000));
        assert!(cache.get(7).is_none(), "too large");
    }

    #[test]
    fn of_no_bytes_holds_nothing() {
        let mut cache = ResultCache::new(0);
        cache.insert(1, digits(1));
        assert_eq!((cache.get(1), cache.size()), (None, 0));
    }
}
