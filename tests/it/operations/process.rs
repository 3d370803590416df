//! What surrounds both programs as processes: signals, and outputs that take nothing.

use crate::support::{
    broker,
    program::{Daemon, Ran},
};
use std::{fs::File, process::Command};

#[test]
fn signals_that_mean_nothing_end_nothing_and_quit_drains() {
    let vhost = broker::shared().vhost();
    let mut daemon = Daemon::serving(&vhost.uri(), &[]);
    for signal in ["USR1", "USR2", "ALRM", "PWR"] {
        daemon.signal(signal);
        daemon.wait_for(&format!("\"signal\":\"SIG{signal}\""));
    }
    daemon.signal("QUIT");
    assert_eq!(daemon.wait().code(), Some(0));
    daemon.wait_for("everything that was started is answered");
}

/// Runs a program with arguments in a shell, after and before some of its words.
fn run(before: &str, program: &str, arguments: &str, after: &str) -> Ran {
    let script = format!("{before} exec {program} {arguments} {after}");
    Command::new("sh").args(["-c", &script]).output().unwrap().into()
}

#[test]
fn an_output_that_takes_nothing_is_an_exit_code_and_no_signal() {
    let (daemon, client) = (env!("CARGO_BIN_EXE_fibrpcd"), env!("CARGO_BIN_EXE_fibrpcctl"));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("output");
    File::create(&file).unwrap();
    let limited = format!("> {}", file.display());
    for (program, arguments) in
        [(daemon, "--help"), (daemon, "--version"), (daemon, "--check"), (client, "--help")]
    {
        let ran = run("", program, arguments, "> /dev/full");
        assert_eq!(ran.code, Some(1), "{program} {arguments}: {ran:?}");
        // A write beyond the limit of a file's size has a signal of its own.
        let ran = run("ulimit -f 0;", program, arguments, &limited);
        assert_eq!(ran.code, Some(1), "{program} {arguments}: {ran:?}");
    }
    let ran = run("ulimit -f 0;", client, "completions bash", &limited);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("cannot write standard output: File too large"), "{ran:?}");
    // Usage errors keep their code where nobody can be told.
    assert_eq!(run("", client, "--nonsense", "2> /dev/full").code, Some(2));
    assert_eq!(run("", daemon, "--set a=b --check", "2> /dev/full").code, Some(78));
}
