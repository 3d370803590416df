//! Random numbers, the same again from the same seed.

use std::time::Duration;

/// `SplitMix64` (Steele and others 2014).
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to 1, without 1.
    fn share(&mut self) -> f64 {
        // As many bits as the fraction of a double has.
        let bits = u32::try_from(self.next() >> 32).unwrap_or_default();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// Whether something happens that does so in this share of cases, from 0 to 1.
    pub(super) fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// A duration between these two, each as likely as the others.
    pub(super) fn between(&mut self, (least, most): (Duration, Duration)) -> Duration {
        let share = self.share();
        least + most.saturating_sub(least).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_and_come_again_from_the_same_seed() {
        let draws = |seed| {
            let mut chance = Chance::new(seed);
            (0..1000).map(|_| chance.happens(0.25)).collect::<Vec<_>>()
        };
        let happened = draws(7).into_iter().filter(|happened| *happened).count();
        assert!((200..300).contains(&happened), "{happened}");
        assert!(draws(7) == draws(7) && draws(7) != draws(8));
        let mut chance = Chance::new(0);
        assert!((0..1000).all(|_| chance.happens(1.0) && !chance.happens(0.0)));
    }

    #[test]
    fn durations_lie_between_their_bounds() {
        let bounds = (Duration::from_millis(5), Duration::from_millis(20));
        let mut chance = Chance::new(1);
        let drawn: Vec<_> = (0..1000).map(|_| chance.between(bounds)).collect();
        assert!(drawn.iter().all(|drawn| *drawn >= bounds.0 && *drawn <= bounds.1));
        assert!(drawn.iter().any(|drawn| *drawn < Duration::from_millis(6)));
        assert!(drawn.iter().any(|drawn| *drawn > Duration::from_millis(19)));
        assert_eq!(chance.between((bounds.0, bounds.0)), bounds.0);
    }
}
