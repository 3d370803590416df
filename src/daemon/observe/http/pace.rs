//! Bounds what all peers together may cost the thread that serves HTTP, which is also the one that
//! serves calls: who asks too often waits longer for an answer, and nobody else does.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// How much may be taken at once after a quiet time, in time of the pace.
const BURST: Duration = Duration::from_millis(500);

/// A pace at which things are let through, in turn.
#[derive(Debug)]
pub(super) struct Pace {
    /// When all that was let through is paid for.
    paid: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { paid: Mutex::new(now.checked_sub(BURST).unwrap_or(now)) }
    }

    /// Waits for its turn; all that comes later waits this much longer.
    pub(super) async fn take(&self, cost: Duration) {
        sleep_until(self.turn(cost, Instant::now())).await;
    }

    fn turn(&self, cost: Duration, now: Instant) -> Instant {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        *paid = (*paid).max(earliest) + cost;
        *paid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_what_is_beyond_it_waits_its_turn() {
        let cost = Duration::from_millis(10);
        let now = Instant::now() + BURST;
        let pace = Pace::new();
        let waits = [(); 53].map(|()| pace.turn(cost, now).saturating_duration_since(now));
        assert!(waits[..50].iter().all(Duration::is_zero));
        assert_eq!(waits[50..], [cost, cost * 2, cost * 3]);
        let later = now + Duration::from_secs(1);
        assert!(pace.turn(cost, later) < later, "and is forgotten");
    }
}
