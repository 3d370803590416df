//! The products: down the tree of one sub-transform, a multiplication at every leaf, and up.
//!
//! A sub-transform is a polynomial modulo x^L - w, for w = e^(2 pi i a). As
//!
//! ```text
//! x^L - w = product over t = 0..8 of (x^(L/8) - e^(2 pi i (a + t) / 8)),
//! ```
//!
//! its remainders modulo the eight factors say the same, and come from eight coefficients L/8
//! apart by one Fourier transform of length eight, after coefficient j is turned by
//! e^(2 pi i a j / 8). The remainders are polynomials of the same kind; so it goes on, until their
//! length is 1: then a remainder is the value at a root of w, and products of polynomials are
//! products of numbers. (D. J. Bernstein, "Multidigit multiplication for mathematicians", 2001,
//! on transforms as trees of remainders.)
//!
//! Nothing is put in order on the way down, and nothing has to be: the way up takes the same
//! steps back. Child s of a node stands for t = s with its three bits reversed, so node k of a
//! level has a = (angle of the sub-transform) / 8^level + (k bit-reversed behind the point): one
//! turn for the level times an entry of [`super::roots`].
//!
//! The tree is walked depth first, so that what fits a cache is finished in it: leaf by leaf, as
//! one counts in base 8. When the number of the leaf ends in z zeros, it is the first below z
//! ancestors, which have to be split first; when the number of the next one does, it was the last
//! below z ancestors, which can be joined.

use super::{
    complex::{ComplexLanes, Octet},
    roots::{Roots, spread},
};
use crate::{
    identity::Step,
    lanes::{Cell, Lanes, Pass, eight},
    pace::{Interrupt, Pace},
};

/// Makes of the transforms of f and g those of the two products.
pub(super) struct Multiply<'a, 'b> {
    pub(super) f: &'a mut [Cell],
    pub(super) g: &'a mut [Cell],
    pub(super) turns: &'a [Cell],
    pub(super) roots: &'a Roots,
    pub(super) step: Step,
    pub(super) pace: &'a mut Pace<'b>,
}

impl Pass for Multiply<'_, '_> {
    type Output = Result<(), Interrupt>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let Self { f, g, turns, roots, step, pace } = self;
        let depth = turns.len() - 2;
        let leaves = 1_usize << (3 * depth);
        for leaf in 0..leaves {
            let opened = depth - ended(leaf, depth);
            for (level, turns) in turns.iter().enumerate().take(depth).skip(opened) {
                let (node, cells) = place(leaf, level, depth);
                let powers = spread(lanes, &roots.nodes[node], turns);
                split(lanes, &mut f[cells.clone()], &powers);
                split(lanes, &mut g[cells.clone()], &powers);
                pace.worked(2 * cells.len())?;
            }
            let cells = 8 * leaf..8 * leaf + 8;
            let angles = Angles::of(lanes, turns, roots, leaf);
            if let (Some((f, [])), Some((g, []))) =
                (f[cells.clone()].split_first_chunk_mut(), g[cells].split_first_chunk_mut())
            {
                multiply(lanes, f, g, &angles, step);
            }
            let closed = depth - ended(leaf + 1, depth);
            for (level, turns) in turns.iter().enumerate().take(depth).skip(closed).rev() {
                let (node, cells) = place(leaf, level, depth);
                let powers = spread(lanes, &roots.nodes[node], turns);
                join(lanes, &mut f[cells.clone()], &powers);
                if step.wants_both() {
                    join(lanes, &mut g[cells], &powers);
                }
            }
        }
        Ok(())
    }
}

/// How many zeros a number ends in, in base 8; at most `depth`.
#[inline(always)]
fn ended(number: usize, depth: usize) -> usize {
    (number.trailing_zeros() as usize / 3).min(depth)
}

/// The number of a leaf's ancestor on a level, and its cells.
#[inline(always)]
fn place(leaf: usize, level: usize, depth: usize) -> (usize, std::ops::Range<usize>) {
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
    // Eight parts of the same length, and the compiler is told so.
    std::array::from_fn(|_| &mut parts.next().unwrap_or_default()[..length])
}

