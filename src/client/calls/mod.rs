//! The calls that wait for a reply.
//!
//! The table is the truth about them: a caller that gives up takes its entry away, and the task
//! that keeps the link sends what is there.

use super::CallError;
use crate::wire::{Method, Opened, Reply};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

/// What keeps a call from being answered at the moment, as far as is known; with the name of the
/// request queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    NoQueue(String),
    /// Nobody consumes, and requests wait.
    NoServer(String),
    /// Nobody consumes, and no request waits: somebody who stops has it, or the broker does not
    /// know.
    Unseen(String),
    /// The broker takes no further request for the queue.
    Refused(String),
}

impl Obstacle {
    fn into_error(self, timeout: Duration) -> CallError {
        match self {
            Self::NoQueue(queue) => CallError::NoQueue(queue),
            Self::NoServer(queue) => CallError::NoServer(queue),
            Self::Unseen(queue) => CallError::NoConsumer { queue, timeout },
            Self::Refused(queue) => CallError::Refused(queue),
        }
    }
}

type Outcome = Result<Vec<u8>, CallError>;

#[derive(Debug)]
struct Entry {
    method: Method,
    body: Vec<u8>,
    started: Instant,
    deadline: Instant,
    /// The deadline for the server, Unix time in milliseconds.
    deadline_ms: i64,
    /// Whether it waits for a server, and a broker, where there is none.
    waits: bool,
    /// The number of the session it was sent in.
    sent_in: Option<u64>,
    /// Whether the broker has confirmed that, in that session.
    accepted: bool,
    /// Whether somebody has consumed since: who stops consuming may still answer it.
    served: bool,
    obstacle: Option<Obstacle>,
    done: oneshot::Sender<Outcome>,
}

