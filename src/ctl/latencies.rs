//! Latencies of any number in little memory: buckets that are 1/128 of their value wide.

use std::time::Duration;

/// Buckets for each power of two, as a power of two.
const FINE: u32 = 7;

/// A histogram of latencies in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    min: Duration,
    max: Duration,
}

impl Latencies {
    pub(super) fn new() -> Self {
        let buckets = vec![0; bucket_of(u64::MAX) + 1];
        Self { buckets, count: 0, min: Duration::MAX, max: Duration::ZERO }
    }

    pub(super) fn note(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(bucket_of(nanos)) {
            *bucket += 1;
        }
        self.count += 1;
        self.min = self.min.min(latency);
        self.max = self.max.max(latency);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The shortest, the median, what 99 % do not exceed, the longest; `None` of none.
    pub(super) fn spread(&self) -> Option<[Duration; 4]> {
        let spread = [self.min, self.percentile(50), self.percentile(99), self.max];
        (self.count > 0).then_some(spread)
    }

    /// What so many percent do not exceed, at most 1 % too much.
    fn percentile(&self, percent: u64) -> Duration {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        let bound = bucket.map_or(self.max, |bucket| Duration::from_nanos(upper_end(bucket)));
        bound.clamp(self.min.min(self.max), self.max)
    }
}

fn bucket_of(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(FINE + 1);
    let fine = usize::try_from(nanos >> shift).unwrap_or_default(); // of 8 bits
    ((shift as usize) << FINE) + fine
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    let whole = bucket >> FINE;
    let shift = whole.saturating_sub(1);
    let fine = (bucket - (shift << FINE)) as u128;
    u64::try_from(((fine + 1) << shift) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_its_bucket_and_buckets_are_narrow() {
        for value in [0, 1, 127, 128, 255, 256, 257, 1000, 123_456_789, u64::MAX / 2, u64::MAX] {
            let end = upper_end(bucket_of(value));
            assert!(end >= value && end - value <= value / 128 + 1, "{value}: {end}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.spread(), None);
        for micros in (1..=1000).rev() {
            latencies.note(Duration::from_micros(micros));
        }
        let [min, median, most, max] = latencies.spread().unwrap();
        assert_eq!((min, max), (Duration::from_micros(1), Duration::from_millis(1)));
        assert!((500..506).contains(&median.as_micros()), "{median:?}");
        assert!((990..1000).contains(&most.as_micros()), "{most:?}");
        assert_eq!(latencies.count(), 1000);
    }
}
