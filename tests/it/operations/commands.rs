//! Every command of the documents is understood, and the settings to copy are settings.

use super::captures::{missing, unwrapped};
use crate::support::{
    broker::{self, Vhost},
    lapin_caller::QUEUE,
    program::{Daemon, Ran, fibrpcd},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// README and all documents, each with its text.
pub(super) fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
        .map(|name| root.join(name))
        .into();
    for folder in ["docs", "docs/measured"] {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        let found = entries.map(|entry| entry.unwrap().path());
        paths.extend(found.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    let text = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    paths.into_iter().map(text).collect()
}

/// The blocks of code in this language.
fn blocks<'a>(text: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("```{language}\n");
    let found: Vec<_> = text.split(fence.as_str()).skip(1).collect();
    found.into_iter().map(|rest| rest.split_once("\n```").unwrap().0)
}

/// Whether settings are those of `fibrpcctl`.
fn is_of_client(block: &&str) -> bool {
    block.contains("[context.")
}

/// A command to type, and what is shown below it.
pub(super) struct Typed {
    pub(super) command: String,
    pub(super) shown: Vec<String>,
}

pub(super) fn typed(text: &str) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    for block in blocks(text, "console") {
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ")) {
                let command = command.trim_start_matches("sudo ").trim_start_matches("time ");
                all.push(Typed { command: command.to_owned(), shown: Vec::new() });
                continue;
            }
            let last = all.last_mut().unwrap();
            let is_unfinished = last.command.ends_with(['|', '\\']);
            match line.strip_prefix("> ").filter(|_| is_unfinished) {
                Some(rest) => {
                    last.command = format!("{} {rest}", last.command.trim_end_matches('\\'));
                }
                None => last.shown.push(line.to_owned()),
            }
        }
    }
    all
}

/// Runs a line as a shell does, with our programs, beside the files that it may name.
fn run(line: &str, uri: &str, place: &Path) -> Ran {
    // What runs until Ctrl-C is stopped.
    let mut command = Command::new("timeout");
    command.args(["-s", "INT", "5", "sh", "-c", line]);
    equipped(&mut command, uri, place).output().unwrap().into()
}

/// A shell that is to run a line in the same way.
pub(super) fn in_shell(line: &str, uri: &str, place: &Path) -> Command {
    let mut command = Command::new("sh");
    equipped(command.args(["-c", line]), uri, place);
    command
}

fn equipped<'a>(command: &'a mut Command, uri: &str, place: &Path) -> &'a mut Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_fibrpcctl")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    command.current_dir(place).env("PATH", path).stdin(Stdio::null());
    command.env("FIBRPCCTL_URI", uri).env("FIBRPCCTL_TIMEOUT", "5s");
    command.env("XDG_CONFIG_HOME", place).env("FIBRPCCTL_QUEUE", QUEUE)
}

/// Runs a command of the client's document, as the captures were taken.
fn captured(line: &str, vhost: &Vhost, http: &str, place: &Path) -> (Ran, String) {
    let (port, name) = (vhost.port(), vhost.name());
    let line = line.replace("127.0.0.1:9674", http);
    // A broker that is named with its usual port, or without one, is that of the test.
    let line = line.replace("127.0.0.1:5672", &format!("127.0.0.1:{port}"));
    let line = line.replace("@127.0.0.1 ", &format!("@127.0.0.1:{port} "));
    let line = line.replace("//127.0.0.1/", &format!("//127.0.0.1:{port}/"));
    // Contexts are shown where nothing else says anything.
    let unset = "unset FIBRPCCTL_URI FIBRPCCTL_TIMEOUT FIBRPCCTL_QUEUE; ";
    let unset = if line.contains(" context ") { unset } else { "" };
    let ran = run(&format!("{unset}{line}"), &vhost.uri(), place);
    let printed = ran.stdout.clone() + &ran.stderr;
    let printed = printed.replace(&place.display().to_string(), "/home/ada/.config");
    let printed = printed.replace(&format!("/{name}"), "/%2F");
    (ran, printed.replace(&format!("'{name}'"), "'/'"))
}

