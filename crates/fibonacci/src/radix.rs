//! The radix of the doublings: a power of ten, so that nothing has to be converted at the end.
//!
//! The larger the radix, the fewer the digits. But the coefficients of a product grow with the
//! radix, and so do their rounding errors, which must stay below one half. Their size is known
//! from experience only: bounds that can be proved are hundreds of times as large. So the radix is
//! one that has always given right results, every result is [checked](crate::check), and one that
//! fails is computed again in a smaller radix.

use crate::{
    carry::Digits,
    lanes::{Lanes, Pass, eight, value},
    length::digits,
};

/// A power of ten, by its exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Radix(usize);

impl Radix {
    /// The smallest exponent in use.
    const NARROWEST: usize = 4;

    /// Up to this n, no result in radix 10^6 has been seen to be wrong, on any back end.
    pub(crate) const MAX_N_OF_SIX: u64 = 10_500_000;

    /// The largest radix known to give right results.
    pub(crate) fn for_n(n: u64) -> Self {
        if n <= Self::MAX_N_OF_SIX { Self(6) } else { Self(5) }
    }

    /// The radix with the given number of decimal digits in a digit.
    #[cfg(test)]
    pub(crate) fn of_width(width: usize) -> Self {
        Self(width)
    }

    /// The next smaller radix, with errors a hundredth as large. None below 10^4: a result that is
    /// wrong there is the fault of the machine.
    pub(crate) fn smaller(self) -> Option<Self> {
        (self.0 > Self::NARROWEST).then(|| Self(self.0 - 1))
    }

    /// The number of decimal digits in a digit.
    pub(crate) fn width(self) -> usize {
        self.0
    }

    /// The value of the radix.
    pub(crate) fn base(self) -> u32 {
        10_u32.pow(self.0 as u32)
    }

    /// The digits that F(n), or anything smaller, takes, with room for a balanced carry; half of
    /// them hold each of the factors that F(n) is computed from.
    pub(crate) fn digits_for(self, n: u64) -> usize {
        digits(n) as usize / self.0 + 6
    }
}

/// Fills in the balanced digits of a number given in ASCII.
pub(crate) struct Parse<'a> {
    pub(crate) radix: Radix,
    pub(crate) chars: &'a [u8],
    pub(crate) digits: &'a mut [Digits],
}

impl Pass for Parse<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { radix, mut chars, digits } = self;
        let base = radix.base() as i32;
        let mut carry = 0;
        for digits in digits {
            let mut words = [0; 8];
            for word in &mut words {
                *word = last_word(chars);
                chars = &chars[..chars.len().saturating_sub(radix.0)];
            }
            let others = 8 * (8 - radix.0);
            *digits = eight!(|i| value(words[i] >> others << others) as i32);
            // A carry does not make the next digit carry in turn: half the base plus one is
            // balanced enough.
            let carries = eight!(|i| i32::from(digits[i] > base / 2));
            let before = eight!(|i| if i == 0 { carry } else { carries[i - 1] });
            *digits = eight!(|i| digits[i] + before[i] - carries[i] * base);
            carry = carries[7];
        }
    }
}

/// The last eight characters, or fewer with zero bytes in front.
#[inline(always)]
fn last_word(chars: &[u8]) -> u64 {
    chars.last_chunk().map_or_else(
        || chars.iter().fold(0, |word, &char| word >> 8 | u64::from(char) << 56),
        |word| u64::from_le_bytes(*word),
    )
}
