//! The wall clock, as messages carry it: deadlines and times of sending are Unix time.

use std::time::{Duration, SystemTime};

/// The time since 1970; none where the clock is set to before that.
pub(crate) fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

pub(crate) fn now() -> Duration {
    since_1970(SystemTime::now())
}

/// In milliseconds, as deadlines are.
pub(crate) fn unix_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
