//! Many calls with bounded memory: so many under way at once, and so many bytes of answers.

use super::{
    input::{self, InputError, Line},
    output::Output,
};
use crate::exit::Exit;
use futures_util::{
    StreamExt as _,
    stream::{FuturesOrdered, FuturesUnordered},
};
use std::{io, pin::Pin};
use tokio::sync::{Notify, mpsc};

/// Most bytes that the answers of the calls under way may have together, as far as can be told
/// before; a single one may have more.
pub(super) const MAX_BYTES: usize = 256 << 20;

/// What is to be called with.
pub(super) enum Source<'a> {
    Given(Box<dyn Iterator<Item = String> + 'a>),
    Stdin(mpsc::Receiver<Line>),
}

impl<'a> Source<'a> {
    pub(super) fn given(texts: impl Iterator<Item = String> + 'a) -> Self {
        Self::Given(Box::new(texts))
    }

    /// The lines of standard input.
    pub(super) fn stdin() -> io::Result<Self> {
        input::lines().map(Self::Stdin)
    }

    async fn next(&mut self) -> Option<Line> {
        match self {
            Self::Given(texts) => texts.next().map(Ok),
            Self::Stdin(lines) => lines.recv().await,
        }
    }
}

/// How many calls are under way at once, those whose answers are not written yet included, and
/// whether answers keep the order of the calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) count: usize,
    pub(super) ordered: bool,
}

/// What a command does for each text.
pub(super) trait Work {
    type Answer;

    /// How many bytes the answer will have, as far as can be told.
    fn expect(&self, text: &str) -> usize;

    /// Makes the call; `number` is that of the line, from 1.
    fn call(&self, number: u64, text: String) -> impl Future<Output = Self::Answer>;

    /// Prints the answer.
    fn tell(&self, output: &mut Output, answer: Self::Answer) -> Exit;
}

/// Makes calls as long as there are texts and room for answers. While the output is not read, no
/// further calls are made, but those that are under way get their answers. The exit code is that of
/// the first call that failed. Told to stop, it says how far it came, and waits for nothing.
pub(super) async fn run<W: Work>(
    mut source: Source<'_>,
    window: Window,
    work: &W,
    output: &mut Output,
    stop: &Notify,
) -> Exit {
    let mut under_way = Pool::new(window.ordered);
    let (mut waiting, mut over) = (None::<Line>, false);
    let (mut expected, mut number) = (0, 0);
    let (mut exit, mut answered, mut failed) = (Exit::Ok, 0u64, 0u64);
    loop {
        let text = waiting.as_ref().and_then(|line| line.as_deref().ok());
        let needed = text.map_or(0, |text| work.expect(text));
        let bytes = expected + output.pending_bytes();
        let count = under_way.len() + output.pending_lines();
        let fits = count < window.count && (count == 0 || bytes + needed <= MAX_BYTES);
        if let Some(line) = fits.then(|| waiting.take()).flatten() {
            expected += needed;
            number += 1;
            let called = line.map(|text| work.call(number, text));
            under_way.push(Box::pin(async move {
                match called {
                    Ok(call) => (Ok(call.await), needed),
                    Err(error) => (Err(error), needed),
                }
            }));
        }
        if over && under_way.len() == 0 && output.pending_lines() == 0 {
            return exit;
        }
        tokio::select! {
            biased;
            () = stop.notified() => {
                if answered + failed > 0 {
                    let words = format!("interrupted: {answered} answered, {failed} failed");
                    output.tell().complain(&words);
                }
                return Exit::Interrupted;
            }
            written = output.hand_over(), if output.pending_lines() > 0 => if written.is_err() {
                return exit.or(Exit::Failure); // nobody reads any more
            },
            Some((answer, needed)) = under_way.next() => {
                expected -= needed;
                let ended = match answer {
                    Ok(answer) => work.tell(output, answer),
                    Err(error) => bad_input(output, &error),
                };
                *if ended == Exit::Ok { &mut answered } else { &mut failed } += 1;
                exit = exit.or(ended);
            }
            line = source.next(), if waiting.is_none() && !over => match line {
                Some(line) => waiting = Some(line),
                None => over = true,
            },
        }
    }
}

/// Tells of a line that cannot be sent, in its place among the answers.
fn bad_input(output: &mut Output, error: &InputError) -> Exit {
    output.bad_input(error, None);
    if matches!(error, InputError::Read(_)) { Exit::Failure } else { Exit::Usage }
}

/// The calls under way.
enum Pool<F: Future> {
    Ordered(FuturesOrdered<F>),
    Unordered(FuturesUnordered<F>),
}

impl<A> Pool<Pin<Box<dyn Future<Output = A> + '_>>> {
    fn new(ordered: bool) -> Self {
        if ordered {
            Self::Ordered(FuturesOrdered::new())
        } else {
            Self::Unordered(FuturesUnordered::new())
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Ordered(calls) => calls.len(),
            Self::Unordered(calls) => calls.len(),
        }
    }

    /// Waits for the next answer; `None` if no call is under way. Cancel safe.
    async fn next(&mut self) -> Option<A> {
        match self {
            Self::Ordered(calls) => calls.next().await,
            Self::Unordered(calls) => calls.next().await,
        }
    }
}

impl<F: Future> Pool<F> {
    fn push(&mut self, call: F) {
        match self {
            Self::Ordered(calls) => calls.push_back(call),
            Self::Unordered(calls) => calls.push(call),
        }
    }
}
