//! An answer, before it is a reply to somebody.

use crate::wire::{Failure, Reply, Status};
use bytes::Bytes;

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: Status,
    pub(super) body: Bytes,
    pub(super) content_type: Option<String>,
}

impl Answer {
    pub(super) fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: Status::Ok, body: body.into(), content_type: None }
    }

    /// This, or an error where the broker takes no message of this size.
    pub(super) fn fit(self, largest: Option<usize>) -> Self {
        match largest.filter(|largest| self.body.len() > *largest) {
            None => self,
            Some(largest) => {
                let why = format!("the broker takes no reply of more than {largest} bytes");
                Failure::new(Status::ResourceExhausted, why).into()
            }
        }
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        let reply = Reply::from(&failure);
        let content_type = Some(reply.content_type.to_owned());
        Self { status: reply.status, body: reply.body, content_type }
    }
}
