//! The command line client. Everything is in the library: see `fibrpc::ctl`.

use fibrpc::{cli::CtlArgs, ctl};
use std::process::ExitCode;

fn main() -> ExitCode {
    CtlArgs::from_process().map_or_else(|exit| exit, ctl::main).into()
}
