//! The radix the doublings compute in: a power of ten, so that nothing has to be converted.
//!
//! The larger the digits, the fewer there are; but the coefficients of a product grow with them,
//! and their rounding errors, which have to stay below one half. How large those errors get is
//! known by experience, not by proof: bounds that always hold are hundreds of times as large. So
//! the radix is chosen to be right as a rule, the [certificate](super::certificate) proves every
//! result, and when it finds one wrong, a smaller radix is next.

use crate::{
    carry::Digits,
    lanes::{Lanes, Pass, eight, value},
    length::digits,
};

/// A power of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Radix(usize);

impl Radix {
    /// Decimal digits in a digit, at least.
    const NARROWEST: usize = 4;

    /// Up to this n, no result at 10^6 has been seen to be wrong, on any back end.
    pub(crate) const MAX_N_OF_SIX: u64 = 10_500_000;

    /// The largest that is right as a rule.
    pub(crate) fn for_n(n: u64) -> Self {
        if n <= Self::MAX_N_OF_SIX { Self(6) } else { Self(5) }
    }

    /// The radix of so many decimal digits.
    #[cfg(test)]
    pub(crate) fn of_width(width: usize) -> Self {
        Self(width)
    }

    /// With errors a hundredth as large. None below 10^4: what is wrong there is the machine.
    pub(crate) fn smaller(self) -> Option<Self> {
        (self.0 > Self::NARROWEST).then(|| Self(self.0 - 1))
    }

    /// Decimal digits in a digit.
    pub(crate) fn width(self) -> usize {
        self.0
    }

    /// What a digit counts to.
    pub(crate) fn base(self) -> u32 {
        10_u32.pow(self.0 as u32)
    }

    /// Digits of F(n) and of anything smaller, with room for a balanced carry and, halved, for
    /// the factors it comes from.
    pub(crate) fn digits_for(self, n: u64) -> usize {
        digits(n) as usize / self.0 + 6
    }
}

/// Fills in the balanced digits of a number that is given in ASCII.
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
            // What a digit carries to the next does not make that one carry: half the base and one
            // are balanced enough.
            let carries = eight!(|i| i32::from(digits[i] > base / 2));
            let before = eight!(|i| if i == 0 { carry } else { carries[i - 1] });
            *digits = eight!(|i| digits[i] + before[i] - carries[i] * base);
            carry = carries[7];
        }
    }
}

/// The last eight characters, with zeros in front if there are fewer.
#[inline(always)]
fn last_word(chars: &[u8]) -> u64 {
    chars.last_chunk().map_or_else(
        || chars.iter().fold(0, |word, &char| word >> 8 | u64::from(char) << 56),
        |word| u64::from_le_bytes(*word),
    )
}
