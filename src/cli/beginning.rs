//! What both programs do first.

use crate::exit::Exit;
use signal_hook::{consts::SIGXFSZ, flag};
use std::{
    io::{self, ErrorKind, Write as _},
    sync::Arc,
};

/// Judges the arguments, and has it told what is wrong with them, or the help that they ask for.
///
/// # Errors
/// How the program is to end instead.
pub(super) fn begin<A>(
    arguments: impl FnOnce() -> Result<A, clap::Error>,
    tell: impl FnOnce(&clap::Error) -> io::Result<()>,
) -> Result<A, Exit> {
    survive_file_limits();
    arguments().map_err(|error| {
        let printed = tell(&error).and_then(|()| io::stdout().flush());
        match printed {
            _ if error.use_stderr() => Exit::Usage,
            Ok(()) => Exit::Ok,
            Err(why) => {
                if why.kind() != ErrorKind::BrokenPipe {
                    // There is nowhere else to say it, and the exit code says it too.
                    let _ = writeln!(io::stderr(), "cannot write standard output: {why}");
                }
                Exit::Failure
            }
        }
    })
}

/// A write beyond the limit of a file's size (`ulimit -f`) is an error like any other one. By default
/// its signal ends the process.
fn survive_file_limits() {
    // Only a lack of memory could be in the way, and then the default is as good.
    let _ = flag::register(SIGXFSZ, Arc::default());
}
