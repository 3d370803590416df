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

/// Why nobody is there to answer a call at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    NoQueue(String),
    NoServer(String),
}

impl Absent {
    fn into_error(self) -> CallError {
        match self {
            Self::NoQueue(queue) => CallError::NoQueue(queue),
            Self::NoServer(queue) => CallError::NoServer(queue),
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
    /// Whether it waits for a server where there is none.
    waits_for_server: bool,
    /// The number of the session it was sent in.
    sent_in: Option<u64>,
    absent: Option<Absent>,
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
        waits_for_server: bool,
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
            waits_for_server,
            sent_in: None,
            absent: None,
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

    /// When the oldest call began.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.lock().entries.values().map(|entry| entry.started).min()
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

    /// Notes that a call, or every call, finds no server; ends those that do not wait for one.
    /// A call that is `unsent`, because the broker has not kept it, will be sent again.
    pub(super) fn absent(&self, id: Option<&str>, absent: &Absent, unsent: bool) {
        let mut table = self.lock();
        let concerned = |key: &str| id.is_none_or(|id| id == key);
        let ended = table
            .entries
            .extract_if(|key, entry| concerned(key) && !entry.waits_for_server)
            .collect::<Vec<_>>();
        for (_, entry) in ended {
            drop(entry.done.send(Err(absent.clone().into_error())));
        }
        for (_, entry) in table.entries.iter_mut().filter(|(key, _)| concerned(key)) {
            entry.absent = Some(absent.clone());
            if unsent {
                entry.sent_in = None;
            }
        }
    }

    /// Notes that there is a server.
    pub(super) fn served(&self) {
        for entry in self.lock().entries.values_mut() {
            entry.absent = None;
        }
    }

    /// Notes that the broker did not keep a call: it will be sent again.
    pub(super) fn unsent(&self, id: &str) {
        if let Some(entry) = self.lock().entries.get_mut(id) {
            entry.sent_in = None;
        }
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
        let absent = table.entries.get(&self.id).and_then(|entry| entry.absent.clone());
        absent.map_or(CallError::TimedOut(timeout), Absent::into_error)
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
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn begin(calls: &Calls) -> Pending<'_> {
        calls.begin(Method::Fib, b"30".to_vec(), Instant::now() + LONG, true)
    }

    #[tokio::test]
    async fn a_reply_ends_its_call_and_no_other() {
        let calls = Calls::default();
        let (mut one, mut two) = (begin(&calls), begin(&calls));
        calls.reply(two.id(), None, b"2".to_vec());
        calls.reply(one.id(), None, b"1".to_vec());
        assert_eq!(one.outcome().await, Ok(b"1".to_vec()));
        assert_eq!(two.outcome().await, Ok(b"2".to_vec()));
        assert_eq!(calls.unmatched(), 0);
    }

    #[tokio::test]
    async fn foreign_late_and_duplicate_replies_are_counted_and_match_nothing() {
        let calls = Calls::default();
        let mut call = begin(&calls);
        let late = begin(&calls);
        let late_id = late.id().to_owned();
        drop(late);
        calls.reply("somebody else's", None, b"1".to_vec());
        calls.reply("", None, b"1".to_vec());
        calls.reply(&late_id, None, b"1".to_vec());
        calls.reply(call.id(), None, b"832040".to_vec());
        calls.reply(call.id(), None, b"1".to_vec());
        assert_eq!(call.outcome().await, Ok(b"832040".to_vec()));
        assert_eq!(calls.unmatched(), 4);
    }

    #[test]
    fn a_call_is_sent_once_in_each_session() {
        let calls = Calls::default();
        let call = begin(&calls);
        assert!(calls.to_send(call.id(), 1).is_some());
        assert_eq!(calls.to_send(call.id(), 1), None);
        assert!(calls.to_send(call.id(), 2).is_some());
    }

    #[tokio::test]
    async fn absence_ends_calls_that_do_not_wait_and_keeps_the_others() {
        let calls = Calls::default();
        let deadline = Instant::now() + LONG;
        let mut hasty = calls.begin(Method::Ping, Vec::new(), deadline, false);
        let patient = calls.begin(Method::Ping, Vec::new(), deadline, true);
        calls.to_send(patient.id(), 1);
        let absent = Absent::NoQueue("q".into());
        calls.absent(Some("another"), &absent, true);
        assert_eq!(patient.late(LONG), CallError::TimedOut(LONG), "another was meant");
        calls.absent(None, &absent, true);
        assert_eq!(hasty.outcome().await, Err(CallError::NoQueue("q".into())));
        assert_eq!(patient.late(LONG), CallError::NoQueue("q".into()));
        assert!(calls.to_send(patient.id(), 1).is_some(), "to be sent again");
        calls.served();
        assert_eq!(patient.late(LONG), CallError::TimedOut(LONG));
        calls.unreachable(Some("why".into()));
        assert_eq!(patient.late(LONG), CallError::Unreachable("why".into()));
    }

    #[tokio::test]
    async fn a_call_larger_than_the_broker_takes_ends_and_no_other() {
        let calls = Calls::default();
        let (mut large, small) = (begin(&calls), begin(&calls));
        calls.limit(1);
        assert_eq!(calls.to_send(large.id(), 1), None);
        assert_eq!(large.outcome().await, Err(CallError::TooLarge { size: 2, limit: 1 }));
        calls.limit(2);
        assert!(calls.to_send(small.id(), 1).is_some());
    }

    #[test]
    fn a_caller_that_gives_up_leaves_nothing() {
        let calls = Calls::default();
        drop(begin(&calls));
        assert!(calls.is_empty());
    }

    #[tokio::test]
    async fn closing_ends_everything() {
        let calls = Calls::default();
        let mut call = begin(&calls);
        calls.close();
        assert_eq!(call.outcome().await, Err(CallError::Closed));
        calls.closing().await;
    }
}
