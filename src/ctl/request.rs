//! `fibrpcctl request`: any request to any server.

use super::{
    exit_of,
    output::Output,
    replies::{self, Shape},
    whole_input,
    window::{self, Source, Window, Work},
};
use crate::{
    cli::RequestArgs,
    client::{CallError, Client, Reply, Request},
    exit::Exit,
};
use std::cell::Cell;

/// Sends one request, or one a line. The exit code is that of the first that failed.
pub(super) async fn run(
    args: &RequestArgs,
    queue: &str,
    client: &Client,
    output: &mut Output,
) -> Exit {
    let shape = Shape { raw: args.raw, include: args.include, lines: args.lines };
    let largest = Cell::new(0);
    let requests = Requests { client, request: args.request(queue), shape, largest };
    if args.lines {
        let window = Window { count: args.concurrency.into(), ordered: true };
        return match Source::stdin() {
            Ok(source) => window::run(source, window, &requests, output).await,
            Err(error) => {
                output.tell().complain(&format!("cannot start a thread: {error}"));
                Exit::Failure
            }
        };
    }
    match whole_input::read(args.body()).await {
        Ok(body) => {
            let answer = requests.send(1, body).await;
            requests.tell(output, answer)
        }
        Err(error) => {
            output.tell().complain(&error.to_string());
            Exit::Usage
        }
    }
}

struct Requests<'a> {
    client: &'a Client,
    /// Without its body.
    request: Request,
    shape: Shape,
    /// The length of the longest reply so far: what the next is thought to need.
    largest: Cell<usize>,
}

struct Answer {
    number: u64,
    outcome: Result<Reply, CallError>,
}

impl Requests<'_> {
    async fn send(&self, number: u64, body: Vec<u8>) -> Answer {
        let outcome = self.client.request(self.request.clone().body_of(body)).await;
        if let Ok(reply) = &outcome {
            self.largest.set(self.largest.get().max(reply.body.len()));
        }
        Answer { number, outcome }
    }
}

impl Work for Requests<'_> {
    type Answer = Answer;

    fn expect(&self, text: &str) -> usize {
        text.len() + self.largest.get()
    }

    async fn call(&self, number: u64, text: String) -> Answer {
        self.send(number, text.into_bytes()).await
    }

    fn tell(&self, output: &mut Output, answer: Answer) -> Exit {
        match &answer.outcome {
            Ok(reply) => {
                replies::reply(output, self.shape, answer.number, reply);
                Exit::Ok
            }
            Err(error) => {
                let unmatched = self.client.unmatched_replies();
                replies::failed(output, self.shape, answer.number, error, unmatched);
                exit_of(error)
            }
        }
    }
}
