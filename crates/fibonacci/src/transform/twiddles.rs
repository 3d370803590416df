//! One table of twiddle factors for all transforms.
//!
//! A node of the tree (see `tree`) multiplies its coefficients by the powers of e^(2 pi i a / 8).
//! Its angle a is that of its level plus r(k), where k is the number of the node on its level, and
//! r(k) is k with its bits reversed behind the binary point: 0, 1/2, 1/4, 3/4, 1/8, ... (the
//! sequence of van der Corput). The table has the powers of e^(2 pi i r(k) / 8); multiplied by
//! those of the level's factor, they are the node's. As r(k) depends neither on the level nor on
//! the length, one table serves all levels of all transforms, and only grows for a longer one.
//!
//! Every power is computed directly: in a chain of multiplications errors would add up, and they
//! are what limits the radix.

use super::complex::{Complex, ComplexLanes, Octet, Point};
use crate::lanes::{Cell, Lanes, eight};

/// The tables.
#[derive(Debug)]
pub(crate) struct Twiddles {
    /// For every k: the powers 0 to 7 of e^(2 pi i r(k) / 8).
    pub(super) nodes: Vec<Cell>,
    /// For every k: the powers 0 to 7 of e^(2 pi i r(k) / 64), for the last level of a leaf.
    pub(super) leaves: Vec<Cell>,
    /// For j = 0 to 7: the powers j of e^(2 pi i r(k) / 8) for k = 0 to 7.
    pub(super) last: [Cell; 8],
}

impl Default for Twiddles {
    fn default() -> Self {
        let last = |j: usize| cell(|k| j as f64 * reversed(k) / 8.0);
        Self { nodes: Vec::new(), leaves: Vec::new(), last: eight!(|j| last(j)) }
    }
}

impl Twiddles {
    /// Extends the tables to at least the given length.
    pub(super) fn extend_to(&mut self, length: usize) {
        let more = length.saturating_sub(self.nodes.len());
        self.nodes.reserve_exact(more);
        self.leaves.reserve_exact(more);
        for k in self.nodes.len()..length {
            self.nodes.push(powers(reversed(k) / 8.0));
            self.leaves.push(powers(reversed(k) / 64.0));
        }
    }

    /// The bytes that the tables take on the heap.
    pub(crate) fn size(&self) -> usize {
        (self.nodes.capacity() + self.leaves.capacity()) * size_of::<Cell>()
    }
}

/// The powers 0 to 7 of e^(2 pi i turn).
pub(super) fn powers(turn: f64) -> Cell {
    cell(|j| j as f64 * turn)
}

/// e^(2 pi i turn) for eight turns.
fn cell(turn: impl Fn(usize) -> f64) -> Cell {
    let points = eight!(|i| Point::at(turn(i)));
    [points.map(|point| point.re), points.map(|point| point.im)]
}

/// The bits of k in reverse order behind the binary point.
fn reversed(k: usize) -> f64 {
    // Exact: the tables are far shorter than 2^53.
    (k as u64).reverse_bits() as f64 / 2_f64.powi(64)
}

/// The powers of the product of two factors, from the powers of each; one power in all lanes of
/// each vector.
#[inline(always)]
pub(super) fn spread<L: Lanes>(lanes: L, powers: &Cell, turns: &Cell) -> Octet<L> {
    let product = lanes.times(lanes.load_cell(powers), lanes.load_cell(turns));
    let mut cell = [[0.0; 8]; 2];
    lanes.store_cell(product, &mut cell);
    eight!(|j| Complex { re: lanes.splat(cell[0][j]), im: lanes.splat(cell[1][j]) })
}
