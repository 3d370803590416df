//! The task that keeps a client's session with the broker.

use super::{
    CallError,
    calls::Calls,
    probe::{Retry, Seen, ServerProbe},
};
use crate::{
    amqp::{
        Cause, LinkError,
        backoff::Backoff,
        calling::{Calling, Event, Outgoing},
        connect::Dial,
    },
    broker_uri::BrokerUri,
    text::one_line,
    wire::{ReplyQueue, TraceParent},
};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::sync::mpsc;

pub(super) struct Keeper {
    uris: Vec<BrokerUri>,
    dial: Dial,
    queue: String,
    reply_queue: ReplyQueue,
    trace: Option<TraceParent>,
    calls: Arc<Calls>,
    backoff: Backoff,
    /// The number of the current session.
    session: u64,
    /// The broker takes no messages: calls wait in the table, and nowhere else.
    blocked: bool,
    /// The ids of calls to send before any fresh one; not all of them still wait.
    first: VecDeque<String>,
    probe: ServerProbe,
    retry: Retry,
}

impl Keeper {
    pub(super) fn new(
        uris: Vec<BrokerUri>,
        dial: Dial,
        queue: String,
        reply_queue: ReplyQueue,
        trace: Option<TraceParent>,
        calls: Arc<Calls>,
    ) -> Self {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        Self {
            uris,
            dial,
            queue,
            reply_queue,
            trace,
            calls,
            backoff,
            session: 0,
            blocked: false,
            first: VecDeque::new(),
            probe: ServerProbe::new(),
            retry: Retry::default(),
        }
    }

    /// Serves until the client is closed or every handle to it is gone.
    pub(super) async fn run(mut self, mut fresh: mpsc::Receiver<String>) {
        let calls = Arc::clone(&self.calls);
        let uris = self.uris.clone();
        let mut tried = Vec::new();
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
                    Some(error) => {
                        calls.lost(&error.message, error.is_objection());
                        error
                    }
                },
            };
            if error.is_refusal() && uris.len() == 1 {
                calls.fail_all(&CallError::from(&error));
            }
            if let Cause::TooLarge { limit } = error.cause {
                calls.limit(limit);
            }
            // Of a missing queue the calls know.
            let known = error.cause == Cause::NoQueue;
            calls.unreachable((!known).then(|| CallError::from(&error)));
            // Where there was a session once, the broker restarts, or the network is interrupted.
            if self.session == 0 {
                tried.push(error);
                if tried.len() == uris.len() {
                    calls.fail_hasty(&CallError::of_brokers(&tried));
                    tried.clear();
                }
            }
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
        Some(Calling::attach(uri, &self.dial, &self.queue, self.reply_queue).await)
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
        self.first = self.calls.ids();
        (self.probe, self.retry) = (ServerProbe::new(), Retry::default());
        let ended = loop {
            // A broker that takes no messages does not answer either.
            let looking = !self.probe.under_way && !self.blocked;
            // What is published is out of the table's hands: it stays until its confirm, also if its
            // caller gives up.
            let sending = link.has_room();
            tokio::select! {
                biased;
                () = calls.closing() => break None,
                event = link.next() => match event {
                    Ok(Event::CountFailed(error)) if error.cause != Cause::NoQueue => {
                        break Some(error);
                    }
                    Ok(Event::CountFailed(error)) if link.is_worn_out() => {
                        self.on_event(Event::CountFailed(error.clone()));
                        break Some(error);
                    }
                    Ok(event) => self.on_event(event),
                    Err(error) => break Some(error),
                },
                id = next(&mut self.first, fresh), if sending => match id {
                    Some(id) => drop(self.send(&mut link, &id)),
                    None => break None,
                },
                () = self.probe.due(&calls), if looking => {
                    self.probe.under_way = true;
                    link.count_consumers();
                }
                () = self.retry.due(), if sending && !self.blocked => self.send_again(&mut link),
            }
        };
        link.close().await;
        ended
    }

    /// Sends one of the calls that the broker has not kept: enough to see whether it takes any.
    fn send_again(&mut self, link: &mut Calling) {
        let unsent = self.calls.unsent();
        if unsent.is_empty() {
            self.retry = Retry::default();
        } else if !unsent.iter().any(|id| self.send(link, id)) {
            self.retry.not_kept(); // their time is up, or nearly
        }
    }

    /// False if there is nothing to send.
    fn send(&self, link: &mut Calling, id: &str) -> bool {
        if self.blocked {
            return false;
        }
        let call = self.calls.to_send(id, self.session);
        if let Some(call) = &call {
            link.publish(Outgoing {
                properties: &call.request.properties,
                to: call.request.to.as_ref().map(|(exchange, key)| (&**exchange, &**key)),
                correlation_id: id,
                body: call.request.body.clone(),
                remaining_ms: u64::try_from(call.remaining.as_millis()).unwrap_or(u64::MAX).max(1),
                deadline_ms: call.deadline_ms,
                trace: self.trace,
            });
        }
        call.is_some()
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Reply { correlation_id, status, properties, body } => {
                self.backoff.reset();
                let limit = self.dial.max_body;
                if body.len() as u64 > limit {
                    self.calls.reply_too_large(&correlation_id, limit);
                } else {
                    self.calls.reply(&correlation_id, status.as_deref(), *properties, body);
                }
            }
            Event::NoQueue { correlation_id } => {
                self.calls.no_queue(Some(&correlation_id), &self.queue);
                self.retry.not_kept();
            }
            Event::Refused { correlation_id } => {
                self.calls.refused(&correlation_id, &self.queue);
                if self.retry.not_kept() {
                    self.calls.give_up_refused(&self.queue);
                }
            }
            Event::Accepted { correlation_id } => match self.calls.accepted(&correlation_id) {
                Some(true) if self.retry.kept() => self.first = self.calls.ids(),
                Some(_) => {}
                None => self.retry.is_over(),
            },
            Event::Consumers { consumers, messages } => {
                match self.probe.answered(consumers, messages) {
                    Seen::Server => self.calls.served(),
                    Seen::Nobody { certain } => self.calls.no_server(&self.queue, certain),
                    Seen::Nothing => self.calls.nothing_seen(&self.queue),
                }
            }
            // There is no queue: the session ends for any other reason.
            Event::CountFailed(_) => {
                self.probe.failed();
                self.calls.no_queue(None, &self.queue);
                self.retry.not_kept();
            }
            Event::Blocked { reason } => {
                self.blocked = true;
                let reason = one_line(&reason);
                self.calls.unreachable(Some(CallError::Unreachable(format!(
                    "the broker takes no messages at the moment ({reason}); try again later"
                ))));
            }
            Event::Unblocked => {
                self.blocked = false;
                self.calls.unreachable(None);
                self.first = self.calls.ids();
            }
        }
    }
}

/// The id of the next call to send; nothing when there never will be one. Cancel safe.
async fn next(first: &mut VecDeque<String>, fresh: &mut mpsc::Receiver<String>) -> Option<String> {
    match first.pop_front() {
        Some(id) => Some(id),
        None => fresh.recv().await,
    }
}
