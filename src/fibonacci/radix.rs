//! The radix the doublings compute in: a power of ten, so that nothing has to be converted.
//!
//! The larger the digits, the fewer there are; but the coefficients of a product grow with them,
//! and their rounding errors, which have to stay below one half. How large those errors get is
//! known by experience, not by proof: bounds that always hold are hundreds of times as large. So
//! the radix is chosen to be right as a rule, the [certificate](super::certificate) proves every
//! result, and when it finds one wrong, a smaller radix is next.

use super::{carry::Digits, lanes::value, size};

/// A power of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Radix(usize);

impl Radix {
    /// Decimal digits in a digit, at least.
    const NARROWEST: usize = 4;

    /// Up to this n, no result at 10^6 has been seen to be wrong, on any back end.
    pub(super) const MAX_N_OF_SIX: u64 = 10_500_000;

    /// The largest that is right as a rule.
    pub(super) fn for_n(n: u64) -> Self {
        if n <= Self::MAX_N_OF_SIX { Self(6) } else { Self(5) }
    }

    /// The radix of so many decimal digits.
    #[cfg(test)]
    pub(super) fn of_width(width: usize) -> Self {
        Self(width)
    }

    /// With errors a hundredth as large. None below 10^4: what is wrong there is the machine.
    pub(super) fn smaller(self) -> Option<Self> {
        (self.0 > Self::NARROWEST).then(|| Self(self.0 - 1))
    }

    /// Decimal digits in a digit.
    pub(super) fn width(self) -> usize {
        self.0
    }

    /// What a digit counts to.
    pub(super) fn base(self) -> u32 {
        10_u32.pow(self.0 as u32)
    }

    /// Digits of F(n) and of anything smaller, with room for a balanced carry and, halved, for
    /// the factors it comes from.
    pub(super) fn digits_for(self, n: u64) -> usize {
        size::digits(n) as usize / self.0 + 6
    }

    /// Fills in the balanced digits of a number that is given in ASCII.
    pub(super) fn parse(self, chars: &[u8], digits: &mut [Digits]) {
        let digits = digits.as_flattened_mut();
        let mut left = chars.len();
        for digit in &mut *digits {
            *digit = self.last_digit(&chars[..left]);
            left = left.saturating_sub(self.0);
        }
        // What a digit carries to the next does not make that one carry: half the base and one are
        // balanced enough.
        let base = self.base() as i32;
        let mut carry = 0;
        for digit in digits {
            let before = carry;
            carry = i32::from(*digit > base / 2);
            *digit += before - carry * base;
        }
    }

    /// The value of the last characters.
    #[inline(always)]
    fn last_digit(self, chars: &[u8]) -> i32 {
        let word = chars.last_chunk().map_or_else(
            || {
                let mut word = [b'0'; 8];
                word[8 - chars.len()..].copy_from_slice(chars);
                u64::from_le_bytes(word)
            },
            |word| u64::from_le_bytes(*word),
        );
        let others = 8 * (8 - self.0);
        value(word >> others << others) as i32
    }
}
