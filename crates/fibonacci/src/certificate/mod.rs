//! The proof that a reply is right.
//!
//! Rounding errors have no bound that both is proved and leaves room for large digits. So every
//! result above the table is checked as it leaves: the characters, read as a number modulo a
//! random prime p, against F(n) modulo p by doubling in whole numbers, which takes a microsecond.
//!
//! A right result always agrees. A wrong one agrees only when p divides its difference from F(n).
//! That has at most d digits, so at most d log(10) / log(2^60) primes of 61 bits divide it: for
//! n = 10^8, 1.2 * 10^6 of them, of the 2.7 * 10^16 that there are. As p was drawn uniformly, and
//! nothing that led to the result depends on it, the chance that a wrong result passes is below
//! 10^-10 at n = 10^8, and in proportion to n elsewhere (10^-9 at most). That comes on top of the
//! chance that a result is wrong at all. (A Monte Carlo check with one-sided error, as R. Freivalds
//! had for products.)

mod field;
#[cfg(test)]
mod tests;

use crate::{
    lanes::{Backend, Lanes, Pass},
    pace::{Interrupt, Pace},
};
use field::Field;

/// Characters in a word, that is, in a number of 54 bits.
const WORD: usize = 16;

/// Words that are added up before they are reduced.
const WORDS: usize = 64;

/// A random prime and what it takes to compute modulo it.
#[derive(Debug)]
pub(crate) struct Certificate {
    field: Field,
    /// 10^(16 i), in Montgomery form.
    powers: [u64; WORDS],
    /// 10^(16 * 64), in Montgomery form.
    block: u64,
}

impl Certificate {
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

    /// Whether these are the digits of F(n), but for the chance given above.
    pub(crate) fn proves(
        &self,
        n: u64,
        chars: &[u8],
        backend: Backend,
        pace: &mut Pace<'_>,
    ) -> Result<bool, Interrupt> {
        let residue = backend.run(Residue { certificate: self, chars, pace })?;
        Ok(residue == self.field.fibonacci(n))
    }
}

/// The value of a string of digits modulo the prime.
struct Residue<'a, 'b> {
    certificate: &'a Certificate,
    chars: &'a [u8],
    pace: &'a mut Pace<'b>,
}

impl Pass for Residue<'_, '_> {
    type Output = Result<u64, Interrupt>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let Self { certificate, chars, pace } = self;
        let (head, blocks) = chars.as_rchunks::<{ WORD * WORDS }>();
        let mut residue = certificate.head(head);
        for block in blocks {
            pace.worked(WORDS / 16)?;
            let mut sum = u128::from(residue) * u128::from(certificate.block);
            let (quarters, _) = block.as_chunks::<{ 4 * WORD }>();
            for (quarter, powers) in quarters.iter().zip(certificate.powers.rchunks_exact(4)) {
                let words = lanes.sixteens(quarter);
                for (word, power) in words.iter().zip(powers.iter().rev()) {
                    sum += u128::from(*word) * u128::from(*power);
                }
            }
            residue = certificate.field.reduce(sum);
        }
        Ok(residue)
    }
}

impl Certificate {
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
