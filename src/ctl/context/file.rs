//! The file with the contexts: what may stand in it, and every mistake.

use crate::{
    broker_uri::BrokerUri,
    cli::{self, ContextSettings, OutputFormat, SETTINGS, Sensitive},
    files,
    mistakes::{line_of, nearest, parser_message, quoted, shown_name, type_name},
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};
use toml::de::{DeTable, DeValue};

/// Most mistakes of the file that are shown.
const MOST_MISTAKES: usize = 20;

const NO_PASSWORD: &str = "the URI holds a password, which has no place in this file; leave it out, \
                           and name a file that holds it by password_file, or use --ask-password";

/// Why there are no contexts, or not this one.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("there is no place for contexts; set XDG_CONFIG_HOME or HOME, or use --context ''")]
    Homeless,
    #[error("cannot read {}: {}", path.display(), files::reason(source))]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {}", path.display(), files::reason(source))]
    Write { path: PathBuf, source: io::Error },
    #[error("{}", .0.join("\n"))]
    Mistakes(Vec<String>),
    #[error("{by}: there is no context {} in {}{advice}", quoted(name), path.display())]
    Unknown { by: String, name: String, path: PathBuf, advice: String },
}

/// All contexts, in the order of their names.
#[derive(Debug)]
pub(super) struct Contexts {
    pub(super) path: PathBuf,
    pub(super) found: BTreeMap<String, ContextSettings>,
}

impl Contexts {
    /// The one of this name, which `by` says.
    pub(super) fn get(&self, name: &str, by: &str) -> Result<&ContextSettings, FileError> {
        self.found.get(name).ok_or_else(|| {
            let known = self.found.keys().map(String::as_str);
            let advice = match nearest(name, known.clone()) {
                Some(near) => format!("; did you mean {near}?"),
                None if self.found.is_empty() => "; fibrpcctl context -h shows one".to_owned(),
                None => {
                    let some = known.take(MOST_MISTAKES).collect::<Vec<_>>();
                    format!("; there are {}", some.join(", "))
                }
            };
            let (by, name, path) = (by.to_owned(), name.to_owned(), self.path.clone());
            FileError::Unknown { by, name, path, advice }
        })
    }
}

/// Reads the text of the file.
pub(super) fn parse(
    path: &Path,
    bytes: &[u8],
) -> Result<BTreeMap<String, ContextSettings>, FileError> {
    let at = |offset, message: String| {
        let line = line_of(bytes, offset);
        FileError::Mistakes(vec![format!("{}:{line}: {message}", path.display())])
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|error| at(error.valid_up_to(), "not UTF-8 text; save it as UTF-8".to_owned()))?;
    let root = DeTable::parse(text).map_err(|error| {
        let start = error.span().unwrap_or_default().start;
        at(start, format!("invalid TOML: {}", parser_message(&error)))
    })?;
    let mut reader = Reader { path, text, mistakes: Vec::new() };
    let found = reader.root(root.get_ref());
    reader.mistakes.sort_by_key(|(line, _)| *line);
    reader.mistakes.truncate(MOST_MISTAKES);
    if reader.mistakes.is_empty() {
        return Ok(found);
    }
    let mistakes = reader.mistakes.into_iter().map(|(_, message)| message);
    Err(FileError::Mistakes(mistakes.collect()))
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    /// With their lines.
    mistakes: Vec<(usize, String)>,
}

