//! The command line client. Everything is in the library: see `fibrpc::ctl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fibrpc::ctl::main(&fibrpc::cli::CtlArgs::from_process()).into()
}
