//! Small n: one multiplication of a tabulated number by a word, straight to ASCII.
//!
//! With n = 64 a + b,
//!
//! ```text
//! F(n) = F(64a) F(b+1) + F(64a-1) F(b),
//! ```
//!
//! where F(b) and F(b+1) fit a word. F(64a) and F(64a-1) are tabulated for all a, in limbs of 18
//! decimal digits: so each limb of the result, once the carry is out, is 18 characters.

use super::ascii::eight;
use std::sync::LazyLock;

/// The largest n of the table, which takes 600 KB at this size: where doublings get faster.
pub(super) const MAX_N: u64 = 20_000;

/// F(0) to F(93): those that fit a word.
const WORDS: [u64; 94] = {
    let mut words = [0; 94];
    words[1] = 1;
    let mut n = 2;
    while n < 94 {
        words[n] = words[n - 1] + words[n - 2];
        n += 1;
    }
    words
};

/// n from one entry to the next. F(65) < 2^45 leaves room for the sums below.
const STRIDE: u64 = 64;

/// What a limb counts to.
const BASE: u64 = 1_000_000_000_000_000_000;

/// The decimal digits of a limb.
const WIDTH: usize = 18;

/// The limbs, least significant first, of F(64a) and of F(64a-1), in pairs.
type Entry = Box<[[u64; 2]]>;

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(entries);

/// Appends the digits of F(n), for n up to [`MAX_N`].
pub(super) fn append(n: u64, out: &mut Vec<u8>) {
    match WORDS.get(n as usize) {
        Some(&word) => append_word(word, out),
        None => append_product(n, out),
    }
}

fn append_word(word: u64, out: &mut Vec<u8>) {
    let mut chars = [0; 20];
    chars[..4].copy_from_slice(&digits::<4>(word / 10_000_000_000_000_000));
    chars[4..].copy_from_slice(&sixteen(word % 10_000_000_000_000_000));
    let zeros = chars[..19].iter().take_while(|&&char| char == b'0').count();
    out.extend_from_slice(&chars[zeros..]);
}

fn append_product(n: u64, out: &mut Vec<u8>) {
    let Some(entry) = ENTRIES.get((n / STRIDE) as usize) else { return };
    let b = (n % STRIDE) as usize;
    let factors = [WORDS[b + 1], WORDS[b]];
    let start = out.len();
    // Room for all limbs and the last carry; what is left of it in front is taken away.
    out.resize(start + WIDTH * (entry.len() + 1), b'0');
    let mut chunks = out[start..].rchunks_exact_mut(WIDTH);
    let mut carry = 0;
    for (pair, chars) in entry.iter().zip(&mut chunks) {
        let limb;
        (limb, carry) = step(pair, factors, carry);
        write_limb(limb, chars);
    }
    if let Some(chars) = chunks.next() {
        write_limb(carry, chars);
    }
    let zeros = out[start..].iter().take_while(|&&char| char == b'0').count();
    out.drain(start..start + zeros);
}

/// One limb of the sum of products, and the carry into the next.
///
/// The division does not wait for the carry, which is smaller than the base.
#[inline]
fn step(pair: &[u64; 2], factors: [u64; 2], carry: u64) -> (u64, u64) {
    let sum =
        u128::from(pair[0]) * u128::from(factors[0]) + u128::from(pair[1]) * u128::from(factors[1]);
    let (rest, quotient) = divide(sum);
    let limb = rest + carry;
    if limb >= BASE { (limb - BASE, quotient + 1) } else { (limb, quotient) }
}

/// Remainder and quotient by [`BASE`], for numbers up to 2^64 times as large.
///
/// With a reciprocal of the divisor instead of a division (N. Moeller and T. Granlund, "Improved
/// division by invariant integers", 2011, algorithm 4).
#[inline]
fn divide(x: u128) -> (u64, u64) {
    const SHIFT: u32 = BASE.leading_zeros();
    const DIVISOR: u64 = BASE << SHIFT;
    const RECIPROCAL: u64 = (u128::MAX / DIVISOR as u128 - (1 << 64)) as u64;
    let x = x << SHIFT;
    let (high, low) = ((x >> 64) as u64, x as u64);
    let estimate = u128::from(RECIPROCAL) * u128::from(high) + x;
    let mut quotient = ((estimate >> 64) as u64).wrapping_add(1);
    let mut rest = low.wrapping_sub(quotient.wrapping_mul(DIVISOR));
    if rest > estimate as u64 {
        quotient = quotient.wrapping_sub(1);
        rest = rest.wrapping_add(DIVISOR);
    }
    if rest >= DIVISOR {
        quotient += 1;
        rest -= DIVISOR;
    }
    (rest >> SHIFT, quotient)
}

fn write_limb(limb: u64, chars: &mut [u8]) {
    let (high, low) = (limb / 10_000_000_000_000_000, limb % 10_000_000_000_000_000);
    chars[..2].copy_from_slice(&digits::<2>(high));
    chars[2..].copy_from_slice(&sixteen(low));
}

/// The last `N` digits.
fn digits<const N: usize>(mut value: u64) -> [u8; N] {
    let mut chars = [b'0'; N];
    for char in chars.iter_mut().rev() {
        *char += (value % 10) as u8;
        value /= 10;
    }
    chars
}

fn sixteen(value: u64) -> [u8; 16] {
    let mut chars = [0; 16];
    chars[..8].copy_from_slice(&eight(value / 100_000_000).to_le_bytes());
    chars[8..].copy_from_slice(&eight(value % 100_000_000).to_le_bytes());
    chars
}

/// Each entry is the one before, times the Fibonacci numbers that lead 64 on.
fn entries() -> Vec<Entry> {
    let [before, here, after] = [63, 64, 65].map(|n| WORDS[n]);
    let mut entries: Vec<Entry> = vec![Box::new([[0, 1]])];
    while entries.len() as u64 <= MAX_N / STRIDE {
        let last = entries.last().map_or(&[][..], |entry| entry);
        let next = [product(last, [after, here]), product(last, [here, before])];
        let [larger, smaller] = next;
        let smaller = smaller.into_iter().chain(std::iter::repeat(0));
        entries.push(larger.into_iter().zip(smaller).map(|(x, y)| [x, y]).collect());
    }
    entries
}

fn product(entry: &[[u64; 2]], factors: [u64; 2]) -> Vec<u64> {
    let mut carry = 0;
    let mut limbs: Vec<u64> = entry
        .iter()
        .map(|pair| {
            let limb;
            (limb, carry) = step(pair, factors, carry);
            limb
        })
        .collect();
    limbs.push(carry);
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
    limbs
}
