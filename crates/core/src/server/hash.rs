//! Hashing that is the same in every run, and that strangers cannot predict.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Builds the hasher of maps whose keys strangers do not choose, or few of them at a time.
pub(super) type Build = BuildHasherDefault<Mixer>;

/// For keys that are one integer: spreads its bits (the finalizer of `SplitMix64`, Steele and
/// others 2014).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.write_u64(word.try_into().map(u64::from_le_bytes).unwrap_or_default());
        }
        let rest = words.remainder();
        let last = rest.iter().fold(rest.len() as u64, |last, byte| last << 8 | u64::from(*byte));
        self.write_u64(last);
    }

    fn write_u64(&mut self, value: u64) {
        let mut mixed = (self.0 ^ value).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = mixed ^ (mixed >> 31);
    }
}

/// A hash of anything, which nobody can foretell who does not know the seed.
pub(super) fn keyed(seed: u64, value: &impl Hash) -> u64 {
    let mut hasher = Mixer(seed);
    value.hash(&mut hasher);
    hasher.finish()
}
