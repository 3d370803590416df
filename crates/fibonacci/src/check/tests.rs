//! The arithmetic against wide integers, and what the check finds.

use super::{Check, field::Field};
use crate::{arena::Arena, lanes::Backend, pace::Pace};

/// The largest prime below 2^61.
const PRIME: u64 = (1 << 61) - 1;

#[test]
fn products_are_those_of_wide_integers() {
    for modulus in [3, 1_000_003, PRIME] {
        let field = Field::modulo(modulus);
        for a in [0, 1, 2, 12_345_678_901_234_567, PRIME - 1, u64::MAX] {
            for b in [0, 1, 7, 98_765_432_109_876, PRIME / 2] {
                let product = field.times(field.enter(a), field.enter(b));
                let expected = u128::from(a) * u128::from(b) % u128::from(modulus);
                assert_eq!(u128::from(field.reduce(product.into())), expected, "{a} {b} {modulus}");
            }
        }
    }
}

#[test]
fn primes_are_distinguished_from_composites() {
    let primes = [41, 1_000_003, 2_147_483_647, PRIME];
    // Carmichael numbers, strong pseudoprimes to the bases up to 7 and up to 17, a square.
    let composites = [561, 41_041, 3_215_031_751, 341_550_071_728_321, 1_000_003 * 1_000_003];
    for prime in primes {
        assert!(Field::modulo(prime).is_prime(), "{prime}");
    }
    for composite in composites {
        assert!(!Field::modulo(composite).is_prime(), "{composite}");
    }
}

#[test]
fn fibonacci_numbers_modulo_a_prime() {
    let field = Field::modulo(PRIME);
    let (mut a, mut b) = (0, 1);
    for n in 0..2000 {
        assert_eq!(field.fibonacci(n), a, "n = {n}");
        (a, b) = (b, (a + b) % PRIME);
    }
}

#[test]
fn one_wrong_digit_is_found_wherever_it_is() {
    let check = Check::random();
    for n in [25_000, 30_011] {
        let mut chars = Vec::new();
        Arena::new().decimal(n, &mut chars, &|| false).unwrap();
        for backend in Backend::available() {
            let passes =
                |chars: &[u8]| check.passes(n, chars, backend, &mut Pace::new(&|| false)).unwrap();
            assert!(passes(&chars), "{}", backend.name());
            for place in 0..chars.len() {
                let right = chars[place];
                chars[place] = if right == b'9' { b'0' } else { right + 1 };
                assert!(!passes(&chars), "digit {place} of F({n}), {}", backend.name());
                chars[place] = right;
            }
        }
    }
}
