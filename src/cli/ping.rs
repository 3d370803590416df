//! The arguments of `fibrpcctl ping`: those of ping(8).

use super::{durations::timeout, headings};
use clap::{Args, value_parser};
use std::time::Duration;

const NOTES: &str = "\
A ping is a request of type ping with body 0; a server that does not know it
answers what it will. Without -c, -i, -q or -D one is sent; else there is a
summary in the end.
--help also has the options of every command, such as --uri and --queue.

Examples:
  fibrpcctl ping
  fibrpcctl ping -c 10 -i 200ms
  fibrpcctl --queue prices ping -q -c 100 -i 10ms --json | jq .p99_us

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
    #[arg(short, long, value_name = "INTERVAL", value_parser = timeout)]
    interval: Option<Duration>,

    /// The longest wait for each [default: --timeout]
    ///
    /// Such as 200ms; a bare number is seconds. Connecting is included.
    #[arg(short = 'W', long, value_name = "TIMEOUT", value_parser = timeout)]
    pub reply_timeout: Option<Duration>,

    /// Print only the summary
    #[arg(help_heading = headings::OUTPUT, short, long)]
    pub quiet: bool,

    /// Print the Unix time before each line
    #[arg(help_heading = headings::OUTPUT, short = 'D', long)]
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
