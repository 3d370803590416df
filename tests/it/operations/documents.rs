//! Every link within the documents leads somewhere.

use super::commands::documents;
use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    let mut dead = Vec::new();
    for (document, text) in documents() {
        for link in targets(&text).filter(|link| !link.contains("://")) {
            links += 1;
            if !leads_somewhere(&document, link) {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
    assert!(links > 100, "only {links} links were found");
}

/// What the links and pictures of a document lead to.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let between = move |start: &'static str, end| {
        text.split(start).skip(1).filter_map(move |rest| Some(rest.split_once(end)?.0))
    };
    between("](", ')').chain(between("src=\"", '"')).chain(between("srcset=\"", '"'))
}

fn leads_somewhere(document: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = match file {
        "" => document.to_owned(),
        file => document.parent().map(|folder| folder.join(file)).unwrap_or_default(),
    };
    path.exists() && (anchor.is_empty() || has_heading(&path, anchor))
}

/// Whether a document has a heading that is shown under this anchor.
fn has_heading(path: &PathBuf, anchor: &str) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(slug).any(|slug| slug == anchor)
}

/// The anchor of a heading, as GitHub makes it: lower case, blanks as hyphens, no other signs.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
