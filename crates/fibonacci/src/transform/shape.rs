//! The lengths that a transform can have, and the constants of each.

use super::{complex::Point, twiddles::powers};
use crate::lanes::Cell;

/// The numbers of parts that the root level can split into: a power of two up to 8 times an odd
/// number up to 9. More choices would waste less, but a large root costs more than a level of the
/// tree.
const WAYS: [usize; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 18, MOST_WAYS];

/// The largest of them.
pub(super) const MOST_WAYS: usize = 20;

/// The largest number of levels below the parts: for lengths beyond any memory.
const LEVELS: usize = 10;

/// The length of a transform: `ways` times 64 times a power of 8 complex points.
///
/// With powers of two alone, up to half of the work would be on zeros; with `ways` it is at most a
/// quarter, typically a tenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The number of parts that the root level splits into, each with a sub-transform.
    pub(super) ways: usize,
    /// The number of levels of eight-way splits in a sub-transform, above its leaves.
    pub(super) depth: usize,
}

impl Shape {
    /// The shortest one for a product of the given number of digits.
    pub(crate) fn for_digits(digits: usize) -> Self {
        let points = digits.div_ceil(2);
        let fits = |ways: usize| {
            let depth = (0..LEVELS).find(|&depth| Self { ways, depth }.points() >= points);
            Self { ways, depth: depth.unwrap_or(LEVELS) }
        };
        let mut best = fits(1);
        for ways in WAYS {
            let shape = fits(ways);
            if shape.points() < best.points() {
                best = shape;
            }
        }
        best
    }

    /// The number of complex points.
    pub(crate) fn points(self) -> usize {
        8 * self.cells()
    }

    /// The number of cells of eight points.
    pub(crate) fn cells(self) -> usize {
        self.ways * self.column()
    }

    /// The number of cells of one sub-transform.
    pub(super) fn column(self) -> usize {
        8 << (3 * self.depth)
    }

    /// The number of nodes on the lowest level of a sub-transform.
    pub(super) fn nodes(self) -> usize {
        1 << (3 * self.depth)
    }

    /// The bytes of the transforms of two numbers, and of the tables of twiddle factors.
    pub(crate) fn memory(self) -> usize {
        2 * (self.cells() + self.nodes()) * size_of::<Cell>()
    }
}

/// The constants of a transform of one shape.
///
/// The root level works on `ways` numbers in a table with rows of an odd length; [`super::root`]
/// says why.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) shape: Shape,
    /// The length of a row, odd.
    pub(super) row: usize,
    /// The coefficient that goes to each place of the table.
    pub(super) coefficients: Vec<usize>,
    /// For each place, e^(2 pi i j / (4 ways)), where j is its coefficient.
    pub(super) twist: Vec<Point>,
    /// Their conjugates, divided by the number of points.
    pub(super) untwist: Vec<Point>,
    /// The sub-transform that gets the result of each place.
    pub(super) split: Vec<usize>,
    /// The sub-transform that goes to each place on the way back.
    pub(super) join: Vec<usize>,
    /// e^(2 pi i j t / row), for each t and, within it, each j from 1 to half of the row.
    pub(super) waves: Vec<Point>,
    /// For each sub-transform and level, the powers of the factor common to all nodes of the level.
    pub(super) turns: Vec<Vec<Cell>>,
}

impl Plan {
    pub(crate) fn new(shape: Shape) -> Self {
        let ways = shape.ways;
        let rows = 1 << ways.trailing_zeros();
        let row = ways / rows;
        let coefficient = |place| {
            let (a, b) = (place / row, place % row);
            (0..ways).find(|j| (j % rows, j % row) == (a, b)).unwrap_or(0)
        };
        let coefficients: Vec<_> = (0..ways).map(coefficient).collect();
        let split: Vec<_> =
            (0..ways).map(|place| (place / row * row + place % row * rows) % ways).collect();
        let turns = |way: usize| {
            let angle = (0.25 + way as f64) / ways as f64;
            (0..=shape.depth + 1)
                .map(|level| powers(angle / (8_u64 << (3 * level)) as f64))
                .collect()
        };
        let twist = |&j: &usize| Point::at(j as f64 / (4 * ways) as f64);
        let scale = 1.0 / shape.points() as f64;
        let untwist = |j| {
            let Point { re, im } = twist(j);
            Point { re: re * scale, im: -im * scale }
        };
        let halves = 1..=row / 2;
        let wave = |(t, j)| Point::at((t * j % row) as f64 / row as f64);
        Self {
            shape,
            row,
            twist: coefficients.iter().map(twist).collect(),
            untwist: coefficients.iter().map(untwist).collect(),
            coefficients,
            join: split.iter().map(|way| (ways - way) % ways).collect(),
            split,
            waves: halves
                .clone()
                .flat_map(|t| halves.clone().map(move |j| (t, j)))
                .map(wave)
                .collect(),
            turns: (0..ways).map(turns).collect(),
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }
}
