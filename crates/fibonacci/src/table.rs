//! Small n: one multiplication of a tabulated number by a short one, directly to ASCII.
//!
//! With n = 75 a + b,
//!
//! ```text
//! F(n) = F(75a) F(b+1) + F(75a-1) F(b),
//! ```
//!
//! where F(75a) and F(75a-1) are tabulated for all a, in balanced digits of radix 10^8, and F(b)
//! and F(b+1) have two such digits. So a coefficient of the sum of products has four terms. It is
//! split into a digit and a [carry](crate::carry) to the next, eight coefficients at a time.

use crate::{
    ascii::Writer,
    carry::{Carries, Digits, Range, Rounding},
    lanes::{Backend, Lanes, Pass, characters},
    length::{SMALL, TABLE_MAX_N, digits},
};
use std::sync::LazyLock;

/// F(0) to F(93): those that fit in a word.
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

/// The distance in n from one entry to the next. A larger one would make the coefficients inexact,
/// see [`Factor`].
const STRIDE: u64 = 75;

/// The radix of the digits.
const BASE: u32 = 100_000_000;

/// The number of groups of eight digits written at a time.
const GROUPS: usize = 2;

/// The number of decimal digits in a digit.
const WIDTH: usize = 8;

/// The digits of F(75a) and of F(75a-1), least significant first, in groups of eight; then zeros,
/// so that there is room for every product up to the next entry.
type Entry = Box<[[Digits; 2]]>;

/// The entries up to [`SMALL`], 0.6 MB. They are made when one of them is first needed.
static FIRST: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut first = [[0; 8]; 2];
    first[1][0] = 1;
    let mut entries: Vec<Entry> = vec![Box::new([first])];
    extend(&mut entries, 0, SMALL / STRIDE + 1);
    entries
});

/// The entries from the last of the first part on, made when one of them is first needed.
static REST: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut entries: Vec<_> = FIRST.last().cloned().into_iter().collect();
    extend(&mut entries, SMALL / STRIDE, (TABLE_MAX_N - SMALL) / STRIDE + 2);
    entries
});

fn entry(index: usize) -> Option<&'static Entry> {
    FIRST.get(index).or_else(|| REST.get(index + 1 - FIRST.len()))
}

/// Appends the digits of F(n), for n up to [`TABLE_MAX_N`].
pub(crate) fn append(n: u64, backend: Backend, out: &mut Vec<u8>) {
    match WORDS.get(n as usize) {
        Some(&word) => append_word(word, out),
        None => append_product(n, backend, out),
    }
}

fn append_word(word: u64, out: &mut Vec<u8>) {
    let mut chars = [b'0'; 24];
    let mut rest = word;
    for chars in chars.rchunks_exact_mut(WIDTH) {
        let base = u64::from(BASE);
        chars.copy_from_slice(&characters(rest % base).to_le_bytes());
        rest /= base;
    }
    let zeros = chars[..23].iter().take_while(|&&char| char == b'0').count();
    out.extend_from_slice(&chars[zeros..]);
}

fn append_product(n: u64, backend: Backend, out: &mut Vec<u8>) {
    let Some(entry) = entry((n / STRIDE) as usize) else { return };
    let b = (n % STRIDE) as usize;
    let start = out.len();
    out.resize(start + digits(n) as usize, b'0');
    let factors = [WORDS[b + 1], WORDS[b]].map(Factor::of);
    let fits = backend.run(WriteSum { entry, factors, chars: &mut out[start..] });
    debug_assert!(fits, "as long as F(n)");
}

/// The two balanced digits of a factor, F(76) at most.
///
/// Digits are at most half the base, and the upper ones of the factors at most 4 * 10^7. So a
/// coefficient is at most 5 * 10^7 * 1.8 * 10^8, less than 2^53, and exact in a float.
#[derive(Clone, Copy)]
struct Factor {
    low: f64,
    high: f64,
}
const _: () = assert!(WORDS[STRIDE as usize + 1] < 4 * 10_u64.pow(15));

impl Factor {
    fn of(word: u64) -> Self {
        let base = u64::from(BASE);
        let high = (word + base / 2) / base;
        Self { low: word as f64 - (high * base) as f64, high: high as f64 }
    }
}

