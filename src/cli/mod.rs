//! The command lines of both programs.
//!
//! Only the shape of the arguments is checked here; clap reports what is wrong with it and the
//! program exits with 2. Settings of the daemon are judged by [`crate::daemon::config`], numbers by
//! the server.

mod beginning;
mod call;
mod conditions;
mod context;
mod durations;
mod format;
mod headings;
mod info;
mod mistakes;
mod options;
mod origins;
mod pairs;
mod ping;
mod ranges;
mod request;
mod serve;
mod status;

pub use self::{
    call::{CallArgs, Numbers, expanded},
    conditions::{Comparison, Condition, Figure, Unit},
    context::{ContextArgs, ContextCommand, ContextSettings},
    format::{CheckFormat, OutputFormat},
    info::InfoArgs,
    options::{ColorWhen, CtlOptions, InputFormat, Sensitive},
    origins::Origin,
    ping::{PingArgs, PingSeries},
    request::{Body, RequestArgs},
    serve::{ReplySource, ServeArgs},
    status::StatusArgs,
};

pub(crate) use self::{
    context::names_password, durations::timeout, options::queue, origins::SETTINGS,
    pairs::set_property, ranges::advice_for_number, status::plugin_text,
};

use self::{beginning::begin, origins::Origins};
use crate::exit::{CTL_CODES, Exit};
use clap::{
    Arg, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind,
};
use std::{
    any::TypeId,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

const DAEMON_NOTES: &str = "\
Settings: built-in defaults, then the file, then FIBRPCD_SECTION__KEY in the environment
(FIBRPCD_AMQP__PREFETCH=8), then --set; the last one counts.

fibrpcd.toml(5) has all keys. A second daemon of a machine needs an http.listen of its own.

Examples:
  fibrpcd
  fibrpcd --config ./fibrpcd.toml --check
  fibrpcd --set amqp.uris=amqp://guest:guest@127.0.0.1/%2f --set amqp.queue=mine
  fibrpcd --set log.level=debug --set amqp.prefetch=8

Exit codes:
  0   stopped as asked
  1   failed, or stopped before its work was done
  2   wrong usage
  78  wrong configuration";

const CTL_BRIEF: &str = "\
--help has the options of every command, such as --uri, --queue, --timeout,
--wait, --context and --json, and the exit codes; COMMAND -h those of one.
Examples:
  fibrpcctl call 10 50 1000
  fibrpcctl --queue prices request -d @order.json -H 'x-tenant: acme'";

const CTL_EXAMPLES: &str = "\
Examples:
  fibrpcctl call 10 50 1000
  fibrpcctl call 0..=90 1000
  seq 0 90 | fibrpcctl call -
  fibrpcctl --format json info
  fibrpcctl status
  fibrpcctl --queue prices request -d @order.json -H 'x-tenant: acme'
  fibrpcctl --queue prices serve --declare --command ./prices.sh

Exit codes, that of the first call that failed:";

/// What is below the options of `fibrpcctl`.
fn ctl_notes() -> String {
    let codes = CTL_CODES.map(|(code, meaning)| format!("\n  {code}  {meaning}"));
    CTL_EXAMPLES.to_owned() + &codes.concat()
}

/// Answer Fibonacci calls that arrive over AMQP.
#[derive(Debug, Parser)]
#[command(name = "fibrpcd", version, after_help = DAEMON_NOTES)]
pub struct DaemonArgs {
    /// Read settings from FILE, which must exist [default: /etc/fibrpcd/fibrpcd.toml, if there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Check the settings, report what is wrong with them, and exit
    #[arg(long)]
    pub check: bool,

    /// Override one setting; may be repeated; not for secrets, as `ps` shows it to everybody
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Sensitive>,
}

impl DaemonArgs {
    /// The arguments of this process.
    ///
    /// # Errors
    /// How the program is to end: what is wrong with them, or the help that they ask for, is printed.
    pub fn from_process() -> Result<Self, Exit> {
        begin(Self::try_parse, clap::Error::print)
    }
}

/// Call, serve and look at RPC services over RabbitMQ.
#[derive(Debug, Parser)]
#[command(name = "fibrpcctl", version, after_help = CTL_BRIEF, after_long_help = ctl_notes())]
pub struct CtlArgs {
    /// What every command takes.
    #[command(flatten)]
    pub options: CtlOptions,

    /// What to do.
    #[command(subcommand)]
    pub command: CtlCommand,
}

impl CtlArgs {
    /// The arguments of this process.
    ///
    /// # Errors
    /// How the program is to end: what is wrong with them, or the help that they ask for, is printed.
    pub fn from_process() -> Result<Self, Exit> {
        let given: Vec<_> = std::env::args_os().collect();
        let is_check = status::is_check(&given);
        let parsed = || Self::try_from(given.clone(), |name| std::env::var_os(name));
        let tell = |error: &clap::Error| match std::env::var_os("FIBRPCCTL_FORMAT") {
            format if is_check && error.use_stderr() => {
                status::refuse(error, &given, format.as_deref())
            }
            _ => error.print(),
        };
        begin(parsed, tell).map_err(|exit| match exit {
            Exit::Usage if is_check => Exit::CHECK_UNKNOWN,
            exit => exit,
        })
    }

    /// These arguments, with these variables.
    fn try_from(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&OsStr) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let command = Self::command().color(ColorWhen::of_unparsed(&arguments).into());
        let command = without_empty_variables(command, &variable);
        let mut command = with_brief_help(command);
        if arguments.iter().any(|argument| argument == "-h") {
            command = without_groups(command);
        }
        let matches = command.try_get_matches_from_mut(&arguments);
        let matches = matches.map_err(|error| mistakes::explained(error, &mut command, &arguments));
        let matches = matches.map_err(|error| name_the_variable(error, &mut command, variable))?;
        let args = Self::from_arg_matches(&matches);
        let mut args = args.map_err(|error| error.format(&mut command))?;
        args.options.origins = Origins::of(&matches);
        match mistakes::contradiction(&args) {
            Some((kind, message)) => Err(command.error(kind, message)),
            None => Ok(args),
        }
    }
}

