//! The arguments of `fibrpcctl status`.

use super::{
    conditions::{Condition, Conditions, conditions},
    format::Format,
};
use clap::Args;
use std::ffi::OsString;
use url::Url;

const NOTES: &str = "\
Conditions are NAME OP VALUE, with commas between; OP: > >= < <= = !=
NAME: depth, consumers, ping; of the server age (of the oldest request it
holds), in_flight, and of its last minute p50, p99, errors (such as 5%).

Examples:
  fibrpcctl status --check --warn 'depth>100,age>5s' --crit 'consumers<1'
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

    /// Conditions for CRITICAL [default: consumers<1]
    #[arg(long, value_name = "CONDITIONS", requires = "check", value_parser = conditions)]
    crit: Option<Conditions>,

    /// Ask the daemon over HTTP, too
    #[arg(
        long,
        value_name = "URL",
        env = "FIBRPCCTL_HTTP",
        hide_env_values = true,
        value_parser = http_url
    )]
    pub http: Option<Url>,

    /// With --check plain is nagios
    #[arg(
        long,
        value_enum,
        requires_ifs([("nagios", "check"), ("prometheus", "check")])
    )]
    // In the place of that of all commands, to which clap copies its value.
    format: Option<Format>,
}

impl StatusArgs {
    /// Each of these is enough for a WARNING.
    #[must_use]
    pub fn warn(&self) -> &[Condition] {
        self.warn.as_ref().map_or(&[], |conditions| &conditions.0)
    }

    /// Each of these is enough for CRITICAL.
    #[must_use]
    pub fn crit(&self) -> &[Condition] {
        self.crit.as_ref().map_or(&[Condition::NO_CONSUMER], |conditions| &conditions.0)
    }
}

/// Whether these arguments, which may be wrong, ask for a verdict.
pub(super) fn is_check(given: &[OsString]) -> bool {
    let mut rest = given.iter();
    rest.any(|arg| arg == "status") && rest.any(|arg| arg == "--check")
}

/// What is wrong with a `--http`.
#[derive(Debug, thiserror::Error)]
enum UrlError {
    #[error("{0}; expected a URL such as http://127.0.0.1:9674")]
    Syntax(#[from] url::ParseError),
    #[error("expected a URL such as http://127.0.0.1:9674")]
    Scheme,
    #[error("the daemon asks for no user or password")]
    Login,
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