#[test]
fn every_command_of_the_client_is_understood_and_prints_what_is_shown() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let http = daemon.http_address();
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("order.json"), "30").unwrap();
    fs::create_dir(place.path().join("fibrpc")).unwrap();
    let documents = documents();
    let contexts = documents.iter().flat_map(|(_, text)| blocks(text, "toml")).find(is_of_client);
    fs::write(place.path().join("fibrpc/fibrpcctl.toml"), contexts.unwrap()).unwrap();
    let (mut tried, mut compared) = (0, 0);
    for (document, text) in documents {
        for Typed { command, shown } in typed(&text) {
            let command = command.replace("target/quick/", "");
            // That which is built first is the same program, nobody types a password here, and there is
            // no broker with TLS (`wire::tls` has one).
            let elsewhere = ["cargo run", "--ask-password", "amqps://localhost:TLS_PORT"];
            if !command.contains("fibrpcctl ") || elsewhere.iter().any(|it| command.contains(it)) {
                continue;
            }
            tried += 1;
            let (ran, printed) = captured(&command, &vhost, &http, place.path());
            let name = format!("{}: {command}", document.display());
            let is_mistake =
                |line: &String| line.starts_with("fibrpcctl: ") || line.contains("BAD_INPUT");
            let shows_mistake = shown.iter().any(is_mistake);
            let understood = !matches!(ran.code, Some(2 | 126 | 127) | None);
            assert!(understood || shows_mistake && ran.code == Some(2), "{name}: {ran:?}");
            // The stub and those who ask it are run at the same time: see `captures`.
            let of_stub = command.contains("serve --declare") || command.contains("prices request");
            if document.ends_with("docs/fibrpcctl.md") && !of_stub {
                assert_eq!(missing(&shown, &printed), [""; 0], "{name}: {ran:?}");
            }
            // Times and ids differ, and so does what is shown of a daemon that is stopped.
            if command.starts_with("fibrpcctl call")
                && !shown.iter().any(|line| line.contains("no server"))
            {
                let printed: Vec<_> = ran.stdout.lines().chain(ran.stderr.lines()).collect();
                let shown = unwrapped(&shown);
                let differs = shown.iter().find(|line| !printed.contains(&line.as_str()));
                assert_eq!(differs, None, "{name}: {ran:?}");
                compared += shown.len();
            }
        }
    }
    println!("tried {tried} commands, compared {compared} lines");
    assert!(tried > 15 && compared > 10, "tried {tried}, compared {compared}");
}

#[test]
fn every_command_of_the_daemon_is_understood() {
    let place = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for (document, text) in documents() {
        for Typed { command, .. } in typed(&text) {
            let command = command.replace("target/quick/", "");
            let Some(daemon) = command.strip_prefix("fibrpcd ") else { continue };
            tried += 1;
            let arguments = daemon.trim_end_matches(['&', ' ']);
            let check = if arguments.contains("--check") { "" } else { "--check" };
            let ran = run(&format!("fibrpcd {arguments} {check}"), "", place.path());
            // A file that it names may be missing here.
            let name = format!("{}: {command}", document.display());
            assert!(matches!(ran.code, Some(0 | 78)), "{name}: {ran:?}");
        }
    }
    assert!(tried > 1, "tried {tried}");
}

#[test]
fn every_target_of_make_and_every_script_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let mut tried = 0;
    for (document, text) in documents() {
        for Typed { command, .. } in typed(&text) {
            let mut words = command.split_whitespace();
            let (first, second) = (words.next().unwrap_or_default(), words.next());
            let name = format!("{}: {command}", document.display());
            if first == "make" {
                let target = second.unwrap();
                assert!(makefile.contains(&format!("\n{target}:")), "{name}");
                tried += 1;
            } else if ["packaging/", "benches/", "tests/", "fuzz/"]
                .iter()
                .any(|at| first.starts_with(at))
            {
                assert!(root.join(first).exists(), "{name}");
                tried += 1;
            }
        }
    }
    assert!(tried > 10, "tried {tried}");
}

/// What may be copied into the configuration holds no key that there is not, commented ones included.
#[test]
fn the_settings_to_copy_are_settings() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("fibrpcd.toml");
    let mut tried = 0;
    for (document, text) in documents() {
        let here_documents =
            text.split("<<END\n").skip(1).map(|rest| rest.split_once("\nEND").unwrap().0);
        let blocks = blocks(&text, "toml").filter(|block| !is_of_client(block));
        for block in blocks.chain(here_documents) {
            tried += 1;
            let is_setting =
                |line: &str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
            let uncommented = |line: &str| match line.strip_prefix("# ") {
                Some(setting) if is_setting(setting) => format!("{setting}\n"),
                _ => format!("{line}\n"),
            };
            fs::write(&file, block.lines().map(uncommented).collect::<String>()).unwrap();
            let ran = fibrpcd(&["--config", file.to_str().unwrap(), "--check"], &[]);
            // The files that it names are not here.
            let elsewhere = ["No such file", "$CREDENTIALS_DIRECTORY"];
            let is_here = |line: &&str| !elsewhere.iter().any(|what| line.contains(what));
            let complaints = ran.stderr.lines().filter(is_here);
            let complaints: Vec<_> =
                complaints.filter(|line| line.contains("fibrpcd.toml")).collect();
            assert_eq!(complaints, Vec::<&str>::new(), "{}: {block}", document.display());
        }
    }
    assert!(tried > 1, "tried {tried}");
}
