//! A server that stands in for any other one: it answers the requests of a queue, whatever they
//! ask.
//!
//! [`run`] keeps a session with the broker, and makes another one when it is lost. As with the
//! daemon, a request is acknowledged when the broker has confirmed its reply, so what is lost with
//! a session comes again.
//!
//! - [`answers`]: what is answered, when, and with which failures; [`answer`] is one of them
//! - [`chance`]: random numbers that can be had again
//! - [`command`]: answers that a program gives
//! - [`request`]: a request on its way
//! - [`session`]: from delivery to ack
//! - [`tally`]: what became of requests

mod answer;
mod answers;
mod chance;
mod command;
mod request;
mod session;
mod tally;

pub(crate) use self::{
    answers::{Answers, Source},
    tally::{Outcome, Served, Tally},
};

use self::{
    chance::Chance,
    session::{Published, Session},
};
use crate::{
    amqp::{
        Cause, LinkError, QueueType,
        backoff::Backoff,
        connect::{Dial, Steps},
        link::{Link, ServerSettings},
        silence::Silence,
    },
    broker_uri::BrokerUri,
    tls::Tls,
};
use std::time::{Duration, Instant};
use tokio::{sync::Notify, time::sleep};

/// What the bodies of the requests that are here may have in sum, in bytes.
const MAX_BODIES: u64 = 512 << 20;

/// The longest body of a request or of a reply, in bytes, however few there are: what `RabbitMQ` 4
/// takes by default.
pub(crate) const MAX_BODY: u64 = 16 << 20;

/// How long an attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

const HEARTBEAT: Duration = Duration::from_secs(10);

/// A session that lasted this long was a good one even if nothing was asked in it.
const GOOD_SESSION: Duration = Duration::from_secs(1);

/// What a stub does.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) uri: BrokerUri,
    pub(crate) tls: Option<Tls>,
    pub(crate) queue: String,
    /// Whether to declare the queue, for a while, where there is none.
    pub(crate) declare: bool,
    /// Whether to wait for a broker and a queue that are not there at the start.
    pub(crate) wait: bool,
    /// Most requests that are here at once.
    pub(crate) prefetch: u16,
    /// Most that are worked on at once.
    pub(crate) concurrency: usize,
    /// When so many requests are over, that is enough.
    pub(crate) count: Option<u64>,
    pub(crate) answers: Answers,
}

impl Settings {
    /// How many requests the broker may deliver before one of them is over.
    fn prefetch(&self) -> u16 {
        let count = self.count.map_or(u16::MAX, |count| u16::try_from(count).unwrap_or(u16::MAX));
        self.prefetch.min(count).max(1)
    }

    /// The longest body that is taken.
    fn max_body(&self) -> u64 {
        MAX_BODY.min(MAX_BODIES / u64::from(self.prefetch()))
    }

    fn of_link(&self, queue_type: QueueType) -> ServerSettings {
        ServerSettings {
            dial: Dial {
                timeout: CONNECT_TIMEOUT,
                heartbeat: HEARTBEAT,
                name: "fibrpcctl serve".to_owned(),
                tls: self.tls.clone(),
                max_body: self.max_body(),
                all_properties: true,
                steps: Steps::default(),
            },
            queue: self.queue.clone(),
            queue_type,
            prefetch: self.prefetch(),
        }
    }
}

/// Who is told what happens. Nothing here may wait.
pub(crate) trait Audience {
    /// A request is over.
    fn served(&self, served: &Served);
    /// A line for people.
    fn tell(&self, line: &str);
}

/// Why a stub ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was asked to.
    Asked,
    /// So many requests are over as were wanted.
    Counted,
    /// It never served: the queue does not exist.
    NoQueue,
    /// It never served, for another reason.
    Failed(LinkError),
}

/// What outlives a session.
struct Stub<'a, A> {
    settings: &'a Settings,
    audience: &'a A,
    chance: Chance,
    tally: Tally,
    /// The largest reply that the broker takes, once it has refused one.
    largest: Option<usize>,
    /// Whether the queue is ours to remove.
    declared: bool,
    suspects: Suspects,
    /// How long no request has come.
    silence: Silence,
}

