//! The root of a transform: digits in, digits out.
//!
//! A product of 2 M real digits is wanted. The digits d are taken as the polynomial d(x), whose
//! product modulo x^(2M) + 1 is the true one while it has at most 2 M digits. As
//!
//! ```text
//! x^(2M) + 1 = (x^M - i) (x^M + i),
//! ```
//!
//! and the remainder of a real polynomial modulo the one factor is the conjugate of that modulo
//! the other, M complex points modulo x^M - i say it all: point j is
//! `d_j + i d_(j+M)`. (The right-angle convolution of R. Crandall and B. Fagin, "Discrete weighted transforms and large-integer
//! arithmetic", 1994.) The factors have at most M digits: their points are real. And the digits of
//! the product are where they belong: no reordering, no weights.
//!
//! The first split is into `ways` parts, any small number: x^M - i is the product of the
//! `x^(M/ways) - y_t`, where
//!
//! ```text
//! y_t = e^(2 pi i (1/4 + t) / ways), for t = 0..ways.
//! ```
//!
//! For an even number of ways, the roots are pairs of y and -y, which share their sums over even
//! and over odd powers: half of the work.

use super::{
    complex::{Complex, ComplexLanes, Point},
    shape::{MOST_WAYS, Plan},
};
use crate::fibonacci::{
    Interrupt, Pace,
    carry::{Carries, Digits, Range, Rounding, Tails},
    lanes::{Cell, Lanes, Pass},
};

/// Columns worked on between two looks at the clock.
const STRIDE: usize = 256;

/// The first level down, from digits.
pub(super) struct Split<'a, 'b> {
    pub(super) plan: &'a Plan,
    pub(super) digits: &'a [Digits],
    pub(super) cells: &'a mut [Cell],
    pub(super) pace: &'a mut Pace<'b>,
}

impl Pass for Split<'_, '_> {
    type Output = Result<(), Interrupt>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let Self { plan, digits, cells, pace } = self;
        let (ways, column) = (plan.shape.ways, plan.shape.column());
        let mut all = [lanes.splat(0.0); MOST_WAYS];
        let all = &mut all[..ways];
        for k in 0..column {
            if k % STRIDE == 0 {
                pace.worked(ways * STRIDE.min(column))?;
            }
            for (a, &j) in all.iter_mut().zip(&plan.order) {
                *a = lanes.load_digits(&digits[j * column + k]);
            }
            for (t, powers) in plan.split.iter().enumerate() {
                let (first, second) = all.split_at(plan.first);
                let (first_powers, second_powers) = powers.split_at(plan.first);
                let even = weigh(lanes, first, first_powers);
                if second.is_empty() {
                    lanes.store_cell(even, &mut cells[t * column + k]);
                } else {
                    let odd = weigh(lanes, second, second_powers);
                    lanes.store_cell(lanes.plus(even, odd), &mut cells[t * column + k]);
                    let t = t + plan.split.len();
                    lanes.store_cell(lanes.minus(even, odd), &mut cells[t * column + k]);
                }
            }
        }
        Ok(())
    }
}

/// The sum of numbers times powers.
#[inline(always)]
fn weigh<L: Lanes>(lanes: L, a: &[L::V], powers: &[Point]) -> Complex<L::V> {
    let mut sum = Complex { re: lanes.splat(0.0), im: lanes.splat(0.0) };
    for (&a, power) in a.iter().zip(powers) {
        sum.re = lanes.mul_add(a, lanes.splat(power.re), sum.re);
        sum.im = lanes.mul_add(a, lanes.splat(power.im), sum.im);
    }
    sum
}

/// The last level up, to digits.
pub(super) struct Join<'a, 'b> {
    pub(super) plan: &'a Plan,
    pub(super) cells: &'a [Cell],
    pub(super) digits: &'a mut [Digits],
    pub(super) base: u32,
    pub(super) range: Range,
    pub(super) pace: &'a mut Pace<'b>,
}

impl Pass for Join<'_, '_> {
    type Output = Result<Tails, Interrupt>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let Self { plan, cells, digits, base, range, pace } = self;
        let (ways, column) = (plan.shape.ways, plan.shape.column());
        let (low, high) = digits.split_at_mut(ways * column);
        let rounding = Rounding::new(lanes, base, plan.shape.points(), range);
        let zero = lanes.splat(0.0);
        let mut all = [Complex { re: zero, im: zero }; MOST_WAYS];
        let all = &mut all[..ways];
        let mut carries = [[Carries::none(lanes); 2]; MOST_WAYS];
        let carries = &mut carries[..ways];
        for k in 0..column {
            if k % STRIDE == 0 {
                pace.worked(ways * STRIDE.min(column))?;
            }
            for (t, b) in all.iter_mut().enumerate() {
                *b = lanes.load_cell(&cells[t * column + k]);
            }
            let (first, second) = all.split_at_mut(plan.split.len());
            for (x, y) in first.iter_mut().zip(second) {
                (*x, *y) = (lanes.plus(*x, *y), lanes.minus(*x, *y));
            }
            for ((powers, carries), &j) in plan.join.iter().zip(&mut *carries).zip(&plan.order) {
                let sums = if j % 2 == 0 { 0 } else { plan.odd };
                let point = gather(lanes, &all[sums..], powers);
                low[j * column + k] = carries[0].settle(lanes, point.re, &rounding);
                high[j * column + k] = carries[1].settle(lanes, point.im, &rounding);
            }
        }
        Ok(Tails::of(lanes, carries, &plan.order))
    }
}

/// The sum of points times the conjugates of powers.
#[inline(always)]
fn gather<L: Lanes>(lanes: L, b: &[Complex<L::V>], powers: &[Point]) -> Complex<L::V> {
    let mut sum = Complex { re: lanes.splat(0.0), im: lanes.splat(0.0) };
    for (b, y) in b.iter().zip(powers) {
        let (re, im) = (lanes.splat(y.re), lanes.splat(y.im));
        sum.re = lanes.mul_add(b.re, re, lanes.mul_add(b.im, im, sum.re));
        sum.im = lanes.mul_add(b.im, re, lanes.neg_mul_add(b.re, im, sum.im));
    }
    sum
}
