//! Switches that stop computations.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Tells a running job to stop; clones share one switch.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopSwitch(Arc<AtomicBool>);

impl StopSwitch {
    pub(crate) fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Throws its switch when dropped: nobody waits for what still runs then.
#[derive(Debug, Default)]
pub(crate) struct StopOnDrop(StopSwitch);

impl StopOnDrop {
    pub(crate) fn switch(&self) -> StopSwitch {
        self.0.clone()
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
