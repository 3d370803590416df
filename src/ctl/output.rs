//! What `fibrpcctl` prints. Nothing here waits: lines are kept until a thread can take them.

use super::{
    colour::{self, GOOD, painted},
    input::InputError,
    printer::{Broken, Printer},
    stats::Stats,
    teller::Teller,
    verdict::verdict,
};
use crate::{
    cli::{ColorWhen, CtlArgs, OutputFormat},
    client::{CallError, Pong},
    exit::Exit,
    text::{escaped, excerpt, is_treacherous},
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
    time::Duration,
};

/// Most bytes of a number that are shown again.
const MAX_NUMBER: usize = 60;

/// Most bytes of an answer to a ping that are shown.
pub(super) const MOST_OF_ANSWER: usize = 60;

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

    /// F(n).
    pub(super) fn answer(
        &mut self,
        number: &str,
        id: Option<Value>,
        digits: &[u8],
        elapsed: Duration,
    ) {
        match self.format {
            OutputFormat::Plain if digits.iter().all(u8::is_ascii_digit) => self.line(digits),
            // Whatever it is, it came from a stranger.
            OutputFormat::Plain => self.line(escaped(&String::from_utf8_lossy(digits)).as_bytes()),
            OutputFormat::Json => {
                let mut object = call_object(number, id, "OK", elapsed);
                object.insert("result".into(), text(digits));
                self.json(object);
            }
        }
    }

    /// Why there is no F(n).
    pub(super) fn call_failed(
        &mut self,
        number: &str,
        (id, correlation_id): (Option<Value>, &str),
        error: &CallError,
        elapsed: Duration,
    ) {
        match self.format {
            OutputFormat::Plain => {
                let number = excerpt(number.as_bytes(), MAX_NUMBER);
                let known_as = known_as(error, correlation_id);
                self.teller.complain(&format!("call {number}: {error}{known_as}"));
                self.hint(verdict(error).hint);
            }
            OutputFormat::Json => {
                let mut object = call_object(number, id, status(error), elapsed);
                insert_error(&mut object, error);
                object.insert("correlation_id".into(), correlation_id.into());
                self.json(object);
            }
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

    /// Why a line of standard input was not sent.
    pub(super) fn bad_input(&mut self, error: &InputError, id: Option<Value>) {
        match self.format {
            OutputFormat::Plain => {
                self.teller.complain(&error.to_string());
                self.hint(error.hint());
            }
            OutputFormat::Json => {
                let mut object = Map::new();
                if let Some(id) = id {
                    object.insert("id".into(), id);
                }
                object.insert("status".into(), "BAD_INPUT".into());
                object.insert("error".into(), error.to_string().into());
                object.insert("hint".into(), error.hint().into());
                self.json(object);
            }
        }
    }

    /// What makes a shell complete our arguments.
    pub(super) fn completions(&mut self, shell: Shell) {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut CtlArgs::command(), "fibrpcctl", &mut script);
        self.line(script.trim_ascii_end());
    }

    /// The answer to a ping, and what it is where it is no pong.
    pub(super) fn pong(&mut self, pong: &Pong) {
        let elapsed = pong.elapsed;
        match self.format {
            OutputFormat::Plain => self.line(
                match pong.instead.as_deref().map(|answer| excerpt(answer, MOST_OF_ANSWER)) {
                    None => format!("{} after {elapsed:.1?}", self.good("pong")),
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
                object.insert("answer".into(), answer_to_ping(pong));
                self.json(object);
            }
        }
    }

    /// What the server says of itself: as JSON, or a line for each thing in it.
    pub(super) fn info(&mut self, info: Map<String, Value>) {
        match self.format {
            OutputFormat::Plain => self.lines_of("", &info),
            OutputFormat::Json => self.json(info),
        }
    }

    /// What the server has done: as JSON, or as a table.
    pub(super) fn stats(&mut self, stats: Map<String, Value>) {
        match (self.format, Stats::read(&stats)) {
            (OutputFormat::Plain, Some(stats)) => {
                stats.table().iter().for_each(|line| self.shown(line));
            }
            (OutputFormat::Plain, None) => self.lines_of("", &stats),
            (OutputFormat::Json, _) => self.json(stats),
        }
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

    fn lines_of(&mut self, prefix: &str, object: &Map<String, Value>) {
        for (key, value) in object {
            let text = match value {
                Value::Object(inner) => {
                    self.lines_of(&format!("{prefix}{key}."), inner);
                    continue;
                }
                Value::String(text) => text.clone(),
                Value::Array(items) => {
                    let items = items.iter().map(|item| item.as_str().unwrap_or("?"));
                    items.collect::<Vec<_>>().join(", ")
                }
                other => other.to_string(),
            };
            self.line(escaped(&format!("{prefix}{key}: {text}")).as_bytes());
        }
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

fn call_object(
    number: &str,
    id: Option<Value>,
    status: &str,
    elapsed: Duration,
) -> Map<String, Value> {
    let mut object = Map::new();
    if let Some(id) = id {
        object.insert("id".into(), id);
    }
    let number = if number.len() > MAX_NUMBER {
        excerpt(number.as_bytes(), MAX_NUMBER)
    } else {
        number.to_owned()
    };
    object.insert("n".into(), number.into());
    object.insert("status".into(), status.into());
    object.insert("seconds".into(), elapsed.as_secs_f64().into());
    object
}

/// The cause, and what to do.
pub(super) fn insert_error(object: &mut Map<String, Value>, error: &CallError) {
    object.insert("error".into(), error.to_string().into());
    object.insert("hint".into(), verdict(error).hint.into());
}

/// What was answered to a ping, for an object.
pub(super) fn answer_to_ping(pong: &Pong) -> Value {
    pong.instead.as_deref().map_or_else(|| "pong".into(), beginning)
}

/// The start of an answer, for an object: as it is, but for what is no text.
pub(super) fn beginning(answer: &[u8]) -> Value {
    text(answer.get(..MOST_OF_ANSWER).unwrap_or(answer))
}

/// By what logs and traces know a call that failed, where they may tell more of it.
pub(super) fn known_as(error: &CallError, correlation_id: &str) -> String {
    if verdict(error).is_traceable {
        format!(" (correlation id {correlation_id})")
    } else {
        String::new()
    }
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// A word for a failure: the server's status, or what stands for it on this side.
pub(super) fn status(error: &CallError) -> &'static str {
    verdict(error).status
}
