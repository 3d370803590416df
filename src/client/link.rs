//! The task that keeps a client's session with the broker.

use super::{
    CallError,
    calls::{Absent, Calls},
};
use crate::{
    amqp::{
        Cause, LinkError,
        backoff::Backoff,
        calling::{Calling, Event, Outgoing},
        connect::Dial,
    },
    broker_uri::BrokerUri,
    wire::TraceParent,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// A call that is not answered after this long makes the client look whether there is a server.
const PROBE_AFTER: Duration = Duration::from_millis(50);

/// How often it looks again.
const PROBE_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Keeper {
    uris: Vec<BrokerUri>,
    dial: Dial,
    queue: String,
    trace: Option<TraceParent>,
    calls: Arc<Calls>,
    backoff: Backoff,
    /// The number of the current session.
    session: u64,
    /// The broker takes no messages: calls wait in the table, and nowhere else.
    blocked: bool,
}

impl Keeper {
    pub(super) fn new(
        uris: Vec<BrokerUri>,
        dial: Dial,
        queue: String,
        trace: Option<TraceParent>,
        calls: Arc<Calls>,
    ) -> Self {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        Self { uris, dial, queue, trace, calls, backoff, session: 0, blocked: false }
    }

    /// Serves until the client is closed or every handle to it is gone.
    pub(super) async fn run(mut self, mut fresh: mpsc::Receiver<String>) {
        let calls = Arc::clone(&self.calls);
        let uris = self.uris.clone();
        for uri in uris.iter().cycle() {
            let attached = tokio::select! {
                () = calls.closing() => break,
                attached = self.attach(uri, &mut fresh) => attached,
            };
            let error = match attached {
                None => break,
                Some(Err(error)) => error,
                Some(Ok(link)) => match self.session(link, &mut fresh).await {
                    None => break,
                    Some(error) => error,
                },
            };
            if error.is_refusal() && uris.len() == 1 {
                calls.fail_all(&CallError::Unreachable(error.message));
                continue;
            }
            if let Cause::TooLarge { limit } = error.cause {
                calls.limit(limit);
            }
            calls.unreachable(Some(error.message));
            tokio::select! {
                () = calls.closing() => break,
                () = tokio::time::sleep(self.backoff.pause()) => {}
            }
        }
        calls.fail_all(&CallError::Closed);
    }

    /// Connects when there is a call to make; `None` when there never will be.
    async fn attach(
        &self,
        uri: &BrokerUri,
        fresh: &mut mpsc::Receiver<String>,
    ) -> Option<Result<Calling, LinkError>> {
        // An id may be that of a call that is over: connecting for it would be of no use.
        while self.calls.is_empty() {
            fresh.recv().await?;
        }
        // Where nothing is known yet: better than to keep silent about it.
        self.calls.unreachable_so_far(&format!("connecting to {uri}: no answer yet"));
        Some(Calling::attach(uri, &self.dial, &self.queue).await)
    }

    /// Makes calls until the session ends: `None` when the client ended it.
    async fn session(
        &mut self,
        mut link: Calling,
        fresh: &mut mpsc::Receiver<String>,
    ) -> Option<LinkError> {
        self.session += 1;
        self.blocked = false;
        self.calls.unreachable(None);
        let calls = Arc::clone(&self.calls);
        // Every call in the table, those of the session before included.
        self.send_all(&mut link);
        let mut probe = ServerProbe::new();
        let ended = loop {
            tokio::select! {
                biased;
                () = calls.closing() => break None,
                event = link.next() => match event {
                    Ok(Event::Consumers(found)) => {
                        probe.later();
                        if let Err(error) = self.on_consumer_count(&mut link, found) {
                            break Some(error);
                        }
                    }
                    Ok(event) => self.on_event(&mut link, event),
                    Err(error) => break Some(error),
                },
                id = fresh.recv() => match id {
                    Some(id) => self.send(&mut link, &id),
                    None => break None,
                },
                // A broker that takes no messages does not answer either.
                () = probe.due(&calls), if !probe.under_way && !self.blocked => {
                    probe.under_way = true;
                    link.count_consumers();
                }
            }
        };
        link.close().await;
        ended
    }

    fn send(&self, link: &mut Calling, id: &str) {
        if self.blocked {
            return;
        }
        if let Some(call) = self.calls.to_send(id, self.session) {
            link.publish(Outgoing {
                method: call.method.name(),
                correlation_id: id,
                body: call.body,
                remaining_ms: u64::try_from(call.remaining.as_millis()).unwrap_or(u64::MAX).max(1),
                deadline_ms: call.deadline_ms,
                trace: self.trace,
            });
        }
    }

    fn send_all(&self, link: &mut Calling) {
        self.calls.ids().iter().for_each(|id| self.send(link, id));
    }

    fn on_event(&mut self, link: &mut Calling, event: Event) {
        match event {
            Event::Reply { correlation_id, status, body } => {
                self.backoff.reset();
                self.calls.reply(&correlation_id, status.as_deref(), body);
            }
            Event::NoQueue { correlation_id } => {
                let absent = Absent::NoQueue(self.queue.clone());
                self.calls.absent(Some(&correlation_id), &absent, true);
            }
            // Sent again with the next probe.
            Event::Refused { correlation_id } => self.calls.unsent(&correlation_id),
            Event::Accepted | Event::Consumers(_) => {}
            Event::Blocked { reason } => {
                self.blocked = true;
                self.calls.unreachable(Some(format!(
                    "the broker takes no messages at the moment ({reason}); try again later"
                )));
            }
            Event::Unblocked => {
                self.blocked = false;
                self.calls.unreachable(None);
                self.send_all(link);
            }
        }
    }

    /// Tells the calls that wait whether there is a server.
    fn on_consumer_count(
        &self,
        link: &mut Calling,
        consumers: Result<u32, LinkError>,
    ) -> Result<(), LinkError> {
        match consumers {
            Ok(0) => {
                self.calls.absent(None, &Absent::NoServer(self.queue.clone()), false);
            }
            Ok(_) => {
                self.calls.served();
                self.send_all(link);
            }
            Err(error) if error.cause == Cause::NoQueue => {
                self.calls.absent(None, &Absent::NoQueue(self.queue.clone()), true);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// When to look for a server.
struct ServerProbe {
    not_before: Instant,
    /// It has been asked, and not been answered yet.
    under_way: bool,
}

impl ServerProbe {
    fn new() -> Self {
        Self { not_before: Instant::now(), under_way: false }
    }

    /// Notes an answer.
    fn later(&mut self) {
        self.under_way = false;
        self.not_before = Instant::now() + PROBE_EVERY;
    }

    /// Waits until there is a call that has waited for long enough. Cancel safe.
    async fn due(&self, calls: &Calls) {
        loop {
            let now = Instant::now();
            let at = calls.oldest().map_or(now + PROBE_EVERY, |oldest| oldest + PROBE_AFTER);
            let at = at.max(self.not_before);
            if at <= now {
                return;
            }
            tokio::time::sleep_until(at.into()).await;
        }
    }
}
