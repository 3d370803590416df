//! `fibrpcctl serve`: a stub that answers any queue, so that a client can be tested without its
//! server.

use super::{
    output::Output,
    settings::{broker, elsewhere},
    teller::Teller,
    verdict::{Verdict, verdict},
    whole_input,
};
use crate::{
    cli::{Body, CtlOptions, ReplySource, ServeArgs},
    client::{CallError, Request},
    exit::Exit,
    stub::{self, Answers, Audience, Ended, MAX_BODY, Outcome, Served, Settings, Source},
    text::excerpt,
    wall_clock,
};
use serde_json::{Map, Value};
use std::{cell::Cell, os::unix::ffi::OsStrExt as _, pin::pin, time::Duration};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use uuid::Uuid;

/// Most lines that wait for somebody to read them, twice; further ones are left out, and no answer
/// waits for them.
const MOST_LINES: usize = 1024;

/// Most bytes of what a caller has chosen that are shown.
const MOST_SHOWN: usize = 60;

/// Answers requests until it is stopped, or has answered as many as are wanted.
pub(super) async fn run(
    args: &ServeArgs,
    options: &CtlOptions,
    output: &mut Output,
    stop: &Notify,
) -> Exit {
    let teller = output.tell();
    let settings = match timeout(options.timeout, settings(args, options, &teller)).await {
        Ok(Ok(settings)) => settings,
        Ok(Err(message)) => {
            output.tell().complain(&message);
            return Exit::Usage;
        }
        Err(_) => {
            let limit = options.timeout;
            let message = format!("the files that the options name: not read within {limit:?}");
            output.tell().complain(&message);
            return Exit::TimedOut;
        }
    };
    let (lines, mut inbox) = mpsc::channel(MOST_LINES);
    let told = Told {
        teller: output.tell(),
        lines: (!args.quiet).then_some(lines),
        left_out: Cell::new(0),
    };
    let mut unread = false;
    let (tally, ended) = {
        let mut work = pin!(stub::run(&settings, stop, &told));
        loop {
            let pending = output.pending_lines();
            tokio::select! {
                ended = &mut work => break ended,
                Some(served) = inbox.recv(), if pending < MOST_LINES => show(output, &served),
                written = output.hand_over(), if pending > 0 && !unread => if written.is_err() {
                    unread = true; // nobody reads any more
                    stop.notify_one();
                }
            }
        }
    };
    while let Ok(served) = inbox.try_recv() {
        show(output, &served);
    }
    let left_out = told.left_out.get();
    if left_out > 0 && !unread {
        told.tell(&format!("{left_out} lines about requests are left out, as nobody read them"));
    }
    let exit = exit(&ended, &options.queue, &told);
    if exit == Exit::Ok {
        told.tell(&tally.summary());
    }
    if unread { exit.or(Exit::Failure) } else { exit }
}

/// Says why it did not serve, if so.
fn exit(ended: &Ended, queue: &str, told: &Told) -> Exit {
    match ended {
        Ended::Asked | Ended::Counted => Exit::Ok,
        Ended::NoQueue => {
            told.tell(&format!("there is no queue {queue:?}"));
            told.teller.hint("--declare makes one that goes away afterwards; --wait waits for it");
            Exit::NoServer
        }
        Ended::Failed(error) => {
            let error = CallError::from(error);
            let Verdict { exit, hint, .. } = verdict(&error);
            told.tell(&format!("cannot serve: {error}"));
            told.teller.hint(hint);
            exit
        }
    }
}

