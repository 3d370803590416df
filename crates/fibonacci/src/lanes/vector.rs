//! The operations on vectors of eight lanes, and the passes that use them.

/// The array of the values of an expression for 0 to 7.
///
/// A macro, because a closure is not always inlined.
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

/// The characters of two digits, filled up with zeros in front.
pub(crate) type Pair = [u8; 16];

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
    /// Moves every lane up by one; the top lane of `before` becomes the bottom lane.
    fn shift_in(self, a: Self::V, before: Self::V) -> Self::V;
    /// Lane i of vector j becomes lane j of vector i.
    fn transpose(self, rows: [Self::V; 8]) -> [Self::V; 8];
    /// The values of four groups of sixteen decimal digits in ASCII.
    fn sixteens(self, chars: &[u8; 64]) -> [u64; 4];
    /// Eight numbers from 0 to 10^`WIDTH` - 1 in ASCII, least significant first: `WIDTH` characters
    /// of each, in pairs that are filled up with zeros in front.
    fn characters<const WIDTH: usize>(self, values: &[i32; 8]) -> [Pair; 4];
}

/// Code that is compiled once for each back end.
///
/// `run` and everything it calls with `lanes` must be `#[inline(always)]`: a call that is not
/// inlined would run in a function that is not compiled for these vectors.
pub(crate) trait Pass {
    type Output;
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}
