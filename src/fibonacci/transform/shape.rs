//! The lengths a transform can have, and the angles that belong to each.

use super::{complex::Point, roots::powers};
use crate::fibonacci::lanes::Cell;

/// The number of sub-transforms at the root, at most.
pub(super) const MOST_WAYS: usize = 14;

/// Levels of eight below the root's children, at most: more than memory holds.
const LEVELS: usize = 10;

/// The length of a transform: `ways` times 64 times a power of 8 complex points.
///
/// Powers of two alone would waste up to half of the work; the factor at the root leaves at most
/// a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fibonacci) struct Shape {
    /// How many sub-transforms the root splits into.
    pub(super) ways: usize,
    /// How many levels of eight-way splits each of them has, above its leaves.
    pub(super) depth: usize,
}

impl Shape {
    /// The shortest with room for a product of so many digits.
    pub(in crate::fibonacci) fn for_digits(digits: usize) -> Self {
        let points = digits.div_ceil(2);
        let fits = |ways: usize| {
            let depth = (0..LEVELS).find(|&depth| Self { ways, depth }.points() >= points);
            Self { ways, depth: depth.unwrap_or(LEVELS) }
        };
        let mut best = fits(1);
        for ways in [2, 3, 4, 5, 6, 7, 8, 10, 12, MOST_WAYS] {
            let shape = fits(ways);
            if shape.points() < best.points() {
                best = shape;
            }
        }
        best
    }

    /// Complex points.
    pub(in crate::fibonacci) fn points(self) -> usize {
        8 * self.cells()
    }

    /// Cells of eight points.
    pub(in crate::fibonacci) fn cells(self) -> usize {
        self.ways * self.column()
    }

    /// Cells of one sub-transform.
    pub(super) fn column(self) -> usize {
        8 << (3 * self.depth)
    }

    /// The length of the tables of roots.
    pub(super) fn roots(self) -> usize {
        1 << (3 * self.depth)
    }

    /// The bytes of the transforms of two numbers, and of the tables.
    pub(in crate::fibonacci) fn memory(self) -> usize {
        2 * (self.cells() + self.roots()) * size_of::<Cell>()
    }
}

/// What a transform of one shape needs to know.
#[derive(Debug)]
pub(in crate::fibonacci) struct Plan {
    pub(super) shape: Shape,
    /// The coefficients in the order the root takes them: of an even number the even, then the
    /// odd ones.
    pub(super) order: Vec<usize>,
    /// How many of them come first.
    pub(super) first: usize,
    /// Where the differences that odd coefficients come from begin, if they do.
    pub(super) odd: usize,
    /// For the sub-transforms of the first half or of all: the powers of the root y that it
    /// stands for, in that order.
    pub(super) split: Vec<Vec<Point>>,
    /// The same by coefficient.
    pub(super) join: Vec<Vec<Point>>,
    /// For each sub-transform and level, the powers of the turn common to all nodes of the level.
    pub(super) turns: Vec<Vec<Cell>>,
}

impl Plan {
    pub(in crate::fibonacci) fn new(shape: Shape) -> Self {
        let ways = shape.ways;
        let (order, computed): (Vec<usize>, usize) = if ways.is_multiple_of(2) {
            ((0..ways).step_by(2).chain((1..ways).step_by(2)).collect(), ways / 2)
        } else {
            ((0..ways).collect(), ways)
        };
        // y^j = e^(2 pi i j (1/4 + way) / ways)
        let power = |way: usize, j: usize| {
            let quarters = (j * (4 * way + 1)) % (4 * ways);
            Point::at(quarters as f64 / (4 * ways) as f64)
        };
        let turns = |way: usize| {
            let angle = (0.25 + way as f64) / ways as f64;
            (0..=shape.depth + 1)
                .map(|level| powers(angle / (8_u64 << (3 * level)) as f64))
                .collect()
        };
        Self {
            shape,
            first: computed,
            odd: if ways.is_multiple_of(2) { computed } else { 0 },
            split: (0..computed)
                .map(|way| order.iter().map(|&j| power(way, j)).collect())
                .collect(),
            join: order.iter().map(|&j| (0..computed).map(|way| power(way, j)).collect()).collect(),
            turns: (0..ways).map(turns).collect(),
            order,
        }
    }

    pub(in crate::fibonacci) fn shape(&self) -> Shape {
        self.shape
    }
}
