//! The arguments of `fibrpcctl call`.

use super::{
    InputFormat, headings,
    ranges::{Range, RangeError},
};
use clap::{Args, value_parser};
use std::path::PathBuf;

const NOTES: &str = "\
--help also has the options of every command, such as --uri and --queue.

Examples:
  fibrpcctl call 10 50 1000
  fibrpcctl call 0..=90 1000..2000..100
  seq 0 90 | fibrpcctl call --json --unordered -
  fibrpcctl --timeout 1m call --retries 3 --output answers 0..100000";

/// The arguments of `call`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub struct CallArgs {
    /// Numbers, sent as they are; ranges such as 1..=10, 0..10 (without 10) and
    /// 0..100..10; `-` alone reads numbers from standard input, one a line
    #[arg(value_name = "N", required = true, value_parser = number)]
    numbers: Vec<String>,

    /// What the lines behind `-` are: numbers, or JSON objects with n, and an id, which the output
    /// repeats
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t = InputFormat::Lines,
        hide_short_help = true
    )]
    pub input_format: InputFormat,

    /// Most calls under way at once
    ///
    /// Those whose answers are not written yet are among them.
    #[arg(
        short,
        long,
        value_name = "COUNT",
        default_value_t = 256,
        value_parser = value_parser!(u16).range(1..=4096)
    )]
    pub concurrency: u16,

    /// Print answers as they come
    ///
    /// Not in the order of the numbers; --json says which is which.
    #[arg(help_heading = headings::OUTPUT, long)]
    pub unordered: bool,

    /// More tries of a call that had no answer
    ///
    /// An error of the server is an answer. Each try has the whole --timeout, and the server may get
    /// each of them.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub retries: u16,

    /// Write answers to FILE, which is made anew
    ///
    /// What it held stays where there is no answer at all. `-` is standard output.
    #[arg(help_heading = headings::OUTPUT, short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Where the numbers of a `call` come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers<'a> {
    /// Standard input, one a line.
    Stdin,
    /// The command line: at least one; ranges are sound, other texts not checked in any way.
    Given(&'a [String]),
}

impl CallArgs {
    /// What does not go together.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let has_dash = self.numbers.len() > 1 && self.numbers.iter().any(|text| text == "-");
        has_dash.then_some("- reads the numbers from standard input: give it alone")
    }

    /// Where the numbers come from.
    #[must_use]
    pub fn numbers(&self) -> Numbers<'_> {
        match self.numbers.as_slice() {
            [dash] if dash == "-" => Numbers::Stdin,
            given => Numbers::Given(given),
        }
    }
}

/// What is to be sent for a text of the command line: one by one, as a range may be long.
#[must_use]
pub fn expanded(text: &str) -> Box<dyn Iterator<Item = String>> {
    match Range::parse(text) {
        Some(Ok(range)) => Box::new(range.numbers().map(|number| number.to_string())),
        _ => Box::new(std::iter::once(text.to_owned())),
    }
}

fn number(text: &str) -> Result<String, RangeError> {
    Range::parse(text).transpose().map(|_| text.to_owned())
}
