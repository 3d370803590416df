//! The root level of a transform: digits in, digits out.
//!
//! The product is to have up to 2M digits. The digits d of a factor are the coefficients of a
//! polynomial d(x), and a product modulo x^(2M) + 1 is exact while it has at most 2M digits. As
//!
//! ```text
//! x^(2M) + 1 = (x^M - i) (x^M + i),
//! ```
//!
//! and the remainders of a real polynomial modulo the two are conjugates, that modulo `x^M - i` is
//! enough. It has M complex points: point j is `d_j + i d_(j+M)`. (This is the right-angle
//! convolution of R. Crandall and B. Fagin, "Discrete weighted transforms and large-integer
//! arithmetic", 1994.) The factors have at most M digits, so their points are real. The digits of
//! the product come out in order and unweighted.
//!
//! The first split is into `ways` parts: x^M - i is the product of the `x^(M/ways) - y_t`, where
//!
//! ```text
//! y_t = e^(2 pi i (1/4 + t) / ways), for t = 0..ways.
//! ```
//!
//! The remainders are the sums over j of `a_j y_t^j`: a Fourier transform of length `ways` of the
//! coefficients, each multiplied by e^(2 pi i j / (4 ways)). The length is q p, for a power q of
//! two and an odd p, which have no factor in common. So with t = p a + q b, modulo q p,
//!
//! ```text
//! e^(2 pi i j t / (q p)) = e^(2 pi i j a / q) e^(2 pi i j b / p),
//! ```
//!
//! where only j modulo q and j modulo p matter: two transforms, of the columns and of the rows of a
//! q by p table, with nothing to do between them. (I. J. Good, "The interaction algorithm and
//! practical Fourier analysis", 1958.) The inverse is the same transform with the results in
//! another order, as the sum with the conjugate powers is the one for -t.

use super::{
    complex::{Complex, ComplexLanes, Point},
    shape::{MOST_WAYS, Plan},
};
use crate::{
    carry::{Carries, Digits, Range, Rounding, Tails},
    lanes::{Cell, Lanes, Pass},
    pace::{Interrupt, Pace},
};

/// The number of cells of each part between two calls of [`Pace::worked`].
const STRIDE: usize = 256;

/// Calls a function with the length of a plan's rows as a constant, so that the loops over a row
/// are unrolled and its numbers stay in registers.
macro_rules! by_row {
    ($plan:expr, $function:ident, $($argument:expr),+) => {
        match $plan.row {
            3 => $function::<3, L>($($argument),+),
            5 => $function::<5, L>($($argument),+),
            7 => $function::<7, L>($($argument),+),
            9 => $function::<9, L>($($argument),+),
            _ => $function::<1, L>($($argument),+),
        }
    };
}

/// The root level down, from digits.
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
        by_row!(self.plan, split, self, lanes)
    }
}

#[inline(always)]
fn split<const ROW: usize, L: Lanes>(pass: Split<'_, '_>, lanes: L) -> Result<(), Interrupt> {
    let Split { plan, digits, cells, pace } = pass;
    let (ways, column) = (plan.shape.ways, plan.shape.column());
    let mut all = [Complex { re: lanes.splat(0.0), im: lanes.splat(0.0) }; MOST_WAYS];
    let all = &mut all[..ways];
    for k in 0..column {
        if k % STRIDE == 0 {
            pace.worked(ways * STRIDE.min(column))?;
        }
        for ((a, &j), twist) in all.iter_mut().zip(&plan.coefficients).zip(&plan.twist) {
            let digits = lanes.load_digits(&digits[j * column + k]);
            a.re = lanes.mul(digits, lanes.splat(twist.re));
            a.im = lanes.mul(digits, lanes.splat(twist.im));
        }
        columns::<ROW, L>(lanes, all);
        for (a, ways) in all.as_chunks::<ROW>().0.iter().zip(plan.split.as_chunks::<ROW>().0) {
            for (sum, way) in row(lanes, a, &plan.waves).into_iter().zip(ways) {
                lanes.store_cell(sum, &mut cells[way * column + k]);
            }
        }
    }
    Ok(())
}

/// The root level up, to digits.
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
        by_row!(self.plan, join, self, lanes)
    }
}

