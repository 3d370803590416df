//! `fibrpcctl call`: numbers in, answers out, in the order of the numbers.

use super::{
    envelope::{self, Envelope, Refused},
    exit_of,
    input::InputError,
    output::{Output, status},
    progress::Progress,
    verbose::Verbose,
    window::{self, MAX_BYTES, Source, Window, Work},
};
use crate::{
    cli::{CallArgs, InputFormat, Numbers, expanded},
    client::{CallError, Client, Reply, Request, Timing},
    exit::Exit,
    wire::Method,
};
use serde_json::Value;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::{sync::Notify, time::sleep};
use uuid::Uuid;

/// The pause before the first retry; each is twice as long as the one before.
const RETRY_AFTER: Duration = Duration::from_millis(100);
const RETRY_AFTER_AT_MOST: Duration = Duration::from_secs(2);

/// Makes the calls. The exit code is that of the first call that failed.
pub(super) async fn run(
    args: &CallArgs,
    verbose: bool,
    client: &Client,
    output: &mut Output,
    stop: &Notify,
) -> Exit {
    let is_json = args.input_format == InputFormat::Json;
    if is_json && args.numbers() != Numbers::Stdin {
        let message = "--input-format json is for standard input; give - instead of numbers";
        output.tell().complain(message);
        return Exit::Usage;
    }
    let source = match args.numbers() {
        Numbers::Given(numbers) => {
            Ok(Source::given(numbers.iter().flat_map(|text| expanded(text))))
        }
        Numbers::Stdin => Source::stdin(),
    };
    let source = match source {
        Ok(source) => source,
        Err(error) => {
            output.tell().complain(&format!("cannot start a thread: {error}"));
            return Exit::Failure;
        }
    };
    let window = Window { count: args.concurrency.into(), ordered: !args.unordered };
    let calls = Calls {
        client,
        is_json,
        retries: args.retries,
        verbose: Verbose::new(client, verbose),
        tally: RefCell::default(),
    };
    let progress = Progress::new(output.tell());
    let exit = tokio::select! {
        exit = window::run(source, window, &calls, output, stop) => exit,
        () = progress.show(|| calls.tally.borrow().progress()) => Exit::Failure, // it never ends
    };
    progress.clear();
    if let Some(summary) = calls.tally.borrow().summary().filter(|_| !output.is_json()) {
        output.tell().complain(&summary);
    }
    exit
}

struct Calls<'a> {
    client: &'a Client,
    /// Whether lines are calls in JSON, and not numbers.
    is_json: bool,
    retries: u16,
    verbose: Verbose<'a>,
    tally: RefCell<Tally>,
}

/// How the calls that are over went.
#[derive(Debug, Default)]
struct Tally {
    answered: u64,
    /// By the words for it.
    failed: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    fn progress(&self) -> String {
        let failures = self.failures();
        let failed = if failures > 0 { format!(", {failures} failed") } else { String::new() };
        format!("{} answered{failed}", self.answered)
    }

    /// Why calls failed, where there were several.
    fn summary(&self) -> Option<String> {
        let failures = self.failures();
        let kinds = self.failed.iter().map(|(kind, count)| format!("{count} {kind}"));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let calls = failures + self.answered;
        (failures > 1).then(|| format!("{failures} of {calls} calls failed: {kinds}"))
    }
}

/// A call that is over.
enum Answer {
    Call {
        number: String,
        id: Option<Value>,
        correlation_id: String,
        outcome: Box<Result<Reply, (CallError, Option<Timing>)>>,
        elapsed: Duration,
    },
    /// The line of this number is no call.
    Refused(u64, Refused),
}

