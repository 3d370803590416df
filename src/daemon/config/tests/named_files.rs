//! Files that the configuration names.

use super::{load, no_file};
use crate::daemon::config::{Config, Sources};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A directory with a file named `password`.
fn directory(password: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    fs::write(&path, password).unwrap();
    (directory, path)
}

#[test]
fn a_password_file_replaces_the_password_of_every_uri() {
    let (_directory, path) = directory("new\n");
    let text = format!(
        "[amqp]\nuris = ['amqp://u:old@h1', 'amqp://h2']\npassword_file = '{}'",
        path.display()
    );
    let amqp = load(text, &[], &[]).unwrap().amqp;
    let uris = ["amqp://u:new@h1", "amqp://h2"].map(|uri| uri.parse().unwrap());
    let [one, two] = uris;
    assert_eq!(amqp.uris, [one, crate::BrokerUri::with_password(two, "new")]);
    assert_eq!(amqp.password_file, Some(path));
}

#[test]
fn percent_d_is_the_directory_of_systemds_credentials() {
    let (directory, _) = directory("from systemd");
    let set = |value: &str| vec![format!("amqp.password_file={value}")];
    let environment = vec![("CREDENTIALS_DIRECTORY".into(), directory.path().into())];
    let sources = Sources { environment, options: set("%d/password"), ..no_file() };
    let config = Config::load(sources).unwrap();
    assert_eq!(config.amqp.uris[0].password(), "from systemd");
    assert!(!format!("{config:?}").contains("systemd"), "not shown");
    let error = Config::load(Sources { options: set("%d/password"), ..no_file() }).unwrap_err();
    let expected = "--set amqp.password_file=%d/password: amqp.password_file: \
        %d stands for $CREDENTIALS_DIRECTORY, which is not set; \
        set LoadCredential= in the systemd unit, or name the file itself";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_credential_of_our_unit_is_the_password_unless_the_key_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let credential = directory.path().join("amqp-password");
    let load = |options: &[&str]| {
        let environment = vec![("CREDENTIALS_DIRECTORY".into(), directory.path().into())];
        let options = options.iter().map(ToString::to_string).collect();
        Config::load(Sources { environment, options, ..no_file() })
    };
    assert_eq!(load(&[]).unwrap().amqp.uris[0].password(), "guest", "there is none");
    fs::write(&credential, "secret\n").unwrap();
    assert_eq!(load(&[]).unwrap().amqp.uris[0].password(), "secret");
    let none = load(&["amqp.password_file="]).unwrap();
    assert_eq!(none.amqp.uris[0].password(), "guest", "the key says so");
    fs::write(&credential, "").unwrap();
    let expected = format!(
        "environment CREDENTIALS_DIRECTORY: amqp.password_file: cannot use {}: \
         it is empty; expected one line with the password",
        credential.display()
    );
    assert_eq!(load(&[]).unwrap_err().to_string(), expected);
}

#[test]
fn an_empty_text_names_no_file_and_takes_an_earlier_one_back() {
    let text = "amqp.password_file = '/nonexistent/x'";
    let amqp = load(text, &[("FIBRPCD_AMQP__PASSWORD_FILE", "")], &[]).unwrap().amqp;
    assert_eq!(amqp.password_file, None);
    assert_eq!(amqp.uris[0].password(), "guest");
    assert_eq!(amqp.tls, None);
}

#[test]
fn mistakes_stand_where_the_file_is_named() {
    let text = "[amqp]\npassword_file = '/nonexistent/p'\nca_file = '/nonexistent/c'";
    let expected = "\
FILE:2: amqp.password_file: cannot read /nonexistent/p: no such file
FILE:3: amqp.ca_file: cannot read /nonexistent/c: no such file";
    assert_eq!(load(text, &[], &[]).unwrap_err(), expected);
    // Only the mistake in the key itself is reported.
    let text = "[amqp]\ncert_file = 1\nkey_file = '/nonexistent/k'";
    let expected = "FILE:2: amqp.cert_file: expected the path of a file, or \"\" for none, found 1";
    assert_eq!(load(text, &[], &[]).unwrap_err(), expected);
}
