//! From balanced digits to ASCII, and nothing is divided but a digit.
//!
//! A negative digit borrows from the next: add the base to it, take 1 from its neighbour. That
//! makes a neighbour negative only where it was 0, once in a base's worth of digits; so whole
//! blocks borrow at once, without waiting for each other, and a block in which a digit is still
//! negative then borrows once more, digit by digit.

use super::{
    Interrupt, Pace,
    carry::Digits,
    lanes::{Lanes, Pass},
    radix::Radix,
};

/// Digits handled at a time.
const BLOCK: usize = 64;

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
    fn run<L: Lanes>(self, _: L) -> Self::Output {
        match self.radix.width() {
            7 => write::<7>(self),
            6 => write::<6>(self),
            5 => write::<5>(self),
            _ => write::<4>(self),
        }
    }
}

#[inline(always)]
fn write<const WIDTH: usize>(pass: Write<'_, '_>) -> Result<bool, Interrupt> {
    let Write { digits, radix, chars, pace } = pass;
    let base = radix.base() as i32;
    let (blocks, rest) = digits.as_flattened().as_chunks::<BLOCK>();
    let mut borrow = 0;
    let mut left = chars.len();
    for block in blocks {
        let mut values = *block;
        borrow = settle(&mut values, borrow, base);
        if left >= BLOCK * WIDTH + 8 {
            pace.worked(BLOCK / 8)?;
            let chars = &mut chars[left - BLOCK * WIDTH - 8..left];
            write_block::<WIDTH>(&values, chars);
            left -= BLOCK * WIDTH;
        } else if !write_slowly(&values, WIDTH, chars, &mut left) {
            return Ok(false);
        }
    }
    let _ = rest;
    Ok(left == 0 && borrow == 0 && chars.first() != Some(&b'0'))
}

/// Makes all digits of a block positive; what it borrows from the next is -1 or 0.
#[inline(always)]
fn settle(values: &mut [i32; BLOCK], borrow: i32, base: i32) -> i32 {
    let before = *values;
    let mut negative = 0;
    for i in 0..BLOCK {
        let below = if i == 0 { borrow } else { before[i - 1] >> 31 };
        values[i] = before[i] + (base & (before[i] >> 31)) + below;
        negative |= values[i];
    }
    let mut borrow = before[BLOCK - 1] >> 31;
    if negative < 0 {
        let mut below = 0;
        for value in values.iter_mut() {
            *value += below;
            below = *value >> 31;
            *value += base & below;
        }
        borrow += below;
    }
    borrow
}

/// Writes at the end of the characters; the 8 before the block are written too, and have to be
/// written after.
#[inline(always)]
fn write_block<const WIDTH: usize>(values: &[i32; BLOCK], chars: &mut [u8]) {
    let mut words = [0; BLOCK];
    for (word, &value) in words.iter_mut().zip(values) {
        *word = eight(value as u64);
    }
    for (i, word) in words.into_iter().enumerate() {
        let end = 8 + (BLOCK - i) * WIDTH;
        chars[end - 8..end].copy_from_slice(&word.to_le_bytes());
    }
}

/// The characters of a number below 10^8, the last in the highest byte: halved three times,
/// within one word.
///
/// The multiplications with shifts are divisions by 10,000, by 100 and by 10, exact for what is
/// left then.
#[inline(always)]
pub(super) fn eight(value: u64) -> u64 {
    let high = (value * 109_951_163) >> 40;
    let fours = high + ((value - 10_000 * high) << 32);
    let high = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = high + ((fours - 100 * high) << 16);
    let high = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = high + ((twos - 10 * high) << 8);
    ones | 0x3030_3030_3030_3030
}

/// Writes what there is room for; says whether what there is not is zero.
fn write_slowly(values: &[i32; BLOCK], width: usize, chars: &mut [u8], left: &mut usize) -> bool {
    for &value in values {
        let mut value = value as u32;
        for _ in 0..width.min(*left) {
            *left -= 1;
            chars[*left] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        if value != 0 {
            return false;
        }
    }
    true
}
