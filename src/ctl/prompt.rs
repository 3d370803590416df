//! Asks for a password on the terminal, which does not show it.

use crate::threads;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
};

/// The terminal of this process, wherever its standard streams lead.
const TERMINAL: &str = "/dev/tty";

/// The longest password: no terminal of Linux hands over a longer line.
const MAX_LINE: u64 = 4096;

/// A key that does nothing (`_POSIX_VDISABLE`).
const NO_KEY: u8 = 0;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub(super) enum PromptError {
    #[error("--ask-password: there is no terminal to ask on ({0}); use --password-file")]
    NoTerminal(io::Error),
    #[error("--ask-password: cannot read the terminal: {0}; use --password-file")]
    Read(io::Error),
    #[error("--ask-password: no password was typed")]
    Empty,
    #[error("--ask-password: what was typed is not text in UTF-8")]
    NotText,
}

/// Asks; whoever stops to wait for the answer has the terminal as it was.
pub(super) async fn ask(question: String) -> Result<String, PromptError> {
    let terminal = OpenOptions::new().read(true).write(true).open(TERMINAL);
    let terminal = terminal.map_err(PromptError::NoTerminal)?;
    let other = terminal.try_clone().map_err(PromptError::NoTerminal)?;
    let _hidden = Hidden::start(terminal).map_err(PromptError::NoTerminal)?;
    let read = threads::run("prompt", move || read_line(other, &question)).await;
    let line = read.and_then(|line| line).map_err(PromptError::Read)?;
    let line = String::from_utf8(line).map_err(|_| PromptError::NotText)?;
    let line = line.trim_end_matches(['\n', '\r']);
    if line.is_empty() { Err(PromptError::Empty) } else { Ok(line.to_owned()) }
}

fn read_line(mut terminal: File, question: &str) -> io::Result<Vec<u8>> {
    terminal.write_all(question.as_bytes())?;
    let mut line = Vec::new();
    // A terminal hands over one line at a time, and keeps the next for whoever reads it then.
    BufReader::new(terminal.take(MAX_LINE)).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn start(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes -= LocalModes::ECHO;
        hidden.local_modes |= LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        // These would stop or end the program at once, and nobody would show again what is typed.
        for key in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
            hidden.special_codes[key] = NO_KEY;
        }
        // What was typed before the question is no answer.
        tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // It may be gone, and then there is nothing to show.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
