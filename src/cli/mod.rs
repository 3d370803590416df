//! The command lines of both programs.
//!
//! Only the shape of the arguments is checked here; clap reports what is wrong with it and the
//! program exits with 2. Settings of the daemon are judged by [`crate::daemon::config`], numbers by
//! the server.

mod beginning;
mod call;
mod conditions;
mod format;
mod info;
mod ping;
mod ranges;
mod request;
mod serve;
mod status;

pub use self::{
    call::{CallArgs, Numbers, expanded},
    conditions::{Comparison, Condition, Figure, Unit},
    format::{CheckFormat, OutputFormat},
    info::InfoArgs,
    ping::{PingArgs, PingSeries},
    request::{Body, RequestArgs},
    serve::{ReplySource, ServeArgs},
    status::StatusArgs,
};

use self::{beginning::begin, format::Format};
use crate::{
    client::MAX_TIMEOUT,
    exit::Exit,
    wire::{QueueNameError, check_queue_name},
};
use clap::{
    Arg, Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    builder::FalseyValueParser, error::ErrorKind,
};
use std::{
    any::TypeId,
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
    time::Duration,
};

const DAEMON_NOTES: &str = "\
Settings: built-in defaults, then the file, then FIBRPCD_SECTION__KEY in the environment
(FIBRPCD_AMQP__PREFETCH=8), then --set; the last one counts.

Examples:
  fibrpcd
  fibrpcd --config ./fibrpcd.toml --check
  fibrpcd --set log.level=debug --set amqp.prefetch=8

Exit codes:
  0   stopped as asked
  1   failed, or stopped before its work was done
  2   wrong usage
  78  wrong configuration";

const CTL_NOTES: &str = "\
Examples:
  fibrpcctl call 10 50 1000
  fibrpcctl call -- -1
  seq 0 90 | fibrpcctl call -
  fibrpcctl --format json info
  fibrpcctl status
  fibrpcctl --queue prices request -d @order.json -H 'x-tenant: acme'
  fibrpcctl --queue prices serve --declare --command ./prices.sh

Exit codes, that of the first call that failed:
  0  ok
  1  the output could not be written, the input not read, or the program itself failed
  2  wrong usage
  3  the server answered with an error
  4  timed out
  5  no such queue, or no server is consuming it
  6  the broker is unreachable or refused; the call too, for a full queue or its size
  130, 143  ended by SIGINT, SIGTERM";

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
        begin(Self::try_parse)
    }
}

/// Call a fibrpcd server.
#[derive(Debug, Parser)]
#[command(name = "fibrpcctl", version, after_help = CTL_NOTES)]
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
        begin(|| Self::try_from(given, |name| std::env::var_os(name))).map_err(|exit| match exit {
            Exit::Usage if is_check => Exit::CHECK_UNKNOWN,
            exit => exit,
        })
    }

    /// These arguments, with these variables.
    fn try_from(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&OsStr) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let command = without_empty_variables(Self::command(), &variable);
        let mut command = with_brief_help(command);
        let matches = command.try_get_matches_from_mut(arguments);
        let matches = matches.map_err(|error| name_the_variable(error, &mut command, variable))?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

