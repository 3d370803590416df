//! The exit codes of both programs. They are an interface: scripts and units depend on them.

use std::process::ExitCode;

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything went well.
    Ok = 0,
    /// `fibrpcd`: it failed, or stopped before its work was done. `fibrpcctl`: the output
    /// could not be written, the input not read, or the program itself failed.
    Failure = 1,
    /// Wrong usage.
    Usage = 2,
    /// `fibrpcctl`: the server answered with an error.
    ServerError = 3,
    /// `fibrpcctl`: timed out.
    TimedOut = 4,
    /// `fibrpcctl`: no such queue, no server is consuming it, or no queue for a routing key.
    NoServer = 5,
    /// `fibrpcctl`: the broker is unreachable, refused, or was lost before the reply.
    Unreachable = 6,
    /// `fibrpcd`: wrong configuration (`EX_CONFIG` of sysexits.h); restarting cannot help.
    Config = 78,
    /// `fibrpcctl`: ended by SIGINT, such as Ctrl-C.
    Interrupted = 130,
    /// `fibrpcctl`: ended by SIGTERM.
    Terminated = 143,
}

/// What plugins of Nagios and its kin end with
/// (<https://www.monitoring-plugins.org/doc/guidelines.html#AEN78>); only `fibrpcctl status --check`
/// does, and 0 is [`Exit::Ok`] there, too.
impl Exit {
    /// 1: something is not as it should be.
    pub const CHECK_WARNING: Self = Self::Failure;
    /// 2: it is bad.
    pub const CHECK_CRITICAL: Self = Self::Usage;
    /// 3: it could not be found out.
    pub const CHECK_UNKNOWN: Self = Self::ServerError;
}
/// The exit codes of `fibrpcctl` and their meanings, as help and documents have them.
pub const CTL_CODES: [(&str, &str); 8] = [
    ("0", "ok"),
    ("1", "output not written, input not read, or the program itself failed"),
    ("2", "wrong usage"),
    ("3", "the server answered with an error"),
    ("4", "timed out"),
    ("5", "no such queue, no server is consuming it, or no queue for the routing key"),
    ("6", "broker unreachable, it refused (login, queue full, size), or lost before the reply"),
    ("130, 143", "ended by SIGINT (Ctrl-C), SIGTERM"),
];

impl Exit {
    /// This, or the other one if this is that all is well.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Ok { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
