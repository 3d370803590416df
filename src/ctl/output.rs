//! What `fibrpcctl` prints.

use crate::{
    cli::{CtlArgs, OutputFormat},
    client::{CallError, Pong},
    exit::Exit,
    text::{escaped, excerpt},
    wire::TraceParent,
};
use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::{Map, Value};
use std::{
    io::{self, ErrorKind, StdoutLock, Write as _},
    time::Duration,
};

/// Standard output and standard error, in the format asked for.
pub(super) struct Output {
    format: OutputFormat,
    stdout: StdoutLock<'static>,
    /// The id of the trace that the calls are part of.
    trace: Option<String>,
}

impl Output {
    pub(super) fn new(format: OutputFormat, trace: Option<TraceParent>) -> Self {
        let trace = trace.map(|parent| parent.trace_id_text());
        Self { format, stdout: io::stdout().lock(), trace }
    }

    /// Tells people the trace; in JSON every object has it.
    pub(super) fn announce_trace(&self) {
        if let (OutputFormat::Plain, Some(trace)) = (self.format, &self.trace) {
            self.tell(&format!("trace {trace}"));
        }
    }

    /// F(n).
    pub(super) fn answer(&mut self, number: &str, digits: &[u8], elapsed: Duration) -> Exit {
        match self.format {
            OutputFormat::Plain => self.line(digits),
            OutputFormat::Json => {
                let mut object = call_object(number, "OK", elapsed);
                object.insert("result".into(), text(digits));
                self.json(object)
            }
        }
    }

    /// Why there is no F(n).
    pub(super) fn call_failed(
        &mut self,
        number: &str,
        error: &CallError,
        elapsed: Duration,
    ) -> Exit {
        match self.format {
            OutputFormat::Plain => {
                self.complain(&format!("call {}: {error}", number.escape_debug()));
                Exit::Ok
            }
            OutputFormat::Json => {
                let mut object = call_object(number, status(error), elapsed);
                object.insert("error".into(), error.to_string().into());
                self.json(object)
            }
        }
    }

    /// What makes a shell complete our arguments.
    pub(super) fn completions(&mut self, shell: Shell) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut CtlArgs::command(), "fibrpcctl", &mut script);
        self.line(script.trim_ascii_end())
    }

    /// The answer to a ping, and what it is where it is no pong.
    pub(super) fn pong(&mut self, pong: &Pong) -> Exit {
        let elapsed = pong.elapsed;
        let instead = pong.instead.as_deref().map(|answer| excerpt(answer, 60));
        match self.format {
            OutputFormat::Plain => self.line(
                match instead {
                    None => format!("pong after {elapsed:.1?}"),
                    Some(answer) => format!(
                        "\"{answer}\" after {elapsed:.1?}: a server that does not know ping"
                    ),
                }
                .as_bytes(),
            ),
            OutputFormat::Json => {
                let mut object = Map::new();
                object.insert("status".into(), "OK".into());
                object.insert("seconds".into(), elapsed.as_secs_f64().into());
                object.insert("answer".into(), instead.unwrap_or_else(|| "pong".into()).into());
                self.json(object)
            }
        }
    }

    /// What the server says of itself: as JSON, or a line for each thing in it.
    pub(super) fn info(&mut self, info: Map<String, Value>) -> Exit {
        match self.format {
            OutputFormat::Plain => self.lines_of("", &info),
            OutputFormat::Json => self.json(info),
        }
    }

    fn lines_of(&mut self, prefix: &str, object: &Map<String, Value>) -> Exit {
        for (key, value) in object {
            let exit = match value {
                Value::Object(inner) => self.lines_of(&format!("{prefix}{key}."), inner),
                Value::String(text) => {
                    self.line(escaped(&format!("{prefix}{key}: {text}")).as_bytes())
                }
                Value::Array(items) => {
                    let items = items.iter().map(|item| item.as_str().unwrap_or("?"));
                    let items = items.collect::<Vec<_>>().join(", ");
                    self.line(escaped(&format!("{prefix}{key}: {items}")).as_bytes())
                }
                other => self.line(format!("{prefix}{key}: {other}").as_bytes()),
            };
            if exit != Exit::Ok {
                return exit;
            }
        }
        Exit::Ok
    }

    /// Why a command has no answer.
    pub(super) fn failed(&mut self, error: &CallError) {
        match self.format {
            OutputFormat::Plain => self.complain(&error.to_string()),
            OutputFormat::Json => {
                let mut object = Map::new();
                object.insert("status".into(), status(error).into());
                object.insert("error".into(), error.to_string().into());
                self.json(object);
            }
        }
    }

    /// One line for people, of what went wrong.
    pub(super) fn complain(&self, message: &str) {
        self.tell(&format!("fibrpcctl: {message}"));
    }

    #[expect(clippy::unused_self, reason = "all that is printed goes through here")]
    fn tell(&self, line: &str) {
        // Where nobody reads standard error, there is nobody to tell.
        // Some of it may be what a server or a broker says.
        let _ = writeln!(io::stderr(), "{}", escaped(line));
    }

    fn json(&mut self, mut object: Map<String, Value>) -> Exit {
        if let Some(trace) = &self.trace {
            object.insert("trace_id".into(), trace.as_str().into());
        }
        match serde_json::to_vec(&object) {
            Ok(line) => self.line(&line),
            Err(_) => Exit::Failure,
        }
    }

    fn line(&mut self, line: &[u8]) -> Exit {
        let result = self.stdout.write_all(line).and_then(|()| self.stdout.write_all(b"\n"));
        match result.and_then(|()| self.stdout.flush()) {
            Ok(()) => Exit::Ok,
            // `fibrpcctl call ... | head` has what it wants.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Failure,
            Err(error) => {
                self.complain(&format!("cannot write: {error}"));
                Exit::Failure
            }
        }
    }
}

fn call_object(number: &str, status: &str, elapsed: Duration) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("n".into(), number.into());
    object.insert("status".into(), status.into());
    object.insert("seconds".into(), elapsed.as_secs_f64().into());
    object
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// A word for a failure: the server's status, or what stands for it on this side.
fn status(error: &CallError) -> &'static str {
    match error {
        CallError::Failed(failure) => failure.status.name(),
        CallError::BadReply(_) => "BAD_REPLY",
        CallError::TimedOut(_) => "TIMED_OUT",
        CallError::NoQueue(_) => "NO_QUEUE",
        CallError::NoServer(_) => "NO_SERVER",
        CallError::TooLarge { .. } => "TOO_LARGE",
        CallError::Unreachable(_) => "UNREACHABLE",
        CallError::Closed => "CLOSED",
    }
}
