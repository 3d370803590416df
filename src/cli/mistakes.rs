//! Mistakes in arguments that clap does not find, and what it does not say of those that it finds.

use super::{CtlArgs, CtlCommand, Origin};
use clap::{
    Command, Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::ffi::OsString;

/// What people mean who know other tools, by the options of those.
const HABITS: [(&[&str], &str); 13] = [
    (
        &["-p", "--port", "-s", "--server", "-b", "--broker", "--host", "--vhost"],
        "--uri amqp://HOST:PORT/VHOST names the broker",
    ),
    (&["-q", "-t", "--topic"], "--queue NAME names the queue"),
    (&["-P", "--parallel"], "--concurrency COUNT is how many are under way at once"),
    (
        &["-u", "--user", "--username", "--password", "--creds"],
        "--uri amqp://USER@HOST names the user; --password-file or --ask-password is the password",
    ),
    (&["--fail"], "the exit code says what became of a request"),
    (
        &["-m", "--max-time", "--connect-timeout", "--deadline", "-W"],
        "--timeout DURATION is how long a call may take, connecting included",
    ),
    (
        &["--cacert", "--tlsca", "-k", "--insecure"],
        "--ca-file FILE has the authorities to trust; every certificate is checked",
    ),
    (&["--cert", "--tlscert"], "--cert-file FILE is the client's certificate, --key-file its key"),
    (&["--key", "-r"], "request --routing-key KEY names the routing key; --key-file is for TLS"),
    (
        &["--retry", "--retries"],
        "call --retries COUNT tries a call again; request --resend is for lost connections only",
    ),
    (&["-X", "--method"], "request --type METHOD names the method"),
    (
        &["-f", "--file", "-l"],
        "numbers in a file: call - <FILE; a body: request -d @FILE; one a line: request --lines <FILE",
    ),
    (
        &["--priority", "--expiration", "--message-id", "--user-id", "--app-id", "--delivery-mode"],
        "request --property NAME=VALUE sets a property, such as priority=5",
    ),
];

/// The commands of other tools, and those that do the same here.
const COMMANDS: [(&[&str], &str); 6] = [
    (&["publish", "pub", "send", "produce", "rpc"], "request sends a request and prints the reply"),
    (&["reply", "sub", "subscribe", "consume", "listen", "mock"], "serve answers a queue"),
    (
        &["queue", "queues", "ls", "list", "list_queues", "describe", "top"],
        "status shows the queue",
    ),
    (&["health", "healthcheck", "check"], "status --check judges the service"),
    (&["rtt", "latency", "bench"], "ping -q -c 100 measures the round trip"),
    (&["version"], "fibrpcctl --version"),
];

/// What other tools have to make a context.
const MAKERS: [&str; 6] = ["add", "set", "create", "new", "save", "edit"];

/// clap's error, with a tip where it knows none, and without those that lead nowhere.
pub(super) fn explained(mut error: Error, command: &mut Command, given: &[OsString]) -> Error {
    show_plain_usage(&mut error, command, given);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = |kind| match error.get(kind) {
        Some(ContextValue::String(wrong)) => wrong.clone(),
        _ => String::new(),
    };
    let (name, argument) = (wrong(ContextKind::InvalidSubcommand), wrong(ContextKind::InvalidArg));
    if argument.strip_prefix('-').is_some_and(is_number) {
        let message = format!("unexpected argument '{argument}': numbers are 0 or more");
        return command.error(ErrorKind::ValueValidation, message);
    }
    if is_number(&name) {
        let call = ContextValue::Strings(vec![format!("call {name}")]);
        error.insert(ContextKind::SuggestedSubcommand, call);
    }
    let is_unknown = error.kind() == ErrorKind::UnknownArgument;
    if is_unknown {
        drop_trailing_tip(&mut error);
    }
    let tip = if is_unknown { tip_for_argument(&argument) } else { tip_for_command(&name) };
    if let Some(tip) = tip {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        let tips = vec![StyledStr::from(tip.to_owned())];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// Has it show how the command is used, and not the options that happen to be set, which variables
/// set as well.
fn show_plain_usage(error: &mut Error, command: &Command, given: &[OsString]) {
    if error.get(ContextKind::Usage).is_none() {
        return;
    }
    let mut at = command;
    for word in given.iter().skip(1).filter_map(|word| word.to_str()) {
        at = at.find_subcommand(word).unwrap_or(at);
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(at.clone().render_usage()));
}

fn tip_for_argument(argument: &str) -> Option<&'static str> {
    if !argument.starts_with('-') {
        return Some("queues are named by --queue, brokers by --uri");
    }
    HABITS.iter().find(|(options, _)| options.contains(&argument)).map(|(_, tip)| *tip)
}

fn tip_for_command(name: &str) -> Option<&'static str> {
    if MAKERS.contains(&name) {
        return Some("fibrpcctl context -h shows how to write one");
    }
    COMMANDS.iter().find(|(names, _)| names.contains(&name)).map(|(_, tip)| *tip)
}

/// "to pass '-x' as a value, use '-- -x'": nobody who mistakes an option wants to send it.
fn drop_trailing_tip(error: &mut Error) {
    let Some(ContextValue::StyledStrs(tips)) = error.remove(ContextKind::Suggested) else { return };
    let kept = tips.into_iter().filter(|tip| !tip.to_string().starts_with("to pass "));
    let kept: Vec<_> = kept.collect();
    if !kept.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(kept));
    }
}

/// What does not go together, or stands in a wrong place.
pub(super) fn contradiction(args: &CtlArgs) -> Option<(ErrorKind, String)> {
    let conflict = |message: &str| Some((ErrorKind::ArgumentConflict, message.to_owned()));
    let options = &args.options;
    if options.ask_password && options.origin("password_file") == Origin::Option {
        return conflict("--ask-password cannot be used with --password-file: give one of them");
    }
    if let Some(name) = args.command.without_calls().filter(|_| options.verbose) {
        return conflict(&format!("--verbose cannot be used with {name}, which makes no calls"));
    }
    match &args.command {
        CtlCommand::Status(status) => {
            status.mistake().map(|message| (ErrorKind::ValueValidation, message))
        }
        CtlCommand::Request(request) if request.raw && options.insists_on_json() => {
            conflict("--raw cannot be used with --json: it prints bodies, and nothing else")
        }
        CtlCommand::Request(request) => conflict(&request.contradiction()?),
        CtlCommand::Call(call) => conflict(call.contradiction()?),
        _ => None,
    }
}
