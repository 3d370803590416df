//! The arguments of `fibrpcctl ping`: those of ping(8).

use super::options::{TimeoutError, timeout};
use crate::client::MAX_TIMEOUT;
use clap::{Args, value_parser};
use std::time::Duration;

const NOTES: &str = "\
Without -c, -i, -q or -D one ping is sent; else there is a summary in the end.
--help also has the options of every command, such as --uri and --queue.

Examples:
  fibrpcctl ping
  fibrpcctl ping -c 10 -i 200ms
  fibrpcctl --queue prices ping -q -c 100 -i 10ms --json

Exit codes: 0 if every ping was answered, else that of the first that was not;
130 after Ctrl-C.";

/// The pause between pings.
const INTERVAL: Duration = Duration::from_secs(1);

/// The arguments of `ping`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct PingArgs {
    /// So many pings [default: until Ctrl-C]
    #[arg(short, long, value_name = "COUNT", value_parser = value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// The pause between them [default: 1s]
    ///
    /// Such as 200ms; a bare number is seconds.
    #[arg(short, long, value_name = "INTERVAL", value_parser = seconds)]
    interval: Option<Duration>,

    /// The longest wait for each [default: --timeout]
    #[arg(short = 'W', long, value_name = "TIMEOUT", value_parser = seconds)]
    pub reply_timeout: Option<Duration>,

    /// Print only the summary
    #[arg(short, long)]
    pub quiet: bool,

    /// Print the Unix time before each line
    #[arg(short = 'D', long)]
    pub timestamps: bool,
}

/// Many pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingSeries {
    /// How many; `None` is until somebody stops it.
    pub count: Option<u64>,
    /// The pause between them.
    pub interval: Duration,
}

impl PingArgs {
    /// Many pings, if that is asked for.
    #[must_use]
    pub fn series(&self) -> Option<PingSeries> {
        let wanted =
            self.count.is_some() || self.interval.is_some() || self.quiet || self.timestamps;
        let interval = self.interval.unwrap_or(INTERVAL);
        wanted.then_some(PingSeries { count: self.count, interval })
    }
}

/// A duration, or a number of seconds as ping(8) takes it.
fn seconds(text: &str) -> Result<Duration, TimeoutError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<f64>().ok().filter(|_| plain) {
        None => timeout(text),
        Some(seconds) => match Duration::try_from_secs_f64(seconds) {
            Ok(Duration::ZERO) => Err(TimeoutError::Zero),
            Ok(duration) if duration <= MAX_TIMEOUT => Ok(duration),
            _ => Err(TimeoutError::TooLong),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_durations_or_seconds() {
        for (text, millis) in [("0.2", 200), ("1", 1000), ("250ms", 250), ("1m", 60_000)] {
            assert_eq!(seconds(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for text in ["0", "0s", "", ".", "-1", "1e9", "100000", "inf"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
