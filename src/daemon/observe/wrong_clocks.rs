//! Callers whose clocks are wrong, each logged once.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

/// Most callers that are remembered; the log itself limits how many lines of a kind there are.
const REMEMBERED: usize = 64;

/// Logs a caller when it is a new one: every request of a wrong clock is late.
#[derive(Debug, Default)]
pub(super) struct WrongClocks(VecDeque<String>);

impl WrongClocks {
    /// A deadline had passed when the request arrived, both in Unix milliseconds, though the request
    /// had not expired.
    pub(super) fn report(&mut self, caller: &str, deadline_ms: i64, arrived_ms: i64) {
        if self.0.iter().any(|known| known == caller) {
            return;
        }
        tracing::warn!(
            caller = %caller.escape_debug(),
            deadline = %text(deadline_ms),
            arrived = %text(arrived_ms),
            "a request arrived after its x-deadline and before its expiration: is the clock of the \
             caller behind, or ours ahead, or is the way from the broker slow? such deadlines are not \
             heeded"
        );
        self.0.truncate(REMEMBERED - 1);
        self.0.push_front(caller.to_owned());
    }
}

/// As a date, or the number itself if that is none.
fn text(unix_ms: i64) -> String {
    /// The end of the year 9999.
    const LAST: u64 = 253_402_300_799_999;
    match u64::try_from(unix_ms) {
        Ok(ms @ ..=LAST) => {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
            humantime::format_rfc3339_millis(time).to_string()
        }
        _ => unix_ms.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_has_a_text() {
        assert_eq!(text(1_790_000_000_500), "2026-09-21T14:13:20.500Z");
        assert_eq!(text(253_402_300_800_000), "253402300800000");
        assert_eq!(text(i64::MIN), i64::MIN.to_string());
    }

    #[test]
    fn few_callers_are_remembered() {
        let mut clocks = WrongClocks::default();
        for caller in 0..1000 {
            clocks.report(&caller.to_string(), 0, 0);
            clocks.report(&caller.to_string(), 0, 0);
            assert_eq!(clocks.0.len(), REMEMBERED.min(caller + 1));
        }
    }
}
