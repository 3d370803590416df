//! `fibrpcctl call`: numbers in, answers out, in the order of the numbers.

use super::{
    exit_of,
    input::{self, InputError, Line},
    output::Output,
};
use crate::{
    cli::Numbers,
    client::{CallError, Client},
    exit::Exit,
    wire::Method,
};
use futures_util::{StreamExt as _, stream::FuturesOrdered};
use std::{
    io, slice,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Most calls under way at once, with those whose answers are not written yet.
const IN_FLIGHT: usize = 256;

/// Most bytes that the answers of these may have together, as far as can be told before; a single
/// one may have more.
const MAX_BYTES: usize = 256 << 20;

/// Makes the calls. The exit code is that of the first call that failed.
pub(super) async fn run(numbers: Numbers<'_>, client: &Client, output: &mut Output) -> Exit {
    match Source::of(numbers) {
        Ok(source) => make(source, client, output).await,
        Err(error) => {
            output.tell().complain(&format!("cannot start a thread: {error}"));
            Exit::Failure
        }
    }
}

/// Where numbers come from.
enum Source<'a> {
    Given(slice::Iter<'a, String>),
    Stdin(mpsc::Receiver<Line>),
}

impl<'a> Source<'a> {
    fn of(numbers: Numbers<'a>) -> io::Result<Self> {
        Ok(match numbers {
            Numbers::Given(numbers) => Self::Given(numbers.iter()),
            Numbers::Stdin => Self::Stdin(input::lines()?),
        })
    }

    async fn next(&mut self) -> Option<Line> {
        match self {
            Self::Given(numbers) => numbers.next().cloned().map(Ok),
            Self::Stdin(lines) => lines.recv().await,
        }
    }
}

/// A call that is over.
struct Answer {
    number: String,
    outcome: Result<Vec<u8>, CallError>,
    elapsed: Duration,
    /// What it was thought to need.
    expected: usize,
}

/// Makes calls as long as there are numbers and room for answers. While the output is not read, no
/// further calls are made, but those that are under way get their answers.
async fn make(mut source: Source<'_>, client: &Client, output: &mut Output) -> Exit {
    let mut under_way = FuturesOrdered::new();
    let (mut waiting, mut over) = (None, None);
    let mut expected = 0;
    let mut exit = Exit::Ok;
    loop {
        let needed = waiting.as_deref().map_or(0, digits_of);
        let bytes = expected + output.pending_bytes();
        let count = under_way.len() + output.pending_lines();
        let fits = count < IN_FLIGHT && (count == 0 || bytes + needed <= MAX_BYTES);
        if let Some(number) = fits.then(|| waiting.take()).flatten() {
            expected += needed;
            under_way.push_back(call(client, number, needed));
        }
        tokio::select! {
            biased;
            written = output.hand_over(), if output.pending_lines() > 0 => if written.is_err() {
                return exit.or(Exit::Failure); // nobody reads any more
            },
            Some(answer) = under_way.next() => {
                expected -= answer.expected;
                exit = exit.or(tell(output, &answer));
            }
            number = source.next(), if waiting.is_none() && over.is_none() => match number {
                Some(Ok(number)) => waiting = Some(number),
                Some(Err(error)) => over = Some(Some(error)),
                None => over = Some(None),
            },
            else => break,
        }
    }
    let Some(error) = over.flatten() else { return exit };
    output.tell().complain(&error.to_string());
    exit.or(match error {
        InputError::Read(_) => Exit::Failure,
        InputError::NotUtf8 { .. } | InputError::TooLong { .. } => Exit::Usage,
    })
}

async fn call(client: &Client, number: String, expected: usize) -> Answer {
    let started = Instant::now();
    let outcome = client.call(Method::Fib, number.clone().into_bytes()).await;
    Answer { number, outcome, elapsed: started.elapsed(), expected }
}

fn tell(output: &mut Output, answer: &Answer) -> Exit {
    match &answer.outcome {
        Ok(digits) => {
            output.answer(&answer.number, digits, answer.elapsed);
            Exit::Ok
        }
        Err(error) => {
            output.call_failed(&answer.number, error, answer.elapsed);
            exit_of(error)
        }
    }
}

/// About how many digits F(n) has, and the call itself; what is no number has a short answer.
fn digits_of(number: &str) -> usize {
    let n = number.trim().parse::<usize>().unwrap_or(0);
    (n / 4).min(MAX_BYTES).saturating_add(number.len())
}
