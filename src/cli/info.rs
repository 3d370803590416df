//! The arguments of `fibrpcctl info`.

use clap::Args;

const NOTES: &str = "\
The options of every command (--uri, --queue, --timeout, --format) are shown by --help.

Examples:
  fibrpcctl info
  fibrpcctl info --stats
  fibrpcctl --json info --stats | jq .methods.fib.failures

Of several servers of a queue, one answers. One that does not know the method: exit code 3.";

/// The arguments of `info`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct InfoArgs {
    /// Show what the server has done since it started: calls, failures and latencies by method
    #[arg(long)]
    pub stats: bool,
}
