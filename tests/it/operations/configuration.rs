//! Configuration as an operator meets it: messages and exit codes of the program. The message for
//! each mistake is tested beside the code.

use crate::support::program::{Daemon, fibrpcd};
use fibrpc::daemon::config::DEFAULT_FILE;
use std::{fs, path::Path};

#[test]
fn wrong_configurations_exit_with_78_and_name_file_line_and_key() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("fibrpcd.toml");
    for (text, message) in [
        ("[amqp]\nprefech = 1\n", ":2: amqp.prefech: unknown key; did you mean amqp.prefetch?"),
        ("[ampq]\nprefetch = 1\n", ":1: ampq: unknown section; did you mean amqp?"),
        (
            "[amqp]\n\nprefetch = \"ten\"\n",
            ":3: amqp.prefetch: expected an integer from 1 to 65535, found \"ten\"",
        ),
        ("[amqp]\nprefetch = 0\n", ":2: amqp.prefetch: expected an integer from 1 to 65535"),
        ("[amqp]\nheartbeat = \"10 parsecs\"\n", ":2: amqp.heartbeat: expected a duration"),
        ("[amqp]\nqueue_type = \"quorun\"\n", ":2: amqp.queue_type: expected one of"),
        ("[amqp]\nuris = [\n  \"ampq://u:hunter2@h\"]\n", ":3: amqp.uris"),
        ("[amqp]\nuris = []\n", ":2: amqp.uris: "),
        ("[http]\nlisten = \"localhost\"\n", ":2: http.listen: expected "),
        ("[log]\nlevel = \"verbose\"\n", ":2: log.level: expected one of"),
        ("[compute]\nmax_n = -1\n", ":2: compute.max_n: expected "),
        ("prefetch = 1\n", ":1: prefetch: "),
        ("[amqp]\nqueue = \"x\n", ":2: "),
    ] {
        fs::write(&file, text).unwrap();
        for check in [&["--check"][..], &[]] {
            let path = file.to_str().unwrap();
            let ran = fibrpcd(&[&["--config", path], check].concat(), &[]);
            assert_eq!(ran.code, Some(78), "{text}: {}", ran.stderr);
            let line = ran.stderr.lines().next().unwrap();
            assert!(line.starts_with(&format!("{path}{message}")), "{text}: {}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{text}: {}", ran.stderr);
            assert!(!ran.stderr.contains("hunter2"), "no password: {}", ran.stderr);
        }
    }
}

#[test]
fn every_mistake_of_every_source_is_told_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("fibrpcd.toml");
    fs::write(&file, "[amqp]\nprefetch = 0\nqueu = \"q\"\n").unwrap();
    let arguments = ["--check", "--config", file.to_str().unwrap(), "--set", "log.level=loud"];
    let ran = fibrpcd(&arguments, &[("FIBRPCD_COMPUTE__MAX_N", "many")]);
    assert_eq!(ran.code, Some(78));
    let lines = ran.stderr.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(lines[0].contains(":2: amqp.prefetch: "), "{lines:#?}");
    assert!(lines[1].contains(":3: amqp.queu: "), "{lines:#?}");
    assert!(lines[2].starts_with("environment FIBRPCD_COMPUTE__MAX_N: "), "{lines:#?}");
    assert!(lines[3].starts_with("--set log.level=loud: "), "{lines:#?}");
}

#[test]
fn a_named_file_must_exist_and_a_good_one_passes() {
    let ran = fibrpcd(&["--check", "--config", "/nonexistent/fibrpcd.toml"], &[]);
    assert_eq!(ran.code, Some(78));
    assert!(ran.stderr.contains("/nonexistent/fibrpcd.toml"), "{}", ran.stderr);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/fibrpcd.toml");
    let ran = fibrpcd(&["--check", "--config", shipped], &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(fibrpcd(&["--nonsense"], &[]).code, Some(2));
}

#[test]
fn a_port_that_is_taken_is_an_error_at_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = fibrpcd(&[], &[("FIBRPCD_HTTP__LISTEN", &address)]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains(&address) && ran.stderr.contains("http.listen"), "{}", ran.stderr);
}

#[test]
fn the_log_names_the_file_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("fibrpcd.toml");
    fs::write(&file, "[amqp]\nuris = [\"amqp://127.0.0.1:1\"]\n").unwrap();
    let named = format!("\"file\":\"{}\"", file.display());
    let daemon = Daemon::start_with_file(&file, &[]);
    let line = daemon.wait_for("\"starting\"");
    assert!(line.contains(&named), "{line}");
    daemon.signal("HUP");
    let line = daemon.wait_for("read the configuration again");
    assert!(line.contains(&named), "{line}");
    let line = Daemon::start("amqp://127.0.0.1:1", &[]).wait_for("\"starting\"");
    let is_there = Path::new(DEFAULT_FILE).exists();
    let default =
        if is_there { DEFAULT_FILE } else { "none (/etc/fibrpcd/fibrpcd.toml is missing)" };
    assert!(line.contains(&format!("\"file\":\"{default}\"")), "{line}");
}
