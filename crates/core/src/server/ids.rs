//! Names of what goes in and out.

/// Numbers the sessions of a core, upwards.
pub type SessionId = u64;

/// Numbers the jobs of a core.
pub type JobId = u64;

/// Names a request for as long as it is not settled, and its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}
