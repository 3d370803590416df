//! TLS errors that only show when writing.

use super::*;
use crate::tls::TlsFiles;
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use std::future::poll_fn;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server that wants a client certificate, and its own certificate in PEM.
fn strict_server() -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (pem, der) = (certificate.pem(), CertificateDer::from(certificate));
    let mut roots = RootCertStore::empty();
    roots.add(der.clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(vec![der], PrivateKeyDer::try_from(key.serialize_der()).unwrap());
    (TlsAcceptor::from(Arc::new(config.unwrap())), pem)
}

/// Writes to a server that has refused the client, until that fails. Between the writes the runtime looks
/// at its sockets, or does not.
async fn refused(runtime_looks: bool) {
    let (server, pem) = strict_server();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    let files = TlsFiles { ca: Some(file.path().to_owned()), ..TlsFiles::default() };
    let secure = Secure::new(&Tls::load(&files).unwrap(), "localhost").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    let (client, refused) = tokio::join!(Stream::over(tcp, Some(secure)), async {
        let (tcp, _) = listener.accept().await.unwrap();
        // Dropping the result closes the socket.
        server.accept(tcp).await.map(drop)
    });
    assert!(refused.is_err());
    // TLS 1.3: the client has finished its handshake before the server says no.
    let mut client = client.unwrap();
    let error = loop {
        let wrote = poll_fn(|cx| client.poll_write(cx, b"x")).await;
        match wrote {
            Ok(_) if runtime_looks => tokio::task::yield_now().await,
            Ok(_) => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert!(TlsMismatch::is(&error), "{error}");
    assert!(error.to_string().contains("the broker wants a client certificate"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_read_also_where_only_writing_fails() {
    refused(true).await;
}

#[tokio::test]
async fn a_refusal_is_read_also_where_the_runtime_has_not_noticed_it() {
    tokio::task::unconstrained(refused(false)).await;
}