/// The short help of a subcommand leaves out what every one takes: so it fits a screen.
fn with_brief_help(mut command: Command) -> Command {
    command.build(); // now the subcommands have the options of all
    command.mut_subcommands(|sub| {
        sub.mut_args(|arg| if arg.is_global_set() { arg.hide_short_help(true) } else { arg })
    })
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

/// What every command of `fibrpcctl` takes, before or after its name.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct CtlOptions {
    /// The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows
    /// arguments to everybody
    #[arg(
        long,
        global = true,
        env = "FIBRPCCTL_URI",
        hide_env_values = true,
        default_value = "amqp://guest:guest@127.0.0.1:5672/%2f"
    )]
    pub uri: Sensitive,

    /// The queue that the server consumes
    #[arg(
        long,
        global = true,
        env = "FIBRPCCTL_QUEUE",
        default_value = "rpc_queue",
        value_parser = queue
    )]
    pub queue: String,

    /// How long a call may take, connecting included, such as 250ms or 1m
    #[arg(
        long,
        global = true,
        env = "FIBRPCCTL_TIMEOUT",
        default_value = "10s",
        value_parser = timeout
    )]
    pub timeout: Duration,

    /// Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a
    /// call ends as soon as it is certain that one of them is missing
    #[arg(
        long,
        global = true,
        env = "FIBRPCCTL_WAIT",
        overrides_with = "no_wait",
        value_parser = FalseyValueParser::new()
    )]
    wait: bool,

    /// Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set
    #[arg(long, global = true, overrides_with = "wait")]
    no_wait: bool,

    /// A file whose only line replaces the URI's password
    #[arg(long, global = true, env = "FIBRPCCTL_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// The only authorities to trust for amqps, in PEM [default: those that the system trusts]
    #[arg(long, global = true, env = "FIBRPCCTL_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// A client certificate for amqps, in PEM; it logs in where the URI names no user
    #[arg(long, global = true, env = "FIBRPCCTL_CERT_FILE", value_name = "FILE")]
    pub cert_file: Option<PathBuf>,

    /// The key of that certificate, in PEM
    #[arg(long, global = true, env = "FIBRPCCTL_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// Have the calls traced: send a new W3C trace id with them, and print it: to standard
    /// error, or as a field of each JSON object
    #[arg(long, global = true)]
    pub trace: bool,

    /// How to print answers: bare, or as one JSON object a line
    #[arg(
        long,
        global = true,
        value_parser = Format::everywhere(),
        env = "FIBRPCCTL_FORMAT",
        default_value = "plain"
    )]
    format: Format,

    /// The same as --format json, and stronger
    #[arg(long, global = true)]
    json: bool,
}

impl CtlOptions {
    /// How answers are printed.
    #[must_use]
    pub fn format(&self) -> OutputFormat {
        if self.json { OutputFormat::Json } else { self.format.of_output() }
    }

    /// How the verdict of `status --check` is printed.
    #[must_use]
    pub fn check_format(&self) -> CheckFormat {
        if self.json { CheckFormat::Json } else { self.format.of_check() }
    }

    /// Whether calls wait for what is missing.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.wait && !self.no_wait
    }
}

/// A text that may hold a password: kept out of debug output, and judged elsewhere, because clap
/// repeats what it cannot parse.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(String);

impl Sensitive {
    /// The text, password included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// What `fibrpcctl` does.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// Compute F(N) for every N
    Call(CallArgs),
    /// Send any request to any RPC server, and print the reply
    Request(RequestArgs),
    /// Answer the requests of a queue as a stub, to test a client without its server
    Serve(ServeArgs),
    /// Ask the server for a sign of life, once or again and again
    Ping(PingArgs),
    /// Show the server's version, methods and limits, or what it has done
    Info(InfoArgs),
    /// Show the broker, the queue and the server on one screen, or judge them
    Status(StatusArgs),
    /// Print what makes a shell complete the arguments of fibrpcctl
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What is wrong with a `--timeout`.
#[derive(Debug, thiserror::Error)]
enum TimeoutError {
    #[error("{0}; expected a duration such as 10s or 250ms")]
    Syntax(#[from] humantime::DurationError),
    #[error("must be more than 0")]
    Zero,
    #[error("must be at most 1 day")]
    TooLong,
}

fn queue(text: &str) -> Result<String, QueueNameError> {
    check_queue_name(text).map(|()| text.to_owned())
}

fn timeout(text: &str) -> Result<Duration, TimeoutError> {
    match humantime::parse_duration(text)? {
        Duration::ZERO => Err(TimeoutError::Zero),
        long if long > MAX_TIMEOUT => Err(TimeoutError::TooLong),
        good => Ok(good),
    }
}

#[cfg(test)]
mod tests;
