//! The body of a Fibonacci request: n in ASCII decimal.

use crate::text::excerpt;

/// The longest body that is read as a number, in bytes, leading zeros and white space included. No
/// number that can be computed has more than 20 digits.
pub const MAX_BODY: usize = 64 << 10;

/// A number as it arrives: any length of decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// A value that fits 64 bits.
    Value(u64),
    /// A well-formed number of 2^64 or more: valid, but beyond any limit.
    Huge,
}

/// Why a body is not a number. The text ends up in the reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing, or white space only.
    #[error("the body is empty; send n in decimal")]
    Empty,
    /// A minus sign before digits.
    #[error("n is negative; send a decimal number of 0 or more")]
    Negative,
    /// Eight bytes that are no text: the binary integer some old clients send.
    #[error("the body is 8 raw bytes, which looks like a binary integer; send n as decimal text")]
    Binary,
    /// More than [`MAX_BODY`] bytes, whatever they are.
    #[error("the body has more than {MAX_BODY} bytes; send n in decimal")]
    TooLong,
    /// Anything else, with the start of it, escaped.
    #[error("the body is not a decimal number: \"{0}\"")]
    NotANumber(String),
}

impl Number {
    /// Reads a body: decimal digits with ASCII white space around them and at most one leading
    /// `+`, leading zeros included; nothing else.
    ///
    /// # Errors
    /// [`NumberError`] says what the body is instead.
    pub fn parse(body: &[u8]) -> Result<Self, NumberError> {
        if body.len() > MAX_BODY {
            return Err(NumberError::TooLong);
        }
        let text = body.trim_ascii();
        let digits = text.strip_prefix(b"+").unwrap_or(text);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(NumberError::of(body));
        }
        let value = digits.iter().try_fold(0u64, |value, digit| {
            value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        Ok(value.map_or(Self::Huge, Self::Value))
    }
}

impl NumberError {
    /// How much of a wrong body is shown to its sender, in bytes.
    const EXCERPT: usize = 32;

    fn of(body: &[u8]) -> Self {
        let text = body.trim_ascii();
        if text.is_empty() {
            return Self::Empty;
        }
        if let Some(rest) = text.strip_prefix(b"-")
            && !rest.is_empty()
            && rest.iter().all(u8::is_ascii_digit)
        {
            return Self::Negative;
        }
        if body.len() == 8 && text.iter().any(|byte| !byte.is_ascii_graphic()) {
            return Self::Binary;
        }
        Self::NotANumber(excerpt(text, Self::EXCERPT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_with_white_space_and_one_plus_are_a_number() {
        for body in ["30", "+30", " 30 ", "\t+30\r\n", "030", "0000000000000000000000000000030"] {
            assert_eq!(Number::parse(body.as_bytes()), Ok(Number::Value(30)), "{body:?}");
        }
        assert_eq!(Number::parse(b"0"), Ok(Number::Value(0)));
        assert_eq!(Number::parse(b"18446744073709551615"), Ok(Number::Value(u64::MAX)));
    }

    #[test]
    fn a_number_beyond_64_bits_is_huge_not_wrong() {
        assert_eq!(Number::parse(b"18446744073709551616"), Ok(Number::Huge));
        assert_eq!(Number::parse(&b"9".repeat(MAX_BODY)), Ok(Number::Huge));
        assert_eq!(Number::parse(&b"0".repeat(MAX_BODY)), Ok(Number::Value(0)));
    }

    #[test]
    fn a_body_that_is_too_long_is_not_read() {
        for byte in [b"9", b"0", b" ", b"x"] {
            let error = Number::parse(&byte.repeat(MAX_BODY + 1)).unwrap_err();
            assert_eq!(error.to_string(), "the body has more than 65536 bytes; send n in decimal");
        }
    }

    #[test]
    fn anything_else_is_told_what_it_is() {
        let cases: [(&[u8], NumberError); 15] = [
            (b"", NumberError::Empty),
            (b" \r\n\t", NumberError::Empty),
            (b"-1", NumberError::Negative),
            (b" -0 ", NumberError::Negative),
            (b"\x1e\0\0\0\0\0\0\0", NumberError::Binary),
            (b"\0\0\0\0\0\0\0\x1e", NumberError::Binary),
            (b"abc", NumberError::NotANumber("abc".into())),
            (b"numbers\n", NumberError::NotANumber("numbers".into())),
            (b"1e9", NumberError::NotANumber("1e9".into())),
            (b"+", NumberError::NotANumber("+".into())),
            (b"++1", NumberError::NotANumber("++1".into())),
            (b"+ 1", NumberError::NotANumber("+ 1".into())),
            (b"1 2", NumberError::NotANumber("1 2".into())),
            (b"30\0", NumberError::NotANumber("30\\x00".into())),
            ("٣٠".as_bytes(), NumberError::NotANumber("\\xd9\\xa3\\xd9\\xa0".into())),
        ];
        for (body, error) in cases {
            assert_eq!(Number::parse(body), Err(error), "{:?}", body.escape_ascii().to_string());
        }
        let NumberError::NotANumber(excerpt) = Number::parse(&[b'x'; 1000]).unwrap_err() else {
            panic!("a kilobyte of x is no number");
        };
        assert_eq!(excerpt, format!("{}...", "x".repeat(32)));
    }
}
