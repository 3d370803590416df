//! What is answered, when, and with which failures.

use super::{
    answer::Answer,
    chance::Chance,
    command::{Command, variables},
    request::Request,
};
use crate::{
    amqp::properties,
    wire::{Failure, Properties, Status},
};
use bytes::Bytes;
use lapin::BasicProperties;
use std::{ffi::OsString, time::Duration};
use tokio::time::sleep;

/// Where answers come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The body of the request, with its media type.
    Echo,
    /// The same for all.
    Fixed(Bytes),
    /// What a command of the shell writes, within this time.
    Command { command: OsString, limit: Duration },
}

/// How requests are answered.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    pub(crate) source: Source,
    /// What replies say beside what every one says.
    pub(crate) properties: Properties,
    /// The least and the longest pause before the answer.
    pub(crate) delay: (Duration, Duration),
    /// The share of requests that are answered with an error, from 0 to 1.
    pub(crate) fail: f64,
    pub(crate) seed: u64,
}

/// What has to be done for an answer.
pub(super) struct Work {
    pause: Duration,
    what: What,
}

enum What {
    Nothing(Answer),
    Run(Command),
}

impl Work {
    /// The answer, where nothing has to be waited for.
    pub(super) fn at_once(self) -> Result<Answer, Self> {
        match self.what {
            What::Nothing(answer) if self.pause.is_zero() => Ok(answer),
            what => Err(Self { what, ..self }),
        }
    }

    pub(super) async fn done(self) -> Answer {
        if !self.pause.is_zero() {
            sleep(self.pause).await;
        }
        match self.what {
            What::Nothing(answer) => answer,
            What::Run(command) => match command.run().await {
                Ok(body) => Answer::ok(body),
                Err(failure) => failure.into(),
            },
        }
    }
}

impl Answers {
    /// The properties of the reply that carries an answer.
    pub(super) fn properties(&self, answer: &Answer, request: &Request) -> BasicProperties {
        let mut said = match answer.status {
            Status::Ok => self.properties.clone(),
            _ => Properties::default(),
        };
        if said.content_type.is_none() {
            said.content_type.clone_from(&answer.content_type);
        }
        properties::of_any_reply(&request.envelope, &said, answer.status, request.timing())
    }

    /// What is to be done for a request; its body is taken. Longer ones than `max_body` are not
    /// answered as asked, nor are such answers of commands made.
    pub(super) fn work(
        &self,
        chance: &mut Chance,
        request: &mut Request,
        (queue, max_body): (&str, usize),
    ) -> Work {
        // Both are drawn for each request, so that one does not change the other.
        let (pause, fails) = (chance.between(self.delay), chance.happens(self.fail));
        let body = std::mem::take(&mut request.body);
        let what = match &self.source {
            _ if body.len() > max_body => What::Nothing(too_long(max_body).into()),
            _ if fails => {
                let why = "the stub fails on purpose (fibrpcctl serve --fail)";
                What::Nothing(Failure::new(Status::Internal, why).into())
            }
            Source::Echo => {
                let content_type = request.said.content_type.clone();
                What::Nothing(Answer { content_type, ..Answer::ok(body) })
            }
            Source::Fixed(reply) => What::Nothing(Answer::ok(reply.clone())),
            Source::Command { command, limit } => What::Run(Command {
                line: command.clone(),
                input: body,
                variables: variables(request, queue),
                limit: request
                    .time_left()
                    .map_or(*limit, |left| left.saturating_sub(pause).min(*limit)),
                max_output: max_body,
            }),
        };
        Work { pause, what }
    }
}

fn too_long(max_body: usize) -> Failure {
    let why = format!("the body has more than {max_body} bytes, which is all that the stub takes");
    Failure::new(Status::ResourceExhausted, why)
}
