//! Arithmetic modulo a random prime of 61 bits.
//!
//! Numbers are in Montgomery form: x stands for x 2^-64, so that products are reduced by
//! multiplications alone (P. Montgomery, "Modular multiplication without trial division", 1985).

use uuid::Uuid;

/// The length of a prime in bits.
const BITS: u32 = 61;

/// With these bases the test of Miller and Rabin is right for every number of 64 bits
/// (J. Sorenson and J. Webster, "Strong pseudoprimes to twelve prime bases", 2015).
const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

/// The integers modulo an odd number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    modulus: u64,
    /// -1 / modulus modulo 2^64
    inverse: u64,
    /// 2^128 modulo the modulus
    square: u64,
}

impl Field {
    /// The integers modulo a prime drawn uniformly from those of 61 bits.
    pub(super) fn random() -> Self {
        loop {
            // The lower half of a UUID has two bits that are not random. Those of `a` are shifted
            // out, those of `b` covered by others of `a`.
            let [a, b] = [Uuid::new_v4(), Uuid::new_v4()].map(|uuid| uuid.as_u64_pair().1);
            let bits = a << 32 ^ b;
            let candidate = (bits >> (u64::BITS - BITS)) | 1 << (BITS - 1) | 1;
            let field = Self::modulo(candidate);
            if field.is_prime() {
                return field;
            }
        }
    }

    /// The integers modulo an odd number of at most 61 bits.
    pub(super) fn modulo(modulus: u64) -> Self {
        // Newton's iteration doubles the number of right bits: 3, 6, 12, 24, 48, 96.
        let mut inverse = modulus;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(modulus.wrapping_mul(inverse)));
        }
        let square = (u128::MAX % u128::from(modulus) + 1) % u128::from(modulus);
        Self { modulus, inverse: inverse.wrapping_neg(), square: square as u64 }
    }

    /// x / 2^64, for x below 2^64 times the modulus.
    #[inline(always)]
    pub(super) fn reduce(self, x: u128) -> u64 {
        let multiple = (x as u64).wrapping_mul(self.inverse);
        let sum = x + u128::from(multiple) * u128::from(self.modulus);
        self.wrap((sum >> 64) as u64)
    }

    /// The product of two numbers in Montgomery form.
    #[inline(always)]
    pub(super) fn times(self, a: u64, b: u64) -> u64 {
        self.reduce(u128::from(a) * u128::from(b))
    }

    /// The Montgomery form of a number of 64 bits.
    pub(super) fn enter(self, x: u64) -> u64 {
        self.times(x % self.modulus, self.square)
    }

    #[inline(always)]
    fn wrap(self, x: u64) -> u64 {
        if x >= self.modulus { x - self.modulus } else { x }
    }

    fn plus(self, a: u64, b: u64) -> u64 {
        self.wrap(a + b)
    }

    fn minus(self, a: u64, b: u64) -> u64 {
        self.wrap(a + self.modulus - b)
    }

    /// F(n), by F(2k) = F(k) (2 F(k+1) - F(k)) and F(2k+1) = F(k)^2 + F(k+1)^2.
    pub(super) fn fibonacci(self, n: u64) -> u64 {
        let (mut a, mut b) = (0, self.enter(1));
        for bit in (0..u64::BITS - n.leading_zeros()).rev() {
            let even = self.times(a, self.minus(self.plus(b, b), a));
            let odd = self.plus(self.times(a, a), self.times(b, b));
            (a, b) = if n >> bit & 1 == 0 { (even, odd) } else { (odd, self.plus(even, odd)) };
        }
        self.reduce(u128::from(a))
    }

    /// Whether the modulus is a prime that is larger than the bases.
    pub(super) fn is_prime(self) -> bool {
        let one = self.enter(1);
        let minus_one = self.minus(0, one);
        let twos = (self.modulus - 1).trailing_zeros();
        BASES.iter().all(|&base| {
            let mut power = self.power(self.enter(base), self.modulus >> twos);
            let mut reaches = power == one || power == minus_one;
            for _ in 1..twos {
                power = self.times(power, power);
                reaches |= power == minus_one;
            }
            reaches
        })
    }

    fn power(self, base: u64, exponent: u64) -> u64 {
        let mut power = self.enter(1);
        for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
            power = self.times(power, power);
            if exponent >> bit & 1 == 1 {
                power = self.times(power, base);
            }
        }
        power
    }
}
