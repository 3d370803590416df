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

/// The files that a configuration names, to be read again while it is in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamedFiles {
    password: Option<PathBuf>,
    /// What is to be said of that file, if others may read it.
    exposed: Option<String>,
    tls: Option<TlsFiles>,
}

impl NamedFiles {
    /// Whether there is a file with the password.
    pub(super) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// What is to be said of that file, if others may read it.
    pub(super) fn exposed(&self) -> Option<&str> {
        self.exposed.as_deref()
    }

    /// The settings with what the files hold now.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub(crate) fn renew(&self, amqp: &Amqp) -> Result<Amqp, String> {
        let mut amqp = amqp.clone();
        if let Some(path) = &self.password {
            let password = files::password(path).map_err(|error| error.to_string())?;
            set_password(&mut amqp, &password);
        }
        if let Some(files) = &self.tls {
            amqp.tls = Some(Tls::load(files).map_err(|error| error.to_string())?);
        }
        Ok(amqp)
    }
}

/// Whether a URI of the sources has a password of its own, which a file would replace.
pub(super) fn have_passwords(config: &Config) -> bool {
    config.amqp.uris.iter().any(|uri| uri.password() != BrokerUri::default().password())
}

fn set_password(amqp: &mut Amqp, password: &str) {
    for uri in &mut amqp.uris {
        *uri = uri.clone().with_password(password);
    }
}

/// A key, and what is wrong with the file it names.
type Fault = (&'static str, String);

/// Reads the files into the configuration. Silent about keys that already have problems of their
/// own.
pub(super) fn read(
    config: &mut Config,
    layers: &[Layer],
    credentials: Option<&Path>,
) -> (NamedFiles, Vec<Problem>) {
    let doubtful =
        |keys: &[&str]| layers.iter().any(|layer| keys.iter().any(|key| layer.has_problem(key)));
    let amqp = &mut config.amqp;
    let (mut named, mut faults) = (NamedFiles::default(), Vec::new());
    if !doubtful(&[PASSWORD]) {
        let is_set = layers.iter().any(|layer| layer.origin(PASSWORD).is_some());
        let default = credentials.filter(|_| !is_set).map(|path| path.join(PASSWORD_CREDENTIAL));
        match password(amqp, credentials, default) {
            Ok(file) => {
                let own = file.as_deref().filter(|path| !is_credential(path, credentials));
                named.exposed = own.and_then(files::exposed);
                named.password = file;
            }
            Err(fault) => faults.push(fault),
        }
    }
    if !doubtful(&[URIS, CA, CERTIFICATE, KEY]) {
        match tls(amqp, credentials) {
            Ok(files) => named.tls = files,
            Err(fault) => faults.push(fault),
        }
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
    (named, faults.into_iter().map(problem).collect())
}

/// Whether systemd hands the file over, with a mode of its own.
fn is_credential(path: &Path, credentials: Option<&Path>) -> bool {
    credentials.is_some_and(|directory| path.starts_with(directory))
}

fn password(
    amqp: &mut Amqp,
    credentials: Option<&Path>,
    default: Option<PathBuf>,
) -> Result<Option<PathBuf>, Fault> {
    let named = resolve(PASSWORD, amqp.password_file.as_deref(), credentials)?;
    let Some(path) = named.or(default.filter(|path| path.exists())) else {
        return Ok(None);
    };
    let password = files::password(&path).map_err(|error| (PASSWORD, error.to_string()))?;
    set_password(amqp, &password);
    Ok(Some(path))
}

fn tls(amqp: &mut Amqp, credentials: Option<&Path>) -> Result<Option<TlsFiles>, Fault> {
    let files = TlsFiles {
        ca: resolve(CA, amqp.ca_file.as_deref(), credentials)?,
        certificate: resolve(CERTIFICATE, amqp.cert_file.as_deref(), credentials)?,
        key: resolve(KEY, amqp.key_file.as_deref(), credentials)?,
    };
    let is_used = amqp.uris.iter().any(BrokerUri::is_tls);
    if !is_used && files == TlsFiles::default() {
        return Ok(None);
    }
    // Files that are named must be good even if no URI asks for TLS.
    let tls = Tls::load(&files).map_err(|error| {
        let key = match error.file {
            TlsFile::Ca => CA,
            TlsFile::Certificate => CERTIFICATE,
            TlsFile::Key => KEY,
        };
        (key, error.to_string())
    })?;
    if !is_used {
        // Whoever names one believes that the link is encrypted.
        let named = [(CA, &files.ca), (CERTIFICATE, &files.certificate), (KEY, &files.key)];
        let key = named.into_iter().find_map(|(key, file)| file.as_ref().map(|_| key));
        let message = "does nothing, as no URI of amqp.uris starts with amqps://, and the link is \
            not encrypted; use amqps://, or remove the key";
        return Err((key.unwrap_or(CA), message.to_owned()));
    }
    amqp.tls = Some(tls);
    Ok(Some(files))
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
