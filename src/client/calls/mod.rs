//! The calls that wait for a reply.
//!
//! The table is the truth about them: a caller that gives up takes its entry away, and the task
//! that keeps the link sends what is there.

mod entry;

use self::entry::{Entry, Obstacle, Outcome};
use super::{
    CallError, Reply, Request, RequestError,
    timing::{Moments, Timing},
};
use crate::{
    wall_clock,
    wire::{self, Opened, Properties},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

/// What is needed to send a call.
#[derive(Debug, PartialEq)]
pub(super) struct ToSend {
    pub(super) request: Arc<Request>,
    pub(super) remaining: Duration,
    pub(super) deadline_ms: i64,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Calls {
    table: Mutex<Table>,
    closed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<String, Entry>,
    /// Why there is no session, while there is none.
    unreachable: Option<CallError>,
    /// The largest body the broker takes, once it has refused one.
    limit: Option<usize>,
    unmatched: u64,
}

/// A caller's hold on its entry; dropping it takes the entry away.
#[derive(Debug)]
pub(super) struct Pending<'a> {
    calls: &'a Calls,
    id: String,
    outcome: oneshot::Receiver<Outcome>,
}

impl Calls {
    /// Enters a call under its id, or a fresh one.
    pub(super) fn begin(
        &self,
        request: Request,
        deadline: Instant,
        waits: bool,
    ) -> Result<Pending<'_>, RequestError> {
        let own = request.properties.correlation_id.clone();
        let id = own.unwrap_or_else(|| Uuid::new_v4().to_string());
        let (done, outcome) = oneshot::channel();
        let started = Instant::now();
        let entry = Entry {
            request: Arc::new(request),
            started,
            deadline,
            deadline_ms: wall_clock::unix_ms(
                wall_clock::now() + deadline.saturating_duration_since(started),
            ),
            waits,
            sent_in: None,
            accepted: false,
            served: false,
            obstacle: None,
            moments: Moments::default(),
            done,
        };
        let mut table = self.lock();
        if table.entries.contains_key(&id) {
            return Err(RequestError::SameId(id));
        }
        table.entries.insert(id.clone(), entry);
        drop(table);
        Ok(Pending { calls: self, id, outcome })
    }

    /// Takes a call for sending, unless it was sent in this session, is over, or has no time left.
    pub(super) fn to_send(&self, id: &str, session: u64) -> Option<ToSend> {
        let mut table = self.lock();
        let limit = table.limit;
        let entry = table.entries.get_mut(id)?;
        let size = entry.request.body.len();
        if let Some(limit) = limit.filter(|limit| size > *limit) {
            let entry = table.entries.remove(id)?;
            drop(entry.done.send(Err(CallError::TooLarge { size, limit })));
            return None;
        }
        let remaining = entry.deadline.saturating_duration_since(Instant::now());
        if entry.sent_in == Some(session) || remaining.is_zero() {
            return None;
        }
        entry.sent_in = Some(session);
        entry.moments = Moments { sent: Some(Instant::now()), confirmed: None };
        (entry.accepted, entry.served) = (false, false);
        Some(ToSend {
            request: Arc::clone(&entry.request),
            remaining,
            deadline_ms: entry.deadline_ms,
        })
    }

    /// The ids of all calls, the oldest first.
    pub(super) fn ids(&self) -> VecDeque<String> {
        self.ids_of(|_| true)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().entries.is_empty()
    }

    /// When the oldest of the calls began that the broker has, and of those that began after
    /// `since`.
    pub(super) fn oldest(&self, since: Option<Instant>) -> (Option<Instant>, Option<Instant>) {
        let table = self.lock();
        let began = || table.entries.values().filter(|e| e.is_queued()).map(|entry| entry.started);
        (began().min(), began().filter(|began| since.is_none_or(|since| *began > since)).min())
    }

    /// Ends a call with its reply. A reply that is nobody's is counted.
    pub(super) fn reply(
        &self,
        id: &str,
        status: Option<&[u8]>,
        properties: Properties,
        body: Vec<u8>,
    ) {
        let mut table = self.lock();
        let Some(entry) = table.entries.remove(id) else {
            table.unmatched += 1;
            return;
        };
        let elapsed = entry.started.elapsed();
        let timing = entry.moments.timing(entry.started, elapsed, &properties);
        let outcome = match wire::Reply::open(status, body) {
            Opened::Answer(body) => Ok(Reply { properties, body, elapsed, timing }),
            Opened::Failed(failure) => Err(CallError::Failed(failure)),
            Opened::Unknown(error) => Err(CallError::BadReply(error)),
        };
        drop(entry.done.send(outcome)); // an error: the caller has just given up
    }

    /// Ends a call whose reply is longer than is taken.
    pub(super) fn reply_too_large(&self, id: &str, limit: u64) {
        let mut table = self.lock();
        match table.entries.remove(id) {
            Some(entry) => drop(entry.done.send(Err(CallError::ReplyTooLarge { limit }))),
            None => table.unmatched += 1,
        }
    }

    /// Ends every call with an error.
    pub(super) fn fail_all(&self, error: &CallError) {
        for (_, entry) in self.lock().entries.drain() {
            drop(entry.done.send(Err(error.clone())));
        }
    }

    /// Notes why there is no session, or that there is one.
    pub(super) fn unreachable(&self, why: Option<CallError>) {
        self.lock().unreachable = why;
    }

    /// Notes what the broker says is the largest message it takes; larger calls end when it is
    /// their turn to be sent.
    pub(super) fn limit(&self, limit: usize) {
        self.lock().limit = Some(limit);
    }

    /// Notes why there is no session, where that is not known better.
    pub(super) fn unreachable_so_far(&self, why: &str) {
        let so_far = || CallError::Unreachable(why.to_owned());
        self.lock().unreachable.get_or_insert_with(so_far);
    }

    /// Ends every call that waits for nobody.
    pub(super) fn fail_hasty(&self, error: &CallError) {
        end(&mut self.lock(), |entry| !entry.waits, error);
    }

    /// Notes that the broker has a call; false if it has to be sent again all the same, nothing if it
    /// is over.
    pub(super) fn accepted(&self, id: &str) -> Option<bool> {
        let mut table = self.lock();
        let entry = table.entries.get_mut(id)?;
        if entry.sent_in.is_none() {
            return Some(false);
        }
        entry.obstacle = None;
        entry.accepted = true;
        entry.moments.confirmed = Some(Instant::now());
        Some(true)
    }

    /// Notes that the broker did not keep a call, or any call, because there is no queue. Ends
    /// those that do not wait; the others are to be sent again.
    pub(super) fn no_queue(&self, id: Option<&str>, queue: &str) {
        let mut table = self.lock();
        let concerned = |key: &str, entry: &Entry| match id {
            Some(id) => id == key,
            None => entry.request.to.is_none(),
        };
        let obstacle = |entry: &Entry| match &entry.request.to {
            None => Obstacle::NoQueue(queue.to_owned()),
            Some((exchange, key)) => Obstacle::NoRoute(exchange.clone(), key.clone()),
        };
        let over = table.entries.extract_if(|key, entry| !entry.waits && concerned(key, entry));
        for (_, entry) in over {
            let error = obstacle(&entry).into_error(Duration::ZERO);
            drop(entry.done.send(Err(error)));
        }
        let kept = table.entries.iter_mut();
        for (_, entry) in kept.filter(|(key, entry)| concerned(key, entry)) {
            entry.is_to_be_sent_again(obstacle(entry));
        }
    }

    /// Notes that a session ended: what was sent in it and may be made once only is over, and so is
    /// what the broker objected to.
    pub(super) fn lost(&self, why: &str, objection: bool) {
        let mut table = self.lock();
        if objection {
            let special = |entry: &Entry| entry.sent_in.is_some() && entry.request.is_special();
            end(&mut table, special, &CallError::Rejected(why.to_owned()));
        }
        let over = |entry: &Entry| entry.sent_in.is_some() && !entry.request.resend;
        end(&mut table, over, &CallError::Lost(why.to_owned()));
    }

    /// Notes that the broker refused a call: it is to be sent again.
    pub(super) fn refused(&self, id: &str, queue: &str) {
        if let Some(entry) = self.lock().entries.get_mut(id) {
            entry.is_to_be_sent_again(Obstacle::Refused(queue.to_owned()));
        }
    }

    /// Ends the calls that were refused and do not wait.
    pub(super) fn give_up_refused(&self, queue: &str) {
        let refused = Obstacle::Refused(queue.to_owned());
        let error = CallError::Refused(queue.to_owned());
        let over = |entry: &Entry| !entry.waits && entry.obstacle.as_ref() == Some(&refused);
        end(&mut self.lock(), over, &error);
    }

    /// Notes that nobody consumes; if that is `certain`, ends the calls that do not wait for
    /// somebody and that nobody can have taken.
    pub(super) fn no_server(&self, queue: &str, certain: bool) {
        let mut table = self.lock();
        if certain {
            let over = |entry: &Entry| !entry.waits && !entry.served && entry.request.to.is_none();
            end(&mut table, over, &CallError::NoServer(queue.to_owned()));
        }
        table.obstructed(&Obstacle::NoServer(queue.to_owned()));
    }

    /// Notes that neither a consumer nor a request is to be seen.
    pub(super) fn nothing_seen(&self, queue: &str) {
        self.lock().obstructed(&Obstacle::Unseen(queue.to_owned()));
    }

    /// Notes that somebody consumes.
    pub(super) fn served(&self) {
        for entry in self.lock().entries.values_mut().filter(|entry| entry.is_queued()) {
            entry.obstacle = None;
            entry.served = true;
        }
    }

    /// The ids of the calls that are to be sent again, the oldest first.
    pub(super) fn unsent(&self) -> VecDeque<String> {
        self.ids_of(|entry| entry.sent_in.is_none())
    }

    fn ids_of(&self, which: impl Fn(&Entry) -> bool) -> VecDeque<String> {
        let table = self.lock();
        let those = table.entries.iter().filter(|(_, entry)| which(entry));
        let mut those: Vec<_> = those.map(|(id, entry)| (entry.started, id.clone())).collect();
        those.sort_unstable();
        those.into_iter().map(|(_, id)| id).collect()
    }

    /// What calls wait for beside their answer, in words.
    pub(super) fn waiting_for(&self) -> Option<String> {
        let table = self.lock();
        let obstacle = || table.entries.values().find_map(|entry| entry.obstacle.clone());
        let words = |obstacle: Obstacle| obstacle.into_error(Duration::ZERO).to_string();
        let obstacle = || obstacle().filter(|it| !matches!(it, Obstacle::Unseen(_))).map(words);
        table.unreachable.as_ref().map(CallError::to_string).or_else(obstacle)
    }

    pub(super) fn unmatched(&self) -> u64 {
        self.lock().unmatched
    }

    /// Ends every call and tells the task to end.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
        self.fail_all(&CallError::Closed);
    }

    /// Waits for [`Self::close`].
    pub(super) async fn closing(&self) {
        // The sender lives in self: no error.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending<'_> {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Waits for the outcome.
    pub(super) async fn outcome(&mut self) -> Outcome {
        (&mut self.outcome).await.unwrap_or(Err(CallError::Closed))
    }

    /// Where its time has gone so far; nothing once it is over.
    pub(super) fn timing(&self) -> Option<Timing> {
        let table = self.calls.lock();
        let entry = table.entries.get(&self.id)?;
        let elapsed = entry.started.elapsed();
        Some(entry.moments.timing(entry.started, elapsed, &Properties::default()))
    }

    /// What to tell a caller whose time is up.
    pub(super) fn late(&self, timeout: Duration) -> CallError {
        let table = self.calls.lock();
        if let Some(why) = &table.unreachable {
            return why.clone();
        }
        let Some(entry) = table.entries.get(&self.id) else { return CallError::TimedOut(timeout) };
        match &entry.obstacle {
            Some(obstacle) => obstacle.clone().into_error(timeout),
            None if entry.accepted => CallError::TimedOut(timeout),
            None => CallError::Unconfirmed(timeout),
        }
    }
}

impl Table {
    /// Notes an obstacle for all calls that the broker has.
    fn obstructed(&mut self, obstacle: &Obstacle) {
        for entry in self.entries.values_mut().filter(|entry| entry.is_queued()) {
            entry.obstacle = Some(obstacle.clone());
        }
    }
}

/// Ends some calls with an error.
fn end(table: &mut Table, which: impl Fn(&Entry) -> bool, error: &CallError) {
    for (_, entry) in table.entries.extract_if(|_, entry| which(entry)) {
        drop(entry.done.send(Err(error.clone())));
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.calls.lock().entries.remove(&self.id);
    }
}

#[cfg(test)]
mod tests;
