//! What `fibrpcctl` prints. Nothing here waits: lines are kept until a thread can take them.
//!
//! - [`answers`]: what is printed of calls, pings and questions about the server

mod answers;

pub(super) use self::answers::{MOST_OF_ANSWER, answer_to_ping, beginning};

use super::{
    colour::{self, GOOD, painted},
    printer::{Broken, Printer},
    teller::Teller,
    verdict::verdict,
};
use crate::{
    cli::{ColorWhen, CtlArgs, OutputFormat},
    client::CallError,
    exit::Exit,
    text::{escaped, is_treacherous},
    wire::TraceParent,
};
use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::{Map, Value};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::File,
    io::{self, ErrorKind},
};

/// The columns of a small terminal.
const COLUMNS: usize = 80;

/// Standard output and standard error, in the format asked for.
pub(super) struct Output {
    format: OutputFormat,
    stdout: Printer,
    /// What answers are written to.
    name: String,
    teller: Teller,
    /// Lines for standard output, and how many they are.
    pending: Vec<u8>,
    pending_lines: usize,
    /// The id of the trace that the calls are part of.
    trace: Option<String>,
    /// Where the time of the next object's call went.
    timing: Option<Map<String, Value>>,
    has_colours: bool,
    /// What people were told to do.
    hinted: BTreeSet<String>,
}

impl Output {
    /// Starts the threads that write: answers to a file of this name, or to standard output.
    pub(super) fn start(
        format: OutputFormat,
        colour: ColorWhen,
        trace: Option<TraceParent>,
        file: Option<(File, String)>,
    ) -> io::Result<Self> {
        let (stdout, name) = match file {
            Some((file, name)) => (Printer::start_anew("output", file, 1)?, name),
            None => (Printer::start("stdout", io::stdout(), 1)?, "standard output".to_owned()),
        };
        Ok(Self {
            format,
            stdout,
            name,
            teller: Teller::start(colour)?,
            pending: Vec::new(),
            pending_lines: 0,
            trace: trace.map(|parent| parent.trace_id_text()),
            timing: None,
            has_colours: colour::wanted(colour, &io::stdout()),
            hinted: BTreeSet::new(),
        })
    }

    /// From now on answers are printed like this.
    pub(super) fn set_format(&mut self, format: OutputFormat) {
        self.format = format;
    }

    /// Where the time of the next object's call went.
    pub(super) fn set_timing(&mut self, timing: Map<String, Value>) {
        self.timing = Some(timing);
    }

    /// For lines to people.
    pub(super) fn tell(&self) -> Teller {
        self.teller.clone()
    }

    /// How many lines wait to be written.
    pub(super) fn pending_lines(&self) -> usize {
        self.pending_lines
    }

    /// How many bytes they have.
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Gives the lines that wait to whoever writes them, as soon as there is room. Cancel safe.
    pub(super) async fn hand_over(&mut self) -> Result<(), Broken> {
        self.stdout.hand_over(&mut self.pending).await?;
        self.pending_lines = 0;
        Ok(())
    }

    /// Waits until all that was printed is written, and says so if that is not possible. Standard
    /// error is not waited for for long. A file is emptied also where all went well and there is
    /// nothing to write.
    pub(super) async fn finish(mut self, exit: Exit) -> Exit {
        if self.pending_lines > 0 || exit == Exit::Ok {
            let _ = self.hand_over().await; // the end of the thread says why
        }
        let finished = match self.stdout.finish().await {
            Ok(()) => Exit::Ok,
            // `fibrpcctl call ... | head` has what it wants.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Failure,
            Err(error) => {
                self.teller.complain(&format!("cannot write {}: {error}", self.name));
                Exit::Failure
            }
        };
        self.teller.finish().await;
        finished
    }

    /// Tells people the trace; in JSON every object has it.
    pub(super) fn announce_trace(&self) {
        if let (OutputFormat::Plain, Some(trace)) = (self.format, &self.trace) {
            self.teller.say("", &format!("trace {trace}"));
        }
    }

    /// A word of an answer that is as it should be.
    pub(super) fn good(&self, word: &str) -> String {
        if self.has_colours { painted(GOOD, word) } else { word.to_owned() }
    }

    /// What to do about a failure: once, however many there are.
    pub(super) fn hint(&mut self, hint: &str) {
        if self.hinted.insert(hint.to_owned()) {
            self.teller.hint(hint);
        }
    }

    /// What makes a shell complete our arguments.
    pub(super) fn completions(&mut self, shell: Shell) {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut CtlArgs::command(), "fibrpcctl", &mut script);
        self.line(script.trim_ascii_end());
    }

    /// A line for a screen of 80 columns, of what may be a stranger's.
    pub(super) fn shown(&mut self, line: &str) {
        let line = escaped(line);
        if line.chars().count() <= COLUMNS {
            return self.line(line.as_bytes());
        }
        let start: String = line.chars().take(COLUMNS - 3).collect();
        self.line(format!("{start}...").as_bytes());
    }

    /// Why a command has no answer.
    pub(super) fn failed(&mut self, error: &CallError) {
        match self.format {
            OutputFormat::Plain => {
                self.teller.complain(&error.to_string());
                self.hint(verdict(error).hint);
            }
            OutputFormat::Json => {
                let mut object = Map::new();
                object.insert("status".into(), status(error).into());
                insert_error(&mut object, error);
                self.json(object);
            }
        }
    }

    pub(super) fn json(&mut self, mut object: Map<String, Value>) {
        if let Some(trace) = &self.trace {
            object.insert("trace_id".into(), trace.as_str().into());
        }
        if let Some(timing) = self.timing.take() {
            object.insert("timing".into(), timing.into());
        }
        let line = Value::Object(object).to_string();
        if line.contains(is_treacherous) {
            self.line(json_escaped(&line).as_bytes());
        } else {
            self.line(line.as_bytes());
        }
    }

    /// Bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        self.pending_lines += 1;
    }

    pub(super) fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    pub(super) fn line(&mut self, line: &[u8]) {
        self.pending.extend_from_slice(line);
        self.pending.push(b'\n');
        self.pending_lines += 1;
    }
}

/// JSON with the treacherous characters that may stand in its texts as they are, written as its
/// escapes. All of them have at most four hexadecimal digits.
fn json_escaped(json: &str) -> String {
    let mut line = String::with_capacity(json.len() + 16);
    for ch in json.chars() {
        if is_treacherous(ch) {
            let _ = write!(line, "\\u{:04x}", u32::from(ch)); // writing to a string cannot fail
        } else {
            line.push(ch);
        }
    }
    line
}

/// The cause, and what to do.
pub(super) fn insert_error(object: &mut Map<String, Value>, error: &CallError) {
    object.insert("error".into(), error.to_string().into());
    object.insert("hint".into(), verdict(error).hint.into());
}

/// By what logs and traces know a call that failed, where they may tell more of it.
pub(super) fn known_as(error: &CallError, correlation_id: &str) -> String {
    if verdict(error).is_traceable {
        format!(" (correlation id {correlation_id})")
    } else {
        String::new()
    }
}

/// A word for a failure: the server's status, or what stands for it on this side.
pub(super) fn status(error: &CallError) -> &'static str {
    verdict(error).status
}