async fn settings(
    args: &ServeArgs,
    options: &CtlOptions,
    teller: &Teller,
) -> Result<Settings, String> {
    let read = options.clone();
    let found = elsewhere(move || broker(&read)).await.map_err(|error| error.to_string())?;
    let broker = found.map_err(|error| error.to_string())?;
    broker.warn(teller);
    let body = match args.source() {
        ReplySource::File(path) => Some(Body::File(path.into())),
        ReplySource::Text(text) => Some(Body::Given(text.as_bytes().to_vec())),
        ReplySource::Echo | ReplySource::Command(_) => None,
    };
    let source = match (args.source(), body) {
        (ReplySource::Command(command), _) => {
            Source::Command { command: command.to_owned(), limit: options.timeout }
        }
        (_, None) => Source::Echo,
        (_, Some(body)) => {
            let body = whole_input::read(body).await.map_err(|error| error.to_string())?;
            if body.len() as u64 > MAX_BODY {
                return Err(format!("--reply: a reply may have at most {MAX_BODY} bytes"));
            }
            Source::Fixed(body.into())
        }
    };
    let properties = args.properties();
    let message = Request::default().properties(properties.clone());
    message.check().map_err(|error| error.to_string())?;
    Ok(Settings {
        uri: broker.uri,
        tls: broker.tls,
        queue: options.queue.clone(),
        declare: args.declare,
        wait: options.waits(),
        prefetch: args.prefetch,
        concurrency: args.concurrency(),
        count: args.count,
        answers: Answers {
            source,
            properties,
            delay: args.delay(),
            fail: args.fail(),
            seed: args.seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0),
        },
    })
}

/// Lines to people at once, lines about requests when there is room.
struct Told {
    teller: Teller,
    lines: Option<mpsc::Sender<Served>>,
    left_out: Cell<u64>,
}

impl Audience for Told {
    fn served(&self, served: &Served) {
        if let Some(lines) = &self.lines
            && lines.try_send(served.clone()).is_err()
        {
            self.left_out.set(self.left_out.get() + 1);
        }
    }

    fn tell(&self, line: &str) {
        self.teller.complain(line);
    }
}

/// What became of a request, in a word.
fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered(status) => status.name(),
        Outcome::Unroutable => "UNROUTABLE",
        Outcome::Refused => "REFUSED",
        Outcome::NoReplyTo => "NO_REPLY_TO",
    }
}

fn show(output: &mut Output, served: &Served) {
    let id = served.correlation_id.as_deref().map(|id| excerpt(id, MOST_SHOWN));
    let kind = served.kind.as_ref().map(|kind| excerpt(kind.as_bytes(), MOST_SHOWN));
    let since = wall_clock::since_1970(served.at);
    if !output.is_json() {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let line = format!(
            "{} {} {} {} B {} {} B {:.3} ms",
            time_of_day(since),
            or_dash(id),
            or_dash(kind),
            served.bytes,
            result(served.outcome),
            served.reply_bytes,
            served.elapsed.as_secs_f64() * 1e3,
        );
        return output.line(line.as_bytes());
    }
    let mut object = Map::new();
    let reply_to = served.reply_to.as_ref().map(|text| excerpt(text.as_bytes(), MOST_SHOWN));
    for (name, value) in [
        ("time", since.as_secs_f64().into()),
        ("correlation_id", id.map_or(Value::Null, Value::from)),
        ("type", kind.map_or(Value::Null, Value::from)),
        ("reply_to", reply_to.map_or(Value::Null, Value::from)),
        ("redelivered", served.redelivered.into()),
        ("bytes", served.bytes.into()),
        ("status", result(served.outcome).into()),
        ("reply_bytes", served.reply_bytes.into()),
        ("seconds", served.elapsed.as_secs_f64().into()),
    ] {
        object.insert(name.to_owned(), value);
    }
    output.json(object);
}

/// Hours, minutes, seconds and milliseconds, in UTC.
fn time_of_day(since: Duration) -> String {
    let seconds = since.as_secs();
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_that_of_utc() {
        assert_eq!(time_of_day(Duration::ZERO), "00:00:00.000");
        let time = Duration::from_millis(86_400_000 + 3_600_000 + 61_007);
        assert_eq!(time_of_day(time), "01:01:01.007");
    }
}
