//! `fibrpcctl request`: any request to any server.

use super::{
    envelope::{self, Envelope},
    exit_of,
    output::Output,
    replies::{self, Shape},
    verbose::Verbose,
    whole_input,
    window::{self, Source, Window, Work},
};
use crate::{
    cli::{CtlOptions, InputFormat, RequestArgs},
    client::{CallError, Client, Reply, Request, Timing},
    exit::Exit,
    wire::Properties,
};
use serde_json::Value;
use std::cell::Cell;
use tokio::sync::Notify;
use uuid::Uuid;

/// Sends one request, or one a line. The exit code is that of the first that failed.
pub(super) async fn run(
    args: &RequestArgs,
    options: &CtlOptions,
    client: &Client,
    output: &mut Output,
    stop: &Notify,
) -> Exit {
    for doubt in args.doubts() {
        output.hint(&doubt);
    }
    let input = args.input();
    let shape = Shape { raw: args.raw, include: args.include, lines: input.is_some() };
    let requests = Requests {
        client,
        request: args.request(&options.queue),
        properties: args.properties(),
        is_json: input == Some(InputFormat::Json),
        shape,
        verbose: Verbose::new(client, options.verbose),
        largest: Cell::new(0),
    };
    if input.is_some() {
        let window = Window { count: args.concurrency.into(), ordered: true };
        return match Source::stdin() {
            Ok(source) => window::run(source, window, &requests, output, stop).await,
            Err(error) => {
                output.tell().complain(&format!("cannot start a thread: {error}"));
                Exit::Failure
            }
        };
    }
    match whole_input::read(args.body()).await {
        Ok(body) => {
            let own = requests.properties.correlation_id.clone();
            let answer = requests.send((1, None), requests.request.clone(), own, body).await;
            requests.tell(output, answer)
        }
        Err(error) => {
            output.tell().complain(&error.to_string());
            output.hint("-d @FILE reads the body from FILE, -d TEXT is the body itself");
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
    verbose: Verbose<'a>,
    /// The length of the longest reply so far: what the next is thought to need.
    largest: Cell<usize>,
}

struct Answer {
    number: u64,
    id: Option<Value>,
    /// That of the request.
    correlation_id: String,
    outcome: Result<Reply, Failure>,
}

enum Failure {
    /// The line is no request.
    Refused(String),
    Call(CallError, Option<Timing>),
}

impl Requests<'_> {
    /// Sends a request of this number and id, under a correlation id of its `own` or a fresh one.
    async fn send(
        &self,
        (number, id): (u64, Option<Value>),
        request: Request,
        own: Option<String>,
        body: Vec<u8>,
    ) -> Answer {
        let correlation_id = own.unwrap_or_else(|| Uuid::new_v4().to_string());
        let request = request.body_of(body).correlation_id(&correlation_id);
        let request = if self.verbose.is_wanted() { request.timed() } else { request };
        let outcome = self.client.request_timed(request).await;
        if let Ok(reply) = &outcome {
            self.largest.set(self.largest.get().max(reply.body.len()));
        }
        let outcome = outcome.map_err(|(error, timing)| Failure::Call(error, timing));
        Answer { number, id, correlation_id, outcome }
    }
}

impl Work for Requests<'_> {
    type Answer = Answer;

    fn expect(&self, text: &str) -> usize {
        text.len() + self.largest.get()
    }

    async fn call(&self, number: u64, text: String) -> Answer {
        if !self.is_json {
            let body = text.into_bytes();
            return self.send((number, None), self.request.clone(), None, body).await;
        }
        match envelope::request(&text, self.properties.clone()) {
            Ok(Envelope { id, content: (body, properties) }) => {
                let own = properties.correlation_id.clone();
                let request = self.request.clone().properties(properties);
                self.send((number, id), request, own, body).await
            }
            Err(Envelope { id, content }) => {
                let outcome = Err(Failure::Refused(content));
                Answer { number, id, correlation_id: String::new(), outcome }
            }
        }
    }

    fn tell(&self, output: &mut Output, answer: Answer) -> Exit {
        let which = (answer.number, answer.id.as_ref());
        match answer.outcome {
            Ok(reply) => {
                let what = format!("request {}", answer.number);
                self.verbose.replied(output, &what, &reply.timing);
                replies::reply(output, self.shape, which, &reply);
                Exit::Ok
            }
            Err(Failure::Refused(why)) => {
                replies::refused(output, self.shape, which, why);
                Exit::Usage
            }
            Err(Failure::Call(error, timing)) => {
                let unmatched = self.client.unmatched_replies();
                self.verbose.failed(output, &format!("request {}", answer.number), timing);
                let which = (answer.number, answer.id.as_ref(), &*answer.correlation_id);
                replies::failed(output, self.shape, which, &error, unmatched);
                exit_of(&error)
            }
        }
    }
}
