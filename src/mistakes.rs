//! What messages about mistakes in settings share: the nearest known word, values and names as far as
//! they may be shown, and places in TOML.

use toml::de::DeValue;

/// Longer texts from a source are cut when they are shown.
const SHOWN_CHARS: usize = 60;

/// Similarity from which two words count as the same one mistyped.
const CLOSE: f64 = 0.8;

/// The candidate nearest to `word`, if it is close; upper and lower case are the same.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (closeness(&word, candidate), candidate))
        .filter(|(closeness, _)| *closeness >= CLOSE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// 1.0 for the same word, 0.0 for nothing in common.
fn closeness(word: &str, candidate: &str) -> f64 {
    // Jaro-Winkler favours a common beginning; counting edits is fairer to a wrong first letter.
    let edits = strsim::normalized_damerau_levenshtein(word, candidate);
    strsim::jaro_winkler(word, candidate).max(edits)
}

/// Whether a text may be a broker URI that landed in the wrong place.
fn may_hold_a_password(text: &str) -> bool {
    text.contains("://") || text.contains('@')
}

/// A value to follow "found": in quotes, cut, and without what may be a password.
pub(crate) fn quoted(text: &str) -> String {
    if may_hold_a_password(text) {
        return "a text that may hold a password".to_owned();
    }
    match cut(text) {
        Some(start) => format!("{start:?}..."),
        None => format!("{text:?}"),
    }
}

/// The value of an option, cut, and without what may be a password.
pub(crate) fn shown_value(value: &str) -> String {
    match cut(value) {
        _ if may_hold_a_password(value) => "...".to_owned(),
        Some(start) => format!("{start}..."),
        None => value.to_owned(),
    }
}

/// The start of a text that is too long to be shown.
fn cut(text: &str) -> Option<&str> {
    let (end, _) = text.char_indices().nth(SHOWN_CHARS)?;
    text.get(..end)
}

/// The name of an unknown key, cut, and without what may be a password.
pub(crate) fn shown_name(name: &str) -> String {
    if name.is_empty() {
        "(empty)".to_owned()
    } else if may_hold_a_password(name) {
        "(not shown)".to_owned()
    } else {
        cut(name).unwrap_or(name).to_owned()
    }
}

/// The number, from 1, of the line that holds this offset.
pub(crate) fn line_of(bytes: &[u8], offset: usize) -> usize {
    // The end of the file belongs to its last line, not to the empty one after it.
    let offset = offset.min(bytes.len().saturating_sub(1));
    let before = bytes.iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// The type of a value, with its article.
pub(crate) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// What the TOML parser says, in one line and without an expectation of nothing.
pub(crate) fn parser_message(error: &toml::de::Error) -> String {
    let message = error.message().trim_end_matches(", expected nothing");
    message.lines().collect::<Vec<_>>().join(" ")
}
