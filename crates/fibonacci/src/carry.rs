//! From the coefficients of a product to digits: rounding and carrying.
//!
//! A coefficient is a sum of products of digits: an integer, apart from the errors of the
//! transform. It is rounded to the nearest integer, split into a digit and a carry, and the carry
//! is added to the next coefficient. Carrying until nothing is left would make every digit wait
//! for the one before. Two rounds over all lanes at once are enough: the carries of the first are
//! about 10^8, those of the second about 10^2 or 10^3.
//!
//! Digits are balanced, from -base/2 to base/2: with random signs the sums, and so the errors, are
//! smaller than with digits of one sign. After the second round a digit can be out of range by the
//! carry that was added to it, a hundredth of the base, which does the next doubling no harm.
//! Where characters come next, the second round leaves digits from 0 to below the base instead.

use crate::lanes::Lanes;

/// Eight digits of a number, least significant first.
pub(crate) type Digits = [i32; 8];

/// The range of the digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// From -base/2 to base/2: for more arithmetic.
    Balanced,
    /// From 0 to base - 1: for characters.
    Positive,
}

/// The constants for rounding and carrying in one radix and range.
pub(crate) struct Rounding<V> {
    base: V,
    inverse: V,
    /// The middle of the range, in bases.
    middle: V,
}

impl<V> Rounding<V> {
    #[inline(always)]
    pub(crate) fn new<L: Lanes<V = V>>(lanes: L, base: u32, range: Range) -> Self {
        let middle = match range {
            Range::Balanced => 0.0,
            Range::Positive => f64::from(base - 1) / f64::from(2 * base),
        };
        Self {
            middle: lanes.splat(middle),
            base: lanes.splat(f64::from(base)),
            inverse: lanes.splat(1.0 / f64::from(base)),
        }
    }
}

/// The carries of the two rounds from the previous eight digits.
#[derive(Clone, Copy)]
pub(crate) struct Carries<V>([V; 2]);

impl<V: Copy> Carries<V> {
    #[inline(always)]
    pub(crate) fn none<L: Lanes<V = V>>(lanes: L) -> Self {
        Self([lanes.splat(0.0); 2])
    }

    /// The digits of eight coefficients that are already rounded to integers.
    #[inline(always)]
    pub(crate) fn settle<L: Lanes<V = V>>(
        &mut self,
        lanes: L,
        mut digits: V,
        rounding: &Rounding<V>,
    ) -> Digits {
        let [first, second] = &mut self.0;
        let carry = lanes.round(lanes.mul(digits, rounding.inverse));
        let kept = lanes.neg_mul_add(carry, rounding.base, digits);
        digits = lanes.add(kept, lanes.shift_in(carry, *first));
        *first = carry;
        let carry = lanes.round(lanes.mul_sub(digits, rounding.inverse, rounding.middle));
        let kept = lanes.neg_mul_add(carry, rounding.base, digits);
        digits = lanes.add(kept, lanes.shift_in(carry, *second));
        *second = carry;
        lanes.to_digits(digits)
    }

    /// What the last lane carries to the next digit.
    #[inline(always)]
    fn last<L: Lanes<V = V>>(&self, lanes: L) -> i64 {
        let mut sum = 0;
        for &carry in &self.0 {
            let mut eight = [0.0; 8];
            lanes.store(carry, &mut eight);
            sum += eight[7] as i64;
        }
        sum
    }
}

/// The carries from one run of digits to the next, where runs were settled independently: first the
/// runs of the lower half of the number, then those of the upper half.
pub(crate) struct Tails(Vec<i64>);

impl Tails {
    #[inline(always)]
    pub(crate) fn of<L: Lanes>(lanes: L, carries: &[[Carries<L::V>; 2]], order: &[usize]) -> Self {
        let mut tails = vec![0; 2 * order.len()];
        for (carries, &run) in carries.iter().zip(order) {
            tails[run] = carries[0].last(lanes);
            tails[order.len() + run] = carries[1].last(lanes);
        }
        Self(tails)
    }

    /// Adds each carry to the run that follows. The last run has none: the number is shorter.
    pub(crate) fn add_to(self, digits: &mut [Digits], base: u32) {
        let digits = digits.as_flattened_mut();
        let run = digits.len() / self.0.len();
        for (index, tail) in self.0.into_iter().enumerate() {
            add(&mut digits[run * (index + 1)..], tail, i64::from(base));
        }
    }
}

/// Adds a carry to the lowest digit, and carries on as far as needed.
fn add(digits: &mut [i32], mut carry: i64, base: i64) {
    for digit in digits {
        if carry == 0 {
            return;
        }
        let value = i64::from(*digit) + carry;
        carry = (value + base / 2).div_euclid(base);
        *digit = (value - carry * base) as i32;
    }
}
