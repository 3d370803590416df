//! The products: down the tree of one sub-transform, a multiplication at every leaf, and up.
//!
//! A sub-transform is a polynomial modulo x^L - w, for w = e^(2 pi i a). As
//!
//! ```text
//! x^L - w = product over t = 0..8 of (x^(L/8) - e^(2 pi i (a + t) / 8)),
//! ```
//!
//! it is determined by its remainders modulo the eight factors. Those come from groups of eight
//! coefficients L/8 apart, by one Fourier transform of length eight, after coefficient j of a group
//! is multiplied by e^(2 pi i a j / 8). The remainders are polynomials of the same kind, which are
//! split in turn until their length is 1. Then a remainder is the value at a root of w, and
//! products of polynomials are products of numbers. (D. J. Bernstein, "Multidigit multiplication
//! for mathematicians", 2001, on transforms as trees of remainders.)
//!
//! The way down leaves its results in bit-reversed order. They need not be put in order, because
//! the way up takes the same steps back. Child s of a node stands for t = s with its three bits
//! reversed, so node k of a level has a = (angle of the sub-transform) / 8^level + (k bit-reversed
//! behind the binary point): one factor for the level times an entry of the table in `twiddles`.
//!
//! The tree is walked depth first, so that a part that fits in a cache is finished there: leaf by
//! leaf, counting in base 8. When the number of a leaf ends in z zeros, the leaf is the first below
//! z ancestors, which have to be split before it. When the number of the next leaf ends in z zeros,
//! this one is the last below z ancestors, which can be joined after it.

use super::{
    complex::{ComplexLanes, Octet},
    twiddles::{Twiddles, spread},
};
use crate::{
    identity::Step,
    lanes::{Cell, Lanes, Pass, eight},
    pace::{Interrupt, Pace},
};

/// Replaces f and g, split by the root level, by their two products.
pub(super) struct Multiply<'a, 'b> {
    pub(super) f: &'a mut [Cell],
    pub(super) g: &'a mut [Cell],
    pub(super) turns: &'a [Cell],
    pub(super) twiddles: &'a Twiddles,
    pub(super) step: Step,
    pub(super) pace: &'a mut Pace<'b>,
}

impl Pass for Multiply<'_, '_> {
    type Output = Result<(), Interrupt>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let Self { f, g, turns, twiddles, step, pace } = self;
        let depth = turns.len() - 2;
        let leaves = 1_usize << (3 * depth);
        for leaf in 0..leaves {
            let first = depth - trailing_octal_zeros(leaf, depth);
            for (level, turns) in turns.iter().enumerate().take(depth).skip(first) {
                let (node, cells) = ancestor(leaf, level, depth);
                let powers = spread(lanes, &twiddles.nodes[node], turns);
                split(lanes, &mut f[cells.clone()], &powers);
                split(lanes, &mut g[cells.clone()], &powers);
                pace.worked(2 * cells.len())?;
            }
            let cells = 8 * leaf..8 * leaf + 8;
            let factors = LeafTwiddles::of(lanes, turns, twiddles, leaf);
            if let (Some((f, [])), Some((g, []))) =
                (f[cells.clone()].split_first_chunk_mut(), g[cells].split_first_chunk_mut())
            {
                multiply(lanes, f, g, &factors, step);
            }
            let first = depth - trailing_octal_zeros(leaf + 1, depth);
            for (level, turns) in turns.iter().enumerate().take(depth).skip(first).rev() {
                let (node, cells) = ancestor(leaf, level, depth);
                let powers = spread(lanes, &twiddles.nodes[node], turns);
                join(lanes, &mut f[cells.clone()], &powers);
                if step.wants_both() {
                    join(lanes, &mut g[cells], &powers);
                }
            }
        }
        Ok(())
    }
}

/// The number of zeros at the end of a number in base 8, at most `depth`.
#[inline(always)]
fn trailing_octal_zeros(number: usize, depth: usize) -> usize {
    (number.trailing_zeros() as usize / 3).min(depth)
}

/// The number of a leaf's ancestor on a level, and the range of its cells.
#[inline(always)]
fn ancestor(leaf: usize, level: usize, depth: usize) -> (usize, std::ops::Range<usize>) {
    let below = 3 * (depth - level);
    let node = leaf >> below;
    let length = 8 << below;
    (node, node * length..(node + 1) * length)
}

/// A node's cells as those of its eight children.
#[inline(always)]
fn children(node: &mut [Cell]) -> [&mut [Cell]; 8] {
    let length = node.len() / 8;
    let mut parts = node.chunks_exact_mut(length);
    // The slices tell the compiler that the eight lengths are the same.
    std::array::from_fn(|_| &mut parts.next().unwrap_or_default()[..length])
}

