//! Ranges of numbers: `1..=100`, `0..1000..10`.

use std::{cmp::Ordering, iter};

/// What is wrong with a range.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RangeError {
    #[error("expected a range such as 1..100, 1..=100 or 0..1000..10")]
    Syntax,
    #[error("there is no number in it: the end is left out, and 5..=5 has it")]
    Empty,
    #[error("the first number is larger than the last one")]
    Backwards,
    #[error("the step must be more than 0")]
    Step,
}

/// Numbers from a first to a last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    first: u64,
    last: u64,
    step: u64,
}

impl Range {
    /// Reads it; `None` if the text is no range, but something to be sent as it is.
    pub(super) fn parse(text: &str) -> Option<Result<Self, RangeError>> {
        let (first, rest) = text.split_once("..")?;
        Some(Self::read(first, rest))
    }

    fn read(first: &str, rest: &str) -> Result<Self, RangeError> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| RangeError::Syntax);
        let (end, step) = match rest.split_once("..") {
            Some((end, step)) => (end, number(step)?),
            None => (rest, 1),
        };
        let first = number(first)?;
        let (end, includes_end) = match end.strip_prefix('=') {
            Some(end) => (number(end)?, true),
            None => (number(end)?, false),
        };
        if step == 0 {
            return Err(RangeError::Step);
        }
        match (first.cmp(&end), includes_end) {
            (Ordering::Greater, _) => Err(RangeError::Backwards),
            (Ordering::Equal, false) => Err(RangeError::Empty),
            (_, true) => Ok(Self { first, last: end, step }),
            (Ordering::Less, false) => Ok(Self { first, last: end - 1, step }),
        }
    }

    /// The numbers in it.
    pub(super) fn numbers(self) -> impl Iterator<Item = u64> {
        let next =
            move |number: &u64| number.checked_add(self.step).filter(|number| *number <= self.last);
        iter::successors(Some(self.first), next)
    }
}

/// What to do about a text that a server does not take for a number, where it is plain what was
/// meant.
#[must_use]
pub(crate) fn advice_for_number(text: &str) -> Option<&'static str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.split_once(['-', ':']).is_some_and(|(first, last)| is_number(first) && is_number(last))
    {
        return Some("a range is written with dots: 1..=50");
    }
    if text.contains(',') && text.split(',').all(is_number) {
        return Some("numbers are separated by spaces");
    }
    let is_file = text.contains(['.', '/', '@']) && text.contains(char::is_alphabetic);
    is_file.then_some("for the numbers in a file: fibrpcctl call - <FILE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_rust_with_a_step() {
        let numbers = |text| Range::parse(text).unwrap().unwrap().numbers().collect::<Vec<_>>();
        assert_eq!(numbers("1..4"), [1, 2, 3]);
        assert_eq!(numbers("1..=4"), [1, 2, 3, 4]);
        assert_eq!(numbers("0..10..5"), [0, 5]);
        assert_eq!(numbers("0..=10..5"), [0, 5, 10]);
        assert_eq!(numbers("7..=7"), [7]);
        assert_eq!(numbers("18446744073709551614..=18446744073709551615").len(), 2);
        assert_eq!(Range::parse("12"), None);
        for (text, error) in [
            ("1..x", RangeError::Syntax),
            ("..", RangeError::Syntax),
            ("-1..4", RangeError::Syntax),
            ("1..2..3..4", RangeError::Syntax),
            ("4..4", RangeError::Empty),
            ("0..0", RangeError::Empty),
            ("5..=4", RangeError::Backwards),
            ("10..5", RangeError::Backwards),
            ("0..5..0", RangeError::Step),
        ] {
            assert_eq!(Range::parse(text), Some(Err(error)), "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_told_where_it_is_plain() {
        for text in ["1-50", "1:50"] {
            assert!(advice_for_number(text).unwrap().contains("1..=50"), "{text}");
        }
        assert!(advice_for_number("1,2,3").unwrap().contains("spaces"));
        for text in ["n.txt", "./numbers", "/tmp/n", "@numbers"] {
            assert!(advice_for_number(text).unwrap().contains("call - <FILE"), "{text}");
        }
        for text in ["", "30", "x", "-5", "1.5", "1/2", "1-x"] {
            assert_eq!(advice_for_number(text), None, "{text}");
        }
    }
}
