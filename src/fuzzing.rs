//! What the fuzzers of `fuzz/` do with an input, for them and for the tests, which repeat it with
//! every input of their corpora.

pub use crate::amqp::fuzzing::{inbound, outbound};
use crate::{
    daemon::config::{Config, File, Sources},
    wire::{Call, Envelope, Number, Via, decode, reply_address},
};

const PASSWORD: &str = "s3cr3t-w0rd";

/// The type and the body of a request.
pub type Request = (Option<String>, Vec<u8>);

/// Whatever the properties and the body, there is a call or a reason of one line.
///
/// # Panics
///
/// If there is not.
pub fn request((kind, body): Request) {
    address(kind.as_deref(), &body);
    for section in [&b""[..], b"\x00\x53\x77", b"\x00\x53\x75"] {
        sections(&[section, &body].concat());
    }
    let envelope = Envelope { kind, ..Envelope::default() };
    match decode(&envelope, &body) {
        Ok(Call::Fib(Number::Value(n))) => {
            // What is accepted means what it says.
            let text = String::from_utf8_lossy(&body);
            let text = text.trim_ascii();
            assert_eq!(text.strip_prefix('+').unwrap_or(text).parse(), Ok(n));
        }
        Ok(_) => {}
        Err(failure) => {
            assert!(!failure.message.contains('\n') && failure.message.len() < 66_000 + body.len());
        }
    }
}

/// Whatever the body in AMQP 1.0's encoding, there is a call or a reason of one line.
fn sections(body: &[u8]) {
    let envelope = Envelope { kind: Some("amqp-1.0".into()), ..Envelope::default() };
    if let Err(failure) = decode(&envelope, body) {
        assert!(!failure.message.contains('\n') && failure.message.len() < 66_000 + body.len());
    }
}

/// Whatever the address, a reply goes to something with a name, or nowhere.
fn address(reply_to: Option<&str>, topic: &[u8]) {
    let (via, key) = reply_address(reply_to, Some(topic));
    let named = key.as_ref().is_some_and(|key| !key.is_empty());
    assert!(
        named || via == Via::Nowhere || (via == Via::Queue && key.is_none()),
        "{via:?} {key:?}"
    );
    let longest = reply_to.map_or(0, str::len).max(topic.len());
    assert!(key.is_none_or(|key| key.len() <= longest));
}

/// A `KEY=VALUE`, and the part of a broker's URI behind the password.
pub type Settings = (String, String);

/// Whatever the text, there is a configuration or lines about it, and no password.
///
/// # Panics
///
/// If there is not, or a password.
pub fn configuration((key_and_value, uri): Settings) {
    let options = vec![key_and_value, format!("amqp.uris=amqp://user:{PASSWORD}@{uri}")];
    let sources = Sources { file: File::Default, environment: Vec::new(), options };
    match Config::load(sources) {
        Ok(config) => assert!(!format!("{config:?}").contains(PASSWORD)),
        Err(error) => {
            assert!(!error.to_string().contains(PASSWORD), "{error}");
            assert!(error.problems().iter().all(|problem| !problem.to_string().contains('\n')));
        }
    }
}

/// Bytes of frames, and the size of the pieces that they arrive in.
pub type Frames = (Vec<u8>, u8);

/// The translation of frames never panics, and does not depend on how the bytes arrive.
///
/// # Panics
///
/// If it does.
pub fn frames((bytes, size): Frames) {
    let whole = inbound([&bytes[..]]);
    let pieces = inbound(bytes.chunks(usize::from(size).max(1)));
    assert_eq!(whole, pieces);
    let _ = outbound([&bytes[..]]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use arbitrary::{Arbitrary, Unstructured};
    use std::{fs, path::Path, process::Command};

    /// Does with each input of a corpus what its fuzzer does.
    fn replay<T: for<'a> Arbitrary<'a>>(name: &str, target: impl Fn(T)) {
        let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let directory = tempfile::tempdir().unwrap();
        let unpacked = Command::new("tar")
            .arg("-xzf")
            .arg(corpora.join(format!("{name}.tar.gz")))
            .arg("-C")
            .arg(directory.path())
            .status();
        assert!(unpacked.unwrap().success(), "tar");
        let mut inputs = 0;
        for file in fs::read_dir(directory.path().join(name)).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            // As libfuzzer makes them of bytes.
            if let Ok(input) = T::arbitrary_take_rest(Unstructured::new(&bytes)) {
                target(input);
                inputs += 1;
            }
        }
        assert!(inputs > 100, "only {inputs} inputs of {name}");
    }

    #[test]
    fn requests_of_the_corpus() {
        replay("request", request);
    }

    #[test]
    fn configurations_of_the_corpus() {
        replay("configuration", configuration);
    }

    #[test]
    fn frames_of_the_corpus() {
        replay("frames", frames);
    }
}
