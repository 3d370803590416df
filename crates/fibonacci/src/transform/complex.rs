//! Complex arithmetic on eight numbers at a time, and the Fourier transform of length eight.

use crate::lanes::{Cell, Lanes, eight};

/// Eight complex numbers in registers, or one as a pair of scalars.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Complex<V> {
    pub(super) re: V,
    pub(super) im: V,
}

/// A complex number.
pub(super) type Point = Complex<f64>;

impl Point {
    /// e^(2 pi i turn), for a turn from 0 to 1.
    ///
    /// The angle is reduced to at most an octant, where sine and cosine are most accurate.
    pub(super) fn at(turn: f64) -> Self {
        let octant = (turn * 8.0) as u32 % 8;
        let quarters = f64::from(octant.div_ceil(2)) * 0.25;
        let (sin, cos) = ((turn - quarters) * std::f64::consts::TAU).sin_cos();
        match octant.div_ceil(2) % 4 {
            0 => Self { re: cos, im: sin },
            1 => Self { re: -sin, im: cos },
            2 => Self { re: -cos, im: -sin },
            _ => Self { re: sin, im: -cos },
        }
    }
}

/// Eight vectors of complex numbers.
pub(super) type Octet<L> = [Complex<<L as Lanes>::V>; 8];

/// Complex arithmetic, on every back end.
pub(super) trait ComplexLanes: Lanes {
    #[inline(always)]
    fn load_cell(self, cell: &Cell) -> Complex<Self::V> {
        Complex { re: self.load(&cell[0]), im: self.load(&cell[1]) }
    }

    #[inline(always)]
    fn store_cell(self, c: Complex<Self::V>, cell: &mut Cell) {
        self.store(c.re, &mut cell[0]);
        self.store(c.im, &mut cell[1]);
    }

    #[inline(always)]
    fn plus(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex { re: self.add(a.re, b.re), im: self.add(a.im, b.im) }
    }

    #[inline(always)]
    fn minus(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex { re: self.sub(a.re, b.re), im: self.sub(a.im, b.im) }
    }

    /// a + i b
    #[inline(always)]
    fn plus_i(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex { re: self.sub(a.re, b.im), im: self.add(a.im, b.re) }
    }

    /// a - i b
    #[inline(always)]
    fn minus_i(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex { re: self.add(a.re, b.im), im: self.sub(a.im, b.re) }
    }

