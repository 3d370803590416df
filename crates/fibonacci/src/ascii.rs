//! From digits to ASCII: each digit by itself, without any division of long numbers.
//!
//! The last round of [carrying](crate::carry) leaves digits from 0 to below the base, except that
//! a carry was then added to each: one in a thousand is out of range. A group with such a digit
//! carries once more, digit by digit.

use crate::{
    carry::Digits,
    lanes::{Lanes, Pair, Pass},
    pace::{Interrupt, Pace},
    radix::Radix,
};

const PAIR: usize = size_of::<Pair>();

/// Groups of eight digits handled at a time.
const GROUPS: usize = 4;

/// Writes the characters of a number; returns whether it has exactly as many as there is room for.
pub(crate) struct Write<'a, 'b> {
    pub(crate) digits: &'a [Digits],
    pub(crate) radix: Radix,
    pub(crate) chars: &'a mut [u8],
    pub(crate) pace: &'a mut Pace<'b>,
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
    let Write { digits, chars, pace, .. } = pass;
    let mut writer = Writer::<WIDTH>::new(chars);
    let (blocks, rest) = digits.as_chunks::<GROUPS>();
    for &block in blocks {
        pace.worked(GROUPS)?;
        writer.put(lanes, block);
    }
    for &digits in rest {
        writer.put(lanes, [digits]);
    }
    Ok(writer.is_complete())
}

/// Writes a number in radix 10^`WIDTH`, from its last character to its first.
pub(crate) struct Writer<'a, const WIDTH: usize> {
    chars: &'a mut [u8],
    /// The number of characters still to be written.
    left: usize,
    /// The carry to the next digit.
    carry: i32,
    /// Not 0 if a digit other than 0 did not fit.
    overflow: i32,
}

impl<'a, const WIDTH: usize> Writer<'a, WIDTH> {
    const BASE: i32 = 10_i32.pow(WIDTH as u32);

    #[inline(always)]
    pub(crate) fn new(chars: &'a mut [u8]) -> Self {
        Self { left: chars.len(), chars, carry: 0, overflow: 0 }
    }

    /// Writes the next digits, as far as there is room for them.
    #[inline(always)]
    pub(crate) fn put<L: Lanes, const N: usize>(&mut self, lanes: L, mut digits: [Digits; N]) {
        // Negative if a digit is out of range. If the transform failed, digits can have any value.
        let outside = digits.as_flattened().iter().fold(-self.carry.abs(), |any, &digit| {
            any | digit | (Self::BASE - 1).wrapping_sub(digit)
        });
        if outside < 0 {
            self.carry = carry_each(digits.as_flattened_mut(), self.carry, Self::BASE);
        }
        if self.left == 0 {
            self.overflow |= digits.as_flattened().iter().fold(0, |any, &digit| any | digit);
            return;
        }
        let mut pairs = [[[b'0'; PAIR]; 4]; N];
        for (pairs, digits) in pairs.iter_mut().zip(&digits) {
            *pairs = lanes.characters::<WIDTH>(digits);
        }
        let pairs = pairs.as_flattened();
        // The zeros in front of a pair are overwritten by the next pair.
        let room = (pairs.len() - 1) * 2 * WIDTH + PAIR;
        if let Some(start) = self.left.checked_sub(room) {
            let chars = &mut self.chars[start..self.left];
            for (i, pair) in pairs.iter().enumerate() {
                let end = room - i * 2 * WIDTH;
                chars[end - PAIR..end].copy_from_slice(pair);
            }
            self.left -= pairs.len() * 2 * WIDTH;
        } else {
            for pair in pairs {
                self.put_near_start(pair);
            }
        }
    }

    /// Writes two digits where there may be no room for the zeros in front of them.
    #[inline(always)]
    fn put_near_start(&mut self, pair: &Pair) {
        if let Some(start) = self.left.checked_sub(PAIR) {
            self.chars[start..self.left].copy_from_slice(pair);
            self.left -= 2 * WIDTH;
            return;
        }
        let fit = self.left.min(2 * WIDTH);
        for i in 1..=fit {
            self.chars[self.left - i] = pair[PAIR - i];
        }
        self.left -= fit;
        for char in &pair[PAIR - 2 * WIDTH..PAIR - fit] {
            self.overflow |= i32::from(char ^ b'0');
        }
    }

    /// Whether the number has exactly as many characters as there was room for.
    #[inline(always)]
    pub(crate) fn is_complete(&self) -> bool {
        self.left == 0 && self.carry == 0 && self.overflow == 0 && self.chars.first() != Some(&b'0')
    }
}

/// Brings every digit into the range from 0 to below the base; returns the carry out of the last.
#[cold]
#[inline(never)]
fn carry_each(digits: &mut [i32], mut carry: i32, base: i32) -> i32 {
    for digit in digits {
        let value = i64::from(*digit) + i64::from(carry);
        carry = value.div_euclid(i64::from(base)) as i32;
        *digit = value.rem_euclid(i64::from(base)) as i32;
    }
    carry
}
