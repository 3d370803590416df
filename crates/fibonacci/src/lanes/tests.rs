//! Every operation of every back end, against plain arithmetic.

use super::{
    Backend,
    vector::{Eight, Lanes, Pair, Pass, eight},
    word::{characters, value},
};

/// Runs every operation on given vectors and collects the results.
struct Operations<'a> {
    a: &'a Eight,
    b: &'a Eight,
    c: &'a Eight,
}

impl Pass for Operations<'_> {
    type Output = Vec<Eight>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<Eight> {
        let (a, b, c) = (lanes.load(self.a), lanes.load(self.b), lanes.load(self.c));
        let results = [
            lanes.splat(2.5),
            lanes.add(a, b),
            lanes.sub(a, b),
            lanes.mul(a, b),
            lanes.mul_add(a, b, c),
            lanes.mul_sub(a, b, c),
            lanes.neg_mul_add(a, b, c),
            lanes.round(a),
            lanes.load_digits(&lanes.to_digits(lanes.round(a))),
            lanes.shift_in(a, b),
        ];
        let rows = eight!(|j| lanes.add(a, lanes.splat(100.0 * j as f64)));
        let mut out = Vec::new();
        for vector in results.into_iter().chain(lanes.transpose(rows)) {
            let mut memory = [0.0; 8];
            lanes.store(vector, &mut memory);
            out.push(memory);
        }
        out
    }
}

#[test]
fn every_operation_is_that_of_plain_arithmetic() {
    // Quarters and small numbers: every result is exact, fused or not.
    let a = [-3.75, 1.25, 0.0, 7.25, -0.25, 1e6, -12.75, 5.75];
    let b = [2.0, -4.0, 8.0, 0.5, 3.0, -1.0, 16.0, 9.0];
    let c = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let mut expected = vec![
        [2.5; 8],
        eight!(|i| a[i] + b[i]),
        eight!(|i| a[i] - b[i]),
        eight!(|i| a[i] * b[i]),
        eight!(|i| a[i] * b[i] + c[i]),
        eight!(|i| a[i] * b[i] - c[i]),
        eight!(|i| c[i] - a[i] * b[i]),
        a.map(f64::round),
        a.map(f64::round),
        [b[7], a[0], a[1], a[2], a[3], a[4], a[5], a[6]],
    ];
    expected.extend(a.map(|a: f64| eight!(|j| a + 100.0 * j as f64)));
    for backend in Backend::available() {
        let results = backend.run(Operations { a: &a, b: &b, c: &c });
        assert_eq!(results, expected, "{}", backend.name());
    }
}

struct Sixteens<'a>(&'a [u8; 64]);

impl Pass for Sixteens<'_> {
    type Output = [u64; 4];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [u64; 4] {
        lanes.sixteens(self.0)
    }
}

#[test]
fn sixteen_characters_are_a_word() {
    let words = [0, 1_234_567_890_123_456, 9_999_999_999_999_999, 1_000_000_000_000_001_u64];
    let text = words.map(|word| format!("{word:016}")).concat();
    let chars: &[u8; 64] = text.as_bytes().try_into().unwrap();
    for backend in Backend::available() {
        assert_eq!(backend.run(Sixteens(chars)), words, "{}", backend.name());
    }
}

struct Characters<'a, const WIDTH: usize>(&'a [i32; 8]);

impl<const WIDTH: usize> Pass for Characters<'_, WIDTH> {
    type Output = [Pair; 4];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [Pair; 4] {
        lanes.characters::<WIDTH>(self.0)
    }
}

fn spells<const WIDTH: usize>(values: impl Iterator<Item = i32>) {
    let values: Vec<i32> = values.collect();
    for backend in Backend::available() {
        for values in values.as_chunks().0 {
            let pairs = backend.run(Characters::<WIDTH>(values));
            for (pair, values) in pairs.iter().zip(values.chunks(2)) {
                let expected = format!("{:0WIDTH$}{:0WIDTH$}", values[1], values[0]);
                assert_eq!(pair, format!("{expected:0>16}").as_bytes(), "{}", backend.name());
            }
        }
    }
}

#[test]
fn numbers_are_characters_of_any_width() {
    spells::<4>(0..10_000);
    spells::<5>((0..100_000).step_by(7));
    spells::<6>((0..1_000_000).step_by(41));
    spells::<7>((0..10_000_000).step_by(411));
    // Every number of four digits in either half, and the borders of the halves.
    let halves = (0..10_000).flat_map(|half| [half, 10_000 * half, 10_001 * half]);
    spells::<8>(halves.chain([99_999_999, 99_990_000, 10_000_001]));
}

#[test]
fn characters_have_their_value() {
    for number in (0..100_000_000).step_by(30_011).chain([99_999_999]) {
        assert_eq!(characters(number).to_le_bytes(), *format!("{number:08}").as_bytes());
        assert_eq!(value(characters(number)), number);
    }
}