    #[inline(always)]
    fn times(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.mul_sub(a.re, b.re, self.mul(a.im, b.im)),
            im: self.mul_add(a.re, b.im, self.mul(a.im, b.re)),
        }
    }

    /// a times the conjugate of b
    #[inline(always)]
    fn times_conj(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.mul_add(a.re, b.re, self.mul(a.im, b.im)),
            im: self.mul_sub(a.im, b.re, self.mul(a.re, b.im)),
        }
    }

    #[inline(always)]
    fn squared(self, a: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.mul(self.sub(a.re, a.im), self.add(a.re, a.im)),
            im: self.mul(self.add(a.re, a.re), a.im),
        }
    }

    /// a + x b for a real x
    #[inline(always)]
    fn plus_real(self, a: Complex<Self::V>, x: Self::V, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex { re: self.mul_add(x, b.re, a.re), im: self.mul_add(x, b.im, a.im) }
    }

    /// a - x b for a real x
    #[inline(always)]
    fn minus_real(self, a: Complex<Self::V>, x: Self::V, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex { re: self.neg_mul_add(x, b.re, a.re), im: self.neg_mul_add(x, b.im, a.im) }
    }

    /// a + i x b for a real x
    #[inline(always)]
    fn plus_imaginary(
        self,
        a: Complex<Self::V>,
        x: Self::V,
        b: Complex<Self::V>,
    ) -> Complex<Self::V> {
        Complex { re: self.neg_mul_add(x, b.im, a.re), im: self.mul_add(x, b.re, a.im) }
    }

    /// a - i x b for a real x
    #[inline(always)]
    fn minus_imaginary(
        self,
        a: Complex<Self::V>,
        x: Self::V,
        b: Complex<Self::V>,
    ) -> Complex<Self::V> {
        Complex { re: self.mul_add(x, b.im, a.re), im: self.neg_mul_add(x, b.re, a.im) }
    }

    /// `a_j w^j`, for the given powers of w.
    #[inline(always)]
    fn twist(self, a: Octet<Self>, powers: &Octet<Self>) -> Octet<Self> {
        eight!(|j| if j == 0 { a[0] } else { self.times(a[j], powers[j]) })
    }

    /// `a_j w^-j`, for the given powers of a w on the unit circle.
    #[inline(always)]
    fn untwist(self, a: Octet<Self>, powers: &Octet<Self>) -> Octet<Self> {
        eight!(|j| if j == 0 { a[0] } else { self.times_conj(a[j], powers[j]) })
    }

    /// The sums over j of `a_j e^(2 pi i j t / 8)`. Result s is the sum for t = s with its three
    /// bits reversed.
    #[inline(always)]
    fn fourier(self, a: Octet<Self>) -> Octet<Self> {
        let half = self.splat(std::f64::consts::FRAC_1_SQRT_2);
        let (u0, v0) = (self.plus(a[0], a[4]), self.minus(a[0], a[4]));
        let (u1, v1) = (self.plus(a[1], a[5]), self.minus(a[1], a[5]));
        let (u2, v2) = (self.plus(a[2], a[6]), self.minus(a[2], a[6]));
        let (u3, v3) = (self.plus(a[3], a[7]), self.minus(a[3], a[7]));
        let (p0, q0) = (self.plus(u0, u2), self.minus(u0, u2));
        let (p1, q1) = (self.plus(u1, u3), self.minus(u1, u3));
        let (r0, s0) = (self.plus_i(v0, v2), self.minus_i(v0, v2));
        let (r1, s1) = (self.plus_i(v1, v3), self.minus_i(v1, v3));
        // An eighth of a turn is (1 + i) / sqrt(2).
        let (r1, s1) = (self.plus_i(r1, r1), self.plus_i(s1, s1));
        [
            self.plus(p0, p1),
            self.minus(p0, p1),
            self.plus_i(q0, q1),
            self.minus_i(q0, q1),
            self.plus_real(r0, half, r1),
            self.minus_real(r0, half, r1),
            self.plus_imaginary(s0, half, s1),
            self.minus_imaginary(s0, half, s1),
        ]
    }

    /// The inverse of [`fourier`](Self::fourier), multiplied by 8.
    #[inline(always)]
    fn fourier_back(self, a: Octet<Self>) -> Octet<Self> {
        let half = self.splat(std::f64::consts::FRAC_1_SQRT_2);
        let (p0, p1) = (self.plus(a[0], a[1]), self.minus(a[0], a[1]));
        let (q0, q1) = (self.plus(a[2], a[3]), self.minus(a[2], a[3]));
        let (r0, r1) = (self.plus(a[4], a[5]), self.minus(a[4], a[5]));
        let (s0, s1) = (self.plus(a[6], a[7]), self.minus(a[6], a[7]));
        let (r1, s1) = (self.minus_i(r1, r1), self.minus_i(s1, s1));
        let (u0, u2) = (self.plus(p0, q0), self.minus(p0, q0));
        let (u1, u3) = (self.minus_i(p1, q1), self.plus_i(p1, q1));
        let (v0, v2) = (self.plus(r0, s0), self.minus(r0, s0));
        let (v1, v3) = (self.minus_i(r1, s1), self.plus_i(r1, s1));
        [
            self.plus(u0, v0),
            self.plus_real(u1, half, v1),
            self.minus_i(u2, v2),
            self.minus_imaginary(u3, half, v3),
            self.minus(u0, v0),
            self.minus_real(u1, half, v1),
            self.plus_i(u2, v2),
            self.plus_imaginary(u3, half, v3),
        ]
    }

    /// Eight rows of eight points become eight columns.
    #[inline(always)]
    fn transposed(self, a: Octet<Self>) -> Octet<Self> {
        let re = self.transpose(eight!(|j| a[j].re));
        let im = self.transpose(eight!(|j| a[j].im));
        eight!(|j| Complex { re: re[j], im: im[j] })
    }
}

impl<L: Lanes> ComplexLanes for L {}
