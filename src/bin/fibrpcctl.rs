//! The command line client. Everything is in the library: see `fibrpc::ctl`.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    fibrpc::ctl::main(&fibrpc::cli::CtlArgs::parse()).into()
}
