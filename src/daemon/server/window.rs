//! How much of the large replies is on its way to the broker at once.
//!
//! Long replies that are sent all at once reach their callers no sooner than one after the other,
//! and delay short replies in between. So the next long one waits for space in the window, until an
//! earlier one is confirmed.

use crate::daemon::compute::Class;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The window of each class, in bytes: as much as a link of 1 Gbit/s carries in a round trip of 20
/// ms. A reply that is larger than this goes alone.
const BYTES: u32 = 5 << 19;

/// One of each class, so that quick replies never wait for long ones.
#[derive(Debug)]
pub(super) struct Window([Arc<Semaphore>; Class::ALL.len()]);

/// The right to send a large reply, held until the broker has confirmed it.
#[derive(Debug)]
pub(super) struct SendPermit(
    #[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit,
);

impl Window {
    pub(super) fn new() -> Self {
        Self(Class::ALL.map(|_| Arc::new(Semaphore::new(BYTES as usize))))
    }

    /// Waits until a reply of this many bytes may be sent. Cancel safe. Never returns `None`, which
    /// would mean that the window is closed.
    pub(super) async fn enter(&self, class: Class, bytes: u64) -> Option<SendPermit> {
        let bytes = u32::try_from(bytes).unwrap_or(BYTES).min(BYTES);
        let entered = Arc::clone(&self.0[class as usize]).acquire_many_owned(bytes).await;
        entered.ok().map(SendPermit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn what_does_not_fit_waits_for_what_is_on_its_way() {
        let window = Window::new();
        let enter = |class, bytes: u32| window.enter(class, bytes.into()).now_or_never().flatten();
        let small = enter(Class::Long, 1000).expect("the first");
        assert!(enter(Class::Long, 10 * BYTES).is_none());
        let quick = enter(Class::Quick, 10 * BYTES).expect("the other class");
        assert!(enter(Class::Quick, 1).is_none());
        drop(small);
        let large = enter(Class::Long, 10 * BYTES).expect("alone");
        assert!(enter(Class::Long, 1).is_none());
        drop((large, quick));
        assert!(enter(Class::Long, 1).is_some() && enter(Class::Quick, 1).is_some());
    }
}
