//! Mistakes in arguments that clap does not find, and what it does not say of those that it finds.

use super::{CtlArgs, CtlCommand, Origin};
use clap::{
    Command, Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

/// What people mean who know other tools, by the options of those.
const HABITS: [(&[&str], &str); 5] = [
    (
        &["-p", "--port", "-s", "--server", "-b", "--broker", "--host"],
        "--uri amqp://HOST:PORT names the broker",
    ),
    (&["-q", "-t", "--topic"], "--queue NAME names the queue"),
    (&["-P", "--parallel"], "--concurrency COUNT is how many are under way at once"),
    (
        &["-u", "--user", "--password"],
        "--uri amqp://USER@HOST names the user; --password-file or --ask-password is the password",
    ),
    (&["--fail"], "the exit code says what became of a request"),
];

/// What other tools have to make a context.
const MAKERS: [&str; 6] = ["add", "set", "create", "new", "save", "edit"];

/// clap's error, with a tip where it knows none, and without those that lead nowhere.
pub(super) fn explained(mut error: Error, command: &mut Command) -> Error {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let given = |kind| match error.get(kind) {
        Some(ContextValue::String(given)) => given.clone(),
        _ => String::new(),
    };
    let (name, argument) = (given(ContextKind::InvalidSubcommand), given(ContextKind::InvalidArg));
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
        let tips = vec![StyledStr::from(tip.to_owned())];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

fn tip_for_argument(argument: &str) -> Option<&'static str> {
    if !argument.starts_with('-') {
        return Some("queues are named by --queue, brokers by --uri");
    }
    HABITS.iter().find(|(options, _)| options.contains(&argument)).map(|(_, tip)| *tip)
}

fn tip_for_command(name: &str) -> Option<&'static str> {
    MAKERS.contains(&name).then_some("fibrpcctl context -h shows how to write one")
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