#[inline(always)]
fn join<const ROW: usize, L: Lanes>(pass: Join<'_, '_>, lanes: L) -> Result<Tails, Interrupt> {
    let Join { plan, cells, digits, base, range, pace } = pass;
    let (ways, column) = (plan.shape.ways, plan.shape.column());
    let (low, high) = digits.split_at_mut(ways * column);
    let rounding = Rounding::new(lanes, base, range);
    let mut all = [Complex { re: lanes.splat(0.0), im: lanes.splat(0.0) }; MOST_WAYS];
    let all = &mut all[..ways];
    let mut carries = [[Carries::none(lanes); 2]; MOST_WAYS];
    let carries = &mut carries[..ways];
    for k in 0..column {
        if k % STRIDE == 0 {
            pace.worked(ways * STRIDE.min(column))?;
        }
        for (b, way) in all.iter_mut().zip(&plan.join) {
            *b = lanes.load_cell(&cells[way * column + k]);
        }
        columns::<ROW, L>(lanes, all);
        let rows = all.as_chunks::<ROW>().0.iter();
        let coefficients = plan.coefficients.as_chunks::<ROW>().0;
        let twists = plan.untwist.as_chunks::<ROW>().0;
        let carries = carries.as_chunks_mut::<ROW>().0;
        for (((b, coefficients), twists), carries) in
            rows.zip(coefficients).zip(twists).zip(carries)
        {
            let sums = row(lanes, b, &plan.waves);
            for i in 0..ROW {
                let twist =
                    Complex { re: lanes.splat(twists[i].re), im: lanes.splat(twists[i].im) };
                let point = lanes.times(sums[i], twist);
                let at = coefficients[i] * column + k;
                low[at] = carries[i][0].settle(lanes, lanes.round(point.re), &rounding);
                high[at] = carries[i][1].settle(lanes, lanes.round(point.im), &rounding);
            }
        }
    }
    Ok(Tails::of(lanes, carries, &plan.coefficients))
}

/// The Fourier transforms of the columns of a table with rows of this length.
#[inline(always)]
fn columns<const ROW: usize, L: Lanes>(lanes: L, all: &mut [Complex<L::V>]) {
    match all.as_chunks_mut::<ROW>().0 {
        [a, b] => {
            for i in 0..ROW {
                (a[i], b[i]) = (lanes.plus(a[i], b[i]), lanes.minus(a[i], b[i]));
            }
        }
        [a, b, c, d] => {
            for i in 0..ROW {
                let (even, even_half) = (lanes.plus(a[i], c[i]), lanes.minus(a[i], c[i]));
                let (odd, odd_half) = (lanes.plus(b[i], d[i]), lanes.minus(b[i], d[i]));
                (a[i], c[i]) = (lanes.plus(even, odd), lanes.minus(even, odd));
                b[i] = lanes.plus_i(even_half, odd_half);
                d[i] = lanes.minus_i(even_half, odd_half);
            }
        }
        [a, b, c, d, e, f, g, h] => {
            for i in 0..ROW {
                let octet = [a[i], b[i], c[i], d[i], e[i], f[i], g[i], h[i]];
                // `fourier` returns the results in bit-reversed order.
                [a[i], e[i], c[i], g[i], b[i], f[i], d[i], h[i]] = lanes.fourier(octet);
            }
        }
        _ => {}
    }
}

/// The Fourier transform of a row of odd length, given the cosines and sines.
///
/// Terms j and -j have the same cosine and opposite sines, and so do results t and -t. That leaves
/// a quarter of the products, all with real numbers.
#[inline(always)]
fn row<const ROW: usize, L: Lanes>(
    lanes: L,
    a: &[Complex<L::V>; ROW],
    waves: &[Point],
) -> [Complex<L::V>; ROW] {
    let half = ROW / 2;
    let waves = &waves[..half * half];
    let zero = Complex { re: lanes.splat(0.0), im: lanes.splat(0.0) };
    let (mut sums, mut differences, mut out) = ([zero; ROW], [zero; ROW], [zero; ROW]);
    out[0] = a[0];
    for j in 1..=half {
        sums[j] = lanes.plus(a[j], a[ROW - j]);
        differences[j] = lanes.minus(a[j], a[ROW - j]);
        out[0] = lanes.plus(out[0], sums[j]);
    }
    for t in 1..=half {
        let mut cosines = a[0];
        let mut sines = zero;
        for j in 1..=half {
            let wave = waves[(t - 1) * half + j - 1];
            cosines = lanes.plus_real(cosines, lanes.splat(wave.re), sums[j]);
            sines = lanes.plus_real(sines, lanes.splat(wave.im), differences[j]);
        }
        out[t] = lanes.plus_i(cosines, sines);
        out[ROW - t] = lanes.minus_i(cosines, sines);
    }
    out
}
