//! A body from a file or from standard input, read by a thread of its own, as it may be a pipe, or
//! far away.

use super::patience::patiently;
use crate::{cli::Body, files, threads};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
};

/// The longest body, in bytes: as long as the largest message of `RabbitMQ` 3 by default.
const MAX_BODY: usize = 128 << 20;

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("cannot read {name}: {}", files::reason(source))]
    Read { name: String, source: io::Error },
    #[error("{name} has more than {MAX_BODY} bytes, which is more than a message can have")]
    TooLong { name: String },
}

/// Reads it.
pub(super) async fn read(body: Body) -> Result<Vec<u8>, BodyError> {
    let name = match &body {
        Body::Given(bytes) => return Ok(bytes.clone()),
        Body::Stdin => "standard input".to_owned(),
        Body::File(path) => path.to_string_lossy().into_owned(),
    };
    let whole = move || match body {
        Body::File(path) => file(&path),
        _ => limited(&mut io::stdin().lock()),
    };
    match threads::run("body", whole).await.and_then(|read| read) {
        Ok(bytes) if bytes.len() > MAX_BODY => Err(BodyError::TooLong { name }),
        Ok(bytes) => Ok(bytes),
        Err(source) => Err(BodyError::Read { name, source }),
    }
}

fn file(path: &OsString) -> io::Result<Vec<u8>> {
    limited(&mut File::open(path)?)
}

/// All of it, or one byte more than there may be.
fn limited(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut input = input.take(MAX_BODY as u64 + 1);
    patiently(|| input.read_to_end(&mut bytes))?;
    Ok(bytes)
}
