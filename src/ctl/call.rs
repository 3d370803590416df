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

/// What a line has led to.
struct Answer {
    outcome: Outcome,
    /// What it was thought to need.
    expected: usize,
}

enum Outcome {
    Called { number: String, outcome: Result<Vec<u8>, CallError>, elapsed: Duration },
    NotSent(InputError),
}

/// Makes calls as long as there are numbers and room for answers. While the output is not read, no
/// further calls are made, but those that are under way get their answers.
async fn make(mut source: Source<'_>, client: &Client, output: &mut Output) -> Exit {
    let mut under_way = FuturesOrdered::new();
    let (mut waiting, mut over) = (None::<Line>, false);
    let mut expected = 0;
    let mut exit = Exit::Ok;
    loop {
        let needed = waiting.as_ref().map_or(0, digits_of);
        let bytes = expected + output.pending_bytes();
        let count = under_way.len() + output.pending_lines();
        let fits = count < IN_FLIGHT && (count == 0 || bytes + needed <= MAX_BYTES);
        if let Some(line) = fits.then(|| waiting.take()).flatten() {
            expected += needed;
            under_way.push_back(call(client, line, needed));
        }
        tokio::select! {
            biased;
            written = output.hand_over(), if output.pending_lines() > 0 => if written.is_err() {
                return exit.or(Exit::Failure); // nobody reads any more
            },
            Some(answer) = under_way.next() => {
                expected -= answer.expected;
                exit = exit.or(tell(output, &answer.outcome));
            }
            line = source.next(), if waiting.is_none() && !over => match line {
                Some(line) => waiting = Some(line),
                None => over = true,
            },
            else => return exit,
        }
    }
}

/// Calls with a line. One that cannot be sent is told in its place among the answers.
async fn call(client: &Client, line: Line, expected: usize) -> Answer {
    let started = Instant::now();
    let outcome = match line {
        Ok(number) => {
            let outcome = client.call(Method::Fib, number.clone().into_bytes()).await;
            Outcome::Called { number, outcome, elapsed: started.elapsed() }
        }
        Err(error) => Outcome::NotSent(error),
    };
    Answer { outcome, expected }
}

fn tell(output: &mut Output, outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Called { number, outcome: Ok(digits), elapsed } => {
            output.answer(number, digits, *elapsed);
            Exit::Ok
        }
        Outcome::Called { number, outcome: Err(error), elapsed } => {
            output.call_failed(number, error, *elapsed);
            exit_of(error)
        }
        Outcome::NotSent(error) => {
            output.bad_input(error);
            match error {
                InputError::Read(_) => Exit::Failure,
                _ => Exit::Usage,
            }
        }
    }
}

/// About how many digits F(n) has, and the call itself; what is no number has a short answer.
fn digits_of(line: &Line) -> usize {
    let Ok(number) = line else { return 0 };
    let n = number.trim().parse::<usize>().unwrap_or(0);
    (n / 4).min(MAX_BYTES).saturating_add(number.len())
}
