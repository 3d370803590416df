//! From digits to ASCII, and nothing is divided but a digit.
//!
//! The last round of [carrying](super::carry) leaves digits that are not balanced, from 0 to below
//! the base, but for what was then carried into them: one in a thousand is beyond. A group with
//! such a digit carries once more, digit by digit.

use super::{
    Interrupt, Pace,
    carry::Digits,
    lanes::{Lanes, Pass},
    radix::Radix,
};

/// Digits of the widest radix: a word of characters.
const WIDEST: usize = 8;

/// Groups of eight digits handled at a time.
const GROUPS: usize = 4;

/// Writes the characters of a number; says whether they are as many as there is room for.
pub(super) struct Write<'a, 'b> {
    pub(super) digits: &'a [Digits],
    pub(super) radix: Radix,
    pub(super) chars: &'a mut [u8],
    pub(super) pace: &'a mut Pace<'b>,
}

impl Pass for Write<'_, '_> {
    type Output = Result<bool, Interrupt>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        match self.radix.width() {
            7 => write::<7, L>(self, lanes),
            6 => write::<6, L>(self, lanes),
            5 => write::<5, L>(self, lanes),
            _ => write::<4, L>(self, lanes),
        }
    }
}

#[inline(always)]
fn write<const WIDTH: usize, L: Lanes>(pass: Write<'_, '_>, lanes: L) -> Result<bool, Interrupt> {
    let mut writer = Writer::<WIDTH>::new(pass.chars);
    let (blocks, rest) = pass.digits.as_chunks::<GROUPS>();
    for &block in blocks {
        pass.pace.worked(GROUPS)?;
        writer.put(lanes, block);
    }
    for &digits in rest {
        writer.put(lanes, [digits]);
    }
    Ok(writer.is_done())
}

/// Writes a number from its last characters to its first.
pub(super) struct Writer<'a, const WIDTH: usize> {
    chars: &'a mut [u8],
    /// How many of them are still to be written.
    left: usize,
    /// What goes to the next digit.
    carry: i32,
    /// Not 0 if there was no room for a character that is not '0'.
    beyond: u64,
}

impl<'a, const WIDTH: usize> Writer<'a, WIDTH> {
    const BASE: i32 = 10_i32.pow(WIDTH as u32);

    #[inline(always)]
    pub(super) fn new(chars: &'a mut [u8]) -> Self {
        Self { left: chars.len(), chars, carry: 0, beyond: 0 }
    }

    /// Writes the next digits, as far as there is room.
    #[inline(always)]
    pub(super) fn put<L: Lanes, const N: usize>(&mut self, lanes: L, mut digits: [Digits; N]) {
        self.carry_on(&mut digits);
        let mut words = [[0; 8]; N];
        for (words, digits) in words.iter_mut().zip(&digits) {
            *words = lanes.characters(digits);
        }
        let words = words.as_flattened();
        // The zeros in front of a digit go where the next one will be.
        let room = words.len() * WIDTH + WIDEST - WIDTH;
        if let Some(start) = self.left.checked_sub(room) {
            let chars = &mut self.chars[start..self.left];
            for (i, word) in words.iter().enumerate() {
                let end = room - i * WIDTH;
                chars[end - WIDEST..end].copy_from_slice(&word.to_le_bytes());
            }
            self.left -= words.len() * WIDTH;
        } else {
            for &word in words {
                self.put_first(word);
            }
        }
    }

    /// Writes a digit near the first character.
    #[inline(always)]
    fn put_first(&mut self, word: u64) {
        let chars = word.to_le_bytes();
        if let Some(start) = self.left.checked_sub(WIDEST) {
            self.chars[start..self.left].copy_from_slice(&chars);
            self.left -= WIDTH;
            return;
        }
        let fit = self.left.min(WIDTH);
        for i in 1..=fit {
            self.chars[self.left - i] = chars[WIDEST - i];
        }
        self.left -= fit;
        self.beyond |= (word ^ u64::from_le_bytes([b'0'; 8])) << (8 * fit);
    }

    /// Whether the number is as long as it should be.
    #[inline(always)]
    pub(super) fn is_done(&self) -> bool {
        self.left == 0 && self.carry == 0 && self.beyond == 0 && self.chars.first() != Some(&b'0')
    }

    /// Brings all digits between 0 and the base.
    #[inline(always)]
    fn carry_on<const N: usize>(&mut self, digits: &mut [Digits; N]) {
        let digits = digits.as_flattened_mut();
        digits[0] += std::mem::take(&mut self.carry);
        // Negative if one of them is outside.
        let outside = digits.iter().fold(0, |any, &digit| any | digit | (Self::BASE - 1 - digit));
        if outside < 0 {
            for digit in digits {
                *digit += self.carry;
                self.carry = digit.div_euclid(Self::BASE);
                *digit -= self.carry * Self::BASE;
            }
        }
    }
}
