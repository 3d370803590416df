//! The arguments of `fibrpcctl serve`.

use super::{
    durations::{DurationError, pause},
    headings,
    pairs::{checked_header, header},
};
use crate::wire::Properties;
use clap::{Args, value_parser};
use std::{
    ffi::{OsStr, OsString},
    num::NonZero,
    path::Path,
    thread,
    time::Duration,
};

const NOTES: &str = "\
CMD has the body as input, FIBRPC_TYPE, FIBRPC_HEADER_X_TENANT and such in its
environment; if it fails, the reply is an error. --help has further options.
Examples:
  fibrpcctl --queue prices serve --declare
  fibrpcctl --queue prices serve --command 'jq .id' --delay 5ms..20ms --fail 1%";

/// The arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct ServeArgs {
    /// Send each body back: the default
    #[arg(
        help_heading = headings::REPLY,
        long,
        conflicts_with_all = ["reply", "reply_text", "command"]
    )]
    echo: bool,

    /// Reply with the content of FILE
    #[arg(
        help_heading = headings::REPLY,
        long,
        value_name = "FILE",
        conflicts_with_all = ["reply_text", "command"]
    )]
    reply: Option<OsString>,

    /// Reply with TEXT
    #[arg(help_heading = headings::REPLY, long, value_name = "TEXT", conflicts_with = "command")]
    reply_text: Option<OsString>,

    /// Reply with what a shell command writes
    ///
    /// It may take --timeout, and no longer than the request gives.
    #[arg(help_heading = headings::REPLY, long, value_name = "CMD")]
    command: Option<OsString>,

    /// A header of replies; may be repeated
    ///
    /// With `NAME:=VALUE`, a number, true or false instead of a text.
    #[arg(
        help_heading = headings::REPLY,
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        value_parser = checked_header
    )]
    header: Vec<String>,

    /// The media type of replies [default with --echo: that of the request]
    #[arg(help_heading = headings::REPLY, long, value_name = "TYPE", hide_short_help = true)]
    content_type: Option<String>,

    /// The property `type` of replies
    #[arg(help_heading = headings::REPLY, long, value_name = "TYPE", hide_short_help = true)]
    r#type: Option<String>,

    /// Wait before each reply
    ///
    /// Such as 5ms..20ms; bare numbers are seconds.
    #[arg(
        help_heading = headings::FAULT,
        long,
        value_name = "MIN[..MAX]",
        default_value = "0s",
        value_parser = delay
    )]
    delay: (Duration, Duration),

    /// Reply to so many with an error
    #[arg(
        help_heading = headings::FAULT,
        long,
        value_name = "PERCENT",
        default_value = "0%",
        value_parser = share
    )]
    fail: f64,

    /// Draw the same delays and failures again
    #[arg(help_heading = headings::FAULT, long, value_name = "NUMBER", hide_short_help = true)]
    pub seed: Option<u64>,

    /// Take so many requests at once
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 32,
        hide_short_help = true,
        value_parser = value_parser!(u16).range(1..=4096)
    )]
    pub prefetch: u16,

    /// Work on so many at once [default: all; CMD: cores]
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u16).range(1..=4096))]
    concurrency: Option<u16>,

    /// End after so many requests, with exit code 0
    #[arg(short, long, value_name = "COUNT", value_parser = value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// Declare the queue, for a while, if there is none
    #[arg(long)]
    pub declare: bool,

    /// Print no line for each request
    #[arg(help_heading = headings::OUTPUT, short, long)]
    pub quiet: bool,
}

/// What replies are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplySource<'a> {
    /// The body of the request.
    Echo,
    /// A file.
    File(&'a Path),
    /// This.
    Text(&'a OsStr),
    /// A command of the shell.
    Command(&'a OsStr),
}

impl ServeArgs {
    /// What replies are made of.
    #[must_use]
    pub fn source(&self) -> ReplySource<'_> {
        match (&self.command, &self.reply, &self.reply_text) {
            (Some(command), ..) => ReplySource::Command(command),
            (None, Some(file), _) => ReplySource::File(Path::new(file)),
            (None, None, Some(text)) => ReplySource::Text(text),
            (None, None, None) => ReplySource::Echo,
        }
    }

    /// What replies say beside their bodies.
    #[must_use]
    pub fn properties(&self) -> Properties {
        Properties {
            content_type: self.content_type.clone(),
            kind: self.r#type.clone(),
            // What cannot be set was refused with the arguments.
            headers: self.header.iter().filter_map(|text| header(text).ok()).collect(),
            ..Properties::default()
        }
    }

    /// The least and the longest pause before a reply.
    #[must_use]
    pub fn delay(&self) -> (Duration, Duration) {
        self.delay
    }

    /// The share of requests that is answered with an error, from 0 to 1.
    #[must_use]
    pub fn fail(&self) -> f64 {
        self.fail
    }

    /// How many requests are worked on at once.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        match self.concurrency {
            Some(count) => count.into(),
            None if self.command.is_some() => cores(),
            None => self.prefetch.into(),
        }
    }
}

/// What is wrong with a `--delay` or a `--fail`.
#[derive(Debug, thiserror::Error)]
enum ShapeError {
    #[error("{0}; two of them have .. between, as in 5ms..20ms")]
    Duration(#[from] DurationError),
    #[error("the second duration is shorter than the first; one without a unit is in seconds")]
    Reversed,
    #[error("expected a percentage from 0% to 100%, such as 1%")]
    Percent,
}

fn delay(text: &str) -> Result<(Duration, Duration), ShapeError> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (pause(least)?, pause(most)?);
    if least > most { Err(ShapeError::Reversed) } else { Ok((least, most)) }
}

fn share(text: &str) -> Result<f64, ShapeError> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or(ShapeError::Percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_one_duration_or_two() {
        let millis = Duration::from_millis;
        assert_eq!(delay("5ms").unwrap(), (millis(5), millis(5)));
        assert_eq!(delay("5ms..1s").unwrap(), (millis(5), millis(1000)));
        assert_eq!(delay("0s..5ms").unwrap(), (millis(0), millis(5)));
        assert_eq!(delay("0.5..1").unwrap(), (millis(500), millis(1000)));
        for (text, says) in [
            ("20ms..5ms", "shorter than the first"),
            ("5x..20ms", "as in 5ms..20ms"),
            ("", "as in 5ms..20ms"),
            ("1s..2days", "at most 1 day"),
        ] {
            let error = delay(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn failures_are_a_percentage() {
        for (text, value) in [("1%", 0.01), ("0.5%", 0.005), ("100%", 1.0), ("0%", 0.0)] {
            assert!((share(text).unwrap() - value).abs() < 1e-12, "{text}");
        }
        for text in ["1", "0.01", "101%", "-1%", "%", "nan%", "inf%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
