//! Bodies of AMQP 1.0 messages, as RabbitMQ hands them to an AMQP 0-9-1 consumer.
//!
//! The body of such a message consists of sections: bytes (`data`), or one typed value
//! (`amqp-value`), which is what client libraries send for a string or a number. RabbitMQ delivers
//! data as a plain body, with the `type` "binary" before 4.0. Anything else it delivers encoded, with
//! the `type` "amqp-1.0". Source of the encodings: AMQP 1.0, part 1, section 1.6, and part 3,
//! section 3.2.

use std::borrow::Cow;

/// The `type` of a message whose body is in encoded sections.
pub(super) const SECTIONS: &str = "amqp-1.0";

/// The `type` that RabbitMQ's plugin for 3.x gives to plain bytes.
pub(super) const DATA: &str = "binary";

/// Why a body is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the AMQP 1.0 body is malformed")]
    Malformed,
    #[error(
        "the AMQP 1.0 body is a value of type 0x{0:02x}; send a string, a binary or an integer"
    )]
    WrongType(u8),
    #[error("the AMQP 1.0 body is a sequence; send a string, a binary or an integer")]
    Sequence,
}

/// The text that a body in encoded sections holds: bytes as they are, integers in decimal.
pub(super) fn text(body: &[u8]) -> Result<Cow<'_, [u8]>, BodyError> {
    let mut rest = Bytes(body);
    let value = match rest.section()? {
        0x77 => rest.value()?,
        0x75 => rest.data()?,
        0x76 => return Err(BodyError::Sequence),
        _ => return Err(BodyError::Malformed),
    };
    // A footer is for those who sign.
    if rest.0.is_empty() || rest.section()? == 0x78 { Ok(value) } else { Err(BodyError::Malformed) }
}

/// What was not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], BodyError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(BodyError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned integer of so many bytes, of 8 at most.
    fn number(&mut self, width: usize) -> Result<u64, BodyError> {
        Ok(self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn code(&mut self) -> Result<u8, BodyError> {
        Ok(self.take(1)?[0])
    }

    /// So many bytes as a number of this width says.
    fn counted(&mut self, width: usize) -> Result<&'a [u8], BodyError> {
        let length = self.number(width)?;
        self.take(usize::try_from(length).map_err(|_| BodyError::Malformed)?)
    }

    /// The descriptor of a section: a number, in either of its encodings, of which the upper bits
    /// are those of the standard and 0.
    fn section(&mut self) -> Result<u64, BodyError> {
        match (self.code()?, self.code()?) {
            (0x00, 0x53) => self.number(1),
            (0x00, 0x80) => self.number(8),
            _ => Err(BodyError::Malformed),
        }
    }

    fn value(&mut self) -> Result<Cow<'a, [u8]>, BodyError> {
        let code = self.code()?;
        Ok(match code {
            // null
            0x40 => Cow::Borrowed(b""),
            // binary, string, symbol
            0xA0 | 0xA1 | 0xA3 => Cow::Borrowed(self.counted(1)?),
            0xB0 | 0xB1 | 0xB3 => Cow::Borrowed(self.counted(4)?),
            // uint and ulong of 0; ubyte, ushort, uint and ulong
            0x43 | 0x44 => decimal(0),
            0x50 | 0x52 | 0x53 => decimal(self.number(1)?.into()),
            0x60 => decimal(self.number(2)?.into()),
            0x70 => decimal(self.number(4)?.into()),
            0x80 => decimal(self.number(8)?.into()),
            // byte, short, int and long
            0x51 | 0x54 | 0x55 => decimal(self.signed(1)?.into()),
            0x61 => decimal(self.signed(2)?.into()),
            0x71 => decimal(self.signed(4)?.into()),
            0x81 => decimal(self.signed(8)?.into()),
            _ => return Err(BodyError::WrongType(code)),
        })
    }

    /// A signed integer of so many bytes, of 8 at most.
    fn signed(&mut self, width: usize) -> Result<i64, BodyError> {
        let unused = 64 - 8 * u32::try_from(width).unwrap_or(8);
        Ok((self.number(width)? << unused).cast_signed() >> unused)
    }

    /// The bytes of a data section, and of those that follow it.
    fn data(&mut self) -> Result<Cow<'a, [u8]>, BodyError> {
        let mut bytes = Cow::Borrowed(self.binary()?);
        while let [0x00, 0x53, 0x75, rest @ ..] = self.0 {
            self.0 = rest;
            bytes.to_mut().extend_from_slice(self.binary()?);
        }
        Ok(bytes)
    }

    fn binary(&mut self) -> Result<&'a [u8], BodyError> {
        match self.code()? {
            0xA0 => self.counted(1),
            0xB0 => self.counted(4),
            _ => Err(BodyError::Malformed),
        }
    }
}

