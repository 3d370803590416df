//! TLS to a broker: which authorities to trust, and our own certificate.
//!
//! [`Tls`] is made from files, and what is wrong with them is reported at once; the handshake is in
//! `amqp::transport`. Certificates of brokers are always verified, name included.

use crate::files;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName, pem::PemObject as _,
    },
};
use std::{
    fmt::{self, Debug, Formatter},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::{TlsConnector, rustls};

/// The files that TLS is set up from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authorities to trust, and no others; `None` is the system's store.
    pub ca: Option<PathBuf>,
    /// The client's certificate, followed by those between it and its authority.
    pub certificate: Option<PathBuf>,
    /// The private key of the client's certificate; given if and only if that is.
    pub key: Option<PathBuf>,
}

/// One of [`TlsFiles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// The authorities.
    Ca,
    /// The client's certificate.
    Certificate,
    /// Its key.
    Key,
}

/// What is wrong with one of the files. Never shows contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TlsError {
    /// Which file.
    pub file: TlsFile,
    message: String,
}

impl TlsError {
    fn new(file: TlsFile, message: impl Into<String>) -> Self {
        Self { file, message: message.into() }
    }
}

/// The authorities to trust, and our own certificate. Clones are cheap; `Debug` shows no secret.
#[derive(Clone)]
pub struct Tls {
    material: Arc<Material>,
    config: Arc<ClientConfig>,
}

#[derive(PartialEq)]
struct Material {
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
}

#[derive(PartialEq)]
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Tls {
    /// Reads the files, and the system's store where no authorities are named.
    ///
    /// # Errors
    /// The first thing that is wrong with a file.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let authorities = match &files.ca {
            Some(path) => certificates(TlsFile::Ca, path)?,
            None => system_authorities()?,
        };
        let identity = identity(files)?;
        let mut roots = RootCertStore::empty();
        match &files.ca {
            Some(path) => authorities.iter().try_for_each(|certificate| {
                roots.add(certificate.clone()).map_err(|_| {
                    let path = path.display();
                    let why = "a certificate in it is not valid X.509; write the file again";
                    TlsError::new(TlsFile::Ca, format!("cannot use {path}: {why}"))
                })
            })?,
            // A system's store may hold oddities that nobody here can fix.
            None => drop(roots.add_parsable_certificates(authorities.iter().cloned())),
        }
        let config = client_config(roots, identity.as_ref()).map_err(|error| {
            let message = match error {
                Error::InconsistentKeys(_) => "is not the key of the client certificate",
                Error::InvalidCertificate(_) => {
                    return refused(
                        TlsFile::Certificate,
                        files,
                        "is not a valid X.509 certificate",
                    );
                }
                _ => "is not a key TLS can use; expected RSA, ECDSA (P-256, P-384) or Ed25519",
            };
            refused(TlsFile::Key, files, message)
        })?;
        let material = Arc::new(Material { authorities, identity });
        Ok(Self { material, config: Arc::new(config) })
    }

    /// Trusts the system's store, and shows no certificate.
    ///
    /// # Errors
    /// If the store is empty.
    pub fn system() -> Result<Self, TlsError> {
        Self::load(&TlsFiles::default())
    }

    /// Whether there is a client certificate.
    #[must_use]
    pub fn has_certificate(&self) -> bool {
        self.material.identity.is_some()
    }

    pub(crate) fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.config))
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.material == other.material
    }
}

impl Eq for Tls {}

impl Debug for Tls {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let certificate = if self.has_certificate() { "with" } else { "without" };
        let count = self.material.authorities.len();
        write!(f, "Tls({count} authorities, {certificate} a client certificate)")
    }
}

fn refused(file: TlsFile, files: &TlsFiles, why: &str) -> TlsError {
    let path = match file {
        TlsFile::Ca => &files.ca,
        TlsFile::Certificate => &files.certificate,
        TlsFile::Key => &files.key,
    };
    let path = path.as_deref().unwrap_or(Path::new("")).display();
    TlsError::new(file, format!("{path} {why}"))
}

fn client_config(roots: RootCertStore, identity: Option<&Identity>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(Identity { chain, key }) => {
            builder.with_client_auth_cert(chain.clone(), key.clone_key())
        }
    }
}

fn system_authorities() -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        let message = "the system trusts no certificate authority; \
            name a file with one, or install the package ca-certificates";
        return Err(TlsError::new(TlsFile::Ca, message));
    }
    Ok(found)
}

fn identity(files: &TlsFiles) -> Result<Option<Identity>, TlsError> {
    match (&files.certificate, &files.key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(Identity {
            chain: certificates(TlsFile::Certificate, certificate)?,
            key: private_key(key)?,
        })),
        (Some(_), None) => {
            let message = "a client certificate needs its key: name the file of the key too";
            Err(TlsError::new(TlsFile::Certificate, message))
        }
        (None, Some(_)) => {
            let message = "a key needs its certificate: name the file of the certificate too";
            Err(TlsError::new(TlsFile::Key, message))
        }
    }
}

fn read(file: TlsFile, path: &Path) -> Result<Vec<u8>, TlsError> {
    files::read(path).map_err(|error| TlsError::new(file, error.to_string()))
}

