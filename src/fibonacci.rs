//! Exact Fibonacci numbers in decimal, free of I/O.
//!
//! One function, [`decimal`]: fast doubling on a big-integer library. With F(0) = 0, F(1) = 1,
//!
//! ```text
//! F(2k)     = F(k) (2 F(k+1) - F(k))
//! F(2k + 1) = F(k)^2 + F(k+1)^2
//! ```
//!
//! (D. E. Knuth, The Art of Computer Programming, vol. 1, section 1.2.8, from the matrix form of
//! the recurrence), so F(n) takes one such pair of steps for each bit of n.

use dashu_int::UBig;

/// Up to this n a number is ready in about 20 µs: cheaper to compute in place than to hand over
/// to another thread.
pub const SMALL: u64 = 10_000;

/// How much memory the computation of F(n) takes, digits included, in bytes: an upper bound by
/// measurement, 1.9 to 2.4 bytes for each unit of n from 10^6 to 5 * 10^7.
#[must_use]
pub fn memory(n: u64) -> u64 {
    n.saturating_mul(5) / 2 + (64 << 10)
}

/// An upper bound of the number of digits of F(n), at most one more than there are.
#[must_use]
pub fn digits(n: u64) -> u64 {
    u64::try_from(digits_at_least(n)).unwrap_or(u64::MAX).saturating_add(1)
}

/// The computation was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the computation was stopped")]
pub struct Stopped;

/// The decimal digits of F(n), exact.
///
/// `stop` is asked before each doubling step and before the conversion to decimal; when it
/// returns true, the computation ends there.
///
/// # Errors
/// [`Stopped`], only when `stop` returned true.
pub fn decimal(n: u64, stop: impl Fn() -> bool) -> Result<Vec<u8>, Stopped> {
    let mut pair = (UBig::ZERO, UBig::ONE); // F(k), F(k+1) for k = 0
    for bit in (0..u64::BITS - n.leading_zeros()).rev() {
        if stop() {
            return Err(Stopped);
        }
        pair = double(&pair.0, &pair.1);
        if n >> bit & 1 == 1 {
            let next = &pair.0 + &pair.1;
            pair = (pair.1, next);
        }
    }
    if stop() {
        return Err(Stopped);
    }
    Ok(pair.0.to_string().into_bytes())
}

/// The number of decimal digits of F(n), or one less: known without computing anything.
///
/// F(n) is phi^n / sqrt(5), rounded, so it has floor(n log10(phi) - 0.349...) + 1 digits, which is
/// floor(n log10(phi)) or one more.
#[must_use]
pub fn digits_at_least(n: u64) -> u128 {
    /// log10 of the golden ratio, rounded down.
    const LOG_PHI: (u128, u128) = (208_987_640_249, 1_000_000_000_000);
    u128::from(n) * LOG_PHI.0 / LOG_PHI.1
}

/// F(2k), F(2k+1) from F(k), F(k+1).
fn double(a: &UBig, b: &UBig) -> (UBig, UBig) {
    // 2 F(k+1) >= F(k) for every k, so the difference is never negative.
    let even = a * ((b << 1) - a);
    let odd = a.sqr() + b.sqr();
    (even, odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f(n: u64) -> String {
        String::from_utf8(decimal(n, || false).unwrap()).unwrap()
    }

    #[test]
    fn equals_the_recurrence_up_to_5000() {
        let (mut a, mut b) = (UBig::ZERO, UBig::ONE);
        for n in 0..=5000 {
            assert_eq!(f(n), a.to_string(), "F({n})");
            (a, b) = (b.clone(), a + b);
        }
    }

    #[test]
    fn equals_published_values() {
        // OEIS A000045.
        assert_eq!(f(0), "0");
        assert_eq!(f(1), "1");
        assert_eq!(f(30), "832040");
        assert_eq!(f(93), "12200160415121876738");
        assert_eq!(f(300), "222232244629420445529739893461909967206666939096499764990979600");
    }

    #[test]
    fn satisfies_the_doubling_identity_where_the_recurrence_is_too_slow() {
        // F(2n) = F(n) (F(n+1) + F(n-1)), checked modulo a prime through the decimal digits.
        const P: u128 = (1 << 61) - 1;
        let modulo = |digits: String| {
            digits.bytes().fold(0, |value, digit| (value * 10 + u128::from(digit - b'0')) % P)
        };
        for n in [99_999u64, 100_000, 1_234_567] {
            let (before, here, after) = (modulo(f(n - 1)), modulo(f(n)), modulo(f(n + 1)));
            assert_eq!(modulo(f(2 * n)), here * ((after + before) % P) % P, "n = {n}");
        }
    }

    #[test]
    fn the_number_of_digits_is_known_before() {
        for n in (0..5000).chain([99_999, 1_234_567]) {
            let digits = f(n).len() as u128;
            assert!(digits - digits_at_least(n) <= 1, "F({n}) has {digits} digits");
        }
    }

    #[test]
    fn stops_when_told() {
        assert_eq!(decimal(1_000_000, || true), Err(Stopped));
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= 10;
        assert_eq!(decimal(1_000_000, stop), Err(Stopped), "stopped in the middle");
    }
}
