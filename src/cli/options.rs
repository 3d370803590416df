//! What every command of `fibrpcctl` takes.

use super::{
    durations::timeout,
    format::{CheckFormat, Format, OutputFormat},
    headings,
    origins::Origins,
};
use crate::wire::{QueueNameError, check_queue_name};
use clap::{Args, ColorChoice, ValueEnum, builder::FalseyValueParser};
use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

/// What every command of `fibrpcctl` takes, before or after its name.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct CtlOptions {
    /// Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what
    /// `context use` said]
    #[arg(
        help_heading = headings::CONNECTION,
        long,
        global = true,
        env = "FIBRPCCTL_CONTEXT",
        value_name = "NAME"
    )]
    pub context: Option<String>,

    /// The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows
    /// arguments to everybody
    #[arg(
        help_heading = headings::CONNECTION,
        long,
        global = true,
        env = "FIBRPCCTL_URI",
        hide_env_values = true,
        default_value = "amqp://guest:guest@127.0.0.1:5672/%2f"
    )]
    pub uri: Sensitive,

    /// The queue that the server consumes
    #[arg(
        help_heading = headings::CALL,
        long,
        global = true,
        env = "FIBRPCCTL_QUEUE",
        default_value = "rpc_queue",
        value_parser = queue
    )]
    pub queue: String,

    /// How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds
    #[arg(
        help_heading = headings::CALL,
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
        help_heading = headings::CALL,
        long,
        global = true,
        env = "FIBRPCCTL_WAIT",
        overrides_with = "no_wait",
        value_parser = FalseyValueParser::new()
    )]
    pub(super) wait: bool,

    /// Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set
    #[arg(help_heading = headings::CALL, long, global = true, overrides_with = "wait")]
    no_wait: bool,

    /// A file whose only line replaces the URI's password
    #[arg(
        help_heading = headings::CONNECTION,
        long,
        global = true,
        env = "FIBRPCCTL_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub password_file: Option<PathBuf>,

    /// Ask for the password on the terminal
    #[arg(help_heading = headings::CONNECTION, long, global = true)]
    pub ask_password: bool,

    /// The only authorities to trust for amqps, in PEM [default: those that the system trusts]
    #[arg(
        help_heading = headings::CONNECTION,
        long,
        global = true,
        env = "FIBRPCCTL_CA_FILE",
        value_name = "FILE"
    )]
    pub ca_file: Option<PathBuf>,

    /// A client certificate for amqps, in PEM; it logs in where the URI names no user
    #[arg(
        help_heading = headings::CONNECTION,
        long,
        global = true,
        env = "FIBRPCCTL_CERT_FILE",
        value_name = "FILE"
    )]
    pub cert_file: Option<PathBuf>,

    /// The key of that certificate, in PEM
    #[arg(
        help_heading = headings::CONNECTION,
        long,
        global = true,
        env = "FIBRPCCTL_KEY_FILE",
        value_name = "FILE"
    )]
    pub key_file: Option<PathBuf>,

    /// Have the calls traced: send a new W3C trace id with them, and print it: to standard
    /// error, or as a field of each JSON object
    #[arg(help_heading = headings::CALL, long, global = true)]
    pub trace: bool,

    /// Say where the time of calls went: on standard error, or as `timing` of each JSON object
    #[arg(help_heading = headings::OUTPUT, short, long, global = true, overrides_with = "verbose")]
    pub verbose: bool,

    /// How to print answers: bare, or as one JSON object a line
    #[arg(
        help_heading = headings::OUTPUT,
        long,
        global = true,
        value_parser = Format::everywhere(),
        env = "FIBRPCCTL_FORMAT",
        default_value = "plain"
    )]
    pub(super) format: Format,

    /// The same as --format json, and stronger
    #[arg(help_heading = headings::OUTPUT, long, global = true)]
    json: bool,

    /// Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb`
    /// says otherwise; `CLICOLOR_FORCE` is everywhere
    #[arg(
        help_heading = headings::OUTPUT,
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorWhen::Auto
    )]
    pub color: ColorWhen,

    /// The password that was typed.
    #[arg(skip)]
    pub password: Option<Sensitive>,

    /// Where each setting comes from.
    #[arg(skip)]
    pub(super) origins: Origins,
}

impl CtlOptions {
    /// How answers are printed.
    #[must_use]
    pub fn format(&self) -> OutputFormat {
        if self.json { OutputFormat::Json } else { self.format.of_output() }
    }

    /// Whether an option asks for JSON, and not only a setting.
    pub(super) fn insists_on_json(&self) -> bool {
        self.json
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

/// What a line of standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum InputFormat {
    /// What is sent.
    #[value(help = None)]
    Lines,
    /// A JSON object, with what is sent and how.
    #[value(help = None)]
    Json,
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, ValueEnum)]
pub enum ColorWhen {
    /// Where a person sees them.
    #[default]
    #[value(help = None)]
    Auto,
    /// Everywhere.
    #[value(help = None)]
    Always,
    /// Nowhere.
    #[value(help = None)]
    Never,
}

impl ColorWhen {
    /// As far as arguments say that are not parsed yet: help and usage errors have colours too.
    pub(super) fn of_unparsed(arguments: &[OsString]) -> Self {
        let arguments = arguments.iter().take_while(|argument| *argument != "--");
        let arguments: Vec<_> = arguments.filter_map(|argument| argument.to_str()).collect();
        let apart = arguments.windows(2).filter_map(|pair| match pair {
            ["--color", when] => Some(*when),
            _ => None,
        });
        let joined = arguments.iter().filter_map(|argument| argument.strip_prefix("--color="));
        let when = apart.chain(joined).next().unwrap_or_default();
        Self::from_str(when, false).unwrap_or_default()
    }
}

impl From<ColorWhen> for ColorChoice {
    fn from(when: ColorWhen) -> Self {
        match when {
            ColorWhen::Auto => Self::Auto,
            ColorWhen::Always => Self::Always,
            ColorWhen::Never => Self::Never,
        }
    }
}

pub(crate) fn queue(text: &str) -> Result<String, QueueNameError> {
    check_queue_name(text).map(|()| text.to_owned())
}
