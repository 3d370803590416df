//! A line on standard error that says how far the work is: only where a person sees it, and only
//! if the work takes long.

use super::teller::Teller;
use std::{
    future,
    io::{self, IsTerminal as _},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How long work may take without a word, and how often the line is written anew.
const AFTER: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(250);

/// The line.
pub(super) struct Progress {
    teller: Teller,
    wanted: bool,
}

impl Progress {
    /// It is shown where standard error is a terminal and standard output is not: answers that
    /// scroll by show the progress themselves.
    pub(super) fn new(teller: Teller) -> Self {
        let wanted = io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self { teller, wanted }
    }

    /// Shows it, for as long as this is polled.
    pub(super) async fn show(&self, line: impl Fn() -> String) {
        if !self.wanted {
            return future::pending().await;
        }
        let mut ticks = interval_at(Instant::now() + AFTER, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.teller.progress(&line());
        }
    }

    /// Takes it away.
    pub(super) fn clear(&self) {
        self.teller.clear_progress();
    }
}