fn decimal(number: i128) -> Cow<'static, [u8]> {
    Cow::Owned(number.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &[u8]) -> String {
        text(body).map_or_else(|error| error.to_string(), |text| text.escape_ascii().to_string())
    }

    #[test]
    fn values_as_clients_send_them_are_text() {
        // As seen from python-qpid-proton, behind RabbitMQ 3.10 and 4.3.
        for (body, expected) in [
            (&b"\x00\x53\x77\xa1\x0230"[..], "30"),
            (b"\x00\x53\x77\xa0\x0230", "30"),
            (b"\x00\x53\x77\xb1\0\0\0\x0230", "30"),
            (b"\x00\x53\x77\x55\x1e", "30"),
            (b"\x00\x53\x77\x53\x1e", "30"),
            (b"\x00\x53\x77\x52\x1e", "30"),
            (b"\x00\x53\x77\x44", "0"),
            (b"\x00\x53\x77\x43", "0"),
            (b"\x00\x53\x77\x60\x01\x00", "256"),
            (b"\x00\x53\x77\x70\xff\xff\xff\xff", "4294967295"),
            (b"\x00\x53\x77\x80\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
            (b"\x00\x53\x77\x54\xfb", "-5"),
            (b"\x00\x53\x77\x61\xff\xfb", "-5"),
            (b"\x00\x53\x77\x71\x00\x00\x00\x1e", "30"),
            (b"\x00\x53\x77\x81\x80\0\0\0\0\0\0\0", "-9223372036854775808"),
            (b"\x00\x53\x77\x40", ""),
            (b"\x00\x80\0\0\0\0\0\0\0\x77\xa1\x0230", "30"),
            (b"\x00\x53\x75\xa0\x0230", "30"),
            (b"\x00\x53\x75\xa0\x013\x00\x53\x75\xb0\0\0\0\x010", "30"),
            (b"\x00\x53\x77\xa1\x0230\x00\x53\x78\xc1\x01\x00", "30"),
        ] {
            assert_eq!(shown(body), expected, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn everything_else_is_named() {
        for (body, expected) in [
            (&b"\x00\x53\x77\x82\0\0\0\0\0\0\0\0"[..], "type 0x82"),
            (b"\x00\x53\x77\x41", "type 0x41"),
            (b"\x00\x53\x77\xd0\xff\xff\xff\xff", "type 0xd0"),
            (b"\x00\x53\x77\x00\x53\x77", "type 0x00"),
            (b"\x00\x53\x76\xc0\x01\x00", "a sequence"),
            (b"", "malformed"),
            (b"30", "malformed"),
            (b"\x00\x53\x77", "malformed"),
            (b"\x00\x53\x77\xa1\x0330", "malformed"),
            (b"\x00\x53\x77\xb1\xff\xff\xff\xff30", "malformed"),
            (b"\x00\x53\x77\xa1\x0230x", "malformed"),
            (b"\x00\x53\x75\x55\x1e", "malformed"),
            (b"\x00\x53\x70\xc0\x01\x00", "malformed"),
        ] {
            assert!(shown(body).contains(expected), "{}: {}", body.escape_ascii(), shown(body));
        }
    }
}
