//! Deserializers that make typed values of checked texts.

use crate::broker_uri::BrokerUri;
use serde::{Deserialize, Deserializer, de::Error};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// A duration such as `"250ms"`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(D::Error::custom)
}

/// A size such as `"512MiB"`, in bytes.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse::<bytesize::ByteSize>().map(|size| size.as_u64()).map_err(D::Error::custom)
}

/// A list of broker URIs.
pub(super) fn uris<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<BrokerUri>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// A socket address; the empty text is none.
pub(super) fn address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(D::Error::custom)
}

/// The URL of a collector, without the slash at its end; the empty text is none.
pub(super) fn collector<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = text.trim_end_matches('/');
    Ok((!url.is_empty()).then(|| url.to_owned()))
}

/// The path of a file; the empty text is none.
pub(super) fn path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| text.into()))
}
