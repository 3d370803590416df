//! Colours, where a person sees them: by `--color`, and else as `NO_COLOR`, `CLICOLOR`,
//! `CLICOLOR_FORCE` and `TERM` have it.

use crate::cli::ColorWhen;
use anstream::{AutoStream, ColorChoice, stream::RawStream};
use anstyle::{AnsiColor, Style};

/// The name of the program before what it says.
pub(super) const NAME: Style = Style::new().dimmed();

/// What to do.
pub(super) const HINT: Style = AnsiColor::Cyan.on_default();

/// What is as it should be.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();

/// Whether a stream gets colours.
pub(super) fn wanted<S: RawStream>(when: ColorWhen, stream: &S) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => AutoStream::choice(stream) != ColorChoice::Never,
    }
}

/// Text in a style.
pub(super) fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
