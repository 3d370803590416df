//! The tests that need a broker or the programs: one program, so that they share one broker.

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod configuration;
mod drain;
mod http;
mod interop;
mod outages;
mod queues;
