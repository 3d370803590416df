//! The layer of the TOML file.

use super::{
    layer::{Layer, Text},
    problem::{Origin, Problem},
    schema,
    value::Raw,
};
use crate::{
    files,
    mistakes::{line_of, parser_message, type_name},
    text::is_treacherous,
};
use std::{
    io::{self, ErrorKind},
    ops::Range,
    path::Path,
    sync::Arc,
};
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// The parser's message for a key that is there twice.
const DUPLICATE: &str = "duplicate key";

/// Reads a file that must exist.
pub(super) fn read(path: &Path) -> Layer {
    match files::read_bytes(path) {
        Ok(bytes) => parse(path, &bytes),
        Err(error) => unreadable(path, &error),
    }
}

/// Reads a file that may be missing.
pub(super) fn read_if_present(path: &Path) -> Layer {
    match files::read_bytes(path) {
        Ok(bytes) => parse(path, &bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => new_layer(),
        Err(error) => unreadable(path, &error),
    }
}

/// The file that the package installs: every line of it is a comment, or the name of a section.
pub(super) const SHIPPED: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config/fibrpcd.toml"));

fn new_layer() -> Layer {
    Layer::new("file")
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Layer {
    let reason = files::reason(error);
    rejected(path, None, format!("cannot read the configuration: {reason}"))
}

/// The layer of a file that cannot be used at all.
fn rejected(path: &Path, line: Option<usize>, message: String) -> Layer {
    let path = Arc::from(path);
    let mut layer = new_layer();
    layer.text = Some(Text { ends_in_line_break: true, is_shipped: false }); // it is there
    layer.reject(Problem::new(Origin::File { path, line }, message));
    layer
}

fn parse(path: &Path, bytes: &[u8]) -> Layer {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = line_of(bytes, error.valid_up_to());
            return rejected(path, Some(line), "not UTF-8 text; save it as UTF-8".to_owned());
        }
    };
    let mut file = Parsing { place: Place { path: Arc::from(path), text }, layer: new_layer() };
    let (root, errors) = DeTable::parse_recoverable(text);
    let ends_in_line_break = text.ends_with('\n');
    file.layer.text = Some(Text { ends_in_line_break, is_shipped: text == SHIPPED });
    file.syntax_errors(root.get_ref(), &errors);
    // After any other error the parser guesses, and so would our messages.
    if errors.iter().all(|error| error.message() == DUPLICATE) {
        file.root(root.get_ref());
    }
    file.layer.sort_problems();
    file.layer
}

/// What to write for a character that looks like one of TOML's and is not: word processors and web
/// pages put them in. Within quotes any may stand.
fn odd_character(line: &str) -> Option<String> {
    let mut quote = None;
    let odd = line.chars().find(|&ch| match (quote, ch) {
        (None, '"' | '\'') => {
            quote = Some(ch);
            false
        }
        (Some(open), _) => {
            quote = (open != ch).then_some(open);
            false
        }
        (None, _) => !ch.is_ascii(),
    })?;
    let instead = match odd {
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => "write a straight quote, \" or '",
        odd if odd.is_whitespace() || is_treacherous(odd) || is_invisible(odd) => {
            "write a plain space, or nothing"
        }
        _ => "outside of quotes only ASCII may stand",
    };
    let shown = if odd.is_alphanumeric() || "\u{201c}\u{201d}\u{2018}\u{2019}".contains(odd) {
        format!(" ({odd})")
    } else {
        String::new()
    };
    Some(format!("the line holds the character U+{:04X}{shown}: {instead}", u32::from(odd)))
}

/// Spaces without width.
fn is_invisible(ch: char) -> bool {
    matches!(ch, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

/// A file, and what finds the line of an offset in it.
struct Place<'a> {
    path: Arc<Path>,
    text: &'a str,
}

impl Place<'_> {
    fn line(&self, offset: usize) -> usize {
        line_of(self.text.as_bytes(), offset)
    }

    /// The line that holds this offset.
    fn line_text(&self, offset: usize) -> &str {
        self.text.lines().nth(self.line(offset) - 1).unwrap_or_default()
    }

    fn origin(&self, offset: usize) -> Origin {
        Origin::File { path: Arc::clone(&self.path), line: Some(self.line(offset)) }
    }
}

/// A file that is being read.
struct Parsing<'a> {
    place: Place<'a>,
    layer: Layer,
}

impl Parsing<'_> {
    /// One message a line: what follows the first error of a line is mostly its consequence.
    fn syntax_errors(&mut self, root: &DeTable<'_>, errors: &[toml::de::Error]) {
        let mut last_line = None;
        for error in errors {
            let span = error.span().unwrap_or_default();
            let line = Some(self.place.line(span.start));
            if last_line == line {
                continue;
            }
            last_line = line;
            let problem = if error.message() == DUPLICATE {
                self.duplicate(root, span)
            } else {
                let advice = odd_character(self.place.line_text(span.start));
                let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
                let message = format!("invalid TOML: {}{advice}", parser_message(error));
                Problem::new(self.place.origin(span.start), message)
            };
            self.layer.reject(problem);
        }
    }

    /// The parser only says where the second of two equal keys stands.
    fn duplicate(&self, root: &DeTable<'_>, span: Range<usize>) -> Problem {
        let origin = self.place.origin(span.start);
        let name = self.place.text.get(span.clone()).unwrap_or_default();
        // The section it is in is the last one that begins before it.
        let first = root
            .iter()
            .filter(|(section, _)| section.span().start < span.start)
            .max_by_key(|(section, _)| section.span().start)
            .and_then(|(section, entries)| {
                let mut keys = entries.get_ref().as_table()?.keys();
                let key = keys.find(|key| key.get_ref() == name)?;
                let line = self.place.line(key.span().start);
                Some((format!("{}.{name}", section.get_ref()), line))
            });
        match first {
            Some((path, line)) => {
                let message = format!("already given in line {line}; keep one of the two");
                Problem::of_key(origin, &path, message)
            }
            None => Problem::of_key(origin, name, "given a second time; keep one of the two"),
        }
    }

    fn reject(&mut self, key: &Spanned<DeString<'_>>, path: &str, message: String) {
        let origin = self.place.origin(key.span().start);
        self.layer.reject(Problem::of_key(origin, path, message));
    }

    fn root(&mut self, root: &DeTable<'_>) {
        for (key, value) in root {
            let name: &str = key.get_ref();
            let known = schema::sections().contains(&name);
            match (known, value.get_ref()) {
                (true, DeValue::Table(section)) => self.section(name, section),
                (true, value) => {
                    let found = type_name(value);
                    self.reject(key, name, format!("expected a section, [{name}], found {found}"));
                }
                (false, DeValue::Table(_)) => {
                    self.reject(key, name, schema::unknown_section(name));
                }
                (false, _) => self.reject(key, name, schema::outside_sections(name)),
            }
        }
    }

    fn section(&mut self, section: &str, entries: &DeTable<'_>) {
        for (name, value) in entries {
            let path = format!("{section}.{}", name.get_ref());
            match schema::find(&path) {
                Ok(key) => {
                    let (place, start) = (&self.place, name.span().start);
                    self.layer.set(key, Raw::Toml(value.get_ref()), |offset| {
                        place.origin(offset.unwrap_or(start))
                    });
                }
                Err(message) => self.reject(name, &path, message),
            }
        }
    }
}
