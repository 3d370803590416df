//! `fibrpcctl call`: numbers in, answers out, in the order of the numbers.

use super::{exit_of, output::Output};
use crate::{cli::Numbers, client::Client, exit::Exit, wire::Method};
use futures_util::{Stream, StreamExt as _, stream};
use std::{
    io::{self, BufRead as _},
    pin::pin,
    time::Instant,
};
use tokio::sync::mpsc;

/// Most calls under way at once.
const IN_FLIGHT: usize = 256;

/// Makes the calls. The exit code is that of the first call that failed.
pub(super) async fn run(numbers: Numbers<'_>, client: &Client, output: &mut Output) -> Exit {
    match numbers {
        Numbers::Given(numbers) => {
            make(stream::iter(numbers.iter().cloned().map(Ok)), client, output).await
        }
        Numbers::Stdin => make(lines(), client, output).await,
    }
}

async fn make(
    numbers: impl Stream<Item = io::Result<String>>,
    client: &Client,
    output: &mut Output,
) -> Exit {
    let calls = numbers.map(|number| async {
        let number = number?;
        let started = Instant::now();
        let outcome = client.call(Method::Fib, number.clone().into_bytes()).await;
        Ok::<_, io::Error>((number, outcome, started.elapsed()))
    });
    let mut answers = pin!(calls.buffered(IN_FLIGHT));
    let mut first_failure = Exit::Ok;
    while let Some(answer) = answers.next().await {
        let (exit, stop) = match answer {
            Ok((number, Ok(digits), elapsed)) => {
                let exit = output.answer(&number, &digits, elapsed);
                (exit, exit != Exit::Ok) // nobody reads any more
            }
            Ok((number, Err(error), elapsed)) => {
                let written = output.call_failed(&number, &error, elapsed);
                (exit_of(&error), written != Exit::Ok)
            }
            Err(error) => {
                output.complain(&format!("cannot read standard input: {error}"));
                (Exit::Usage, true)
            }
        };
        if first_failure == Exit::Ok {
            first_failure = exit;
        }
        if stop {
            break;
        }
    }
    first_failure
}

/// The lines of standard input, read by a thread because there is no other way to read it without
/// blocking the calls.
fn lines() -> impl Stream<Item = io::Result<String>> {
    let (sender, mut receiver) = mpsc::channel(IN_FLIGHT);
    // It ends with its input or, at the latest, with the program.
    tokio::task::spawn_blocking(move || {
        for line in io::stdin().lock().lines() {
            let over = line.is_err();
            if sender.blocking_send(line).is_err() || over {
                break;
            }
        }
    });
    stream::poll_fn(move |context| receiver.poll_recv(context))
}
