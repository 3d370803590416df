//! The nearest known word to a mistyped one.

/// Similarity from which two words count as the same one mistyped.
const CLOSE: f64 = 0.8;

/// The candidate nearest to `word`, if it is close; upper and lower case are the same.
pub(super) fn nearest<'a>(
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
