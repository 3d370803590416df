//! When to ask whether to stop.

/// The computation was told to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupt;

/// Asks whether to stop, now and then.
pub(crate) struct Pace<'a> {
    stop: &'a dyn Fn() -> bool,
    /// Cells to go until it asks again.
    left: usize,
}

impl<'a> Pace<'a> {
    /// Cells of eight points that one step is done with in less than a millisecond.
    pub(crate) const CELLS: usize = 1 << 14;

    pub(crate) fn new(stop: &'a dyn Fn() -> bool) -> Self {
        Self { stop, left: 0 }
    }

    /// Counts work on so many cells, done or about to be.
    pub(crate) fn worked(&mut self, cells: usize) -> Result<(), Interrupt> {
        if cells < self.left {
            self.left -= cells;
            return Ok(());
        }
        self.left = Self::CELLS;
        if (self.stop)() { Err(Interrupt) } else { Ok(()) }
    }
}
