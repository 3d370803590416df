//! A probabilistic check of every result: wrong digits pass with a chance below 10^-9.
//!
//! The bounds on rounding errors that can be proved leave no room for large digits, so digits could
//! be wrong. Therefore every result beyond the table is checked in its final form: the characters,
//! read as a number modulo a random prime p, must equal F(n) modulo p, which doublings in integers
//! give within a microsecond.
//!
//! Right digits always pass. Wrong ones pass only if p divides their difference from F(n). That has
//! at most d digits, so at most d log(10) / log(2^60) primes of 61 bits divide it: 1.2 * 10^6 for
//! n = 10^8, out of 2.7 * 10^16. As p is drawn uniformly, and the digits do not depend on it, wrong
//! digits pass with a chance below 10^-10 at n = 10^8, and in proportion to n elsewhere: 10^-9 at
//! most. For a wrong result to be returned, the digits must be wrong in the first place as well.
//! (This is a Monte Carlo check with one-sided error, like that of R. Freivalds for products:
//! "Probabilistic machines can use less running time", 1977.)

mod field;
#[cfg(test)]
mod tests;

use crate::{
    lanes::{Backend, Lanes, Pass},
    pace::{Interrupt, Pace},
};
use field::Field;

/// Characters in a word: a number of 54 bits.
const WORD: usize = 16;

/// Words whose products are added up before they are reduced.
const WORDS: usize = 64;

/// A random prime, with the constants for computing modulo it.
#[derive(Debug)]
pub(crate) struct Check {
    field: Field,
    /// 10^(16 i), in Montgomery form.
    powers: [u64; WORDS],
    /// 10^(16 * 64), in Montgomery form.
    block: u64,
}

impl Check {
    /// Draws a prime.
    pub(crate) fn random() -> Self {
        let field = Field::random();
        let word = field.enter(10_000_000_000_000_000);
        let mut power = field.enter(1);
        let powers = std::array::from_fn(|_| {
            let this = power;
            power = field.times(power, word);
            this
        });
        Self { field, powers, block: power }
    }

    /// Whether these are the digits of F(n), up to the chance given above.
    pub(crate) fn passes(
        &self,
        n: u64,
        chars: &[u8],
        backend: Backend,
        pace: &mut Pace<'_>,
    ) -> Result<bool, Interrupt> {
        let residue = backend.run(Residue { check: self, chars, pace })?;
        Ok(residue == self.field.fibonacci(n))
    }
}

/// The value of a string of digits modulo the prime.
struct Residue<'a, 'b> {
    check: &'a Check,
    chars: &'a [u8],
    pace: &'a mut Pace<'b>,
}

impl Pass for Residue<'_, '_> {
    type Output = Result<u64, Interrupt>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let Self { check, chars, pace } = self;
        let (head, blocks) = chars.as_rchunks::<{ WORD * WORDS }>();
        let mut residue = check.head(head);
        for block in blocks {
            pace.worked(WORDS / 16)?;
            let mut sum = u128::from(residue) * u128::from(check.block);
            let (quarters, _) = block.as_chunks::<{ 4 * WORD }>();
            for (quarter, powers) in quarters.iter().zip(check.powers.rchunks_exact(4)) {
                let words = lanes.sixteens(quarter);
                for (word, power) in words.iter().zip(powers.iter().rev()) {
                    sum += u128::from(*word) * u128::from(*power);
                }
            }
            residue = check.field.reduce(sum);
        }
        Ok(residue)
    }
}

impl Check {
    /// The residue of fewer digits than a block has.
    fn head(&self, chars: &[u8]) -> u64 {
        let mut sum = 0;
        for (word, power) in chars.rchunks(WORD).zip(self.powers) {
            let word = word.iter().fold(0, |word, char| 10 * word + u64::from(char - b'0'));
            sum += u128::from(word) * u128::from(power);
        }
        self.field.reduce(sum)
    }
}
