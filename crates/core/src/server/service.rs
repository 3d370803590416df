//! What the methods of a service do and cost.

use crate::wire::{Envelope, Reply};
use bytes::Bytes;

/// What a server's methods do. Called on the thread that serves, so it must not take long.
pub trait Service {
    /// Decides about a request, which is in time and names a reply queue. Called once for each
    /// delivery.
    fn decide(&mut self, envelope: &Envelope, body: &[u8]) -> Decision;

    /// The result of work that was done before, if it is still known.
    fn recall(&mut self, key: u64) -> Option<Bytes>;

    /// Hears of the result of work, to remember it or not.
    fn keep(&mut self, key: u64, result: &Bytes);

    /// The reply with the result of work.
    fn reply(&self, result: Bytes) -> Reply;
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// Send this.
    Reply(Reply),
    /// Do this on a thread, and send the result.
    Compute(Work),
}

/// Work for a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Work with the same key has the same result, so it is done once for all who wait for it.
    pub key: u64,
    /// How long it takes, roughly, in nanoseconds.
    pub nanos: u64,
    /// The memory it takes, result included, in bytes.
    pub memory: u64,
    /// The length of the result, in bytes.
    pub length: u64,
}
