//! The radix the doublings compute in: a power of ten, so that nothing has to be converted.
//!
//! The larger the digits, the fewer there are; but the coefficients of a product grow with them,
//! and their rounding errors, which have to stay below one half. How large those errors get is
//! known by experience, not by proof: bounds that always hold are hundreds of times as large. So
//! the radix is chosen to be right as a rule, the [certificate](super::certificate) proves every
//! result, and when it finds one wrong, a smaller radix is next.

use super::{carry::Digits, size};

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
        digits.fill(0);
        let base = self.base() as i32;
        let mut carry = 0;
        let mut chunks = chars.rchunks(self.0);
        for digit in digits {
            let chunk = chunks.next().unwrap_or_default();
            let value = chunk.iter().fold(0, |value, char| 10 * value + i32::from(char - b'0'));
            *digit = value + carry;
            carry = i32::from(*digit > base / 2);
            *digit -= carry * base;
        }
    }
}
