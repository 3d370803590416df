//! The signals that ask the daemon to stop or to read its configuration again, and those that would
//! end it for no good reason.
//!
//! They are registered once, before anything else starts, and kept: a signal that arrives while
//! nobody is waiting is delivered by the next [`Signals::next`]. Until [`Signals::register`] has
//! run, a signal does what the system does by default, which is to end the process.

use futures_util::StreamExt;
use signal_hook::{
    consts::{
        SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM,
    },
    low_level::signal_name,
};
use std::{fmt, future, io};
use tokio::runtime::Handle;

/// Signals that mean something to other programs, such as "open the log again", and would end this
/// one at once by default.
const MEANINGLESS: [i32; 7] = [SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR];

/// "The power fails", as Linux has it on the usual processors.
const SIGPWR: i32 = 30;

/// A request from an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Signal {
    /// SIGTERM: systemd, or an operator with `kill`.
    Terminate,
    /// SIGINT: Ctrl-C in a terminal.
    Interrupt,
    /// SIGQUIT: Ctrl-\\ in a terminal, or a supervisor that knows it from web servers.
    Quit,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// Why signals cannot be received.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignalError {
    /// [`Signals::register`] was called outside an asynchronous runtime.
    #[error("cannot receive signals outside a tokio runtime; register them within one")]
    NoRuntime,
    /// The system refused.
    #[error("cannot receive signals; check the limit of open files (LimitNOFILE, ulimit -n)")]
    Register(#[source] io::Error),
}

/// The stream of [`Signal`]s to this process.
pub(super) struct Signals(signal_hook_tokio::Signals);

impl Signals {
    /// Takes the signals over from the system's defaults.
    ///
    /// # Errors
    ///
    /// Outside a runtime, and when no file descriptor is left.
    pub(super) fn register() -> Result<Self, SignalError> {
        // Without this check signal-hook-tokio panics.
        Handle::try_current().map_err(|_| SignalError::NoRuntime)?;
        let meant = [SIGTERM, SIGINT, SIGQUIT, SIGHUP];
        signal_hook_tokio::Signals::new(meant.into_iter().chain(MEANINGLESS))
            .map(Self)
            .map_err(SignalError::Register)
    }

    /// The next request to stop; others are ignored.
    pub(super) async fn next_stop(&mut self) -> Signal {
        loop {
            match self.next().await {
                Signal::Reload => {}
                stop => return stop,
            }
        }
    }

    /// The next signal.
    ///
    /// Safe to drop while it waits, as in `select!`: no signal is lost. The same signal sent twice
    /// before it is taken counts once, which is how the system treats signals too.
    pub(super) async fn next(&mut self) -> Signal {
        while let Some(number) = self.0.next().await {
            match number {
                SIGTERM => return Signal::Terminate,
                SIGINT => return Signal::Interrupt,
                SIGQUIT => return Signal::Quit,
                SIGHUP => return Signal::Reload,
                other => tracing::warn!(
                    signal = signal_name(other).unwrap_or("SIGPWR"), // the only one without a name there
                    "ignored a signal that means nothing here: SIGHUP reads the configuration \
                     again, SIGTERM stops; the log needs no signal"
                ),
            }
        }
        // The stream ends only when it is closed through a handle, and nobody has one.
        future::pending().await
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signals")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use signal_hook::low_level::raise;

    use super::*;

    // One test, because a signal is seen by every test of the process.
    #[tokio::test]
    async fn signals_arrive_once_each_and_are_not_lost() {
        let mut signals = Signals::register().unwrap();
        assert_eq!(signals.next().now_or_never(), None); // and dropped

        raise(SIGTERM).unwrap();
        assert_eq!(signals.next().await, Signal::Terminate);
        raise(SIGINT).unwrap();
        assert_eq!(signals.next().await, Signal::Interrupt);
        raise(SIGQUIT).unwrap();
        assert_eq!(signals.next().await, Signal::Quit);
        raise(SIGHUP).unwrap();
        assert_eq!(signals.next().await, Signal::Reload);
        for signal in MEANINGLESS {
            raise(signal).unwrap(); // and the test goes on
        }
        assert_eq!(signals.next().now_or_never(), None);
        raise(SIGHUP).unwrap();
        raise(SIGTERM).unwrap();
        assert_eq!(signals.next_stop().await, Signal::Terminate);

        raise(SIGTERM).unwrap();
        raise(SIGTERM).unwrap();
        assert_eq!(signals.next().await, Signal::Terminate);
        assert_eq!(signals.next().now_or_never(), None);

        // A second one, after the first was taken, is a signal of its own.
        raise(SIGTERM).unwrap();
        assert_eq!(signals.next().await, Signal::Terminate);
    }

    #[test]
    fn outside_a_runtime_is_an_error() {
        let error = Signals::register().unwrap_err();
        assert!(matches!(error, SignalError::NoRuntime));
    }
}
