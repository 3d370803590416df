//! The daemon. Everything is in the library: see `fibrpc::daemon`.

use fibrpc::{cli::DaemonArgs, daemon};
use std::process::ExitCode;

fn main() -> ExitCode {
    DaemonArgs::from_process().map_or_else(|exit| exit, |args| daemon::main(&args)).into()
}
