//! `fibrpcctl` on a terminal: a password that is asked for, and colours.

use crate::support::{
    broker,
    program::{Daemon, ctl_command},
};
use serde_json::Value;
use std::process::{Command, Stdio};

const ON_A_TERMINAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/terminal/run.py");

/// Runs `fibrpcctl` on a terminal; `action` is what happens there.
fn on_a_terminal(action: &[&str], args: &[&str], variables: &[(&str, &str)]) -> Value {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(ON_A_TERMINAL).args(action).args(["--", env!("CARGO_BIN_EXE_fibrpcctl")]);
    command.args(args).env_clear().env("TERM", "xterm").envs(variables.iter().copied());
    let ran = command.stdin(Stdio::null()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let uri = vhost.uri().replace("guest:guest", "guest:wrong");
    let args = ["--uri", &uri, "--ask-password", "call", "30"];
    let until = ["--until", "password of guest at 127.0.0.1: "];
    for (typed, code) in [("guest", 0), ("s3cret", 6), ("", 2)] {
        let said = on_a_terminal(&[&until[..], &["--type", typed]].concat(), &args, &[]);
        let screen = said["screen"].as_str().unwrap();
        assert_eq!(said["code"], code, "{said}");
        let echo = ["echo_before", "echo_at_prompt", "echo_after"].map(|when| said[when] == true);
        assert_eq!(echo, [true, false, true], "{said}");
        assert_eq!(screen.contains("832040"), code == 0, "{said}");
        assert!(!screen.contains("s3cret"), "{said}");
    }
    // Where the program is ended instead, the terminal is as it was.
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for command in [&["call", "30"][..], &["ping", "-c", "3"]] {
            let args = [&args[..3], command].concat();
            let said = on_a_terminal(&[&until[..], &["--signal", signal]].concat(), &args, &[]);
            assert_eq!(said["code"], code, "{said}");
            let echo = [said["echo_at_prompt"] == true, said["echo_after"] == true];
            assert_eq!(echo, [false, true], "{said}");
        }
    }
}

#[test]
fn without_a_terminal_there_is_nobody_to_ask() {
    let ask = |args: &[&str], variables: &[(&str, &str)]| {
        // A session of its own has no terminal, whoever runs the tests.
        let mut command = Command::new("setsid");
        command.args(["--wait", env!("CARGO_BIN_EXE_fibrpcctl"), "--ask-password"]).args(args);
        let ran = command.env_clear().envs(variables.iter().copied()).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let (code, says) = ask(&["ping"], &[]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("no terminal to ask on") && says.contains("--password-file"), "{says}");
    let (code, says) = ask(&["ping", "--password-file", "/x"], &[]);
    assert_eq!(code, Some(2), "{says}");
    assert!(says.contains("cannot be used with --password-file"), "{says}");
    // An option is stronger than a variable.
    let (_, says) = ask(&["ping"], &[("FIBRPCCTL_PASSWORD_FILE", "/x")]);
    assert!(says.contains("no terminal to ask on"), "{says}");
    assert_eq!(ask(&["context", "show"], &[]).0, Some(0));
}

#[test]
fn colours_are_where_a_person_sees_them() {
    const COLOUR: &str = "\u{1b}[";
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let uri = vhost.uri();
    for (args, variables, coloured) in [
        (&["ping"][..], &[][..], true),
        (&["ping", "--color", "never"], &[], false),
        (&["ping"], &[("NO_COLOR", "1")], false),
        (&["ping"], &[("CLICOLOR", "0")], false),
        (&["ping"], &[("TERM", "dumb")], false),
        (&["ping", "--color=always"], &[("NO_COLOR", "1")], true),
        (&["ping", "--json"], &[], false),
        (&["call", "x"], &[], true),
        (&["request", "--exchange", "nowhere", "30"], &[], true),
        (&["--help"], &[], true),
        (&["--help", "--color", "never"], &[], false),
        (&["dial"], &[], true),
    ] {
        let said = on_a_terminal(&[], &[&["--uri", &uri], args].concat(), variables);
        let screen = said["screen"].as_str().unwrap();
        assert_eq!(screen.contains(COLOUR), coloured, "{args:?} {variables:?}: {said}");
    }
    let said = on_a_terminal(&[], &["--uri", &uri, "request", "--exchange", "nowhere"], &[]);
    let hint = "\u{1b}[2mfibrpcctl: \u{1b}[0m\u{1b}[36mhint: \u{1b}[0mlook at";
    assert!(said["screen"].as_str().unwrap().contains(hint), "{said}");
    // Without a terminal there are none, unless somebody insists.
    for (variables, args, coloured) in [
        (&[][..], &["ping"][..], false),
        (&[("CLICOLOR_FORCE", "1")], &["ping"], true),
        (&[], &["ping", "--color", "always"], true),
        (&[], &["ping", "--color", "always", "--json"], false),
    ] {
        let mut command = ctl_command(&uri, args);
        command.env_remove("NO_COLOR").envs(variables.iter().copied());
        let ran = command.output().unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(printed.contains(COLOUR), coloured, "{args:?}: {printed}");
    }
}
