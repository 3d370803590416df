//! Certificates, made by the tests that use them.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use std::{fs, path::Path};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

/// A certificate and its key.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate of this subject (its common name) for these hosts.
    pub(crate) fn issue(&self, name: &str, hosts: &[&str]) -> Certificate {
        self.sign(&params(name, hosts))
    }

    /// One that expired long ago.
    pub(crate) fn issue_expired(&self, name: &str, hosts: &[&str]) -> Certificate {
        let mut params = params(name, hosts);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Certificate { pem, key: key.serialize_pem() }
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2000, 1, 1);
    params
}

/// Writes what a broker with TLS needs: `ca.pem`, `cert.pem` and `key.pem`.
pub(crate) fn write(directory: &Path, authority: &Authority, certificate: &Certificate) {
    for (name, text) in
        [("ca.pem", &authority.pem), ("cert.pem", &certificate.pem), ("key.pem", &certificate.key)]
    {
        fs::write(directory.join(name), text).unwrap();
    }
}
