//! When deliveries arrived in the process: lapin does not say, and by the time that somebody takes
//! one from it, it may have waited.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Reads whose deliveries nobody has taken that are remembered. The prefetch bounds them, where
/// there is one.
const MAX_READS: usize = 4096;

/// The moments of one connection's deliveries, in their order. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(in crate::amqp) struct Arrivals(Arc<Mutex<VecDeque<(Instant, usize)>>>);

impl Arrivals {
    /// Notes that so many deliveries were read from the socket just now.
    pub(super) fn note(&self, deliveries: usize) {
        if deliveries > 0 {
            let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if reads.len() < MAX_READS {
                reads.push_back((Instant::now(), deliveries));
            } else if let Some((_, last)) = reads.back_mut() {
                *last += deliveries;
            }
        }
    }

    /// When the next delivery arrived. To be called for each, in their order.
    pub(in crate::amqp) fn next(&self) -> Option<Instant> {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, left) = reads.front_mut()?;
        let at = *at;
        *left -= 1;
        if *left == 0 {
            reads.pop_front();
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delivery_has_the_moment_of_its_read() {
        let arrivals = Arrivals::default();
        arrivals.note(0);
        assert_eq!(arrivals.next(), None);
        arrivals.note(2);
        let between = Instant::now();
        arrivals.note(1);
        let at = [(); 4].map(|()| arrivals.next());
        assert!(at[0] == at[1] && at[1] <= Some(between), "{at:?}");
        assert!(at[2] >= Some(between), "{at:?}");
        assert_eq!(at[3], None);
        (0..=MAX_READS).for_each(|_| arrivals.note(1));
        assert_eq!(std::iter::from_fn(|| arrivals.next()).count(), MAX_READS + 1);
    }
}
