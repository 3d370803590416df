//! Small n: one multiplication of a tabulated number by a word, straight to ASCII.
//!
//! With n = 85 a + b,
//!
//! ```text
//! F(n) = F(85a) F(b+1) + F(85a-1) F(b),
//! ```
//!
//! where F(b) and F(b+1) fit a word. F(85a) and F(85a-1) are tabulated for all a, in limbs of 18
//! decimal digits: so each limb of the result, once the carry is out, is 18 characters.

use super::ascii::eight;
use std::sync::LazyLock;

/// The largest n of the table. A table of twice the n takes four times the memory: 11 MB at this
/// size, where doublings come near its speed.
pub(super) const MAX_N: u64 = 100_000;

/// The largest n of the part that is made first: 0.4 MB. The rest is made when it is first needed.
pub(super) const SMALL_N: u64 = 20_000;

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

/// n from one entry to the next: as many as keep the carry below the [`BASE`]. It is less than
/// F(b) + F(b+1) = F(b+2), and F(86) is less than 10^18.
const STRIDE: u64 = 85;
const _: () = assert!(WORDS[STRIDE as usize + 1] < BASE);

/// What a limb counts to.
const BASE: u64 = 1_000_000_000_000_000_000;

/// The decimal digits of a limb.
const WIDTH: usize = 18;

/// The limbs, least significant first, of F(85a) and of F(85a-1), in pairs.
type Entry = Box<[[u64; 2]]>;

static SMALL: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let first: Entry = Box::new([[0, 1]]);
    let mut entries = vec![first];
    extend(&mut entries, SMALL_N / STRIDE + 1);
    entries
});

/// Those that follow; the first is the last of the small ones.
static LARGE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut entries: Vec<_> = SMALL.last().cloned().into_iter().collect();
    extend(&mut entries, (MAX_N - SMALL_N) / STRIDE + 2);
    entries
});

fn entry(index: usize) -> Option<&'static Entry> {
    SMALL.get(index).or_else(|| LARGE.get(index + 1 - SMALL.len()))
}

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
    let Some(entry) = entry((n / STRIDE) as usize) else { return };
    let b = (n % STRIDE) as usize;
    let factors = [WORDS[b + 1], WORDS[b]];
    let start = out.len();
    let length = length(n);
    out.resize(start + length, b'0');
    let (head, chars) = out[start..].split_at_mut(length % WIDTH);
    let mut pairs = entry.iter();
    let mut carry = 0;
    for chars in chars.rchunks_exact_mut(WIDTH) {
        let limb;
        (limb, carry) = pairs.next().map_or((carry, 0), |pair| step(pair, factors, carry));
        write_limb(limb, chars);
    }
    if !head.is_empty() {
        let limb = pairs.next().map_or(carry, |pair| step(pair, factors, carry).0);
        let mut last = [0; WIDTH];
        write_limb(limb, &mut last);
        head.copy_from_slice(&last[WIDTH - head.len()..]);
    }
}

/// The number of digits, as `size::digits` has it. Up to [`MAX_N`] and far beyond, no logarithm is
/// so near to an integer that a float could be mistaken.
pub(super) fn length(n: u64) -> usize {
    const LOG_PHI: f64 = 0.208_987_640_249_978_73;
    const LOG_ROOT_5: f64 = 0.349_485_002_168_009_4;
    (n as f64 * LOG_PHI - LOG_ROOT_5) as usize + 1
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

/// Adds entries until there are so many. Each is the one before, times the Fibonacci numbers that
/// lead a stride on.
fn extend(entries: &mut Vec<Entry>, count: u64) {
    let stride = STRIDE as usize;
    let [before, here, after] = [stride - 1, stride, stride + 1].map(|n| WORDS[n]);
    while (entries.len() as u64) < count {
        let last = entries.last().map_or(&[][..], |entry| entry);
        let larger = product(last, [after, here]);
        let smaller = product(last, [here, before]).into_iter().chain(std::iter::repeat(0));
        entries.push(larger.into_iter().zip(smaller).map(|(x, y)| [x, y]).collect());
    }
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
