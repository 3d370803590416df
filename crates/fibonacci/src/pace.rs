//! When to ask whether to stop.

/// The caller wants the computation to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupt;

/// Asks the caller from time to time whether to stop.
pub(crate) struct Pace<'a> {
    stop: &'a dyn Fn() -> bool,
    /// The cells to work on before it asks again.
    left: usize,
}

impl<'a> Pace<'a> {
    /// It asks after work on this many cells of eight points, which takes less than a millisecond
    /// in every step of a computation.
    pub(crate) const CELLS: usize = 1 << 14;

    pub(crate) fn new(stop: &'a dyn Fn() -> bool) -> Self {
        Self { stop, left: 0 }
    }

    /// Counts work on the given number of cells, done or about to be done.
    pub(crate) fn worked(&mut self, cells: usize) -> Result<(), Interrupt> {
        if cells < self.left {
            self.left -= cells;
            return Ok(());
        }
        self.left = Self::CELLS;
        if (self.stop)() { Err(Interrupt) } else { Ok(()) }
    }
}
