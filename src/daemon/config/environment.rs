//! The layer of the environment: `FIBRPCD_SECTION__KEY`.
//!
//! A variable that is set but empty is not set: compose files and CI systems cannot leave one out.
//! The empty text, which turns some settings off, is written as two quotes: `""`.

use super::{
    layer::Layer,
    problem::{Origin, Problem},
    schema,
    value::Raw,
};
use crate::mistakes::shown_name;
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

/// What the names of our variables start with, in any case.
const PREFIX: &str = "FIBRPCD_";

/// The empty text.
const EMPTY: &str = r#""""#;

/// Reads the variables that are ours.
pub(super) fn read(variables: Vec<(OsString, OsString)>) -> Layer {
    let mut layer = Layer::new("environment");
    // By name: the order of the environment is arbitrary, that of messages should not be.
    let ours: BTreeMap<String, OsString> = variables
        .into_iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
        .filter(|(name, value)| {
            is_prefixed(name) && !value.is_empty() && !is_from_kubernetes(name, value)
        })
        .collect();
    let mut names_by_path: BTreeMap<String, &str> = BTreeMap::new();
    for (name, value) in &ours {
        let origin = Origin::Environment(shown_name(name));
        let path = path_of(name);
        if let Some(first) = names_by_path.insert(path.clone(), name) {
            let message = format!("also set by {}; unset one of them", shown_name(first));
            layer.reject(Problem::of_key(origin, &path, message));
            continue;
        }
        match (schema::find(&path), value.to_str()) {
            (Ok(key), Some(EMPTY)) => layer.set(key, Raw::Text(""), |_| origin.clone()),
            (Ok(key), Some(value)) => layer.set(key, Raw::Text(value), |_| origin.clone()),
            (Ok(key), None) => {
                layer.reject(Problem::of_key(origin, key.path, "the value is not UTF-8 text"));
            }
            (Err(message), _) => layer.reject(match with_two_underscores(name) {
                Some(better) => Problem::new(
                    origin,
                    format!("section and key need two underscores between; did you mean {better}?"),
                ),
                None => Problem::of_key(origin, &path, message),
            }),
        }
    }
    layer
}

fn is_prefixed(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX))
}

/// Kubernetes sets such variables in every pod beside a service named `fibrpcd` or `fibrpcd-...`:
/// `FIBRPCD_SERVICE_HOST=10.0.0.1`, `FIBRPCD_PORT_9674_TCP=tcp://10.0.0.1:9674`. No key looks like
/// these.
fn is_from_kubernetes(name: &str, value: &OsStr) -> bool {
    let is_link = name.ends_with("_PORT") && value.to_string_lossy().contains("://");
    let parts = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"];
    !name.contains("__") && (is_link || parts.iter().any(|part| name.contains(part)))
}

/// The path that a variable stands for: `FIBRPCD_AMQP__QUEUE_TYPE` is `amqp.queue_type`.
fn path_of(name: &str) -> String {
    let name = name.get(PREFIX.len()..).unwrap_or_default();
    name.to_ascii_lowercase().replacen("__", ".", 1)
}

/// The variable that was meant by `FIBRPCD_AMQP_PREFETCH`.
fn with_two_underscores(name: &str) -> Option<String> {
    let path = path_of(name).replacen('_', ".", 1);
    let key = schema::find(&path).ok()?;
    let (section, name) = (key.section(), key.name());
    Some(format!("{PREFIX}{section}__{name}").to_ascii_uppercase())
}
