//! Lines for people, on standard error.

use super::{
    colour::{self, HINT, NAME, painted},
    printer::Printer,
};
use crate::{cli::ColorWhen, text::escaped};
use anstyle::Style;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

/// Most lines for people that wait to be written; further ones are left out.
const MAX_COMPLAINTS: usize = 1024;

/// The longest line for people, in bytes; what a server says may be of any length.
const MAX_COMPLAINT: usize = 8 << 10;

/// What empties the line of a terminal (ECMA-48, EL).
const CLEAR: &str = "\r\x1b[K";

/// How long the end of the program waits for somebody to read standard error.
const READERS_PATIENCE: Duration = Duration::from_secs(1);

/// Lines for people, on standard error. Where nobody reads it, there is nobody to tell: they are
/// left out.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    printer: Arc<Printer>,
    left_out: Arc<AtomicU64>,
    /// Whether the last line is one of progress, without an end.
    progress: Arc<AtomicBool>,
    has_colours: bool,
}

impl Teller {
    pub(super) fn start(colour: ColorWhen) -> io::Result<Self> {
        let printer = Printer::start("stderr", io::stderr(), MAX_COMPLAINTS)?;
        Ok(Self {
            printer: Arc::new(printer),
            left_out: Arc::default(),
            progress: Arc::default(),
            has_colours: colour::wanted(colour, &io::stderr()),
        })
    }

    /// One line, of what went wrong.
    pub(super) fn complain(&self, message: &str) {
        self.say(&self.painted(NAME, "fibrpcctl: "), message);
    }

    /// One line, of what to do.
    pub(super) fn hint(&self, hint: &str) {
        let name = self.painted(NAME, "fibrpcctl: ");
        self.say(&(name + &self.painted(HINT, "hint: ")), hint);
    }

    fn painted(&self, style: Style, text: &str) -> String {
        if self.has_colours { painted(style, text) } else { text.to_owned() }
    }

    /// A line, behind what is ours and may have colours.
    pub(super) fn say(&self, start: &str, line: &str) {
        let short = line.len() <= MAX_COMPLAINT;
        let end = if short { line.len() } else { line.floor_char_boundary(MAX_COMPLAINT) };
        // Some of it may be what a server or a broker says.
        let mut text =
            if self.progress.swap(false, Ordering::Relaxed) { CLEAR } else { "" }.to_owned();
        text.push_str(start);
        text.push_str(&escaped(line.get(..end).unwrap_or_default()));
        text.push_str(if short { "\n" } else { "...\n" });
        if !self.printer.try_give(text.into_bytes()) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Shows how far the work is, in the place of what this showed before; on a terminal only.
    pub(super) fn progress(&self, line: &str) {
        self.progress.store(true, Ordering::Relaxed);
        let text = format!("{CLEAR}{}", escaped(line));
        let _ = self.printer.try_give(text.into_bytes()); // the next one may have room
    }

    /// Takes that away.
    pub(super) fn clear_progress(&self) {
        if self.progress.swap(false, Ordering::Relaxed) {
            let _ = self.printer.try_give(CLEAR.as_bytes().to_vec());
        }
    }

    pub(super) async fn finish(self) {
        let left_out = self.left_out.load(Ordering::Relaxed);
        let over = async {
            if left_out > 0 {
                let line =
                    format!("fibrpcctl: {left_out} messages are left out, as nobody read them\n");
                let _ = self.printer.hand_over(&mut line.into_bytes()).await;
            }
            if let Some(printer) = Arc::into_inner(self.printer) {
                let _ = printer.finish().await; // there is nobody to tell
            }
        };
        let _ = timeout(READERS_PATIENCE, over).await;
    }
}
