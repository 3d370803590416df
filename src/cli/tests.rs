//! The command lines: what is accepted, what is refused, and what is kept secret.

use super::*;
use crate::client::MAX_TIMEOUT;
use clap::{CommandFactory, error::ErrorKind};
use std::{os::unix::ffi::OsStringExt as _, time::Duration};

fn daemon(args: &[&str]) -> Result<DaemonArgs, clap::Error> {
    DaemonArgs::try_parse_from([&["fibrpcd"], args].concat())
}

fn ctl(args: &[&str]) -> Result<CtlArgs, clap::Error> {
    CtlArgs::try_parse_from([&["fibrpcctl"], args].concat())
}

/// What is printed instead of doing anything.
fn ctl_error(args: &[&str]) -> String {
    let arguments = [&["fibrpcctl"], args].concat().into_iter().map(OsString::from);
    CtlArgs::try_from(arguments, |_| None).unwrap_err().to_string()
}

fn call(args: &[&str]) -> CallArgs {
    match ctl(&[&["call"], args].concat()).unwrap().command {
        CtlCommand::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

/// The texts that have to be sent.
fn given(args: &[&str]) -> Vec<String> {
    match call(args).numbers() {
        Numbers::Given(texts) => texts.to_vec(),
        Numbers::Stdin => panic!("standard input"),
    }
}

fn assert_usage(result: Result<CtlArgs, clap::Error>, says: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn the_definitions_are_sound() {
    DaemonArgs::command().debug_assert();
    CtlArgs::command().debug_assert();
}

#[test]
fn the_daemon_needs_no_arguments() {
    let args = daemon(&[]).unwrap();
    assert!(args.config.is_none() && !args.check && args.set.is_empty());
}

#[test]
fn settings_are_kept_as_they_are() {
    let args = daemon(&["--check", "--config=f.toml", "--set", "log.level=debug", "--set=x"]);
    let args = args.unwrap();
    let set: Vec<_> = args.set.iter().map(Sensitive::as_str).collect();
    assert_eq!(set, ["log.level=debug", "x"]);
    assert!(args.check);
    assert_eq!(args.config, Some("f.toml".into()));
}

#[test]
fn the_daemon_refuses_what_it_does_not_know() {
    for args in [&["--set"][..], &["x"], &["--config"]] {
        assert_eq!(daemon(args).unwrap_err().exit_code(), 2, "{args:?}");
    }
}

#[test]
fn version_and_help_are_no_errors() {
    for (flag, kind) in
        [("--version", ErrorKind::DisplayVersion), ("--help", ErrorKind::DisplayHelp)]
    {
        let (daemon, ctl) = (daemon(&[flag]).unwrap_err(), ctl(&[flag]).unwrap_err());
        assert_eq!((daemon.kind(), daemon.exit_code()), (kind, 0));
        assert_eq!((ctl.kind(), ctl.exit_code()), (kind, 0));
    }
    let version = daemon(&["--version"]).unwrap_err().to_string();
    assert_eq!(version, concat!("fibrpcd ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn numbers_reach_the_server_verbatim() {
    assert_eq!(given(&["10", "50"]), ["10", "50"]);
    assert_eq!(given(&["", " 7 ", "+1", "1e3", "fünf"]), ["", " 7 ", "+1", "1e3", "fünf"]);
    assert_eq!(given(&["--", "-1", "--help"]), ["-1", "--help"]);
    assert_eq!(given(&["5", "--", "-1"]), ["5", "-1"]);
}

#[test]
fn a_lone_dash_is_standard_input() {
    assert_eq!(call(&["-"]).numbers(), Numbers::Stdin);
    assert_eq!(call(&["--", "-"]).numbers(), Numbers::Stdin);
    assert_eq!(given(&["-", "5"]), ["-", "5"]);
}

#[test]
fn wrong_usage_exits_with_2() {
    assert_usage(ctl(&[]), "Usage:");
    assert_usage(ctl(&["call"]), "<N>...");
    assert_usage(ctl(&["request", "x", "-d", "y"]), "cannot be used with");
    assert_usage(ctl(&["request", "--property", "colour=red"]), "there is no property");
    assert_usage(ctl(&["request", "-H", "x"]), "expected NAME: VALUE");
    assert_usage(ctl(&["call", "-1"]), "'-1'");
    assert_usage(ctl(&["dial", "1"]), "'dial'");
    assert_usage(ctl(&["ping", "1"]), "'1'");
    assert_usage(ctl(&["--format", "xml", "ping"]), "[possible values: plain, json]");
}

#[test]
fn timeouts_are_durations_within_bounds() {
    let parse = |text| ctl(&["--timeout", text, "ping"]).map(|args| args.options.timeout);
    assert_eq!(parse("250ms").unwrap(), Duration::from_millis(250));
    assert_eq!(parse("1m 30s").unwrap(), Duration::from_secs(90));
    assert_eq!(parse("24h").unwrap(), MAX_TIMEOUT);
    assert_eq!(parse("0.5").unwrap(), Duration::from_millis(500));
    for (text, says) in [
        ("0s", "must be more than 0"),
        ("25h", "must be at most 1 day"),
        ("10x", "such as 10s"),
        ("", "such as 10s"),
        ("99999999999999y", "such as 10s"),
    ] {
        assert_usage(ctl(&["--timeout", text, "ping"]), says);
    }
    assert_usage(ctl(&["--timeout=-1s", "ping"]), "such as 10s");
}

#[test]
fn a_queue_has_a_name_that_a_queue_can_have() {
    let parse = |text: &str| ctl(&["--queue", text, "ping"]);
    assert_eq!(parse(&"q".repeat(255)).unwrap().options.queue.len(), 255);
    assert_usage(parse(&"q".repeat(256)), "256 bytes long; at most 255 are possible");
    assert_usage(parse(""), "the name of the queue is empty");
}

#[test]
fn options_may_stand_on_either_side_of_the_command() {
    for args in [
        &["--queue", "q", "--format", "json", "call", "5"][..],
        &["call", "5", "--queue", "q", "--format", "json"],
        &["--json", "call", "--queue", "q", "5"],
    ] {
        let options = ctl(args).unwrap().options;
        assert_eq!(options.queue, "q");
        assert_eq!(options.format(), OutputFormat::Json);
    }
}

#[test]
fn help_tells_the_defaults_and_the_variables() {
    let help = CtlArgs::command().render_long_help().to_string();
    let words: Vec<&str> = help.split_whitespace().collect();
    let help = words.join(" ");
    for part in [
        "[env: FIBRPCCTL_URI] [default: amqp://guest:guest@127.0.0.1:5672/%2f]",
        "[env: FIBRPCCTL_QUEUE=",
        "[default: rpc_queue]",
        "[env: FIBRPCCTL_TIMEOUT=",
        "[default: 10s]",
        "[env: FIBRPCCTL_FORMAT=",
        "[default: plain] [possible values: plain, json]",
        "Examples:",
        "5 no such queue, no server is consuming it, or no queue for the routing key",
    ] {
        assert!(help.contains(part), "{part:?} is not in {help}");
    }
}

#[test]
fn who_knows_other_tools_is_led_on() {
    for (args, tip) in [
        (&["request", "--cacert", "f", "x"][..], "--ca-file"),
        (&["request", "--key", "eu.new", "x"], "--routing-key"),
        (&["request", "--priority", "5", "x"], "--property"),
        (&["request", "--retry", "3", "x"], "--resend"),
        (&["call", "-m", "5", "30"], "--timeout"),
        (&["call", "--vhost", "v", "30"], "--uri"),
        (&["call", "-f", "n"], "call - <FILE"),
        (&["publish", "x"], "request sends"),
        (&["queue"], "status shows"),
        (&["context", "save", "x"], "context -h"),
    ] {
        let error = ctl_error(args);
        assert_eq!(error.matches("tip:").count(), 1, "{error}");
        assert!(error.split("tip:").nth(1).unwrap().contains(tip), "{args:?} {error}");
    }
    assert!(ctl(&["-vv", "call", "1"]).unwrap().options.verbose);
}

#[test]
fn usage_shows_a_command_and_not_what_variables_set() {
    let value = |name: &OsStr| (name == "FIBRPCCTL_URI").then(|| "amqp://h".into());
    for (args, usage) in [
        (&["call"][..], "Usage: fibrpcctl call [OPTIONS] <N>..."),
        (&["context", "use"], "Usage: fibrpcctl context use [OPTIONS]"),
    ] {
        let arguments = [&["fibrpcctl"], args].concat().into_iter().map(OsString::from);
        let error = CtlArgs::try_from(arguments, value).unwrap_err().to_string();
        assert!(error.contains(usage), "{error}");
    }
    assert!(
        ctl_error(&["request", "--colour", "x"]).contains("fibrpcctl request [OPTIONS] [BODY]")
    );
}

#[test]
fn the_uri_is_not_shown_by_accident() {
    let args = ctl(&["--uri", "amqp://u:secret@h", "ping"]).unwrap();
    assert_eq!(args.options.uri.as_str(), "amqp://u:secret@h");
    assert!(!format!("{args:?}").contains("secret"));
    let url = ctl_error(&["status", "--http", "http://u:secret@h"]);
    assert!(
        url.contains("--http: the daemon asks for no user") && !url.contains("secret"),
        "{url}"
    );
    let args = daemon(&["--set", "amqp.uris=[\"amqp://u:secret@h\"]"]).unwrap();
    assert!(!format!("{args:?}").contains("secret"));
    for command in [CtlArgs::command(), DaemonArgs::command()] {
        for arg in command.get_arguments() {
            let shown = arg.get_env().is_some_and(|name| name == "FIBRPCCTL_URI")
                && !arg.is_hide_env_values_set();
            assert!(!shown);
        }
    }
}

#[test]
fn a_variable_that_is_empty_is_not_set() {
    let with = |value: &'static str| {
        let arguments = ["fibrpcctl", "ping"].map(OsString::from);
        CtlArgs::try_from(arguments, move |_| Some(value.into()))
    };
    let args = with("").unwrap().options;
    assert_eq!(args.uri.as_str(), "amqp://guest:guest@127.0.0.1:5672/%2f");
    assert_eq!((args.queue.as_str(), args.timeout), ("rpc_queue", Duration::from_secs(10)));
    assert!(args.password_file.is_none() && args.ca_file.is_none() && args.cert_file.is_none());
    let command = without_empty_variables(CtlArgs::command(), |_| Some(OsString::new()));
    assert!(command.get_arguments().all(|arg| arg.get_env().is_none()), "each of them");
    let command = without_empty_variables(CtlArgs::command(), |_| Some("x".into()));
    assert_eq!(command.get_arguments().filter(|arg| arg.get_env().is_some()).count(), 10);
}

#[test]
fn a_variable_that_is_no_text_is_named_unless_it_is_a_path() {
    let with = |broken: &str| {
        let mut command = CtlArgs::command();
        let error = command.error(ErrorKind::InvalidUtf8, "some argument");
        let value = |name: &OsStr| (name == broken).then(|| OsString::from_vec(vec![0xff]));
        name_the_variable(error, &mut command, value).to_string()
    };
    for name in ["FIBRPCCTL_URI", "FIBRPCCTL_QUEUE", "FIBRPCCTL_FORMAT"] {
        assert!(with(name).contains(&format!("the variable {name} is not text in UTF-8")));
    }
    assert!(with("FIBRPCCTL_CA_FILE").contains("some argument"));
}

#[test]
fn only_the_long_help_has_groups_of_options() {
    let help = |flag| ctl_error(&["request", flag]);
    for group in ["Message options:", "Connection options:", "Call options:", "Output options:"] {
        assert!(help("--help").contains(group) && !help("-h").contains(group), "{group}");
    }
    // What belongs together stands together.
    let long = help("--help");
    assert_eq!(long.matches("Output options:").count(), 1, "{long}");
}

#[test]
fn every_short_help_fits_a_screen() {
    let mut command = without_groups(with_brief_help(CtlArgs::command().term_width(80)));
    let mut long = Vec::new();
    let mut look = |command: &mut clap::Command| {
        let help = command.render_help().to_string();
        if help.lines().count() > 24 || help.lines().any(|line| line.chars().count() > 80) {
            long.push(help);
        }
    };
    look(&mut command);
    for sub in command.get_subcommands_mut() {
        look(sub);
        sub.get_subcommands_mut().for_each(&mut look);
    }
    assert!(long.is_empty(), "{}", long.join("\n---\n"));
}
