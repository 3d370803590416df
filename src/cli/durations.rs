//! Durations as options take them: with units, or in seconds as ping(8), curl and others do.

use crate::client::MAX_TIMEOUT;
use std::time::Duration;

/// What is wrong with a duration.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum DurationError {
    #[error("expected a duration such as 10s, 250ms or 1m 30s, or seconds such as 0.5")]
    Syntax(#[from] humantime::DurationError),
    #[error("must be more than 0")]
    Zero,
    #[error("must be at most 1 day")]
    TooLong,
}

/// A duration, such as `250ms`, `1m 30s`, or `0.5`, which is in seconds.
pub(super) fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    match number(text) {
        // What is too long for the type is too long for anybody.
        Some(seconds) => Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)),
        None => humantime::parse_duration(text),
    }
}

/// One that somebody may wait for: at most a day.
pub(super) fn pause(text: &str) -> Result<Duration, DurationError> {
    let pause = duration(text)?;
    if pause > MAX_TIMEOUT { Err(DurationError::TooLong) } else { Ok(pause) }
}

/// The same, and more than nothing.
pub(crate) fn timeout(text: &str) -> Result<Duration, DurationError> {
    match pause(text)? {
        Duration::ZERO => Err(DurationError::Zero),
        some => Ok(some),
    }
}

/// A number in plain decimal notation.
pub(super) fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_or_are_seconds() {
        for (text, millis) in [
            ("250ms", 250),
            ("1m 30s", 90_000),
            ("0.2", 200),
            ("1", 1000),
            (".5", 500),
            ("86400", 86_400_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(timeout(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(pause("0"), Ok(Duration::ZERO));
        assert_eq!(duration("2days"), duration("172800"));
        for text in ["0", "0.0", "0s"] {
            assert_eq!(timeout(text), Err(DurationError::Zero), "{text}");
        }
        let long = "9".repeat(400);
        for text in ["86401", "25h", "100000000000000000000000", &long] {
            assert_eq!(timeout(text), Err(DurationError::TooLong), "{text}");
        }
        for text in ["", ".", "-1", "1e9", "inf", "5 6", "1,5", "99999999999999y"] {
            let error = timeout(text).unwrap_err().to_string();
            assert!(error.contains("such as 10s, 250ms or 1m 30s, or seconds"), "{text}: {error}");
        }
    }
}
