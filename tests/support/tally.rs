//! Which calls are made under faults, and what became of them.

use super::random::Random;
use dashu_int::UBig;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::LazyLock,
};

/// From numbers that are answered in place to ones that keep a compute thread busy.
const NUMBERS: [u64; 8] = [0, 1, 30, 93, 1_000, 10_000, 30_000, 200_000];

/// Their digits, by plain addition: independent of the code under test.
static DIGITS: LazyLock<HashMap<u64, String>> = LazyLock::new(|| {
    let (mut here, mut next, mut digits) = (UBig::ZERO, UBig::ONE, HashMap::new());
    for n in 0..=NUMBERS[NUMBERS.len() - 1] {
        if NUMBERS.contains(&n) {
            digits.insert(n, here.to_string());
        }
        here += &next;
        std::mem::swap(&mut here, &mut next);
    }
    digits
});

/// A number to call with. The largest are rare, because each costs as much as hundreds of others.
pub(crate) fn some_number(random: &mut Random) -> u64 {
    let kinds = if random.below(20) == 0 { NUMBERS.len() } else { NUMBERS.len() - 2 };
    NUMBERS[random.below(kinds)]
}

/// Whether this is F(n), for a number of [`some_number`].
pub(crate) fn is_right(n: u64, answer: &str) -> bool {
    DIGITS[&n] == answer
}

/// What became of calls.
///
/// Lost is a request that the broker accepted and that is neither answered nor in the queue; hung
/// is a call of a client that has not ended one second after its timeout; wrong is an answer that
/// is not F(n). A clear error within the timeout is none of these.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) made: u64,
    pub(crate) answered: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) wrong: Vec<String>,
    pub(crate) lost: Vec<String>,
    pub(crate) hung: u64,
    /// Replies that nobody waited for (any more).
    pub(crate) duplicates: u64,
}

impl Tally {
    pub(crate) fn judge(&mut self, n: u64, answer: &str) {
        if is_right(n, answer) {
            self.answered += 1;
        } else {
            let start = answer.chars().take(80).collect::<String>();
            self.wrong.push(format!("F({n}) = {start}..., {} characters", answer.len()));
        }
    }

    pub(crate) fn error(&mut self, kind: impl Into<String>) {
        *self.errors.entry(kind.into()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.made += other.made;
        self.answered += other.answered;
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.wrong.extend(other.wrong);
        self.lost.extend(other.lost);
        self.hung += other.hung;
        self.duplicates += other.duplicates;
    }

    /// Whether anything happened that never may.
    pub(crate) fn is_bad(&self) -> bool {
        !self.lost.is_empty() || !self.wrong.is_empty() || self.hung > 0
    }

    /// Fails the test if a call was lost, answered wrongly, or left hanging, or if none was made.
    pub(crate) fn assert_good(&self) {
        assert!(!self.is_bad(), "{self}\nwrong: {:#?}\nlost: {:#?}", self.wrong, self.lost);
        assert!(self.answered > 0, "nothing was tested: {self}");
        let ended = self.answered + self.errors.values().sum::<u64>();
        assert_eq!(self.made, ended, "each call ended in one way: {self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  calls made             {:>8}", self.made)?;
        writeln!(f, "  answered               {:>8}", self.answered)?;
        writeln!(f, "  ended with an error    {:>8}", self.errors.values().sum::<u64>())?;
        for (kind, count) in &self.errors {
            writeln!(f, "    {kind:<20} {count:>8}")?;
        }
        writeln!(f, "  wrong                  {:>8}", self.wrong.len())?;
        writeln!(f, "  lost                   {:>8}", self.lost.len())?;
        writeln!(f, "  hung                   {:>8}", self.hung)?;
        write!(f, "  duplicates             {:>8}", self.duplicates)
    }
}
