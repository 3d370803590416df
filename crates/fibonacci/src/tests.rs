//! The whole kernel, on every back end.

use super::{arena::Arena, pace::Pace, radix::Radix, *};
use dashu_int::UBig;
use std::cell::Cell;

fn arenas() -> Vec<(Arena, &'static str)> {
    Backend::available().map(|backend| (Arena::with_backend(backend), backend.name())).collect()
}

fn digits_of(arena: &mut Arena, n: u64) -> String {
    let mut out = Vec::new();
    let report = arena.decimal(n, &mut out, &|| false).unwrap();
    assert_eq!(report, Report { check_failures: 0 }, "n = {n}");
    String::from_utf8(out).unwrap()
}

/// F(n) and F(n+1), computed with an independent library.
fn oracle(n: u64) -> (UBig, UBig) {
    let (mut a, mut b) = (UBig::ZERO, UBig::ONE);
    for bit in (0..u64::BITS - n.leading_zeros()).rev() {
        (a, b) = (&a * ((&b << 1) - &a), a.sqr() + b.sqr());
        if n >> bit & 1 == 1 {
            (a, b) = (b.clone(), a + b);
        }
    }
    (a, b)
}

/// Numbers that look random and are the same in every run (xorshift).
fn random(seed: u64) -> impl FnMut(std::ops::Range<u64>) -> u64 {
    let mut state = seed;
    move |range| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        range.start + state % (range.end - range.start)
    }
}

#[test]
fn equals_the_recurrence_up_to_5000() {
    let mut arena = Arena::new();
    let (mut a, mut b) = (UBig::ZERO, UBig::ONE);
    for n in 0..=5000 {
        assert_eq!(digits_of(&mut arena, n), a.to_string(), "F({n})");
        (a, b) = (b.clone(), a + b);
    }
}

#[test]
fn equals_published_values() {
    // OEIS A000045, and its b-file for the last.
    let published = [
        (0, "0"),
        (1, "1"),
        (2, "1"),
        (10, "55"),
        (30, "832040"),
        (93, "12200160415121876738"),
        (94, "19740274219868223167"),
        (100, "354224848179261915075"),
        (300, "222232244629420445529739893461909967206666939096499764990979600"),
    ];
    for (n, digits) in published {
        assert_eq!(String::from_utf8(decimal(n, || false).unwrap()).unwrap(), digits, "F({n})");
    }
}

#[test]
fn equals_an_independent_library_around_every_border() {
    let borders = [20_000, 100_000, 200_000, 400_000, 800_000];
    for (mut arena, backend) in arenas() {
        for border in borders {
            for n in border - 3..border + 4 {
                let (expected, _) = oracle(n);
                assert_eq!(digits_of(&mut arena, n), expected.to_string(), "F({n}), {backend}");
            }
        }
    }
}

#[test]
fn equals_an_independent_library_at_random() {
    let mut random = random(0x9e37_79b9_7f4a_7c15);
    let mut arenas = arenas();
    // The library is slow, so both of its numbers are used, on every back end.
    for (count, range) in [
        (700, 64..20_000),
        (300, 20_001..100_000),
        (400, 100_001..300_000),
        (5, 1_000_000..2_000_000),
    ] {
        for _ in 0..count {
            let n = random(range.clone());
            let (here, next) = oracle(n);
            for (n, expected) in [(n, here.to_string()), (n + 1, next.to_string())] {
                for (arena, backend) in &mut arenas {
                    assert_eq!(digits_of(arena, n), expected, "F({n}), {backend}");
                }
            }
        }
    }
}

/// The value of digits modulo 2^61 - 1.
fn modulo(digits: &str) -> u128 {
    digits.bytes().fold(0, |value, digit| (value * 10 + u128::from(digit - b'0')) % PRIME)
}

const PRIME: u128 = (1 << 61) - 1;

#[test]
fn satisfies_identities_where_the_library_is_too_slow() {
    for (mut arena, backend) in arenas() {
        for n in [1_234_567, 5_555_555, Radix::MAX_N_OF_SIX / 2 + 1] {
            let mut f = |n| modulo(&digits_of(&mut arena, n));
            let (before, here, after) = (f(n - 1), f(n), f(n + 1));
            assert_eq!(f(2 * n), here * (2 * after + PRIME - here) % PRIME, "F(2n), {backend} {n}");
            // Cassini: F(n-1) F(n+1) - F(n)^2 = (-1)^n
            let (product, square) = (before * after % PRIME, here * here % PRIME);
            let sign = if n % 2 == 0 { 1 } else { PRIME - 1 };
            assert_eq!(product, (square + sign) % PRIME, "Cassini, {backend} {n}");
        }
    }
}

