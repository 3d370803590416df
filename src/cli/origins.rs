//! Where each setting of `fibrpcctl` comes from.

use clap::{ArgMatches, parser::ValueSource};
use std::collections::BTreeMap;

/// What a context may set, by the names of the file.
pub(crate) const SETTINGS: [&str; 9] = [
    "uri",
    "queue",
    "timeout",
    "wait",
    "password_file",
    "ca_file",
    "cert_file",
    "key_file",
    "format",
];

/// Where a setting comes from, the strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Option,
    /// The environment.
    Variable,
    /// The context.
    Context,
    /// Nobody said anything.
    #[default]
    Default,
}

impl Origin {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Option => "option",
            Self::Variable => "variable",
            Self::Context => "context",
            Self::Default => "default",
        }
    }
}

/// Where each of the [`SETTINGS`] comes from, and the name of the context.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(BTreeMap<&'static str, Origin>);

impl Origins {
    /// Those of the command line, variables included.
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let source = |name| match matches.value_source(name) {
            Some(ValueSource::CommandLine) => Origin::Option,
            Some(ValueSource::EnvVariable) => Origin::Variable,
            _ => Origin::Default,
        };
        let either = |name: &'static str, other| match source(other) {
            Origin::Option => (name, Origin::Option),
            _ => (name, source(name)),
        };
        let origins = SETTINGS.into_iter().map(|name| match name {
            "wait" => either(name, "no_wait"),
            "format" => either(name, "json"),
            _ => (name, source(name)),
        });
        Self(origins.chain([("context", source("context"))]).collect())
    }

    pub(super) fn get(&self, name: &str) -> Origin {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Takes a value of the context where nothing stronger is given.
    pub(super) fn fill<T>(&mut self, name: &'static str, place: &mut T, value: Option<T>) {
        if let (Origin::Default, Some(value)) = (self.get(name), value) {
            *place = value;
            self.0.insert(name, Origin::Context);
        }
    }
}
