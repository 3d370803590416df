//! Standard input, read by a thread of its own: there is no other way to read it without blocking
//! the calls.

use std::{
    io::{self, BufRead, ErrorKind, Read as _},
    string::FromUtf8Error,
    thread,
    time::Duration,
};
use tokio::sync::mpsc;

/// Most lines that are read ahead.
const AHEAD: usize = 16;

/// The longest line, in bytes: as long as the largest message of `RabbitMQ` 4 by default.
const MAX_LINE: usize = 16 << 20;

/// How often a descriptor that somebody has set to not block is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// Why there is no further line.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("cannot read standard input: {0}")]
    Read(#[from] io::Error),
    #[error("line {line} of standard input is not text in UTF-8")]
    NotUtf8 { line: u64, source: FromUtf8Error },
    #[error("line {line} of standard input is longer than {MAX_LINE} bytes")]
    TooLong { line: u64 },
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
            let over = line.is_err();
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
    loop {
        let room = MAX_LINE + 2 - line.len();
        match input.by_ref().take(room as u64).read_until(b'\n', &mut line) {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(TRY_AGAIN),
            Err(error) => return Err(error.into()),
        }
    }
    if line.is_empty() {
        return Ok(None);
    }
    let end = line.strip_suffix(b"\n").unwrap_or(&line);
    let end = end.strip_suffix(b"\r").unwrap_or(end).len();
    line.truncate(end);
    if line.len() > MAX_LINE {
        return Err(InputError::TooLong { line: number });
    }
    match String::from_utf8(line) {
        Ok(line) => Ok(Some(line)),
        Err(source) => Err(InputError::NotUtf8 { line: number, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_without_their_ends_and_mistakes_have_a_place() {
        let mut input = b"1\r\n\n3".as_slice();
        let mut next = || line(&mut input, 1).unwrap();
        assert_eq!(
            [next(), next(), next(), next()].map(|line| line.unwrap_or("-".into())),
            ["1", "", "3", "-"]
        );
        let error = line(&mut b"\xff\n".as_slice(), 7).unwrap_err().to_string();
        assert_eq!(error, "line 7 of standard input is not text in UTF-8");
        let long = vec![b'9'; MAX_LINE + 1];
        let error = line(&mut long.as_slice(), 8).unwrap_err().to_string();
        assert_eq!(error, "line 8 of standard input is longer than 16777216 bytes");
        assert_eq!(line(&mut &long[1..], 1).unwrap().unwrap().len(), MAX_LINE);
    }
}
