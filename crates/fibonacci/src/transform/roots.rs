//! One table of roots of unity for all transforms.
//!
//! A node of the tree of [`super::tree`] turns its coefficients by the powers of e^(2 pi i a / 8).
//! Its angle a is that of its level plus r(k), where k is the number of the node on its level, and
//! r(k) is k with its bits reversed behind the point: 0, 1/2, 1/4, 3/4, 1/8, ... (the sequence of
//! van der Corput). The table has the powers of e^(2 pi i r(k) / 8); times those of the level's
//! turn, they are the node's. Neither level nor size is in r(k), so one table serves all levels
//! of all transforms, and is extended when a larger one comes.
//!
//! Every power is computed by itself: a chain of multiplications would add up its errors, and
//! they are what limits the radix.

use super::complex::{Complex, ComplexLanes, Octet, Point};
use crate::lanes::{Cell, Lanes, eight};

/// The tables.
#[derive(Debug)]
pub(crate) struct Roots {
    /// For every k: the powers 0 to 7 of e^(2 pi i r(k) / 8).
    pub(super) nodes: Vec<Cell>,
    /// For every k: the powers 0 to 7 of e^(2 pi i r(k) / 64), for a leaf's last level.
    pub(super) leaves: Vec<Cell>,
    /// For j = 0 to 7: the powers j of e^(2 pi i r(k) / 8) for k = 0 to 7.
    pub(super) last: [Cell; 8],
}

impl Default for Roots {
    fn default() -> Self {
        let last = |j: usize| cell(|k| j as f64 * reversed(k) / 8.0);
        Self { nodes: Vec::new(), leaves: Vec::new(), last: eight!(|j| last(j)) }
    }
}

impl Roots {
    /// Makes the tables at least so long.
    pub(super) fn extend_to(&mut self, length: usize) {
        let more = length.saturating_sub(self.nodes.len());
        self.nodes.reserve_exact(more);
        self.leaves.reserve_exact(more);
        for k in self.nodes.len()..length {
            self.nodes.push(powers(reversed(k) / 8.0));
            self.leaves.push(powers(reversed(k) / 64.0));
        }
    }

    /// The bytes the tables take beyond themselves.
    pub(crate) fn size(&self) -> usize {
        (self.nodes.capacity() + self.leaves.capacity()) * size_of::<Cell>()
    }
}

/// The powers 0 to 7 of e^(2 pi i turn).
pub(super) fn powers(turn: f64) -> Cell {
    cell(|j| j as f64 * turn)
}

/// e^(2 pi i turn) of eight turns.
fn cell(turn: impl Fn(usize) -> f64) -> Cell {
    let points = eight!(|i| Point::at(turn(i)));
    [points.map(|point| point.re), points.map(|point| point.im)]
}

/// The bits of k in reverse order behind the point: less than 1.
fn reversed(k: usize) -> f64 {
    // Exact: the tables are far shorter than 2^53.
    (k as u64).reverse_bits() as f64 / 2_f64.powi(64)
}

/// Powers of the product of two roots, one power in all lanes of each vector.
#[inline(always)]
pub(super) fn spread<L: Lanes>(lanes: L, powers: &Cell, turns: &Cell) -> Octet<L> {
    let product = lanes.times(lanes.load_cell(powers), lanes.load_cell(turns));
    let mut cell = [[0.0; 8]; 2];
    lanes.store_cell(product, &mut cell);
    eight!(|j| Complex { re: lanes.splat(cell[0][j]), im: lanes.splat(cell[1][j]) })
}
