//! The exit codes of both programs. They are an interface: scripts and units depend on them.

use std::process::ExitCode;

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything went well.
    Ok = 0,
    /// `fibrpcd`: it failed, or stopped before its work was done. `fibrpcctl`: the output
    /// could not be written, or the program itself failed.
    Failure = 1,
    /// Wrong usage.
    Usage = 2,
    /// `fibrpcctl`: the server answered with an error.
    ServerError = 3,
    /// `fibrpcctl`: timed out.
    TimedOut = 4,
    /// `fibrpcctl`: no such queue, or no server is consuming it.
    NoServer = 5,
    /// `fibrpcctl`: the broker is unreachable, refused, or takes no message as large as the call.
    Unreachable = 6,
    /// `fibrpcd`: wrong configuration (`EX_CONFIG` of sysexits.h); restarting cannot help.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