/// Loads cell k of each of the eight.
#[inline(always)]
fn load<L: Lanes>(lanes: L, c: &[&mut [Cell]; 8], k: usize) -> Octet<L> {
    eight!(|j| lanes.load_cell(&c[j][k]))
}

#[inline(always)]
fn store<L: Lanes>(lanes: L, a: Octet<L>, c: &mut [&mut [Cell]; 8], k: usize) {
    for (a, c) in a.into_iter().zip(c) {
        lanes.store_cell(a, &mut c[k]);
    }
}

/// Takes a node one level down.
#[inline(always)]
fn split<L: Lanes>(lanes: L, node: &mut [Cell], powers: &Octet<L>) {
    let mut c = children(node);
    for k in 0..c[0].len() {
        let a = load(lanes, &c, k);
        store(lanes, lanes.fourier(lanes.twist(a, powers)), &mut c, k);
    }
}

/// Takes a node one level up, multiplied by 8.
#[inline(always)]
fn join<L: Lanes>(lanes: L, node: &mut [Cell], powers: &Octet<L>) {
    let mut c = children(node);
    for k in 0..c[0].len() {
        let a = load(lanes, &c, k);
        store(lanes, lanes.untwist(lanes.fourier_back(a), powers), &mut c, k);
    }
}

/// The twiddle factors of a leaf's last two levels: one node of 64 points, then eight nodes of 8
/// points, one in each lane.
struct LeafTwiddles<L: Lanes> {
    node: Octet<L>,
    children: Octet<L>,
}

impl<L: Lanes> LeafTwiddles<L> {
    #[inline(always)]
    fn of(lanes: L, turns: &[Cell], twiddles: &Twiddles, leaf: usize) -> Self {
        let depth = turns.len() - 2;
        let common = spread(lanes, &twiddles.leaves[leaf], &turns[depth + 1]);
        Self {
            node: spread(lanes, &twiddles.nodes[leaf], &turns[depth]),
            children: eight!(|j| lanes.times(common[j], lanes.load_cell(&twiddles.last[j]))),
        }
    }

    /// The 64 values at the roots, from a leaf's points.
    #[inline(always)]
    fn values(&self, lanes: L, leaf: &[Cell; 8]) -> Octet<L> {
        let a = eight!(|j| lanes.load_cell(&leaf[j]));
        let a = lanes.transposed(lanes.fourier(lanes.twist(a, &self.node)));
        lanes.fourier(lanes.twist(a, &self.children))
    }

    /// The inverse of [`values`](Self::values), multiplied by 64.
    #[inline(always)]
    fn points(&self, lanes: L, a: Octet<L>, leaf: &mut [Cell; 8]) {
        let a = lanes.transposed(lanes.untwist(lanes.fourier_back(a), &self.children));
        let a = lanes.untwist(lanes.fourier_back(a), &self.node);
        for (a, cell) in a.into_iter().zip(leaf) {
            lanes.store_cell(a, cell);
        }
    }
}

/// Replaces a leaf by its part of the two products.
#[inline(always)]
fn multiply<L: Lanes>(
    lanes: L,
    f: &mut [Cell; 8],
    g: &mut [Cell; 8],
    factors: &LeafTwiddles<L>,
    step: Step,
) {
    let (a, b) = (factors.values(lanes, f), factors.values(lanes, g));
    match step {
        Step::Even => {
            factors.points(lanes, doubled(lanes, &a, &b), f);
            factors.points(lanes, doubled_less_one(lanes, &a, &b), g);
        }
        Step::Odd => {
            factors.points(lanes, doubled_plus_one(lanes, &a, &b), f);
            factors.points(lanes, doubled(lanes, &a, &b), g);
        }
        Step::LastEven => factors.points(lanes, doubled(lanes, &a, &b), f),
        Step::LastOdd => factors.points(lanes, doubled_plus_one(lanes, &a, &b), f),
    }
}

/// F(2k) = f (f + 2 g)
#[inline(always)]
fn doubled<L: Lanes>(lanes: L, f: &Octet<L>, g: &Octet<L>) -> Octet<L> {
    eight!(|j| lanes.times(f[j], lanes.plus(f[j], lanes.plus(g[j], g[j]))))
}

/// F(2k-1) = f^2 + g^2
#[inline(always)]
fn doubled_less_one<L: Lanes>(lanes: L, f: &Octet<L>, g: &Octet<L>) -> Octet<L> {
    eight!(|j| lanes.plus(lanes.squared(f[j]), lanes.squared(g[j])))
}

/// F(2k+1) = (f + g)^2 + f^2
#[inline(always)]
fn doubled_plus_one<L: Lanes>(lanes: L, f: &Octet<L>, g: &Octet<L>) -> Octet<L> {
    eight!(|j| lanes.plus(lanes.squared(lanes.plus(f[j], g[j])), lanes.squared(f[j])))
}