/// Computes the digits of a sum of two products from the least significant, eight at a time.
struct Sum<V> {
    factors: [[V; 2]; 2],
    /// The previous group of digits of both numbers.
    before: [V; 2],
    carries: Carries<V>,
    rounding: Rounding<V>,
}

impl<V: Copy> Sum<V> {
    #[inline(always)]
    fn new<L: Lanes<V = V>>(lanes: L, factors: [Factor; 2], range: Range) -> Self {
        Self {
            factors: factors.map(|factor| [lanes.splat(factor.low), lanes.splat(factor.high)]),
            before: [lanes.splat(0.0); 2],
            carries: Carries::none(lanes),
            rounding: Rounding::new(lanes, BASE, range),
        }
    }

    #[inline(always)]
    fn next<L: Lanes<V = V>>(&mut self, lanes: L, [f, g]: &[Digits; 2]) -> Digits {
        let [f, g] = [lanes.load_digits(f), lanes.load_digits(g)];
        let [f_before, g_before] =
            [lanes.shift_in(f, self.before[0]), lanes.shift_in(g, self.before[1])];
        self.before = [f, g];
        let [[f_low, f_high], [g_low, g_high]] = self.factors;
        let sum = lanes.mul_add(g, g_low, lanes.mul(f, f_low));
        let sum = lanes.mul_add(g_before, g_high, lanes.mul_add(f_before, f_high, sum));
        self.carries.settle(lanes, sum, &self.rounding)
    }
}

/// Writes a sum of two products in ASCII; returns whether it fits exactly.
struct WriteSum<'a> {
    entry: &'a [[Digits; 2]],
    factors: [Factor; 2],
    chars: &'a mut [u8],
}

impl Pass for WriteSum<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> bool {
        let mut sum = Sum::new(lanes, self.factors, Range::Positive);
        let mut writer = Writer::<WIDTH>::new(self.chars);
        let (blocks, rest) = self.entry.as_chunks::<GROUPS>();
        for block in blocks {
            let mut digits = [[0; 8]; GROUPS];
            for (digits, pair) in digits.iter_mut().zip(block) {
                *digits = sum.next(lanes, pair);
            }
            writer.put(lanes, digits);
        }
        for pair in rest {
            writer.put(lanes, [sum.next(lanes, pair)]);
        }
        writer.is_complete()
    }
}

/// Collects the digits of a sum of two products.
struct CollectSum<'a> {
    entry: &'a [[Digits; 2]],
    factors: [Factor; 2],
    /// The number of groups of digits wanted.
    length: usize,
}

impl Pass for CollectSum<'_> {
    type Output = Vec<Digits>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<Digits> {
        let mut sum = Sum::new(lanes, self.factors, Range::Balanced);
        let zeros = [[0; 8]; 2];
        let groups = (0..self.length).map(|i| self.entry.get(i).unwrap_or(&zeros));
        let mut digits = Vec::with_capacity(self.length);
        for group in groups {
            digits.push(sum.next(lanes, group));
        }
        digits
    }
}

/// Extends the table to `count` entries, the first of which is that of F(75 * `first`). Each is
/// computed from the previous one: F(n+75) = F(n) F(76) + F(n-1) F(75).
fn extend(entries: &mut Vec<Entry>, first: u64, count: u64) {
    let backend = Backend::best();
    let stride = STRIDE as usize;
    let [before, here, after] = [stride - 1, stride, stride + 1].map(|n| Factor::of(WORDS[n]));
    for index in first + 1..first + count {
        let entry = entries.last().map_or(&[][..], |entry| entry);
        let length = groups(index);
        let f = backend.run(CollectSum { entry, factors: [after, here], length });
        let g = backend.run(CollectSum { entry, factors: [here, before], length });
        entries.push(f.into_iter().zip(g).map(|(f, g)| [f, g]).collect());
    }
}

/// The length of an entry in groups of eight digits, with room for the largest number computed from
/// it and for the carry of a balanced number.
fn groups(index: u64) -> usize {
    let digits = digits((index + 1) * STRIDE) as usize / WIDTH + 2;
    digits.div_ceil(8)
}