/// The short help leaves out what every command takes: so it fits a screen.
fn with_brief_help(mut command: Command) -> Command {
    command.build(); // now the subcommands have the options of all
    let of_calls = |arg: &Arg| ["verbose", "trace"].contains(&arg.get_id().as_str());
    let hide = |arg: Arg| if of_calls(&arg) { arg.hide(true) } else { arg };
    let without = |command: Command| command.mut_args(hide);
    brief(command.mut_subcommand("serve", without).mut_subcommand("context", without))
}

fn brief(command: Command) -> Command {
    let hide = |arg: Arg| if arg.is_global_set() { arg.hide_short_help(true) } else { arg };
    command.mut_args(hide).mut_subcommands(brief)
}

/// The short help has no groups of options, either: their names take as much room as two options.
fn without_groups(command: Command) -> Command {
    let ungrouped = |arg: Arg| arg.help_heading(None::<&'static str>);
    command.mut_args(ungrouped).mut_subcommands(without_groups)
}

/// A variable that is set but empty is not set: compose files and CI systems cannot leave one out.
/// clap would take it for an empty value.
fn without_empty_variables(
    command: Command,
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> Command {
    let unset = |arg: Arg| {
        let is_empty = arg.get_env().and_then(&variable).is_some_and(|value| value.is_empty());
        if is_empty { Arg::env(arg, None::<&'static str>) } else { arg }
    };
    command.mut_args(unset).mut_subcommands(|sub| sub.mut_args(unset))
}

/// Says which variable is no text, where that is what is wrong; clap says the same of all arguments.
fn name_the_variable(
    error: clap::Error,
    command: &mut Command,
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> clap::Error {
    if error.kind() != ErrorKind::InvalidUtf8 {
        return error;
    }
    let is_text = |arg: &&Arg| arg.get_value_parser().type_id() != TypeId::of::<PathBuf>();
    let variables = command.get_arguments().filter(is_text).filter_map(Arg::get_env);
    let is_no_text = |name: &OsStr| variable(name).is_some_and(|value| value.to_str().is_none());
    let found = variables.map(OsStr::to_owned).find(|name| is_no_text(name));
    match found {
        Some(name) => {
            let message = format!("the variable {} is not text in UTF-8", name.display());
            command.error(ErrorKind::InvalidUtf8, message)
        }
        None => error,
    }
}

/// What `fibrpcctl` does.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// Compute F(N) for every N
    Call(CallArgs),
    /// Send any request to any RPC server, and print the reply
    Request(RequestArgs),
    /// Answer a queue as a stub, to test a client without its server
    Serve(ServeArgs),
    /// Ask the server for a sign of life, once or again and again
    Ping(PingArgs),
    /// Show the server's version, methods and limits, or its statistics
    Info(InfoArgs),
    /// Show broker, queue and server on one screen, or judge them
    Status(StatusArgs),
    /// List, choose and show named brokers
    Context(ContextArgs),
    /// Print what makes a shell complete the arguments of fibrpcctl
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl CtlCommand {
    /// The name of a command that makes no calls.
    fn without_calls(&self) -> Option<&'static str> {
        match self {
            Self::Serve(_) => Some("serve"),
            Self::Context(_) => Some("context"),
            Self::Completions { .. } => Some("completions"),
            Self::Call(_) | Self::Request(_) | Self::Ping(_) | Self::Info(_) | Self::Status(_) => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
