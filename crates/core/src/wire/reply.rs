//! Replies.

use super::{ERROR_PREFIX, Failure, Status};
use crate::text::excerpt;
use bytes::Bytes;

/// A reply: the outcome, and the answer or one line that says why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The outcome, carried by the status header; a reply without the header is [`Status::Ok`].
    pub status: Status,
    /// The answer, or `error: ` and the reason.
    pub body: Bytes,
    /// The media type of the body.
    pub content_type: &'static str,
}

/// A reply as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The body of an answer.
    Answer(Vec<u8>),
    /// The failure that the server reports.
    Failed(Failure),
    /// A status this version does not know.
    Unknown(ReplyError),
}

/// Why a reply cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The status header holds a name this version does not know.
    #[error("the reply has the unknown status \"{0}\"; is the server newer than this client?")]
    UnknownStatus(String),
    /// The reply to `info` is no JSON object. Holds the start of it.
    #[error("the server does not know info; it answered \"{0}\"")]
    NoInfo(String),
    /// The same of `stats`.
    #[error("the server does not know stats; it answered \"{0}\"")]
    NoStats(String),
}

impl ReplyError {
    /// The error for a reply to `info` with this body.
    #[must_use]
    pub fn no_info(body: &[u8]) -> Self {
        Self::NoInfo(excerpt(body, 60))
    }

    /// The error for a reply to `stats` with this body.
    #[must_use]
    pub fn no_stats(body: &[u8]) -> Self {
        Self::NoStats(excerpt(body, 60))
    }
}

impl Reply {
    /// A text answer.
    #[must_use]
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self { status: Status::Ok, body: body.into(), content_type: "text/plain" }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self { status: Status::Ok, body: body.into(), content_type: "application/json" }
    }

    /// What a client makes of a reply.
    ///
    /// `status` is the value of the status header, absent on the replies of other servers.
    #[must_use]
    pub fn open(status: Option<&[u8]>, body: Vec<u8>) -> Opened {
        let status = match status.map(|name| (name, Status::from_name(name))) {
            None | Some((_, Some(Status::Ok))) => return Opened::Answer(body),
            Some((_, Some(status))) => status,
            Some((name, None)) => {
                return Opened::Unknown(ReplyError::UnknownStatus(excerpt(name, 60)));
            }
        };
        let text = String::from_utf8_lossy(&body);
        let message = text.strip_prefix(ERROR_PREFIX).unwrap_or(&text);
        Opened::Failed(Failure::new(status, message))
    }
}

impl From<&Failure> for Reply {
    fn from(failure: &Failure) -> Self {
        Self {
            status: failure.status,
            body: format!("{ERROR_PREFIX}{}", failure.message).into(),
            content_type: "text/plain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_wire() {
        let failure = Failure::new(Status::ResourceExhausted, "n is too large");
        let reply = Reply::from(&failure);
        assert_eq!(reply.body, "error: n is too large");
        let opened = Reply::open(Some(reply.status.name().as_bytes()), reply.body.into());
        assert_eq!(opened, Opened::Failed(failure));
    }

    #[test]
    fn a_reply_without_status_is_an_answer() {
        assert_eq!(Reply::open(None, b"832040".to_vec()), Opened::Answer(b"832040".to_vec()));
        assert_eq!(Reply::open(Some(b"OK"), b"1".to_vec()), Opened::Answer(b"1".to_vec()));
    }

    #[test]
    fn an_unknown_status_is_not_taken_for_an_answer() {
        let opened = Reply::open(Some(b"TEAPOT"), b"1".to_vec());
        assert_eq!(opened, Opened::Unknown(ReplyError::UnknownStatus("TEAPOT".into())));
    }
}