/// Cell k of each of the eight.
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

/// One level down.
#[inline(always)]
fn split<L: Lanes>(lanes: L, node: &mut [Cell], powers: &Octet<L>) {
    let mut c = children(node);
    for k in 0..c[0].len() {
        let a = load(lanes, &c, k);
        store(lanes, lanes.fourier(lanes.twist(a, powers)), &mut c, k);
    }
}

/// One level up; the factor of 8 stays.
#[inline(always)]
fn join<L: Lanes>(lanes: L, node: &mut [Cell], powers: &Octet<L>) {
    let mut c = children(node);
    for k in 0..c[0].len() {
        let a = load(lanes, &c, k);
        store(lanes, lanes.untwist(lanes.fourier_back(a), powers), &mut c, k);
    }
}

/// The turns of a leaf's last two levels: one node of 64 points, then eight of 8, one to a lane.
struct Angles<L: Lanes> {
    node: Octet<L>,
    children: Octet<L>,
}

impl<L: Lanes> Angles<L> {
    #[inline(always)]
    fn of(lanes: L, turns: &[Cell], roots: &Roots, leaf: usize) -> Self {
        let depth = turns.len() - 2;
        let common = spread(lanes, &roots.leaves[leaf], &turns[depth + 1]);
        Self {
            node: spread(lanes, &roots.nodes[leaf], &turns[depth]),
            children: eight!(|j| lanes.times(common[j], lanes.load_cell(&roots.last[j]))),
        }
    }

    /// The values of a leaf's 64 points at the roots.
    #[inline(always)]
    fn values(&self, lanes: L, leaf: &[Cell; 8]) -> Octet<L> {
        let a = eight!(|j| lanes.load_cell(&leaf[j]));
        let a = lanes.transposed(lanes.fourier(lanes.twist(a, &self.node)));
        lanes.fourier(lanes.twist(a, &self.children))
    }

    /// Undoes [`values`](Self::values), but for a factor of 64.
    #[inline(always)]
    fn points(&self, lanes: L, a: Octet<L>, leaf: &mut [Cell; 8]) {
        let a = lanes.transposed(lanes.untwist(lanes.fourier_back(a), &self.children));
        let a = lanes.untwist(lanes.fourier_back(a), &self.node);
        for (a, cell) in a.into_iter().zip(leaf) {
            lanes.store_cell(a, cell);
        }
    }
}

/// The products of a leaf.
#[inline(always)]
fn multiply<L: Lanes>(
    lanes: L,
    f: &mut [Cell; 8],
    g: &mut [Cell; 8],
    angles: &Angles<L>,
    step: Step,
) {
    let (a, b) = (angles.values(lanes, f), angles.values(lanes, g));
    match step {
        Step::Even => {
            angles.points(lanes, even(lanes, &a, &b), f);
            angles.points(lanes, before(lanes, &a, &b), g);
        }
        Step::Odd => {
            angles.points(lanes, after(lanes, &a, &b), f);
            angles.points(lanes, even(lanes, &a, &b), g);
        }
        Step::LastEven => angles.points(lanes, even(lanes, &a, &b), f),
        Step::LastOdd => angles.points(lanes, after(lanes, &a, &b), f),
    }
}

/// F(2k) = f (f + 2 g)
#[inline(always)]
fn even<L: Lanes>(lanes: L, f: &Octet<L>, g: &Octet<L>) -> Octet<L> {
    eight!(|j| lanes.times(f[j], lanes.plus(f[j], lanes.plus(g[j], g[j]))))
}

/// F(2k-1) = f^2 + g^2
#[inline(always)]
fn before<L: Lanes>(lanes: L, f: &Octet<L>, g: &Octet<L>) -> Octet<L> {
    eight!(|j| lanes.plus(lanes.squared(f[j]), lanes.squared(g[j])))
}

/// F(2k+1) = (f + g)^2 + f^2
#[inline(always)]
fn after<L: Lanes>(lanes: L, f: &Octet<L>, g: &Octet<L>) -> Octet<L> {
    eight!(|j| lanes.plus(lanes.squared(lanes.plus(f[j], g[j])), lanes.squared(f[j])))
}
