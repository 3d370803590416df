//! The files that the configuration names: passwords, certificates, keys.
//!
//! They are read with the configuration, so that their mistakes are reported in the same way, and
//! so that two configurations are equal only if these contents are.

use super::{
    Amqp, Config,
    layer::Layer,
    problem::{Origin, Problem},
};
use crate::{
    broker_uri::BrokerUri,
    files,
    tls::{Tls, TlsFile, TlsFiles},
};
use std::path::{Path, PathBuf};

const URIS: &str = "amqp.uris";
const PASSWORD: &str = "amqp.password_file";
const CA: &str = "amqp.ca_file";
const CERTIFICATE: &str = "amqp.cert_file";
const KEY: &str = "amqp.key_file";

/// What a path may start with: the directory of systemd's credentials.
const CREDENTIALS: &str = "%d";

/// The credential that is the password if the key names no file: the one that our unit loads.
const PASSWORD_CREDENTIAL: &str = "amqp-password";

/// A key, and what is wrong with the file it names.
type Fault = (&'static str, String);

/// Reads the files into the configuration. Silent about keys that already have problems of their
/// own.
pub(super) fn read(
    config: &mut Config,
    layers: &[Layer],
    credentials: Option<&Path>,
) -> Vec<Problem> {
    let doubtful =
        |keys: &[&str]| layers.iter().any(|layer| keys.iter().any(|key| layer.has_problem(key)));
    let amqp = &mut config.amqp;
    let mut faults = Vec::new();
    if !doubtful(&[PASSWORD]) {
        let named = layers.iter().any(|layer| layer.origin(PASSWORD).is_some());
        let default = credentials.filter(|_| !named).map(|path| path.join(PASSWORD_CREDENTIAL));
        faults.extend(password(amqp, credentials, default).err());
    }
    if !doubtful(&[URIS, CA, CERTIFICATE, KEY]) {
        faults.extend(tls(amqp, credentials).err());
    }
    let problem = |(key, message): Fault| {
        // The strongest layer that sets it. A system without any CA is a problem of the URIs.
        let origin = |key| layers.iter().rev().find_map(|layer| layer.origin(key));
        if key == PASSWORD && origin(key).is_none() {
            let origin = Origin::Environment("CREDENTIALS_DIRECTORY".to_owned());
            return Problem::of_key(origin, key, message);
        }
        let (origin, key) = match origin(key) {
            Some(origin) => (Some(origin), key),
            None => (origin(URIS), URIS),
        };
        match origin {
            Some(origin) => Problem::of_key(origin.clone(), key, message),
            None => Problem::internal(key),
        }
    };
    faults.into_iter().map(problem).collect()
}

fn password(
    amqp: &mut Amqp,
    credentials: Option<&Path>,
    default: Option<PathBuf>,
) -> Result<(), Fault> {
    let named = resolve(PASSWORD, amqp.password_file.as_deref(), credentials)?;
    let Some(path) = named.or(default.filter(|path| path.exists())) else {
        return Ok(());
    };
    let password = files::password(&path).map_err(|error| (PASSWORD, error.to_string()))?;
    for uri in &mut amqp.uris {
        *uri = uri.clone().with_password(&password);
    }
    Ok(())
}

fn tls(amqp: &mut Amqp, credentials: Option<&Path>) -> Result<(), Fault> {
    let files = TlsFiles {
        ca: resolve(CA, amqp.ca_file.as_deref(), credentials)?,
        certificate: resolve(CERTIFICATE, amqp.cert_file.as_deref(), credentials)?,
        key: resolve(KEY, amqp.key_file.as_deref(), credentials)?,
    };
    // Files that are named must be good even if no URI asks for TLS.
    if amqp.uris.iter().any(BrokerUri::is_tls) || files != TlsFiles::default() {
        let tls = Tls::load(&files).map_err(|error| match error.file {
            TlsFile::Ca => (CA, error.to_string()),
            TlsFile::Certificate => (CERTIFICATE, error.to_string()),
            TlsFile::Key => (KEY, error.to_string()),
        })?;
        amqp.tls = Some(tls);
    }
    Ok(())
}

/// The path with the directory of credentials filled in; `None` if no file is named.
fn resolve(
    key: &'static str,
    path: Option<&Path>,
    credentials: Option<&Path>,
) -> Result<Option<PathBuf>, Fault> {
    let Some(path) = path else {
        return Ok(None);
    };
    let Ok(name) = path.strip_prefix(CREDENTIALS) else {
        return Ok(Some(path.to_owned()));
    };
    let directory = credentials.ok_or_else(|| {
        let message = "%d stands for $CREDENTIALS_DIRECTORY, which is not set; \
            set LoadCredential= in the systemd unit, or name the file itself";
        (key, message.to_owned())
    })?;
    Ok(Some(directory.join(name)))
}
