//! What makes the text of a stranger harmless to whoever reads it: a peer, a broker, a file.
//!
//! A line break can fake a line of a log, a control character can drive a terminal, and a
//! bidirectional override can show text in another order than it has.

use std::fmt::{self, Write};

/// Whether a character changes more than its own place: controls, line breaks, writing direction.
#[must_use]
pub fn is_treacherous(ch: char) -> bool {
    ch.is_control()
        || matches!(ch, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(ch, '\u{2066}'..='\u{2069}')
}

/// Passes text on with every treacherous character replaced by its Rust escape.
pub struct Escaping<'a, W>(pub &'a mut W);

impl<W: Write> Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_treacherous) {
            let (clean, tail) = rest.split_at(at);
            self.0.write_str(clean)?;
            let mut tail = tail.chars();
            if let Some(treacherous) = tail.next() {
                write!(self.0, "{}", treacherous.escape_default())?;
            }
            rest = tail.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Text on one line, with every treacherous character replaced by its Rust escape.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let _ = Escaping(&mut line).write_str(text); // writing to a string cannot fail
    line
}

/// Text on one line, with every treacherous character replaced by a space: for readers who know
/// no escapes.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.replace(is_treacherous, " ")
}

/// The start of what may be no text at all: at most `limit` bytes, in ASCII.
#[must_use]
pub fn excerpt(bytes: &[u8], limit: usize) -> String {
    let (start, rest) = bytes.split_at(bytes.len().min(limit));
    let dots = if rest.is_empty() { "" } else { "..." };
    format!("{}{dots}", start.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREACHEROUS: &str = "a\n\x1b[31m\u{85}\u{202e}b\u{2066}\u{fc}";

    #[test]
    fn treacherous_characters_are_escaped_or_replaced_and_no_others() {
        assert_eq!(escaped(TREACHEROUS), "a\\n\\u{1b}[31m\\u{85}\\u{202e}b\\u{2066}\u{fc}");
        assert_eq!(one_line(TREACHEROUS), "a  [31m  b \u{fc}");
        assert_eq!(escaped("plain \u{1f980}"), "plain \u{1f980}");
    }

    #[test]
    fn an_excerpt_is_short_and_ascii() {
        assert_eq!(excerpt(b"30", 2), "30");
        assert_eq!(excerpt(b"300", 2), "30...");
        assert_eq!(excerpt(b"\xff\n", 64), "\\xff\\n");
    }
}
