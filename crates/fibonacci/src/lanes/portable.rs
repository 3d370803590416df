//! Eight lanes in an array: for any machine, with the vectors that the compiler chooses.
//!
//! Without fused multiply-add, which is a slow library call where the processor lacks it.

use super::{
    vector::{Eight, Lanes, Pair, Pass, eight},
    word::{characters, value},
};

/// The token of the back end that every machine has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

/// 1.5 * 2^52: adding it rounds a number below 2^51 to an integer.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

impl Lanes for Portable {
    type V = Eight;

    #[inline(always)]
    fn enter<P: Pass>(self, pass: P) -> P::Output {
        pass.run(self)
    }

    #[inline(always)]
    fn load(self, from: &Eight) -> Eight {
        *from
    }

    #[inline(always)]
    fn store(self, v: Eight, to: &mut Eight) {
        *to = v;
    }

    #[inline(always)]
    fn splat(self, x: f64) -> Eight {
        [x; 8]
    }

    #[inline(always)]
    fn add(self, a: Eight, b: Eight) -> Eight {
        eight!(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Eight, b: Eight) -> Eight {
        eight!(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Eight, b: Eight) -> Eight {
        eight!(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn mul_add(self, a: Eight, b: Eight, c: Eight) -> Eight {
        eight!(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn mul_sub(self, a: Eight, b: Eight, c: Eight) -> Eight {
        eight!(|i| a[i] * b[i] - c[i])
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Eight, b: Eight, c: Eight) -> Eight {
        eight!(|i| c[i] - a[i] * b[i])
    }

    #[inline(always)]
    fn round(self, a: Eight) -> Eight {
        eight!(|i| (a[i] + ROUNDER) - ROUNDER)
    }

    #[inline(always)]
    fn load_digits(self, digits: &[i32; 8]) -> Eight {
        eight!(|i| f64::from(digits[i]))
    }

    #[inline(always)]
    fn to_digits(self, a: Eight) -> [i32; 8] {
        eight!(|i| a[i] as i32)
    }

    #[inline(always)]
    fn shift_in(self, a: Eight, before: Eight) -> Eight {
        [before[7], a[0], a[1], a[2], a[3], a[4], a[5], a[6]]
    }

    #[inline(always)]
    fn transpose(self, rows: [Eight; 8]) -> [Eight; 8] {
        eight!(|i| eight!(|j| rows[j][i]))
    }

    #[inline(always)]
    fn sixteens(self, chars: &[u8; 64]) -> [u64; 4] {
        let sixteen = |word: usize| {
            let eight = |at: usize| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&chars[at..at + 8]);
                value(u64::from_le_bytes(bytes))
            };
            eight(16 * word) * 100_000_000 + eight(16 * word + 8)
        };
        [sixteen(0), sixteen(1), sixteen(2), sixteen(3)]
    }

    #[inline(always)]
    fn characters<const WIDTH: usize>(self, values: &[i32; 8]) -> [Pair; 4] {
        let words = eight!(|i| u128::from(characters(values[i] as u64)));
        let pair = |i: usize| {
            let lower = words[2 * i] >> (64 - 8 * WIDTH) << (128 - 8 * WIDTH);
            let upper = words[2 * i + 1] << (64 - 8 * WIDTH);
            // Fills the empty bytes with zeros; a character stays the same.
            (lower | upper | u128::from_le_bytes([b'0'; 16])).to_le_bytes()
        };
        [pair(0), pair(1), pair(2), pair(3)]
    }
}
