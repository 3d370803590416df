//! The settings from one source: values for figment, and where each is set.

use super::{
    problem::{Origin, Problem},
    schema::Key,
    value::{self, Raw},
};
use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};
use std::collections::BTreeMap;

/// The checked values of one source, and its mistakes. Without `Debug`: it holds passwords.
pub(super) struct Layer {
    name: &'static str,
    /// The values by section and name.
    sections: BTreeMap<&'static str, BTreeMap<&'static str, Value>>,
    /// Where each key was last set.
    origins: BTreeMap<&'static str, Origin>,
    problems: Vec<Problem>,
    /// `None` if the source is not a file that is there.
    pub(super) text: Option<Text>,
}

/// What the text of a file is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    pub(super) ends_in_line_break: bool,
    /// Whether it is that of the file that the package installs.
    pub(super) is_shipped: bool,
}

impl Layer {
    /// A source without settings.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            sections: BTreeMap::new(),
            origins: BTreeMap::new(),
            problems: Vec::new(),
            text: None,
        }
    }

    /// Takes a value if it is valid. `origin` gives the place of the key, or of the part of its
    /// value at the given offset.
    pub(super) fn set(
        &mut self,
        key: &'static Key,
        raw: Raw<'_>,
        origin: impl Fn(Option<usize>) -> Origin,
    ) {
        match value::check(key.kind, raw) {
            Ok(value) => {
                let section = self.sections.entry(key.section()).or_default();
                section.insert(key.name(), value);
                self.origins.insert(key.path, origin(None));
            }
            Err(faults) => self.problems.extend(
                faults
                    .into_iter()
                    .map(|fault| Problem::of_key(origin(fault.offset), key.path, fault.message)),
            ),
        }
    }

    /// Notes a mistake.
    pub(super) fn reject(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Puts the mistakes in the order of their lines.
    pub(super) fn sort_problems(&mut self) {
        self.problems.sort_by_key(Problem::line);
    }

    /// Where this key is set, if it is.
    pub(super) fn origin(&self, key: &str) -> Option<&Origin> {
        self.origins.get(key)
    }

    /// Whether a mistake concerns this key.
    pub(super) fn has_problem(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| problem.concerns(key))
    }

    /// Whether this key is set, if only by mistake.
    pub(super) fn mentions(&self, key: &str) -> bool {
        self.origin(key).is_some() || self.has_problem(key)
    }

    /// Whether there is a value or a mistake in it.
    pub(super) fn sets_anything(&self) -> bool {
        !self.origins.is_empty() || !self.problems.is_empty()
    }

    /// All mistakes.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict: Dict = self
            .sections
            .iter()
            .map(|(section, values)| {
                let values = values.iter().map(|(&name, value)| (name.to_owned(), value.clone()));
                ((*section).to_owned(), Value::from(values.collect::<Dict>()))
            })
            .collect();
        Ok(Profile::Default.collect(dict))
    }
}
