//! The signals that end the program. They are handled, although ending it is what the system does
//! by default, because it does not do so for process 1 of a container.

use crate::exit::Exit;
use futures_util::StreamExt as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::{future, io};

/// The stream of these signals.
pub(super) struct Signals(signal_hook_tokio::Signals);

impl Signals {
    /// Takes them over from the system's defaults, within a runtime.
    pub(super) fn register() -> io::Result<Self> {
        signal_hook_tokio::Signals::new([SIGINT, SIGTERM]).map(Self)
    }

    /// Waits for one of them.
    pub(super) async fn next(&mut self) -> Exit {
        match self.0.next().await {
            Some(SIGINT) => Exit::Interrupted,
            Some(_) => Exit::Terminated,
            None => future::pending().await,
        }
    }
}
