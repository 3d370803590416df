//! What `fibrpcctl` says about wrong usage: the table of docs/fibrpcctl.md is made of what it does say.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};
use tempfile::TempDir;

/// Wrong usage, as the table shows it; `FILE` stands for a file with the content that is given.
struct Wrong {
    /// The command line; white space separates arguments, and `''` is an empty one.
    args: &'static str,
    /// What the file holds, or standard input if no argument names the file, or the contexts if one
    /// is chosen.
    content: &'static [u8],
    /// A variable.
    variable: Option<(&'static str, &'static [u8])>,
}

/// A command line alone.
const fn args(args: &'static str) -> Wrong {
    Wrong { args, content: b"", variable: None }
}

const fn with(args: &'static str, content: &'static [u8]) -> Wrong {
    Wrong { args, content, variable: None }
}

const fn variable(name: &'static str, value: &'static [u8]) -> Wrong {
    Wrong { args: "ping", content: b"", variable: Some((name, value)) }
}

/// One of each kind of message that is ours, and not clap's.
const ALL: &[Wrong] = &[
    args("call 1..x"),
    args("30"),
    args("call -5"),
    args("call 5..5"),
    args("call 9..5"),
    args("call 1..9..0"),
    args("call - 5"),
    args("call --port 5673 5"),
    args("call --input-format json 5"),
    with("call -", b"\xe9\n"),
    with("call -", b"\xff\xfe3\0"),
    with("call --input-format json -", b"oops\n"),
    with("call --input-format json -", b"{\"N\":3}\n"),
    with("request --input-format json", b"{\"boddy\":3}\n"),
    with("request --input-format json", b"{\"priority\":300}\n"),
    args("request -d @/none"),
    args("request -d @"),
    args("request --raw --json"),
    args("request --type a --property type=b"),
    args("request -H tenant"),
    args("request -H n:=five"),
    args("request --property priority"),
    args("request --property priority=300"),
    args("request --property colour=red"),
    args("request --property reply-to=q"),
    args("serve --reply /none"),
    args("serve --delay 5..x"),
    args("serve --delay 20ms..5ms"),
    args("serve --fail 2"),
    args("serve --verbose"),
    args("status mine"),
    args("context add mine"),
    args("status --check --warn depht>1"),
    args("status --check --warn depth"),
    args("status --check --crit depth>many"),
    args("status --http ftp://h"),
    args("status --http http://u:p@h"),
    args("ping --timeout soon"),
    args("ping --timeout 0"),
    args("ping --timeout 25h"),
    args("ping --queue ''"),
    args("ping --uri http://h"),
    args("ping --uri amqp://h:0"),
    args("ping --uri amqp://h/a/b"),
    args("ping --uri amqp://u:p%zz@h"),
    args("ping --uri amqp://h?heartbeat=5"),
    args("ping --ask-password --password-file /none"),
    args("ping --ask-password"),
    args("ping --password-file /none"),
    with("ping --password-file FILE", b"\n"),
    with("ping --password-file FILE", b"two\nlines\n"),
    args("ping --ca-file /none"),
    args("ping --uri amqps://h --ca-file /none"),
    with("ping --uri amqps://h --ca-file FILE", b"no PEM"),
    with("ping --context stagin", b"[context.staging]\n"),
    with("ping --context a", b"[context.a]\nquue = 'q'\n"),
    with("ping --context a", b"[context.a]\nuri = 'amqp://u:p@h'\n"),
    with("ping --context a", b"[context.a\n"),
    variable("FIBRPCCTL_QUEUE", b"\xe9"),
];

/// How it was told.
struct Told {
    message: String,
    code: i32,
    hint: String,
}

impl Wrong {
    /// What somebody has typed.
    fn shown(&self) -> String {
        let variable = self.variable.map(|(name, value)| format!("{name}={} ", escaped(value)));
        let content = match escaped(self.content) {
            content if content.is_empty() => String::new(),
            content => format!(" < {content}"),
        };
        let is_context = self.args.contains("--context") || self.args.contains("FILE");
        let content = if is_context { content.replace(" < ", ", FILE: ") } else { content };
        format!("{}{}{content}", variable.unwrap_or_default(), self.args)
    }

    /// Runs it.
    fn told(&self) -> Told {
        let home = TempDir::new().unwrap();
        let (file, config) = (home.path().join("FILE"), home.path().join("fibrpc"));
        fs::create_dir(&config).unwrap();
        fs::write(&file, self.content).unwrap();
        let contexts = config.join("fibrpcctl.toml");
        if self.args.contains("--context") {
            fs::write(&contexts, self.content).unwrap();
        }
        // A session of its own has no terminal, whoever runs the tests.
        let mut command = Command::new("setsid");
        command.args(["--wait", env!("CARGO_BIN_EXE_fibrpcctl")]);
        command.env_clear().env("XDG_CONFIG_HOME", home.path());
        for arg in self.args.split_whitespace() {
            match arg {
                "''" => command.arg(""),
                "FILE" => command.arg(&file),
                other => command.arg(other),
            };
        }
        if let Some((name, value)) = self.variable {
            command.env(name, OsStr::from_bytes(value));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(self.content); // it may not be read
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        let named = |path: &Path, text: String| text.replace(path.to_str().unwrap(), "FILE");
        let mut lines = said.lines().map(|line| named(&contexts, named(&file, line.to_owned())));
        let message = lines.next().unwrap_or_else(|| panic!("{} says nothing", self.args));
        let hint = lines.find_map(|line| {
            let hint = line.strip_prefix("fibrpcctl: hint: ");
            hint.or(line.strip_prefix("For more information, ")).map(str::to_owned)
        });
        Told {
            message: message
                .trim_start_matches("fibrpcctl: ")
                .trim_start_matches("error: ")
                .to_owned(),
            code: output.status.code().unwrap(),
            hint: hint.unwrap_or_default(),
        }
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

/// Text as code, in Markdown.
fn code_span(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// The table.
pub(super) fn table() -> String {
    let told: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = ALL.iter().map(|wrong| scope.spawn(|| wrong.told())).collect();
        running.into_iter().map(|told| told.join().unwrap()).collect()
    });
    let rows = ALL.iter().zip(told).map(|(wrong, Told { message, code, hint })| {
        // Plugins have codes of their own.
        let expected = if wrong.args.contains("--check") { 3 } else { 2 };
        assert_eq!(code, expected, "{}: {message}", wrong.args);
        assert!(!message.contains('|'), "it would end the cell: {message}");
        format!("| {} | {} | {code} | {hint} |\n", code_span(&wrong.shown()), code_span(&message))
    });
    "| given | message | exit code | hint |\n|---|---|---|---|\n".to_owned()
        + &rows.collect::<String>()
}