impl Reader<'_> {
    fn reject(&mut self, offset: usize, key: &str, message: &str) {
        let line = line_of(self.text.as_bytes(), offset);
        self.mistakes.push((line, format!("{}:{line}: {key}: {message}", self.path.display())));
    }

    fn root(&mut self, root: &DeTable<'_>) -> BTreeMap<String, ContextSettings> {
        let mut found = BTreeMap::new();
        for (key, value) in root {
            let (name, at) = (key.get_ref(), key.span().start);
            match value.get_ref() {
                DeValue::Table(contexts) if name == "context" => {
                    for (name, value) in contexts {
                        let at = name.span().start;
                        let name: &str = name.get_ref();
                        let settings = self.context(name, at, value.get_ref());
                        found.insert(name.to_owned(), settings);
                    }
                }
                _ => {
                    let message = "unknown key; contexts are written as [context.NAME]";
                    self.reject(at, &shown_name(name), message);
                }
            }
        }
        found
    }

    fn context(&mut self, name: &str, at: usize, value: &DeValue<'_>) -> ContextSettings {
        let mut settings = ContextSettings::default();
        let key = format!("context.{}", shown_name(name));
        let is_plain = |ch: char| ch.is_alphanumeric() || "-_.".contains(ch);
        if name.is_empty() || !name.chars().all(is_plain) {
            let message = "a name has letters, digits, and the signs - _ . only";
            self.reject(at, &key, message);
        }
        let DeValue::Table(entries) = value else {
            let message = format!("expected a table, [context.NAME], found {}", type_name(value));
            self.reject(at, &key, &message);
            return settings;
        };
        for (entry, value) in entries {
            let setting: &str = entry.get_ref();
            if let Err(message) = set(&mut settings, setting, value.get_ref(), self.path) {
                let key = format!("{key}.{}", shown_name(setting));
                self.reject(entry.span().start, &key, &message);
            }
        }
        settings
    }
}

/// Sets one key; or what is wrong with it.
fn set(
    settings: &mut ContextSettings,
    key: &str,
    value: &DeValue<'_>,
    file: &Path,
) -> Result<(), String> {
    let expected = |what: &str| match value {
        DeValue::String(text) => format!("expected {what}, found {}", quoted(text)),
        value => format!("expected {what}, found {}", type_name(value)),
    };
    let text = |what: &str| value.as_str().ok_or_else(|| expected(what));
    let path = || match text("the name of a file")? {
        "" => Err("the name of the file is empty".to_owned()),
        name => Ok(Some(file.parent().unwrap_or(Path::new("")).join(name))),
    };
    match key {
        "uri" => settings.uri = Some(uri(text("a broker URI")?)?),
        "queue" => {
            let name = cli::queue(text("the name of a queue")?);
            settings.queue = Some(name.map_err(|error| error.to_string())?);
        }
        "timeout" => {
            let long = match value {
                DeValue::Integer(seconds) => seconds.to_string(),
                DeValue::Float(seconds) => seconds.to_string(),
                _ => text("a duration such as \"10s\"")?.to_owned(),
            };
            settings.timeout = Some(cli::timeout(&long).map_err(|error| error.to_string())?);
        }
        "wait" => settings.wait = Some(value.as_bool().ok_or_else(|| expected("true or false"))?),
        "password_file" => settings.password_file = path()?,
        "ca_file" => settings.ca_file = path()?,
        "cert_file" => settings.cert_file = path()?,
        "key_file" => settings.key_file = path()?,
        "format" => {
            settings.format = Some(match text("\"plain\" or \"json\"")? {
                "plain" => OutputFormat::Plain,
                "json" => OutputFormat::Json,
                _ => return Err(expected("\"plain\" or \"json\"")),
            });
        }
        unknown => {
            let unknown = unknown.replace('-', "_");
            return Err(match nearest(&unknown, SETTINGS) {
                Some(near) => format!("unknown key; did you mean {near}?"),
                None => format!("unknown key; the keys are {}", SETTINGS.join(", ")),
            });
        }
    }
    Ok(())
}