/// Reply addresses that a session ended with. `RabbitMQ` before 4.1 closes the connection for a
/// made-up direct reply-to address, again each time that the request is answered.
#[derive(Debug, Default)]
struct Suspects(Vec<(String, u8)>);

impl Suspects {
    /// So many sessions may end with one address, and so many addresses are remembered.
    const MOST_SESSIONS: u8 = 3;
    const MOST: usize = 256;

    fn note(&mut self, address: &str) {
        if let Some((_, sessions)) = self.0.iter_mut().find(|(known, _)| known == address) {
            *sessions = sessions.saturating_add(1);
        } else {
            self.0.truncate(Self::MOST - 1);
            self.0.push((address.to_owned(), 1));
        }
    }

    fn is_fatal(&self, address: &str) -> bool {
        let known = self.0.iter().find(|(known, _)| known == address);
        known.is_some_and(|(_, sessions)| *sessions >= Self::MOST_SESSIONS)
    }
}

/// Answers requests until it is told to stop, or has enough.
pub(crate) async fn run(
    settings: &Settings,
    stop: &Notify,
    audience: &impl Audience,
) -> (Tally, Ended) {
    let mut stub = Stub {
        settings,
        audience,
        chance: Chance::new(settings.answers.seed),
        tally: Tally::default(),
        largest: None,
        declared: false,
        suspects: Suspects::default(),
        silence: Silence::new(),
    };
    let ended = stub.serve(stop).await;
    (stub.tally, ended)
}

impl<A: Audience> Stub<'_, A> {
    async fn serve(&mut self, stop: &Notify) -> Ended {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let mut has_served = false;
        let mut told = String::new();
        loop {
            let attached = tokio::select! {
                biased;
                () = stop.notified() => return Ended::Asked,
                attached = self.attach() => attached,
            };
            match attached {
                Ok(link) => {
                    (has_served, told) = (true, String::new());
                    let (started, before) = (Instant::now(), self.tally.over());
                    self.announce();
                    match Session::new(self, link).run(stop).await {
                        Ok(ended) => return ended,
                        Err(error) => self.lost(&error),
                    }
                    if self.tally.over() > before || started.elapsed() >= GOOD_SESSION {
                        backoff.reset();
                    }
                }
                Err(error) => {
                    let may_wait = has_served || self.settings.wait && !error.is_refusal();
                    match error.cause {
                        _ if may_wait => {}
                        Cause::NoQueue => return Ended::NoQueue,
                        _ => return Ended::Failed(error),
                    }
                    if told != error.message {
                        self.audience.tell(&format!("waiting: {error}"));
                        told = error.message;
                    }
                }
            }
            tokio::select! {
                () = stop.notified() => return Ended::Asked,
                () = sleep(backoff.pause()) => {}
            }
        }
    }

    /// Uses the queue as it is. Only where there is none, one is declared.
    async fn attach(&mut self) -> Result<Link<Published>, LinkError> {
        let uri = &self.settings.uri;
        let found = Link::serve(uri, &self.settings.of_link(QueueType::Passive)).await;
        match found {
            Err(error) if error.cause == Cause::NoQueue && self.settings.declare => {
                let link = Link::serve(uri, &self.settings.of_link(QueueType::Temporary)).await?;
                self.declared = true;
                Ok(link)
            }
            found => found,
        }
    }

    fn announce(&self) {
        let (queue, uri) = (self.settings.queue.escape_debug(), &self.settings.uri);
        let line = format!("serving {queue} at {}:{}; Ctrl-C ends it", uri.host(), uri.port());
        self.audience.tell(&line);
    }

    fn lost(&mut self, error: &LinkError) {
        if let Cause::TooLarge { limit } = error.cause {
            self.largest = Some(limit);
        }
        let what = match error.cause {
            Cause::ConsumerCancelled => "lost the queue",
            _ => "lost the broker",
        };
        self.audience.tell(&format!("{what}, attaching again: {error}"));
    }
}
