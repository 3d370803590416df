//! One line for each mistake in the configuration, and no secret in any.

use crate::{mistakes::shown_name, text::Escaping};
use std::{
    fmt::{self, Display, Formatter, Write},
    path::Path,
    sync::Arc,
};

/// Where a value or a mistake stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line of the file, or the file as a whole.
    File { path: Arc<Path>, line: Option<usize> },
    /// A variable.
    Environment(String),
    /// A `--set`, as far as it may be shown.
    Option(String),
    /// In no source: a fault of the program.
    Internal,
}

impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Option(text) => write!(f, "--set {text}"),
            Self::Internal => f.write_str("internal error"),
        }
    }
}

/// One mistake. `Display` is one line: where, which key, what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    origin: Origin,
    key: Option<String>,
    message: String,
}

impl Problem {
    /// A mistake that concerns no key.
    pub(super) fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self { origin, key: None, message: message.into() }
    }

    /// A mistake in this key or section, known or not.
    pub(super) fn of_key(origin: Origin, key: &str, message: impl Into<String>) -> Self {
        Self { origin, key: Some(shown_name(key)), message: message.into() }
    }

    /// A checked value that could not be used after all.
    pub(super) fn internal(key: &str) -> Self {
        let message = "a checked value was not accepted; please report this";
        Self::of_key(Origin::Internal, key, message)
    }

    /// Its line in the file, if it is known.
    pub(super) fn line(&self) -> Option<usize> {
        match self.origin {
            Origin::File { line, .. } => line,
            _ => None,
        }
    }

    /// Whether it concerns this key.
    pub(super) fn concerns(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key)
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // A path or a name with a line break must not fake a second line.
        let mut line = Escaping(f);
        write!(line, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(line, "{key}: ")?;
        }
        line.write_str(&self.message)
    }
}

/// All mistakes found, in the order of the layers and of the lines of the file. `Display` is one
/// line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The sources could not be read at all.
    pub(crate) fn unread(path: &Path, message: impl Into<String>) -> Self {
        let origin = Origin::File { path: path.into(), line: None };
        Self::new(vec![Problem::new(origin, message)])
    }

    /// The mistakes, never none.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            Display::fmt(problem, f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