// What the PEM parser says is not repeated: it quotes the file.
fn certificates(file: TlsFile, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let expected = "expected PEM: -----BEGIN CERTIFICATE----- and so on";
    let refused =
        |why| TlsError::new(file, format!("cannot use {}: {why}; {expected}", path.display()));
    let certificates = CertificateDer::pem_slice_iter(&read(file, path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| refused("it is damaged"))?;
    if certificates.is_empty() {
        return Err(refused("no certificate in it"));
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    use rustls::pki_types::pem::Error;
    let bytes = read(TlsFile::Key, path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let encrypted = bytes.windows(MARK.len()).any(|window| window == MARK);
        let why = match error {
            Error::NoItemsFound if encrypted => {
                "the key has a passphrase; take it off with `openssl pkey`, and protect the file"
            }
            Error::NoItemsFound => {
                "no private key in it; expected PEM: -----BEGIN PRIVATE KEY----- and so on"
            }
            _ => "it is damaged; expected PEM: -----BEGIN PRIVATE KEY----- and so on",
        };
        TlsError::new(TlsFile::Key, format!("cannot use {}: {why}", path.display()))
    })
}

/// What the first line of a key with a passphrase holds.
const MARK: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";

/// The name that a broker's certificate must have.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
    // The dot of an absolute name is not in certificates.
    ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned())
}

/// What a failure of TLS means to whoever set it up, and what to do.
pub(crate) fn explain(error: &Error, host: &str, shows_certificate: bool) -> String {
    match error {
        Error::InvalidCertificate(error) => explain_certificate(error, host),
        Error::AlertReceived(alert) => explain_alert(*alert, shows_certificate),
        Error::InvalidMessage(_) => {
            "what answers does not speak TLS; use amqp://, or the broker's port for TLS (5671)"
                .to_owned()
        }
        Error::PeerIncompatible(_) => {
            format!("the broker's TLS is too old or has no cipher in common: {error}")
        }
        _ => format!("TLS failed: {error}"),
    }
}

/// Whether a failure may be gone with the next attempt: the broker's own trouble, not a matter of
/// keys and certificates.
pub(crate) fn may_pass(error: &Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        error,
        Error::AlertReceived(Alert::InternalError | Alert::UserCanceled | Alert::CloseNotify)
    )
}

fn explain_certificate(error: &CertificateError, host: &str) -> String {
    let what = match error {
        CertificateError::UnknownIssuer => {
            "was issued by an authority that is not trusted; set the CA file"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired; renew it (or set this machine's clock)"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; set this machine's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            return format!(
                "the broker's certificate is not for {host}; use a name that it holds, \
                or add {host} to its subject alternative names"
            );
        }
        CertificateError::BadSignature => {
            "is not signed by the trusted authority of that name; set the right CA file"
        }
        other => return format!("the broker's certificate is not acceptable: {other}"),
    };
    format!("the broker's certificate {what}")
}

fn explain_alert(alert: AlertDescription, shows_certificate: bool) -> String {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired if !shows_certificate => {
            "the broker wants a client certificate; set the certificate and key files".to_owned()
        }
        // TLS 1.2 has no alert of its own for that, and uses this one for missing ciphers too.
        Alert::HandshakeFailure if !shows_certificate => {
            "the broker ended the TLS handshake (HandshakeFailure); it may want a client \
            certificate: set the certificate and key files, or see its log"
                .to_owned()
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
            if shows_certificate =>
        {
            format!(
                "the broker does not accept our client certificate ({alert:?}); \
                is it issued by an authority of the broker, and not expired?"
            )
        }
        _ => format!("the broker ended the TLS handshake ({alert:?}); see the broker's log"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dot_of_an_absolute_name_is_not_in_certificates() {
        assert_eq!(server_name("h.example.").unwrap(), server_name("h.example").unwrap());
        assert!(matches!(server_name("::1").unwrap(), ServerName::IpAddress(_)));
        assert!(server_name("-").is_err());
    }

    #[test]
    fn alerts_depend_on_what_was_shown() {
        let explain = |alert, shown| explain(&Error::AlertReceived(alert), "h", shown);
        for (alert, shown, says) in [
            (AlertDescription::CertificateRequired, false, "set the certificate and key files"),
            (AlertDescription::HandshakeFailure, false, "it may want a client certificate"),
            (AlertDescription::HandshakeFailure, true, "(HandshakeFailure); see the broker's log"),
            (AlertDescription::UnknownCA, true, "does not accept our client certificate (Unk"),
            (AlertDescription::UnknownCA, false, "(UnknownCA); see the broker's log"),
        ] {
            let message = explain(alert, shown);
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn only_the_brokers_own_trouble_passes() {
        assert!(may_pass(&Error::AlertReceived(AlertDescription::InternalError)));
        assert!(!may_pass(&Error::AlertReceived(AlertDescription::UnknownCA)));
        assert!(!may_pass(&Error::InvalidCertificate(CertificateError::UnknownIssuer)));
    }

    #[test]
    fn equal_by_contents_and_shown_without_them() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = |name: &str| {
            rcgen::CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap()
        };
        let directory = tempfile::tempdir().unwrap();
        let path = |name| Some(directory.path().join(name));
        let files = TlsFiles { ca: path("ca"), certificate: path("ca"), key: path("key") };
        let write = |name, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write("ca", &certificate("one").pem());
        write("key", &key.serialize_pem());
        let one = Tls::load(&files).unwrap();
        assert_eq!(format!("{one:?}"), "Tls(1 authorities, with a client certificate)");
        assert_eq!(one, Tls::load(&files).unwrap());
        write("ca", &certificate("two").pem());
        assert_ne!(one, Tls::load(&files).unwrap());
    }
}