impl Calls<'_> {
    fn request(&self, number: &str, correlation_id: &str) -> Request {
        let body = number.as_bytes().to_vec();
        let request = Request::of_method(Method::Fib, body).correlation_id(correlation_id);
        if self.verbose.is_wanted() { request.timed() } else { request }
    }

    async fn fib(&self, number: String, id: Option<Value>) -> Answer {
        let started = Instant::now();
        let (mut left, mut pause) = (self.retries, RETRY_AFTER);
        loop {
            let correlation_id = Uuid::new_v4().to_string();
            match self.client.request_timed(self.request(&number, &correlation_id)).await {
                Err((error, _)) if left > 0 && may_help(&error) => {
                    left -= 1;
                    sleep(pause).await;
                    pause = (pause * 2).min(RETRY_AFTER_AT_MOST);
                }
                outcome => {
                    let outcome = Box::new(outcome);
                    let elapsed = started.elapsed();
                    return Answer::Call { number, id, correlation_id, outcome, elapsed };
                }
            }
        }
    }
}

impl Work for Calls<'_> {
    type Answer = Answer;

    fn expect(&self, text: &str) -> usize {
        match self.is_json.then(|| envelope::number(text)) {
            None => digits_of(text),
            Some(Ok(call)) => digits_of(&call.content),
            Some(Err(_)) => text.len(),
        }
    }

    async fn call(&self, line: u64, text: String) -> Answer {
        if !self.is_json {
            return self.fib(text, None).await;
        }
        match envelope::number(&text) {
            Ok(Envelope { id, content }) => self.fib(content, id).await,
            Err(refused) => Answer::Refused(line, refused),
        }
    }

    fn tell(&self, output: &mut Output, answer: Answer) -> Exit {
        let mut tally = self.tally.borrow_mut();
        match answer {
            Answer::Call { number, id, correlation_id, outcome, elapsed } => match *outcome {
                Ok(reply) => {
                    tally.answered += 1;
                    self.verbose.replied(output, &format!("call {number}"), &reply.timing);
                    output.answer(&number, id, &reply.body, elapsed);
                    Exit::Ok
                }
                Err((error, timing)) => {
                    *tally.failed.entry(status(&error)).or_default() += 1;
                    self.verbose.failed(output, &format!("call {number}"), timing);
                    output.call_failed(&number, (id, &correlation_id), &error, elapsed);
                    exit_of(&error)
                }
            },
            Answer::Refused(line, Envelope { id, content: why }) => {
                output.bad_input(&InputError::Refused { line, why }, id);
                Exit::Usage
            }
        }
    }
}

/// Whether another try may end otherwise: a server's answer, what the request itself is, and what the
/// broker refuses stay.
fn may_help(error: &CallError) -> bool {
    use CallError::{
        BadReply, Closed, Failed, Invalid, LoginRefused, NotPermitted, ReplyTooLarge, TlsFailed,
        TooLarge, VhostRefused,
    };
    let of_request = matches!(error, Invalid(_) | ReplyTooLarge { .. } | TooLarge { .. });
    let of_broker =
        matches!(error, LoginRefused(_) | VhostRefused(_) | TlsFailed(_) | NotPermitted(_));
    !(of_request || of_broker || matches!(error, Failed(_) | BadReply(_) | Closed))
}

/// About how many digits F(n) has, and the call itself; what is no number has a short answer.
fn digits_of(number: &str) -> usize {
    let n = number.trim().parse::<usize>().unwrap_or(0);
    (n / 4).min(MAX_BYTES).saturating_add(number.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_summed_up_by_kind_where_there_are_several() {
        let mut tally = Tally { answered: 97, ..Tally::default() };
        assert_eq!((tally.summary(), tally.progress().as_str()), (None, "97 answered"));
        tally.failed.insert("TIMED_OUT", 1);
        assert_eq!(tally.summary(), None);
        tally.failed.insert("TIMED_OUT", 2);
        tally.failed.insert("INVALID_ARGUMENT", 1);
        let summary = "3 of 100 calls failed: 1 INVALID_ARGUMENT, 2 TIMED_OUT";
        assert_eq!(tally.summary().as_deref(), Some(summary));
        assert_eq!(tally.progress(), "97 answered, 3 failed");
    }
}