fn uri(text: &str) -> Result<Sensitive, String> {
    if cli::names_password(text) {
        return Err(NO_PASSWORD.to_owned());
    }
    text.parse::<BrokerUri>().map_err(|error| error.to_string())?;
    Ok(text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn mistakes(text: &str) -> String {
        parse(Path::new("/c/f.toml"), text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_context_may_set_everything_and_its_paths_are_beside_the_file() {
        let text = "# mine\n[context.a]\nuri = 'amqps://u@h/v'\nqueue = 'q'\ntimeout = '1m'\n\
                    wait = true\nformat = 'json'\npassword_file = 'p'\nca_file = '/ca'\n\
                    cert_file = 'x/c'\nkey_file = '../k'\n[context.b]\n";
        let found = parse(Path::new("/c/f.toml"), text.as_bytes()).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(found["b"], ContextSettings::default());
        let a = &found["a"];
        assert_eq!(a.uri.as_ref().unwrap().as_str(), "amqps://u@h/v");
        assert_eq!((a.wait, a.format), (Some(true), Some(OutputFormat::Json)));
        let paths = [&a.password_file, &a.ca_file, &a.cert_file, &a.key_file];
        let paths = paths.map(|path| path.as_ref().unwrap().to_str().unwrap());
        assert_eq!(paths, ["/c/p", "/ca", "/c/x/c", "/c/../k"]);
    }

    #[test]
    fn a_timeout_has_a_unit_or_is_in_seconds_as_that_of_the_option() {
        for (written, millis) in [("'250ms'", 250), ("'2'", 2_000), ("10", 10_000), ("0.5", 500)] {
            let text = format!("[context.a]\ntimeout = {written}");
            let found = parse(Path::new("/c/f.toml"), text.as_bytes()).unwrap();
            assert_eq!(found["a"].timeout, Some(Duration::from_millis(millis)), "{written}");
        }
    }

    #[test]
    fn every_mistake_has_its_line_and_says_what_to_do() {
        for (text, says) in [
            ("[context.a]\nquue = 'q'", "2: context.a.quue: unknown key; did you mean queue?"),
            ("[context.a]\nca-file = 'q'", "context.a.ca-file: unknown key; did you mean ca_file?"),
            ("[context.a]\nzzz = 1", "the keys are uri, queue, timeout"),
            ("[contexts.a]\n", "1: contexts: unknown key; contexts are written as [context.NAME]"),
            ("context = 1", "1: context: unknown key; contexts are written as"),
            ("[context]\n\na = 5", "3: context.a: expected a table, [context.NAME], found an int"),
            ("[context.\"a b\"]", "1: context.a b: a name has letters, digits"),
            ("[context.a]\nwait = 'yes'", "expected true or false, found \"yes\""),
            ("[context.a]\nformat = 'xml'", "expected \"plain\" or \"json\", found \"xml\""),
            ("[context.a]\ntimeout = true", "expected a duration such as \"10s\", found a boolean"),
            ("[context.a]\ntimeout = -1", "expected a duration such as 10s, 250ms or 1m 30s, or"),
            ("[context.a]\ntimeout = inf", "expected a duration such as 10s, 250ms or 1m 30s, or"),
            ("[context.a]\ntimeout = '0s'", "must be more than 0"),
            ("[context.a]\nqueue = ''", "the name of the queue is empty"),
            ("[context.a]\nuri = 'http://h'", "2: context.a.uri: expected a URI that starts with"),
            ("[context.a]\nkey_file = ''", "the name of the file is empty"),
            ("[context.a]\nuri = ", "/c/f.toml:2: invalid TOML"),
            ("[context.a]\nwait = true\nwait = false", "3: invalid TOML: duplicate key"),
        ] {
            let message = mistakes(text);
            assert!(message.starts_with("/c/f.toml:"), "{message}");
            assert!(message.contains(says), "{text}: {message}");
        }
        let both = mistakes("[context.b]\nx = 1\n[context.a]\ny = 1");
        let lines: Vec<_> = both.lines().map(|line| &line[..12]).collect();
        assert_eq!(lines, ["/c/f.toml:2:", "/c/f.toml:4:"]);
        assert!(mistakes("[context.a]\nqueue = '\u{e9}").starts_with("/c/f.toml:2"));
        let many: Vec<_> = (0..30).map(|key| format!("x{key} = 1")).collect();
        assert_eq!(mistakes(&many.join("\n")).lines().count(), MOST_MISTAKES);
    }

    #[test]
    fn a_password_is_refused_and_not_shown() {
        for text in ["amqp://u:s3cret@h", "amqps://u:@h", "amqp://u:s3cret@h/%2f"] {
            let message = mistakes(&format!("[context.a]\nuri = '{text}'"));
            assert!(message.contains("password_file") && !message.contains("s3cret"), "{message}");
        }
        for text in ["amqp://h:5672", "amqp://u@h:5672/a", "amqp://[::1]:5672"] {
            assert!(!cli::names_password(text), "{text}");
        }
        let message = mistakes("[context.a]\nqueue = 1\n'amqp://u:s3cret@h' = 1");
        assert!(!message.contains("s3cret"), "{message}");
    }
}
