//! Standard input, read by a thread of its own: there is no other way to read it without blocking
//! the calls.

use super::patience::patiently;
use std::{
    io::{self, BufRead, Read as _},
    thread,
};
use tokio::sync::mpsc;

/// Most lines that are read ahead.
const AHEAD: usize = 16;

/// The longest line, in bytes. No server takes a number of a tenth of that.
const MAX_LINE: usize = 1 << 20;

/// The longest line whose end is looked for, in bytes: what is longer may have none, as /dev/zero has.
const MAX_SKIPPED: usize = 16 << 20;

/// The mark that some editors put before text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The same mark in UTF-16, in both byte orders.
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Why a line cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// Nothing is read after it.
    #[error("cannot read standard input: {0}")]
    Read(#[from] io::Error),
    #[error(
        "line {line} of standard input does not end within {MAX_SKIPPED} bytes; nothing after it is read"
    )]
    Endless { line: u64 },
    #[error("standard input is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)")]
    Utf16,
    #[error("line {line} of standard input is not text in UTF-8")]
    NotUtf8 { line: u64 },
    #[error("line {line} of standard input is longer than {MAX_LINE} bytes")]
    TooLong { line: u64 },
    #[error("line {line} of standard input: {why}")]
    Refused { line: u64, why: String },
}

impl InputError {
    /// What to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Read(_) => "look at what standard input comes from",
            Self::Endless { .. } | Self::TooLong { .. } => {
                "a line has at most 1 MiB; fibrpcctl request -d @FILE sends a longer body"
            }
            Self::Utf16 | Self::NotUtf8 { .. } => {
                "fibrpcctl request -d @FILE, or body_base64 in --input-format json, sends any bytes"
            }
            Self::Refused { .. } => {
                "fibrpcctl call --help and request --help say what a line in JSON may have"
            }
        }
    }

    /// Whether no other line follows.
    fn is_the_end(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Endless { .. } | Self::Utf16)
    }
}

/// What is read.
pub(super) type Line = Result<String, InputError>;

/// Starts to read lines. The thread ends with its input or, at the latest, with the program.
pub(super) fn lines() -> io::Result<mpsc::Receiver<Line>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let read = move || {
        let mut stdin = io::stdin().lock();
        for number in 1.. {
            let Some(line) = line(&mut stdin, number).transpose() else { break };
            let over = line.as_ref().is_err_and(InputError::is_the_end);
            if sender.blocking_send(line).is_err() || over {
                break;
            }
        }
    };
    thread::Builder::new().name("stdin".to_owned()).spawn(read)?;
    Ok(receiver)
}

/// The next line without its end; `None` at the end.
fn line(input: &mut impl BufRead, number: u64) -> Result<Option<String>, InputError> {
    let mut line = Vec::new();
    read_to_end_of_line(input, &mut line, MAX_LINE + 2)?;
    if line.is_empty() {
        return Ok(None);
    }
    if number == 1 {
        if UTF_16.iter().any(|mark| line.starts_with(mark)) {
            return Err(InputError::Utf16);
        }
        if line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
    }
    let is_whole = line.ends_with(b"\n");
    let end = line.strip_suffix(b"\n").unwrap_or(&line);
    let end = end.strip_suffix(b"\r").unwrap_or(end).len();
    line.truncate(end);
    if line.len() > MAX_LINE {
        if !is_whole && !skip_line(input)? {
            return Err(InputError::Endless { line: number });
        }
        return Err(InputError::TooLong { line: number });
    }
    String::from_utf8(line).map(Some).map_err(|_| InputError::NotUtf8 { line: number })
}

/// Reads up to the end of the line, or until the line has so many bytes.
fn read_to_end_of_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    most: usize,
) -> io::Result<()> {
    let read = || {
        let room = most.saturating_sub(line.len());
        input.by_ref().take(room as u64).read_until(b'\n', line)
    };
    patiently(read).map(drop)
}

/// Leaves out the rest of a line; false if its end is too far away.
fn skip_line(input: &mut impl BufRead) -> io::Result<bool> {
    let mut skipped = Vec::new();
    for _ in 1..MAX_SKIPPED / MAX_LINE {
        skipped.clear();
        read_to_end_of_line(input, &mut skipped, MAX_LINE)?;
        if skipped.is_empty() || skipped.ends_with(b"\n") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines, with their mistakes as texts.
    fn all(mut input: &[u8]) -> Vec<String> {
        let lines = (1..).map_while(|number| line(&mut input, number).transpose());
        lines.map(|line| line.unwrap_or_else(|error| error.to_string())).collect()
    }

    #[test]
    fn lines_are_read_without_their_ends_and_a_bad_one_costs_no_other() {
        assert_eq!(all(b"1\r\n\n3"), ["1", "", "3"]);
        let not_text = "line 2 of standard input is not text in UTF-8";
        assert_eq!(all(b"30\n\xe9\n31\n"), ["30", not_text, "31"]);

        let longest = [vec![b'9'; MAX_LINE], b"\r\n7".to_vec()].concat();
        assert_eq!(all(&longest)[0].len(), MAX_LINE);
        assert_eq!(all(&longest)[1..], ["7"]);
        let too_long = "line 1 of standard input is longer than 1048576 bytes";
        for more in [1, 2, 3, MAX_LINE, 3 * MAX_LINE] {
            let long = [vec![b'9'; MAX_LINE + more], b"\n8\n".to_vec()].concat();
            assert_eq!(all(&long), [too_long, "8"], "{more}");
            assert_eq!(all(&long[..MAX_LINE + more]), [too_long], "{more}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_told() {
        let error = line(&mut io::BufReader::new(io::repeat(b'0')), 3).unwrap_err();
        assert!(matches!(error, InputError::Endless { line: 3 }) && error.is_the_end());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_number() {
        assert_eq!(all(b"\xef\xbb\xbf30\n31\n"), ["30", "31"]);
        assert_eq!(all(b"30\n\xef\xbb\xbf31\n")[1], "\u{feff}31", "only at the start");
        for mark in UTF_16 {
            assert!(all(&[mark, b"3\x000\x00"].concat())[0].contains("is UTF-16"));
        }
    }
}
