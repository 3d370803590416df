//! Eight floating-point numbers at a time, on whatever vectors the machine has.
//!
//! The transform is written once, over [`Lanes`]: the handful of operations it needs, on eight
//! lanes. Three back ends provide them: `avx512` (a vector of eight), `avx2` (two of four, with
//! fused multiply-add), and `portable` (plain arrays, on any machine). The crate `pulp` supplies
//! what makes the first two safe: its tokens exist only where the instructions do.
//!
//! Code compiled for the plain machine cannot contain these instructions, so what uses them runs
//! as a [`Pass`]: [`Backend::run`] enters a function compiled for the back end, into which the
//! whole pass is inlined.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
#[cfg(test)]
mod tests;

use portable::Portable;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

/// The array of the values of an expression for 0 to 7.
///
/// What a closure would do, if closures were sure to be inlined.
macro_rules! eight {
    (|$i:ident| $value:expr) => {
        [
            eight!(@ $i = 0, $value),
            eight!(@ $i = 1, $value),
            eight!(@ $i = 2, $value),
            eight!(@ $i = 3, $value),
            eight!(@ $i = 4, $value),
            eight!(@ $i = 5, $value),
            eight!(@ $i = 6, $value),
            eight!(@ $i = 7, $value),
        ]
    };
    (@ $i:ident = $number:literal, $value:expr) => {{
        let $i: usize = $number;
        $value
    }};
}
pub(crate) use eight;

/// Eight numbers in memory.
pub(crate) type Eight = [f64; 8];

/// Eight complex numbers in memory: the real parts, then the imaginary parts.
pub(crate) type Cell = [Eight; 2];

/// The characters of two digits, and in front of them as many zeros as there is room for.
pub(crate) type Pair = [u8; 16];

/// Where the characters of a pair come from, in two words as [`characters`] makes them: the upper
/// one, with its zeros, then the lower one without.
#[cfg(target_arch = "x86_64")]
const fn order<const WIDTH: usize, const N: usize>() -> [u8; N] {
    let mut order = [8; N];
    let mut i = 0;
    while i < N {
        let at = i % 16;
        if at >= 16 - WIDTH {
            order[i] = at as u8 - 8;
        } else if at >= 16 - 2 * WIDTH {
            order[i] = (at + WIDTH) as u8;
        }
        i += 1;
    }
    order
}

/// Operations on vectors `V` of eight lanes.
pub(crate) trait Lanes: Copy {
    /// Eight numbers in registers.
    type V: Copy;

    /// Runs a pass in a function compiled for these vectors.
    fn enter<P: Pass>(self, pass: P) -> P::Output;

    fn load(self, from: &Eight) -> Self::V;
    fn store(self, v: Self::V, to: &mut Eight);
    fn splat(self, x: f64) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a b + c
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// a b - c
    fn mul_sub(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c - a b
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The nearest integers, for numbers below 2^51.
    fn round(self, a: Self::V) -> Self::V;
    fn load_digits(self, digits: &[i32; 8]) -> Self::V;
    /// The integers in the lanes, each of which fits.
    fn to_digits(self, a: Self::V) -> [i32; 8];
    /// Every lane moved up by one; the top lane of `before` enters at the bottom.
    fn shift_in(self, a: Self::V, before: Self::V) -> Self::V;
    /// Lane i of vector j becomes lane j of vector i.
    fn transpose(self, rows: [Self::V; 8]) -> [Self::V; 8];
    /// The values of four groups of sixteen decimal digits in ASCII.
    fn sixteens(self, chars: &[u8; 64]) -> [u64; 4];
    /// Eight numbers from 0 to 10^`WIDTH` - 1 in ASCII, least significant first: so many
    /// characters of each, in pairs, with zeros in front.
    fn characters<const WIDTH: usize>(self, values: &[i32; 8]) -> [Pair; 4];
}

/// A number below 10^8 in ASCII, with zeros in front; the last character in the highest byte.
///
/// It is halved three times, within one word. The multiplications with shifts are divisions by
/// 10,000, by 100 and by 10, exact for what is left then.
#[inline(always)]
pub(crate) fn characters(value: u64) -> u64 {
    let high = (value * 109_951_163) >> 40;
    let fours = high + ((value - 10_000 * high) << 32);
    let high = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = high + ((fours - 100 * high) << 16);
    let high = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = high + ((twos - 10 * high) << 8);
    ones | 0x3030_3030_3030_3030
}

/// The value of eight characters in a word, the last in the highest byte: neighbours are joined
/// three times.
#[inline(always)]
pub(crate) fn value(characters: u64) -> u64 {
    let digits = characters & 0x0f0f_0f0f_0f0f_0f0f;
    let twos = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

/// Work to be compiled once for each back end.
///
/// `run` and everything it calls with `lanes` has to be `#[inline(always)]`: a call left in it
/// would leave the function that is compiled for these vectors.
pub(crate) trait Pass {
    type Output;
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// The vector instructions a computation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// AVX-512 (F, BW, CD, DQ, VL): x86-64-v4.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 and FMA: x86-64-v3.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the compiler makes of plain code: SSE2 on x86-64, NEON on aarch64.
    Portable,
}

impl Backend {
    /// The back ends of this architecture, best first.
    #[cfg(target_arch = "x86_64")]
    const ALL: &[Self] = &[Self::Avx512, Self::Avx2, Self::Portable];
    #[cfg(not(target_arch = "x86_64"))]
    const ALL: &[Self] = &[Self::Portable];

    /// Those that this machine has, best first; the portable one is always among them.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|backend| backend.is_available())
    }

    /// The best that this machine has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    /// The name, as documentation and benchmarks give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2+FMA",
            Self::Portable => "portable",
        }
    }

    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => V4::is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => V3::is_available(),
            Self::Portable => true,
        }
    }

    /// Runs a pass on these vectors; on portable ones where the machine does not have them.
    pub(crate) fn run<P: Pass>(self, pass: P) -> P::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => match V4::try_new() {
                Some(lanes) => lanes.enter(pass),
                None => Portable.enter(pass),
            },
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => match V3::try_new() {
                Some(lanes) => lanes.enter(pass),
                None => Portable.enter(pass),
            },
            Self::Portable => Portable.enter(pass),
        }
    }
}

/// A pass with its vectors, in the form that `pulp` runs.
#[cfg(target_arch = "x86_64")]
struct Entered<L, P> {
    lanes: L,
    pass: P,
}

#[cfg(target_arch = "x86_64")]
impl<L: Lanes, P: Pass> pulp::NullaryFnOnce for Entered<L, P> {
    type Output = P::Output;

    #[inline(always)]
    fn call(self) -> P::Output {
        self.pass.run(self.lanes)
    }
}