#[test]
fn is_right_at_every_length_of_transform() {
    // The lengths are about a tenth apart, and the same pattern repeats for lengths 8 times as
    // large.
    for (mut arena, backend) in arenas() {
        let mut n = TABLE_MAX_N + 1;
        while n < 1_700_000 {
            let report = arena.decimal(n, &mut Vec::new(), &|| false).unwrap();
            assert_eq!(report, Report { check_failures: 0 }, "F({n}), {backend}");
            n += n / 30;
        }
    }
}

#[test]
fn a_radix_too_large_fails_the_check_and_a_smaller_one_is_right() {
    let n = 3_000_000;
    let expected = decimal(n, || false).unwrap();
    for (mut arena, backend) in arenas() {
        let mut out = b"before".to_vec();
        let too_large = Radix::of_width(7);
        let report = arena.decimal_from(n, too_large, &mut out, &|| false).unwrap();
        assert_eq!(report.check_failures, 1, "{backend}");
        assert!(out.strip_prefix(b"before") == Some(&expected), "{backend}");
    }
}

#[test]
fn sizes_are_known_in_advance() {
    let mut arena = Arena::new();
    for n in (0..3000).chain([19_999, 20_001, 99_999, 1_234_567, 11_000_000]) {
        let mut out = Vec::new();
        arena.decimal(n, &mut out, &|| false).unwrap();
        let Estimate { digits, memory, .. } = estimate(n);
        assert_eq!(digits, out.len() as u64, "F({n})");
        assert!(memory >= (out.len() + arena.size()) as u64 || n <= SMALL, "F({n})");
        arena.trim_to(0);
    }
}

#[test]
fn every_number_of_the_table_agrees_modulo_a_prime() {
    let check = check::Check::random();
    let mut pace = Pace::new(&|| false);
    let mut out = Vec::new();
    // All of them on the best vectors, a sample on the others.
    for (backend, step) in Backend::available().zip([1, 11, 13]) {
        for n in (0..=TABLE_MAX_N).step_by(step) {
            out.clear();
            table::append(n, backend, &mut out);
            let passes = check.passes(n, &out, backend, &mut pace).unwrap();
            assert!(passes, "F({n}), {backend:?}");
        }
    }
}

#[test]
fn an_arena_returns_memory_on_request() {
    let mut arena = Arena::new();
    assert_eq!(arena.size(), 0);
    let before = digits_of(&mut arena, 500_000);
    let size = arena.size();
    arena.trim_to(size);
    assert_eq!(arena.size(), size, "it may keep that much");
    arena.trim_to(size - 1);
    assert_eq!(arena.size(), 0);
    assert_eq!(digits_of(&mut arena, 500_000), before, "and grows again");
}

#[test]
fn appends() {
    for n in [30, 1000, 30_000] {
        let mut out = b"F = ".to_vec();
        Arena::new().decimal(n, &mut out, &|| false).unwrap();
        assert_eq!(out, [b"F = ".as_slice(), &decimal(n, || false).unwrap()].concat());
    }
}

#[test]
fn can_be_stopped_at_any_point() {
    const N: u64 = 8_000_000;
    let mut arena = Arena::new();
    let asked = Cell::new(0);
    let mut run = |limit| {
        asked.set(0);
        let mut out = b"kept".to_vec();
        let stop = || asked.replace(asked.get() + 1) >= limit;
        (arena.decimal(N, &mut out, &stop).map(|_| ()), out, asked.get())
    };
    let (result, _, all) = run(usize::MAX);
    assert_eq!(result, Ok(()));
    assert!(all > 10, "asked only {all} times");
    for limit in 0..all {
        let (result, out, asked) = run(limit);
        assert_eq!((result, asked), (Err(DecimalError::Stopped), limit + 1));
        assert_eq!(out, b"kept");
    }
    assert_eq!(digits_of(&mut arena, N).len() as u64, digits(N), "the arena is still good");
}

#[test]
fn an_n_that_is_too_large_is_refused() {
    let mut out = Vec::new();
    for n in [MAX_N + 1, u64::MAX] {
        let result = Arena::new().decimal(n, &mut out, &|| false);
        assert_eq!(result.unwrap_err(), DecimalError::TooLarge { n });
    }
    assert!(out.is_empty());
}
