//! The arguments of `fibrpcctl status`.

use super::{
    conditions::{Condition, Conditions, Figure, conditions},
    format::Format,
    headings,
};
use crate::text::one_line;
use clap::Args;
use std::{
    convert::Infallible,
    ffi::{OsStr, OsString},
    io::{self, Write as _},
};
use url::Url;

const NOTES: &str = "\
Conditions are NAME OP VALUE, with commas between; OP: > >= < <= = !=
NAME: depth, consumers, ping; of the server age (of the oldest request it
holds), in_flight, and of its last minute p50, p99, errors (such as 5%).
A bare time is in seconds. The server gets a ping: type ping, body 0.
Examples:
  fibrpcctl status --check --warn 'depth>100,age>5s' --crit 'p99>1s'
  fibrpcctl status --check --format prometheus >fibrpc.prom

Exit codes: with --check 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, wrong usage;
without, those of every command, such as 5 where nobody consumes.";

/// The arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct StatusArgs {
    /// Judge it, with the exit codes of Nagios plugins
    #[arg(long)]
    pub check: bool,

    /// Conditions for WARNING
    #[arg(long, value_name = "CONDITIONS", requires = "check", value_parser = conditions)]
    warn: Option<Conditions>,

    /// Conditions for CRITICAL, beside consumers<1
    ///
    /// One that names consumers takes the place of consumers<1.
    #[arg(long, value_name = "CONDITIONS", requires = "check", value_parser = conditions)]
    crit: Option<Conditions>,

    /// Ask the daemon over HTTP, too
    #[arg(
        long,
        value_name = "URL",
        env = "FIBRPCCTL_HTTP",
        hide_env_values = true,
        value_parser = judged
    )]
    http: Option<Judged>,

    /// With --check plain is nagios
    #[arg(
        help_heading = headings::OUTPUT,
        long,
        value_enum,
        requires_ifs([("nagios", "check"), ("prometheus", "check")])
    )]
    // In the place of that of all commands, to which clap copies its value.
    format: Option<Format>,
}

/// The URL, or what is wrong with it: clap would repeat one that it cannot parse, a password in it
/// included.
type Judged = Result<Url, UrlError>;

impl StatusArgs {
    /// Where to ask the daemon over HTTP, too.
    #[must_use]
    pub fn http(&self) -> Option<&Url> {
        self.http.as_ref()?.as_ref().ok()
    }

    /// What is wrong with that place.
    pub(super) fn mistake(&self) -> Option<String> {
        let error = self.http.as_ref()?.as_ref().err()?;
        Some(format!("--http: {error}"))
    }

    /// Each of these is enough for a WARNING.
    #[must_use]
    pub fn warn(&self) -> &[Condition] {
        self.warn.as_ref().map_or(&[], |conditions| &conditions.0)
    }

    /// Each of these is enough for CRITICAL. That nobody consumes is, unless they say otherwise of
    /// consumers.
    #[must_use]
    pub fn crit(&self) -> Vec<Condition> {
        let given = self.crit.as_ref().map_or(&[][..], |conditions| &conditions.0);
        let of_consumers = given.iter().any(|condition| condition.figure == Figure::Consumers);
        let default = (!of_consumers).then_some(Condition::NO_CONSUMER);
        given.iter().copied().chain(default).collect()
    }
}

/// Whether these arguments, which may be wrong, ask for a verdict.
pub(super) fn is_check(given: &[OsString]) -> bool {
    let mut rest = given.iter();
    rest.any(|arg| arg == "status") && rest.any(|arg| arg == "--check")
}

/// Says why nothing can be judged: on standard output, as that is all that monitoring systems show.
/// Who wants an object or metrics gets neither, and reads it on standard error.
pub(super) fn refuse(
    error: &clap::Error,
    given: &[OsString],
    format: Option<&OsStr>,
) -> io::Result<()> {
    let others = ["--json", "json", "--format=json", "prometheus", "--format=prometheus"];
    let is_other = |word: &OsStr| others.iter().any(|other| word == *other);
    if given.iter().map(OsString::as_os_str).chain(format).any(is_other) {
        return error.print();
    }
    let text = error.render().to_string();
    // Below are tips, and how to use it.
    let cause = text.split("\n\n").next().unwrap_or_default();
    let cause = cause.strip_prefix("error: ").unwrap_or(cause);
    writeln!(io::stdout(), "{}", plugin_text("UNKNOWN", cause))
}

/// The longest text of a plugin before its figures, in bytes: plugins may print 8 KiB.
const MAX_TEXT: usize = 2 << 10;

/// What plugins print, in one line; a bar would begin the figures.
pub(crate) fn plugin_text(state: &str, text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let text = one_line(&words.join(" ")).replace('|', "/");
    let end = text.floor_char_boundary(MAX_TEXT);
    format!("FIBRPC {state} - {}", text.get(..end).unwrap_or_default())
}

/// What is wrong with a `--http`.
#[derive(Clone, Debug, thiserror::Error)]
enum UrlError {
    #[error("{0}; expected a URL such as http://127.0.0.1:9674")]
    Syntax(#[from] url::ParseError),
    #[error("expected a URL such as http://127.0.0.1:9674")]
    Scheme,
    #[error("the daemon asks for no user or password")]
    Login,
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn judged(text: &str) -> Result<Judged, Infallible> {
    Ok(http_url(text))
}

fn http_url(text: &str) -> Result<Url, UrlError> {
    let mut url = Url::parse(text)?;
    if url.scheme() != "http" || !url.has_host() {
        return Err(UrlError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Login);
    }
    if url.path() == "/" {
        url.set_path("/status");
    }
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_plugin_is_one_line() {
        assert_eq!(plugin_text("OK", "a\n|b  c"), "FIBRPC OK - a /b c");
        assert_eq!(plugin_text("OK", &"é".repeat(MAX_TEXT)).len(), MAX_TEXT + 12);
    }

    #[test]
    fn a_url_leads_to_the_status_page_unless_it_says_otherwise() {
        for (text, url) in [
            ("http://127.0.0.1:9674", "http://127.0.0.1:9674/status"),
            ("http://[::1]:9674/", "http://[::1]:9674/status"),
            ("http://proxy/d1/status#x", "http://proxy/d1/status"),
        ] {
            assert_eq!(http_url(text).unwrap().as_str(), url);
        }
        for text in ["", "127.0.0.1:9674", "https://h", "http://", "http://u:p@h", "file:///x"] {
            assert!(http_url(text).is_err(), "{text}");
        }
    }
}
