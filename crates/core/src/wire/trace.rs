//! The W3C trace context of a request: which trace it belongs to, and which span it comes from.

use std::fmt;

/// What the header `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    sampled: bool,
}

/// The flag that says that the caller records the trace.
const SAMPLED: u8 = 1;

/// The length of version 00, in bytes, and of what all versions start with.
const LENGTH: usize = 55;

impl TraceParent {
    /// The context of a caller's span; `None` where an id is all zeros, which means none.
    #[must_use]
    pub fn new(trace_id: [u8; 16], parent_id: [u8; 8], sampled: bool) -> Option<Self> {
        let valid = trace_id != [0; 16] && parent_id != [0; 8];
        valid.then_some(Self { trace_id, parent_id, sampled })
    }

    /// Reads a header (Trace Context, section 3.2): version, trace id, parent id and flags in lower
    /// case hexadecimal, with dashes between them. Later versions may append more.
    #[must_use]
    pub fn parse(header: &[u8]) -> Option<Self> {
        let (head, rest) = header.split_at_checked(LENGTH)?;
        let parts: Vec<&[u8]> = head.split(|byte| *byte == b'-').collect();
        let [version, trace_id, parent_id, flags] = parts[..] else { return None };
        let [version] = bytes::<1>(version)?;
        let appended = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        let [flags] = bytes::<1>(flags)?;
        let parent = Self::new(bytes(trace_id)?, bytes(parent_id)?, flags & SAMPLED != 0)?;
        appended.then_some(parent)
    }

    /// Names the trace.
    #[must_use]
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// Names the caller's span.
    #[must_use]
    pub fn parent_id(&self) -> [u8; 8] {
        self.parent_id
    }

    /// Whether the caller records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The trace id as it is shown: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id_text(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.trace_id))
    }
}

impl fmt::Display for TraceParent {
    /// The header, in version 00.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trace_id = u128::from_be_bytes(self.trace_id);
        let parent_id = u64::from_be_bytes(self.parent_id);
        write!(f, "00-{trace_id:032x}-{parent_id:016x}-{:02x}", u8::from(self.sampled))
    }
}

/// Exactly `N` bytes from lower case hexadecimal.
fn bytes<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_survives_reading_and_writing() {
        let parent = TraceParent::parse(HEADER.as_bytes()).unwrap();
        assert!(parent.is_sampled());
        assert_eq!(parent.trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(parent.parent_id(), 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
        assert_eq!(parent.to_string(), HEADER);
    }

    #[test]
    fn only_the_lowest_flag_says_sampled() {
        for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("ff", true)] {
            let header = format!("{}{flags}", &HEADER[..53]);
            assert_eq!(TraceParent::parse(header.as_bytes()).unwrap().is_sampled(), sampled);
        }
    }

    #[test]
    fn later_versions_may_say_more_and_this_one_may_not() {
        for header in [HEADER.replacen("00", "01", 1), HEADER.replacen("00", "cc", 1) + "-more"] {
            assert!(TraceParent::parse(header.as_bytes()).is_some(), "{header}");
        }
        for header in [HEADER.to_owned() + "-more", HEADER.replacen("00", "01", 1) + "more"] {
            assert_eq!(TraceParent::parse(header.as_bytes()), None, "{header}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        let zeros = |range: std::ops::Range<usize>| {
            let mut header = HEADER.to_owned();
            header.replace_range(range.clone(), &"0".repeat(range.len()));
            header
        };
        for header in [
            String::new(),
            HEADER[..54].to_owned(),
            HEADER.to_uppercase(),
            HEADER.replacen("00", "ff", 1),
            HEADER.replace('-', "_"),
            HEADER.replace("af7", "a-7"),
            HEADER.replace("af7", "ag7"),
            zeros(3..35),
            zeros(36..52),
        ] {
            assert_eq!(TraceParent::parse(header.as_bytes()), None, "{header}");
        }
        assert_eq!(TraceParent::parse(&[0xff; 55]), None);
    }
}