/// What is needed to send a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ToSend {
    pub(super) method: Method,
    pub(super) body: Vec<u8>,
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
    unreachable: Option<String>,
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
    /// Enters a call under a fresh id.
    pub(super) fn begin(
        &self,
        method: Method,
        body: Vec<u8>,
        deadline: Instant,
        waits: bool,
    ) -> Pending<'_> {
        let id = Uuid::new_v4().to_string();
        let (done, outcome) = oneshot::channel();
        let started = Instant::now();
        let entry = Entry {
            method,
            body,
            started,
            deadline,
            deadline_ms: unix_ms(deadline.saturating_duration_since(started)),
            waits,
            sent_in: None,
            accepted: false,
            served: false,
            obstacle: None,
            done,
        };
        self.lock().entries.insert(id.clone(), entry);
        Pending { calls: self, id, outcome }
    }

    /// Takes a call for sending, unless it was sent in this session, is over, or has no time left.
    pub(super) fn to_send(&self, id: &str, session: u64) -> Option<ToSend> {
        let mut table = self.lock();
        let limit = table.limit;
        let entry = table.entries.get_mut(id)?;
        let size = entry.body.len();
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
        (entry.accepted, entry.served) = (false, false);
        Some(ToSend {
            method: entry.method,
            body: entry.body.clone(),
            remaining,
            deadline_ms: entry.deadline_ms,
        })
    }

    /// The ids of all calls.
    pub(super) fn ids(&self) -> Vec<String> {
        self.lock().entries.keys().cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().entries.is_empty()
    }

    /// When the oldest of the calls began that the broker has, and of those that began after
    /// `since`.
    pub(super) fn oldest(&self, since: Option<Instant>) -> (Option<Instant>, Option<Instant>) {
        let table = self.lock();
        let began = || table.entries.values().filter(|e| e.accepted).map(|entry| entry.started);
        (began().min(), began().filter(|began| since.is_none_or(|since| *began > since)).min())
    }

    /// Ends a call with its reply. A reply that is nobody's is counted.
    pub(super) fn reply(&self, id: &str, status: Option<&[u8]>, body: Vec<u8>) {
        let mut table = self.lock();
        let Some(entry) = table.entries.remove(id) else {
            table.unmatched += 1;
            return;
        };
        let outcome = match Reply::open(status, body) {
            Opened::Answer(body) => Ok(body),
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
    pub(super) fn unreachable(&self, why: Option<String>) {
        self.lock().unreachable = why;
    }

    /// Notes what the broker says is the largest message it takes; larger calls end when it is
    /// their turn to be sent.
    pub(super) fn limit(&self, limit: usize) {
        self.lock().limit = Some(limit);
    }

    /// Notes why there is no session, where that is not known better.
    pub(super) fn unreachable_so_far(&self, why: &str) {
        self.lock().unreachable.get_or_insert_with(|| why.to_owned());
    }

    /// Ends every call that waits for nobody.
    pub(super) fn fail_hasty(&self, error: &CallError) {
        end(&mut self.lock(), |entry| !entry.waits, error);
    }

    /// Notes that the broker has a call; false if it has to be sent again all the same.
    pub(super) fn accepted(&self, id: &str) -> bool {
        let mut table = self.lock();
        let entry = table.entries.get_mut(id).filter(|entry| entry.sent_in.is_some());
        entry.is_some_and(|entry| {
            entry.obstacle = None;
            entry.accepted = true;
            true
        })
    }

    /// Notes that the broker did not keep a call, or any call, because there is no queue. Ends
    /// those that do not wait; the others are to be sent again.
    pub(super) fn no_queue(&self, id: Option<&str>, queue: &str) {
        let mut table = self.lock();
        let error = CallError::NoQueue(queue.to_owned());
        match id.map(|id| table.entries.get(id).map(|entry| entry.waits)) {
            None => end(&mut table, |entry| !entry.waits, &error),
            Some(Some(false)) => {
                if let Some(entry) = id.and_then(|id| table.entries.remove(id)) {
                    drop(entry.done.send(Err(error)));
                }
            }
            Some(_) => {}
        }
        let concerned = |key: &str| id.is_none_or(|id| id == key);
        for (_, entry) in table.entries.iter_mut().filter(|(key, _)| concerned(key)) {
            entry.is_to_be_sent_again(Obstacle::NoQueue(queue.to_owned()));
        }
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
            let over = |entry: &Entry| !entry.waits && !entry.served;
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
        for entry in self.lock().entries.values_mut().filter(|entry| entry.accepted) {
            entry.obstacle = None;
            entry.served = true;
        }
    }

    /// The ids of the calls that are to be sent again, the oldest first.
    pub(super) fn unsent(&self) -> Vec<String> {
        let table = self.lock();
        let unsent = table.entries.iter().filter(|(_, entry)| entry.sent_in.is_none());
        let mut unsent: Vec<_> = unsent.map(|(id, entry)| (entry.started, id.clone())).collect();
        unsent.sort_unstable();
        unsent.into_iter().map(|(_, id)| id).collect()
    }

    /// What calls wait for beside their answer, in words.
    pub(super) fn waiting_for(&self) -> Option<String> {
        let table = self.lock();
        let obstacle = || table.entries.values().find_map(|entry| entry.obstacle.clone());
        let words = |obstacle: Obstacle| obstacle.into_error(Duration::ZERO).to_string();
        let obstacle = || obstacle().filter(|it| !matches!(it, Obstacle::Unseen(_))).map(words);
        table.unreachable.clone().or_else(obstacle)
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

    /// What to tell a caller whose time is up.
    pub(super) fn late(&self, timeout: Duration) -> CallError {
        let table = self.calls.lock();
        if let Some(why) = &table.unreachable {
            return CallError::Unreachable(why.clone());
        }
        let Some(entry) = table.entries.get(&self.id) else { return CallError::TimedOut(timeout) };
        match &entry.obstacle {
            Some(obstacle) => obstacle.clone().into_error(timeout),
            None if entry.accepted => CallError::TimedOut(timeout),
            None => CallError::Unconfirmed(timeout),
        }
    }
}

impl Entry {
    fn is_to_be_sent_again(&mut self, obstacle: Obstacle) {
        self.obstacle = Some(obstacle);
        (self.sent_in, self.accepted) = (None, false);
    }
}

impl Table {
    /// Notes an obstacle for all calls that the broker has.
    fn obstructed(&mut self, obstacle: &Obstacle) {
        for entry in self.entries.values_mut().filter(|entry| entry.accepted) {
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

/// The moment `remaining` from now, Unix time in milliseconds.
fn unix_ms(remaining: Duration) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from((now + remaining).as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
