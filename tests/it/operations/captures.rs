//! The terminal captures of `docs/fibrpcctl.md`: their words are those that the programs print.
//!
//! `tests/terminal/captures.py` takes them.

use super::commands::{Typed, in_shell, typed};
use crate::support::{broker, stub::Stub};
use std::fs;

/// The columns of the terminal of the captures.
const COLUMNS: usize = 80;

/// A line without what differs each time: figures, durations and ids.
pub(super) fn shape(line: &str) -> String {
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut shape = Vec::new();
    for part in line.split_inclusive(|c| !is_of_word(c)) {
        let word = part.trim_end_matches(|c| !is_of_word(c));
        let is_id = word.len() == 36 && word.matches('-').count() == 4;
        let differs = is_id || word == "-" || word.starts_with(|c: char| c.is_ascii_digit());
        // The same of several in a row, as of a duration or a row of a table.
        let figure = if differs { "0" } else { word };
        let rest = part.strip_prefix(word).unwrap_or_default().trim();
        let again = differs && shape.last().is_some_and(|last| *last == "0");
        shape.extend(Some(figure).filter(|figure| !again && !figure.is_empty()));
        if !rest.is_empty() {
            shape.push(rest);
        }
    }
    // A confirm may come behind the reply, and is left out then.
    shape.join(" ").replace("confirm 0 ms , ", "")
}

/// The lines that a terminal has wrapped.
pub(super) fn unwrapped(shown: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in shown {
        match lines.last_mut().filter(|_| goes_on) {
            Some(last) => last.push_str(line),
            None => lines.push(line.clone()),
        }
        goes_on = line.chars().count() == COLUMNS;
    }
    lines
}

/// The lines of a capture that are not among these.
pub(super) fn missing(shown: &[String], printed: &str) -> Vec<String> {
    let printed: Vec<_> = printed.lines().map(shape).collect();
    let mut shown = unwrapped(shown);
    shown.retain(|line| !printed.contains(&shape(line.trim_start_matches("^C"))));
    shown
}

#[test]
fn what_differs_each_time_is_no_part_of_a_shape() {
    let shapes = |lines: [&str; 2]| lines.map(shape);
    for lines in [
        ["pong after 33.1ms", "pong after 1.2s"],
        ["3 sent, 0% lost", "100 sent, 33.4% lost"],
        ["fib    210   5   3.72  22.64", "fib 0 0 - -"],
        ["up 14s", "up 1m 4s"],
        [
            "id cf09d524-14d8-451d-803c-69443bfc5a72 - 21 B",
            "id 30dff1b5-6bbd-4e1e-8afa-6397d2e833be - 1 B",
        ],
    ] {
        let [one, other] = shapes(lines);
        assert_eq!(one, other);
    }
    for lines in [["pong", "ping"], ["1 sent, 1 lost", "1 sent, 1 gone"], ["queue", "a queue"]] {
        let [one, other] = shapes(lines);
        assert_ne!(one, other);
    }
}

#[test]
fn a_stub_and_those_who_ask_it_print_what_is_shown() {
    let vhost = broker::shared().vhost();
    let place = tempfile::tempdir().unwrap();
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fibrpcctl.md");
    let text = fs::read_to_string(document).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("serve\n")).unwrap();
    let all = typed(section);
    let [Typed { command, shown }, asked @ ..] = all.as_slice() else { panic!("no capture") };
    let mut serve = in_shell(&format!("exec {command}"), &vhost.uri(), place.path());
    let mut stub = Stub::run(&mut serve);
    stub.wait_for("serving ");
    let asked = asked.iter().filter(|asked| asked.command.contains("--queue prices"));
    for Typed { command, shown } in asked {
        let ran = in_shell(command, &vhost.uri(), place.path()).output().unwrap();
        let printed = [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap());
        assert_eq!(missing(shown, &printed.concat()), [""; 0], "{command}: {printed:?}");
    }
    stub.signal("INT");
    let (_, said) = stub.wait();
    assert_eq!(missing(shown, &said), [""; 0], "{command}: {said}");
}
