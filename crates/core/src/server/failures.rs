//! The error replies that the core itself gives.

use crate::wire::{Failure, Reply, Status};

/// To a call whose deadline has passed.
pub(super) fn too_late() -> Reply {
    Reply::from(&Failure::new(Status::DeadlineExceeded, "the deadline of the call has passed"))
}

/// To a call whose reply the broker would not take.
pub(super) fn too_large(limit: usize) -> Reply {
    Reply::from(&Failure::new(
        Status::ResourceExhausted,
        format!(
            "the reply is larger than the broker takes: its limit is {limit} bytes \
             (max_message_size of RabbitMQ)"
        ),
    ))
}

/// To a call that was delivered too often.
pub(super) fn poison() -> Reply {
    Reply::from(&Failure::new(
        Status::Internal,
        "the request was delivered again and again without being answered; it is not tried again",
    ))
}

/// To a call whose work failed.
pub(super) fn internal() -> Reply {
    Reply::from(&Failure::new(Status::Internal, "the server failed to compute this number"))
}
