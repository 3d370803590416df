//! Files that the configuration names.

use super::{SHIPPED, load, no_file};
use crate::daemon::config::{Config, File, Loaded, Sources};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
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
    let amqp = load(text, &[("FIBRPCD_AMQP__PASSWORD_FILE", "\"\"")], &[]).unwrap().amqp;
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

#[test]
fn certificates_do_nothing_without_tls_and_that_is_a_mistake() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new([]).unwrap().self_signed(&key).unwrap();
    fs::write(&path, format!("\u{feff}{}", certificate.pem())).unwrap();
    let text = |uris: &str| format!("[amqp]\nuris = [{uris}]\nca_file = '{}'", path.display());
    let expected = "FILE:3: amqp.ca_file: does nothing, as no URI of amqp.uris starts with \
        amqps://, and the link is not encrypted; use amqps://, or remove the key";
    assert_eq!(load(text("'amqp://h'"), &[], &[]).unwrap_err(), expected);
    assert!(load(text("'amqp://h', 'amqps://h'"), &[], &[]).is_ok());
}

#[test]
fn a_password_in_the_place_of_its_file_is_not_repeated() {
    for option in ["amqp.password_file=hunter2", "amqp.password_file=hunter/2="] {
        let error = load("", &[], &[option]).unwrap_err();
        assert!(!error.contains("hunter"), "{error}");
        assert!(error.contains("name the file by its absolute path"), "{error}");
    }
    let error = load("amqp.password_file = 'hunter2'", &[], &[]).unwrap_err();
    assert!(!error.contains("hunter") && error.starts_with("FILE:1: amqp.password_file: "));
}

#[test]
fn what_does_nothing_where_it_stands_is_said() {
    let (_directory, path) = directory(" secret\n");
    let (file, other) = (format!("amqp.password_file={}", path.display()), "amqp://u:old@h");
    let remarks = |options: &[&str]| {
        let options = options.iter().map(ToString::to_string).collect();
        Loaded::read(Sources { options, ..no_file() }).unwrap().remarks
    };
    assert_eq!(remarks(&[]), [""; 0]);
    let said = remarks(&["trace.sample_ratio=0.5"]);
    let expected =
        "--set trace.sample_ratio=0.5: trace.sample_ratio: does nothing without trace.endpoint";
    assert_eq!(said, [expected]);
    let said = remarks(&[&file, &format!("amqp.uris={other}")]);
    assert!(said[0].contains("replaces the password that a URI of amqp.uris has"), "{said:?}");
    assert!(said[1].contains("begins or ends with white space"), "{said:?}");
    assert!(!said.concat().contains("secret"));
}

#[test]
fn a_password_that_others_may_read_is_said_unless_systemd_hands_it_over() {
    let (directory, path) = directory("secret");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let remarks = |file: &str, credentials: &Path| {
        let options = vec![format!("amqp.password_file={file}")];
        let environment = vec![("CREDENTIALS_DIRECTORY".into(), credentials.into())];
        Loaded::read(Sources { environment, options, ..no_file() }).unwrap().remarks
    };
    let said = remarks(path.to_str().unwrap(), Path::new("/elsewhere"));
    let says = format!("password_file: others may read {} (mode 0644)", path.display());
    assert!(said.len() == 1 && said[0].contains(&says), "{said:?}");
    assert_eq!(remarks("%d/password", directory.path()), [""; 0]);
}

#[test]
fn the_files_are_read_again_by_themselves() {
    let (_directory, path) = directory("one");
    let options = vec![format!("amqp.password_file={}", path.display())];
    let loaded = Loaded::read(Sources { options, ..no_file() }).unwrap();
    let renewed = || loaded.named_files.renew(&loaded.config.amqp);
    assert_eq!(renewed().unwrap(), loaded.config.amqp);
    fs::write(&path, "two").unwrap();
    assert_eq!(renewed().unwrap().uris[0].password(), "two");
    fs::write(&path, "").unwrap();
    assert!(renewed().unwrap_err().contains("it is empty"));
}

/// Reads a file of the first text, and then of the second.
fn again(first: &str, second: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.toml");
    fs::write(&path, first).unwrap();
    let sources = Sources { file: File::Explicit(path.clone()), ..Sources::default() };
    let loaded = Loaded::read(sources.clone()).unwrap();
    fs::write(&path, second).unwrap();
    let again = loaded.read_again(sources).map(drop);
    again.map_err(|error| error.to_string().replace(path.to_str().unwrap(), "FILE"))
}

#[test]
fn a_file_that_has_lost_what_it_had_is_a_mistake() {
    let whole = "[amqp]\nuris = ['amqp://h']\nqueue = 'q'\nprefetch = 64\n";
    for (second, says) in [
        (whole, None),
        (SHIPPED, None),
        ("[amqp]\nuris = ['amqp://h']\nqueue = 'q'\n", None),
        ("", Some("FILE: it sets nothing any more")),
        ("# all of it is a comment\n", Some("FILE: it sets nothing any more")),
        (
            "[amqp]\nuris = ['amqp://h']\nqueue = 'q'\nprefetch = 6",
            Some("its last line has no end"),
        ),
        ("[amqp]\nuris = ['amqp://h']\n", Some("FILE: amqp.queue: it was set and is no more")),
        ("[log]\nlevel = 'info'\n", Some("FILE: amqp.uris: it was set and is no more")),
    ] {
        match (again(whole, second), says) {
            (Ok(()), None) => {}
            (Err(error), Some(says)) => assert!(error.contains(says), "{error}"),
            (result, _) => panic!("{second}: {result:?}"),
        }
    }
    // What was like that before may stay so.
    assert_eq!(again("", ""), Ok(()));
    assert_eq!(again("log.level = 'info'", "log.level = 'warn'"), Ok(()));
}
