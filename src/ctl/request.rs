//! `fibrpcctl request`: any request to any server.

use super::{
    envelope::{self, Envelope},
    exit_of,
    output::Output,
    replies::{self, Shape},
    whole_input,
    window::{self, Source, Window, Work},
};
use crate::{
    cli::{InputFormat, RequestArgs},
    client::{CallError, Client, Reply, Request},
    exit::Exit,
    wire::Properties,
};
use serde_json::Value;
use std::cell::Cell;

/// Sends one request, or one a line. The exit code is that of the first that failed.
pub(super) async fn run(
    args: &RequestArgs,
    queue: &str,
    client: &Client,
    output: &mut Output,
) -> Exit {
    let input = args.input();
    let shape = Shape { raw: args.raw, include: args.include, lines: input.is_some() };
    let requests = Requests {
        client,
        request: args.request(queue),
        properties: args.properties(),
        is_json: input == Some(InputFormat::Json),
        shape,
        largest: Cell::new(0),
    };
    if input.is_some() {
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
            let outcome = requests.send(&requests.request, body).await;
            requests.tell(output, Answer { number: 1, id: None, outcome })
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
    properties: Properties,
    /// Whether lines are requests in JSON, and not bodies.
    is_json: bool,
    shape: Shape,
    /// The length of the longest reply so far: what the next is thought to need.
    largest: Cell<usize>,
}

struct Answer {
    number: u64,
    id: Option<Value>,
    outcome: Result<Reply, Failure>,
}

enum Failure {
    /// The line is no request.
    Refused(String),
    Call(CallError),
}

impl Requests<'_> {
    async fn send(&self, request: &Request, body: Vec<u8>) -> Result<Reply, Failure> {
        let outcome = self.client.request(request.clone().body_of(body)).await;
        if let Ok(reply) = &outcome {
            self.largest.set(self.largest.get().max(reply.body.len()));
        }
        outcome.map_err(Failure::Call)
    }
}

impl Work for Requests<'_> {
    type Answer = Answer;

    fn expect(&self, text: &str) -> usize {
        text.len() + self.largest.get()
    }

    async fn call(&self, number: u64, text: String) -> Answer {
        if !self.is_json {
            let outcome = self.send(&self.request, text.into_bytes()).await;
            return Answer { number, id: None, outcome };
        }
        match envelope::request(&text, self.properties.clone()) {
            Ok(Envelope { id, content: (body, properties) }) => {
                let request = self.request.clone().properties(properties);
                let outcome = self.send(&request, body).await;
                Answer { number, id, outcome }
            }
            Err(Envelope { id, content }) => {
                Answer { number, id, outcome: Err(Failure::Refused(content)) }
            }
        }
    }

    fn tell(&self, output: &mut Output, answer: Answer) -> Exit {
        let which = (answer.number, answer.id.as_ref());
        match &answer.outcome {
            Ok(reply) => {
                replies::reply(output, self.shape, which, reply);
                Exit::Ok
            }
            Err(Failure::Refused(why)) => {
                replies::refused(output, self.shape, which, why);
                Exit::Usage
            }
            Err(Failure::Call(error)) => {
                let unmatched = self.client.unmatched_replies();
                replies::failed(output, self.shape, which, error, unmatched);
                exit_of(error)
            }
        }
    }
}
