//! One doubling: from the digits of F(k) and F(k-1) to those of two numbers with indices near 2k.
//!
//! Both numbers are transformed once, the two products are formed point by point, and transformed
//! back. That is four transforms of half the length of the result; separate multiplications would
//! take nine.
//!
//! `root` says what is transformed, and has the first level of the transform; `tree` has the
//! others, `complex` the arithmetic, `twiddles` the roots of unity, `shape` the lengths.

mod complex;
mod root;
mod shape;
mod tree;
mod twiddles;

pub(crate) use shape::{Plan, Shape};
pub(crate) use twiddles::Twiddles;

use crate::{
    carry::{Digits, Range},
    identity::Step,
    lanes::{Backend, Cell},
    pace::{Interrupt, Pace},
};
use root::{Join, Split};
use tree::Multiply;

/// The tools and the memory of a doubling.
pub(crate) struct Doubling<'a, 'b> {
    pub(crate) backend: Backend,
    pub(crate) plan: &'a Plan,
    pub(crate) twiddles: &'a mut Twiddles,
    /// Memory for the two transforms, each with as many cells as the shape has.
    pub(crate) cells: [&'a mut [Cell]; 2],
    pub(crate) base: u32,
    pub(crate) pace: &'a mut Pace<'b>,
}

impl Doubling<'_, '_> {
    /// Replaces the digits of F(k) and F(k-1) by those of the step's results.
    ///
    /// `f` and `g` have room for the digits of the results. Behind the digits of the numbers they
    /// hold zeros, up to the number of points.
    pub(crate) fn run(
        self,
        step: Step,
        f: &mut [Digits],
        g: &mut [Digits],
    ) -> Result<(), Interrupt> {
        let Self { backend, plan, twiddles, cells: [x, y], base, pace } = self;
        twiddles.extend_to(plan.shape.nodes());
        backend.run(Split { plan, digits: f, cells: x, pace })?;
        backend.run(Split { plan, digits: g, cells: y, pace })?;
        let column = plan.shape.column();
        let parts = x.chunks_exact_mut(column).zip(y.chunks_exact_mut(column));
        for ((f, g), turns) in parts.zip(&plan.turns) {
            backend.run(Multiply { f, g, turns, twiddles, step, pace })?;
        }
        let range = if step.wants_both() { Range::Balanced } else { Range::Positive };
        let tails = backend.run(Join { plan, cells: x, digits: f, base, range, pace })?;
        tails.add_to(f, base);
        if step.wants_both() {
            let tails = backend.run(Join { plan, cells: y, digits: g, base, range, pace })?;
            tails.add_to(g, base);
        }
        Ok(())
    }
}
