//! One doubling: from the digits of F(k) and F(k-1) to those of two numbers about 2 k.
//!
//! Both are transformed once, the two products are formed point by point, and transformed back:
//! four transforms of half the length of the result, where multiplying number by number would
//! take nine.
//!
//! Read [`root`] for what is transformed, [`tree`] for how, [`complex`] for the arithmetic.

mod complex;
mod root;
mod roots;
mod shape;
mod tree;

pub(crate) use roots::Roots;
pub(crate) use shape::{Plan, Shape};

use crate::{
    carry::{Digits, Range},
    identity::Step,
    lanes::{Backend, Cell},
    pace::{Interrupt, Pace},
};
use root::{Join, Split};
use tree::Multiply;

/// What a doubling works with.
pub(crate) struct Doubling<'a, 'b> {
    pub(crate) backend: Backend,
    pub(crate) plan: &'a Plan,
    pub(crate) roots: &'a mut Roots,
    /// Room for the transforms, as many cells as the shape has.
    pub(crate) cells: [&'a mut [Cell]; 2],
    pub(crate) base: u32,
    pub(crate) pace: &'a mut Pace<'b>,
}

impl Doubling<'_, '_> {
    /// Replaces the digits of F(k) and F(k-1) by those of the step's results.
    ///
    /// `f` and `g` have room for the digits of the results; beyond those of the numbers, they are
    /// zero as far as the number of points.
    pub(crate) fn run(
        self,
        step: Step,
        f: &mut [Digits],
        g: &mut [Digits],
    ) -> Result<(), Interrupt> {
        let Self { backend, plan, roots, cells: [x, y], base, pace } = self;
        roots.extend_to(plan.shape.roots());
        backend.run(Split { plan, digits: f, cells: x, pace })?;
        backend.run(Split { plan, digits: g, cells: y, pace })?;
        let column = plan.shape.column();
        let parts = x.chunks_exact_mut(column).zip(y.chunks_exact_mut(column));
        for ((f, g), turns) in parts.zip(&plan.turns) {
            backend.run(Multiply { f, g, turns, roots, step, pace })?;
        }
        let range = if step.wants_both() { Range::Balanced } else { Range::Positive };
        let tails = backend.run(Join { plan, cells: x, digits: f, base, range, pace })?;
        tails.carry_on(f, base);
        if step.wants_both() {
            let tails = backend.run(Join { plan, cells: y, digits: g, base, range, pace })?;
            tails.carry_on(g, base);
        }
        Ok(())
    }
}
