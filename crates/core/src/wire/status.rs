//! The outcome of a call.

use std::fmt;

/// The outcome of a call, by the names of
/// [`google.rpc.Code`](https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The body of the reply is the answer.
    Ok,
    /// The request is malformed: sending it again cannot help.
    InvalidArgument,
    /// The method named by the `type` property does not exist.
    Unimplemented,
    /// The request is well formed but beyond a limit of the server.
    ResourceExhausted,
    /// The deadline in the request had passed before the answer was there.
    DeadlineExceeded,
    /// The server failed; the same call may succeed later.
    Internal,
}

impl Status {
    /// Every status, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::InvalidArgument,
        Self::Unimplemented,
        Self::ResourceExhausted,
        Self::DeadlineExceeded,
        Self::Internal,
    ];

    /// The name in the [`STATUS_HEADER`](super::STATUS_HEADER).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Internal => "INTERNAL",
        }
    }

    /// The status with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name().as_bytes() == name)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call has no answer: the status and one line for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub struct Failure {
    /// The status; never [`Status::Ok`].
    pub status: Status,
    /// One line, lower case, that says what to do.
    pub message: String,
}

impl Failure {
    /// A failure with this status and message.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again_and_no_other() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.name().as_bytes()), Some(status));
        }
        assert_eq!(Status::from_name(b"ok"), None);
        assert_eq!(Status::from_name(b""), None);
    }
}
