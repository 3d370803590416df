//! The command lines of both programs.
//!
//! Only the shape of the arguments is checked here; clap reports what is wrong with it and the
//! program exits with 2. Settings of the daemon are judged by [`crate::config`], numbers by the
//! server.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use thiserror::Error;

/// The longest `--timeout`.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

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

Exit codes:
  0  ok
  2  wrong usage
  3  the server answered with an error
  4  timed out
  5  no such queue, or no server is consuming it
  6  the broker is unreachable or refused";

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
    pub set: Vec<Setting>,
}

/// One `KEY=VALUE` of `--set`, not yet judged.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key with its section, such as `log.level`.
    pub key: String,
    /// The value, verbatim; may be empty.
    pub value: String,
}

impl fmt::Debug for Setting {
    /// The key alone: the value may be a URI with its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({}=..)", self.key)
    }
}

/// A `--set` without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected KEY=VALUE, such as log.level=debug")]
pub struct SettingError;

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok(Self { key: key.trim().to_owned(), value: value.to_owned() })
            }
            _ => Err(SettingError),
        }
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

/// What every command of `fibrpcctl` takes, before or after its name.
#[derive(Debug, Args)]
pub struct CtlOptions {
    /// The broker; put a password into `FIBRPCCTL_URI` instead, as `ps` shows arguments to everybody
    #[arg(
        long,
        global = true,
        env = "FIBRPCCTL_URI",
        hide_env_values = true,
        default_value = "amqp://guest:guest@127.0.0.1:5672/%2f"
    )]
    pub uri: UriText,

    /// The queue that the server consumes
    #[arg(long, global = true, env = "FIBRPCCTL_QUEUE", default_value = "rpc_queue")]
    pub queue: String,

    /// How long to wait for everything together, such as 250ms or 1m
    #[arg(
        long,
        global = true,
        env = "FIBRPCCTL_TIMEOUT",
        default_value = "10s",
        value_parser = timeout
    )]
    pub timeout: Duration,

    /// How to print answers: bare, or as one JSON object a line
    #[arg(
        long,
        global = true,
        value_enum,
        env = "FIBRPCCTL_FORMAT",
        default_value_t = OutputFormat::Plain
    )]
    pub format: OutputFormat,
}

/// The text of a broker URI, which may hold a password.
///
/// So it is not in debug output, and not parsed here: clap repeats a wrong value in its message.
#[derive(Clone, PartialEq, Eq)]
pub struct UriText(String);

impl UriText {
    /// The URI, password included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for UriText {
    fn from(uri: String) -> Self {
        Self(uri)
    }
}

impl fmt::Debug for UriText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UriText(..)")
    }
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum OutputFormat {
    /// The bare answer, one a line.
    #[value(help = None)] // with help here, clap would spread every option over five lines
    Plain,
    /// One JSON object a line.
    #[value(help = None)]
    Json,
}

/// What `fibrpcctl` does.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// Compute F(N) for every N
    Call(CallArgs),
    /// Ask the server for a sign of life
    Ping,
    /// Show the server's version, methods and limits
    Info,
}

/// The arguments of `call`.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// Numbers, sent as they are; `-` alone reads them from standard input, one a line
    #[arg(value_name = "N", required = true)]
    numbers: Vec<String>,
}

/// Where the numbers of a `call` come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers<'a> {
    /// Standard input, one a line.
    Stdin,
    /// The command line: at least one, not checked in any way.
    Given(&'a [String]),
}

impl CallArgs {
    /// Where the numbers come from.
    #[must_use]
    pub fn numbers(&self) -> Numbers<'_> {
        match self.numbers.as_slice() {
            [dash] if dash == "-" => Numbers::Stdin,
            given => Numbers::Given(given),
        }
    }
}

/// What is wrong with a `--timeout`.
#[derive(Debug, Error)]
enum TimeoutError {
    #[error("{0}; expected a duration such as 10s or 250ms")]
    Syntax(#[from] humantime::DurationError),
    #[error("must be more than 0")]
    Zero,
    #[error("must be at most 1 day")]
    TooLong,
}

fn timeout(text: &str) -> Result<Duration, TimeoutError> {
    match humantime::parse_duration(text)? {
        Duration::ZERO => Err(TimeoutError::Zero),
        long if long > MAX_TIMEOUT => Err(TimeoutError::TooLong),
        good => Ok(good),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn daemon(args: &[&str]) -> Result<DaemonArgs, clap::Error> {
        DaemonArgs::try_parse_from([&["fibrpcd"], args].concat())
    }

    fn ctl(args: &[&str]) -> Result<CtlArgs, clap::Error> {
        CtlArgs::try_parse_from([&["fibrpcctl"], args].concat())
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
    fn settings_are_split_at_the_first_equals_sign() {
        let args = daemon(&[
            "--check",
            "--config=f.toml",
            "--set",
            "log.level=debug",
            "--set=a.b=c=d",
            "--set= k =",
        ]);
        let args = args.unwrap();
        let set: Vec<_> = args.set.iter().map(|s| (s.key.as_str(), s.value.as_str())).collect();
        assert_eq!(set, [("log.level", "debug"), ("a.b", "c=d"), ("k", "")]);
        assert!(args.check);
        assert_eq!(args.config, Some("f.toml".into()));
    }

    #[test]
    fn the_daemon_refuses_what_it_does_not_know() {
        for args in [&["--set", "nothing"][..], &["--set", "=x"], &["--set"], &["x"], &["--config"]]
        {
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
        for (text, says) in [
            ("0s", "must be more than 0"),
            ("25h", "must be at most 1 day"),
            ("10", "such as 10s"),
            ("", "such as 10s"),
            ("99999999999999y", "such as 10s"),
        ] {
            assert_usage(ctl(&["--timeout", text, "ping"]), says);
        }
        assert_usage(ctl(&["--timeout=-1s", "ping"]), "such as 10s");
    }

    #[test]
    fn options_may_stand_on_either_side_of_the_command() {
        for args in [
            &["--queue", "q", "--format", "json", "call", "5"][..],
            &["call", "5", "--queue", "q", "--format", "json"],
        ] {
            let options = ctl(args).unwrap().options;
            assert_eq!(options.queue, "q");
            assert_eq!(options.format, OutputFormat::Json);
        }
    }

    #[test]
    fn help_tells_the_defaults_and_the_variables() {
        let help = CtlArgs::command().render_help().to_string();
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
            "5 no such queue, or no server is consuming it",
        ] {
            assert!(help.contains(part), "{part:?} is not in {help}");
        }
    }

    #[test]
    fn the_uri_is_not_shown_by_accident() {
        let args = ctl(&["--uri", "amqp://u:secret@h", "ping"]).unwrap();
        assert_eq!(args.options.uri.as_str(), "amqp://u:secret@h");
        assert!(!format!("{args:?}").contains("secret"));
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
}
