//! What there is, found out without harm: by a passive declaration, and requests that expire.

use super::super::stats::Stats;
use crate::{
    cli::CtlOptions,
    client::{BrokerState, CallError, Client},
    http_client,
};
use bytes::Bytes;
use hyper::{Request, StatusCode};
use serde_json::{Map, Value};
use std::{
    error::Error,
    time::{Duration, Instant},
};
use tokio::{
    join,
    time::{timeout, timeout_at},
};
use url::Url;

/// The longest answer over HTTP that is read, in bytes. The daemon's has a few kilobytes.
const MAX_STATUS: usize = 256 << 10;

/// All that was found out.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) queue: String,
    pub(super) broker: Result<BrokerState, CallError>,
    pub(super) server: Server,
    pub(super) http: Option<Http>,
}

/// What a request to the queue has shown.
#[derive(Debug)]
pub(super) enum Server {
    /// There is nobody to ask.
    NotAsked,
    /// It did not answer, for this reason.
    Silent(CallError),
    /// It answers.
    Answers(Box<Answers>),
}

/// What a server says of itself, as far as it does.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The round trip of a ping, without connecting.
    pub(super) ping: Duration,
    /// What it answered in the place of a pong: it is not one of ours.
    pub(super) instead: Option<String>,
    pub(super) info: Option<Map<String, Value>>,
    pub(super) stats: Option<Map<String, Value>>,
    pub(super) read: Option<Stats>,
}

/// What the daemon says over HTTP.
#[derive(Debug)]
pub(super) struct Http {
    pub(super) url: Url,
    pub(super) answer: Result<Map<String, Value>, String>,
}

impl Findings {
    pub(super) async fn of(client: &Client, options: &CtlOptions, http: Option<&Url>) -> Self {
        let limit = options.timeout;
        let deadline = Instant::now() + limit;
        let over_amqp = async {
            let broker = client.look().await;
            let server = match broker.as_ref().ok().and_then(|broker| broker.queue) {
                Some(queue) if queue.consumers > 0 => ask(client, deadline, limit).await,
                _ => Server::NotAsked,
            };
            (broker, server)
        };
        let over_http = async {
            let url = http?.clone();
            let answer = timeout(limit, get(&url)).await;
            let late = |_| Err(format!("no answer within {limit:?}").into());
            let answer = answer.unwrap_or_else(late).map_err(|error| error.to_string());
            Some(Http { url, answer })
        };
        let ((broker, server), http) = join!(over_amqp, over_http);
        Self { queue: options.queue.clone(), broker, server, http }
    }

    /// Why there would be no answer to a call.
    pub(super) fn failure(&self) -> Option<CallError> {
        let queue = || self.queue.clone();
        match (&self.broker, &self.server) {
            (Err(error), _) | (_, Server::Silent(error)) => Some(error.clone()),
            (Ok(BrokerState { queue: None, .. }), _) => Some(CallError::NoQueue(queue())),
            (Ok(_), Server::NotAsked) => Some(CallError::NoServer(queue())),
            (Ok(_), Server::Answers(_)) => None,
        }
    }
}

/// Asks the server for a sign of life, and if it knows such requests, for what it says of itself.
async fn ask(client: &Client, deadline: Instant, limit: Duration) -> Server {
    let started = Instant::now();
    // It waits its turn as any call does, so its time is that of a call, but for connecting.
    let answers = match timeout_at(deadline.into(), client.ping_timed(false)).await {
        Err(_) => return Server::Silent(CallError::TimedOut(limit)),
        Ok(Ok((pong, timing))) => {
            let instead = pong.instead.as_deref().map(|answer| String::from_utf8_lossy(answer));
            let instead = instead.map(Into::into);
            Answers { ping: timing.answer, instead, ..Answers::default() }
        }
        // An answer is an answer.
        Ok(Err((error @ (CallError::Failed(_) | CallError::BadReply(_)), timing))) => {
            let ping = timing.map_or_else(|| started.elapsed(), |timing| timing.answer);
            Answers { ping, instead: Some(error.to_string()), ..Answers::default() }
        }
        Ok(Err((error, _))) => return Server::Silent(error),
    };
    let asked = async {
        // One after the other: neither is counted as in flight by the other.
        (client.stats().await.ok(), client.info().await.ok())
    };
    let (stats, info) = match &answers.instead {
        Some(_) => (None, None),
        None => timeout_at(deadline.into(), asked).await.unwrap_or_default(),
    };
    let read = stats.as_ref().and_then(Stats::read);
    Server::Answers(Box::new(Answers { info, stats, read, ..answers }))
}

async fn get(url: &Url) -> Result<Map<String, Value>, Box<dyn Error + Send + Sync>> {
    let request = Request::get(url.as_str()).body(Bytes::new())?;
    let answer = http_client::exchange(request, MAX_STATUS).await?;
    match (answer.status(), serde_json::from_slice(answer.body())) {
        (StatusCode::OK, Ok(Value::Object(status))) => Ok(status),
        (StatusCode::OK, _) => Err("the answer is not that of fibrpcd's /status".into()),
        (status, _) => Err(format!("the answer is {status}").into()),
    }
}
