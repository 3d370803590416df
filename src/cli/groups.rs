//! The groups that options stand in, in long help and manual pages.

use clap::Arg;

/// A name, and the options of the group.
type Group = (&'static str, &'static [&'static str]);

const OUTPUT: &str = "Output options";

/// Those of every command.
const OF_ALL: [Group; 3] = [
    (
        "Connection options",
        &["context", "uri", "password_file", "ask_password", "ca_file", "cert_file", "key_file"],
    ),
    ("Call options", &["queue", "timeout", "wait", "no_wait", "trace"]),
    (OUTPUT, &["verbose", "format", "json", "color"]),
];

const OF_CALL: [Group; 1] = [(OUTPUT, &["unordered", "output"])];

const OF_REQUEST: [Group; 4] = [
    ("Message options", &["data", "header", "type", "content_type", "property", "correlation_id"]),
    ("Input options", &["lines", "input_format", "concurrency"]),
    ("Routing options", &["exchange", "routing_key", "reply_queue", "resend"]),
    (OUTPUT, &["raw", "include"]),
];

const OF_SERVE: [Group; 3] = [
    (
        "Reply options",
        &["echo", "reply", "reply_text", "command", "header", "type", "content_type"],
    ),
    ("Fault options", &["delay", "fail", "seed"]),
    (OUTPUT, &["quiet"]),
];

const OF_PING: [Group; 1] = [(OUTPUT, &["quiet", "timestamps"])];

const OF_STATUS: [Group; 1] = [(OUTPUT, &["format"])];

/// Puts an option of every command into its group.
pub(super) fn of_all(arg: Arg) -> Arg {
    grouped(arg, &OF_ALL)
}

pub(super) fn of_call(arg: Arg) -> Arg {
    grouped(arg, &OF_CALL)
}

pub(super) fn of_request(arg: Arg) -> Arg {
    grouped(arg, &OF_REQUEST)
}

pub(super) fn of_serve(arg: Arg) -> Arg {
    grouped(arg, &OF_SERVE)
}

pub(super) fn of_ping(arg: Arg) -> Arg {
    grouped(arg, &OF_PING)
}

pub(super) fn of_status(arg: Arg) -> Arg {
    grouped(arg, &OF_STATUS)
}

/// An option without a group stays among those that are just options.
fn grouped(arg: Arg, groups: &[Group]) -> Arg {
    let name = arg.get_id().as_str();
    match groups.iter().find(|(_, options)| options.contains(&name)) {
        Some((group, _)) => arg.help_heading(*group),
        None => arg,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::CtlArgs;
    use clap::{Command, CommandFactory as _};

    #[test]
    fn every_option_that_a_group_names_is_in_it() {
        let whole = CtlArgs::command();
        let assert_in = |command: &Command, groups: &[Group]| {
            for (group, options) in groups {
                for option in *options {
                    let mut all = command.get_arguments();
                    let arg = all.find(|arg| arg.get_id() == option).expect(option);
                    assert_eq!(arg.get_help_heading(), Some(*group), "{option}");
                }
            }
        };
        assert_in(&whole, &OF_ALL);
        let of = |name| whole.find_subcommand(name).unwrap();
        assert_in(of("call"), &OF_CALL);
        assert_in(of("request"), &OF_REQUEST);
        assert_in(of("serve"), &OF_SERVE);
        assert_in(of("ping"), &OF_PING);
        assert_in(of("status"), &OF_STATUS);
    }
}
