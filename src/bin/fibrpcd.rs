//! The daemon. Everything is in the library: see `fibrpc::daemon`.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    fibrpc::daemon::main(&fibrpc::cli::DaemonArgs::parse()).into()
}
