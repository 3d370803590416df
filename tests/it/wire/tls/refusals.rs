//! The messages when something does not fit.

use super::{CONFIG, DEFINITIONS, Files, PASSWORD, in_time, site};
use crate::support::{
    broker::Broker,
    certificates::{self, Authority},
};
use std::{io::Read as _, net::TcpListener, thread};
use tempfile::TempDir;

/// The client's message, of one line and one with what to do, about a call that must end with 6 at
/// once: trying again would be of no use.
fn refusal(files: &Files, uri: &str) -> String {
    let command = files.ctl_command(uri, &["--timeout", "5m", "--queue", "tls-none", "call", "30"]);
    let ran = in_time(command);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(6), ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 2, "{ran:?}");
    ran.stderr
}

#[test]
fn the_client_says_what_does_not_fit() {
    let site = site();
    let stranger = Authority::new("another CA");
    let trusting = || Files::new().with("ca.pem", &site.authority.pem);
    let (port, tls_port) = (site.broker.port(), site.broker.tls_port());
    // What is to be done: something about TLS, or about the login.
    let (tls, login) = ("hint: look at --uri (amqps://", "hint: look at the user in --uri");
    for (files, uri, says, hint) in [
        (
            Files::new().with("ca.pem", &stranger.pem),
            site.uri("keeper"),
            "certificate was issued by an authority that is not trusted",
            tls,
        ),
        (
            // One of the same name: only the signature tells.
            Files::new().with("ca.pem", &Authority::new("private CA").pem),
            site.uri("keeper"),
            "not signed by the trusted authority of that name",
            tls,
        ),
        (
            Files::new(),
            site.uri("keeper"),
            "by an authority that is not trusted; set the CA file",
            tls,
        ),
        (
            trusting(),
            format!("amqps://keeper@127.0.0.1:{tls_port}/%2f"),
            "the broker's certificate is not for 127.0.0.1",
            tls,
        ),
        (
            trusting(),
            format!("amqps://keeper@localhost:{port}/%2f"),
            "what answers does not speak TLS; use amqp://",
            tls,
        ),
        (
            Files::new(), // without TLS there is nothing for a CA file to do
            format!("amqp://keeper@localhost:{tls_port}/%2f"),
            "the broker's port is one for TLS; use amqps://",
            tls,
        ),
        (
            trusting().with_certificate(&site.authority.issue("nobody", &[])),
            site.uri(""),
            "the broker says 403 ACCESS_REFUSED",
            login,
        ),
        (
            trusting().with_certificate(&site.authority.issue("nobody", &[])),
            site.uri(""),
            "rabbitmq_auth_mechanism_ssl, the mechanism EXTERNAL, and a user of the certificate's name",
            login,
        ),
        (
            trusting().with_certificate(&stranger.issue("robot", &[])),
            site.uri(""),
            "the broker does not accept our client certificate (UnknownCA)",
            tls,
        ),
        (trusting().with("password", "wrong"), site.uri("keeper"), "403 ACCESS_REFUSED", login),
    ] {
        let message = refusal(&files, &uri);
        assert!(message.contains(says), "expected {says:?}, found {message}");
        assert!(message.contains(hint), "expected {hint:?}, found {message}");
    }
}

#[test]
fn a_login_by_certificate_says_so_where_the_broker_does_not_know_any() {
    // A broker with TLS, but without EXTERNAL.
    let authority = Authority::new("CA");
    let files = TempDir::new().unwrap();
    certificates::write(files.path(), &authority, &authority.issue("node", &["localhost"]));
    let config = "auth_mechanisms.1 = PLAIN\nssl_options.verify = verify_peer";
    let broker = Broker::with_tls(files.path(), DEFINITIONS, config);
    let files = Files::new().with("ca.pem", &authority.pem);
    let files = files.with_certificate(&authority.issue("robot", &[]));
    let daemon = files.daemon(&format!("amqps://localhost:{}", broker.tls_port()), &[]);
    let line = daemon.wait_for("to log in by certificate, the broker needs the plugin");
    assert!(line.contains("does not know the login mechanism EXTERNAL, but PLAIN; "), "{line}");
}

#[test]
fn a_daemon_keeps_trying_and_is_there_when_the_broker_has_a_good_certificate() {
    let authority = Authority::new("CA");
    let files = TempDir::new().unwrap();
    let expired = authority.issue_expired("node", &["localhost"]);
    certificates::write(files.path(), &authority, &expired);
    let config = format!("{CONFIG}ssl_options.fail_if_no_peer_cert = true");
    let broker = Broker::with_tls(files.path(), DEFINITIONS, &config);
    let uri = format!("amqps://keeper@localhost:{}/%2f", broker.tls_port());
    let files = Files::new().with("ca.pem", &authority.pem).with("password", PASSWORD);
    let anonymous = files.daemon(&uri, &[]);
    let files = Files::new().with("ca.pem", &authority.pem).with("password", PASSWORD);
    let files = files.with_certificate(&authority.issue("robot", &[]));
    let shown = files.daemon(&uri, &[]);
    for daemon in [&anonymous, &shown] {
        daemon.wait_for("the broker's certificate has expired; renew it");
        daemon.wait_for_metric("fibrpcd_amqp_connect_failures_total", 3);
        let (status, reason) = daemon.get("/readyz");
        assert_eq!(status, 503);
        assert!(reason.contains("the broker's certificate has expired"), "{reason}");
        let warnings = daemon.log().matches("certificate has expired").count();
        assert_eq!(warnings, 1, "the same failure again is not told again: {}", daemon.log());
    }
    broker.renew_certificate(|directory| {
        certificates::write(directory, &authority, &authority.issue("node", &["localhost"]));
    });
    shown.wait_for("attached; consuming");
    anonymous.wait_for("the broker wants a client certificate; set the certificate and key files");
    assert_eq!(files.ctl(&uri, &["call", "30"]).stdout, "832040\n");
}

#[test]
fn a_tls_handshake_that_is_not_answered_has_a_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("amqps://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let files = Files::new().with("ca.pem", &site().authority.pem);
    let daemon = files.daemon(&uri, &[("amqp.connect_timeout", "200ms")]);
    daemon.wait_for("no answer within 200ms");
    let ran = in_time(files.ctl_command(&uri, &["--timeout", "300ms", "call", "30"]));
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
}

#[test]
fn a_peer_that_just_closes_may_be_a_port_of_the_other_kind() {
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closing.local_addr().unwrap();
    thread::spawn(move || {
        for stream in closing.incoming() {
            // What was sent is read first, as an unread byte would turn the end into an error.
            let _ = stream.unwrap().read(&mut [0; 4096]);
        }
    });
    let files = Files::new().with("ca.pem", &Authority::new("CA").pem);
    let daemon = files.daemon(&format!("amqp://{address},amqps://{address}"), &[]);
    daemon.wait_for("closed the connection without a word; if its port is one for TLS, use amqps");
    daemon.wait_for("closed the connection during the TLS handshake; is it a broker's port for");
}
