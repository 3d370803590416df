//! The drawing of the states in the documents is that of the code.

use super::*;
use std::collections::BTreeSet;

const DOCUMENT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/development.md"));

#[test]
fn the_diagram_has_the_arrows_of_the_code() {
    let (_, drawing) = DOCUMENT.split_once("```mermaid\nstateDiagram-v2\n").unwrap();
    let (drawing, _) = drawing.split_once("```").unwrap();
    let arrow = |line: &str| {
        let (from, to) = line.split_once(" --> ")?;
        let to = to.split(" : ").next()?;
        Some((from.trim().to_owned(), to.trim().to_owned()))
    };
    let drawn: BTreeSet<_> = drawing.lines().filter_map(arrow).collect();
    let name = |state: State| format!("{state:?}");
    let begin = [("[*]".to_owned(), name(State::Delivered))];
    let inner = State::ALL.into_iter().flat_map(|from| {
        from.next().iter().map(move |to| (format!("{from:?}"), format!("{to:?}")))
    });
    let ends = State::ALL.into_iter().filter(|state| state.is_settled());
    let ends = ends.map(|state| (name(state), "[*]".to_owned()));
    let coded: BTreeSet<_> = begin.into_iter().chain(inner).chain(ends).collect();
    assert_eq!(drawn, coded);
}
