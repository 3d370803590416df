//! Peers that are no AMQP 0-9-1 broker, told from their first bytes.

use std::io;

/// The peer is something else. It travels through lapin as the inner error of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ForeignPeer(&'static str);

impl ForeignPeer {
    /// Whether this error is one.
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).is_some()
    }

    /// Judges the first bytes from a peer, which may be few: a frame of a method on channel 0, or the
    /// version that it would rather speak (AMQP 0-9-1, section 4.2.2), are left to lapin.
    pub(super) fn check(first: &[u8]) -> io::Result<()> {
        const GREETINGS: [(&[u8], &str); 6] = [
            (b"HTTP/", "the peer is an HTTP server; is it the port of the management interface?"),
            (b"SSH-", "the peer is an SSH server; name the broker's port, 5672 by default"),
            (b"220", "the peer is a mail or FTP server; name the broker's port, 5672 by default"),
            (b"AMQP\x00\x01", ONLY_AMQP_1_0),
            (b"AMQP\x02\x01", ONLY_AMQP_1_0),
            (b"AMQP\x03\x01", ONLY_AMQP_1_0),
        ];
        const ONLY_AMQP_1_0: &str = "the peer speaks AMQP 1.0 only, and not AMQP 0-9-1";
        const METHOD: [u8; 3] = [1, 0, 0];
        let begins = |greeting: &[u8]| first.starts_with(greeting) || greeting.starts_with(first);
        if begins(&METHOD) || begins(b"AMQP\x00\x00\x09") {
            return Ok(());
        }
        let known = GREETINGS.iter().find(|(greeting, _)| first.starts_with(greeting));
        let what = known.map_or("the peer does not speak AMQP 0-9-1", |(_, what)| what);
        Err(io::Error::other(Self(what)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_of_another_protocol_is_named() {
        for (first, says) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "an HTTP server"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "an SSH server"),
            (b"220 mail ESMTP\r\n", "a mail or FTP server"),
            (b"AMQP\x03\x01\x00\x00", "speaks AMQP 1.0 only"),
            (b"AMQP\x00\x01\x00\x00", "speaks AMQP 1.0 only"),
            (b"AMQP\x01\x01\x08\x00", "does not speak AMQP 0-9-1"),
            (b"y\ny\n", "does not speak AMQP 0-9-1"),
            (b"\x02\x00\x00", "does not speak AMQP 0-9-1"),
        ] {
            let error = ForeignPeer::check(first).unwrap_err();
            assert!(ForeignPeer::is(&error) && error.to_string().contains(says), "{error}");
        }
        for ours in [&b"\x01\x00\x00\x00\x00"[..], b"\x01", b"A", b"AMQP\x00\x00\x09\x01"] {
            assert!(ForeignPeer::check(ours).is_ok(), "{ours:?}");
        }
    }
}
