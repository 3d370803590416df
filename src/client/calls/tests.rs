use super::*;
use crate::wire::Method;

const LONG: Duration = Duration::from_hours(1);

fn begin(calls: &Calls) -> Pending<'_> {
    let request = Request::of_method(Method::Fib, b"30".to_vec());
    calls.begin(request, Instant::now() + LONG, true).unwrap()
}

#[tokio::test]
async fn a_reply_ends_its_call_and_no_other() {
    let calls = Calls::default();
    let (mut one, mut two) = (begin(&calls), begin(&calls));
    calls.reply(two.id(), None, Properties::default(), b"2".to_vec());
    calls.reply(one.id(), None, Properties::default(), b"1".to_vec());
    assert_eq!(one.outcome().await.map(|reply| reply.body), Ok(b"1".to_vec()));
    assert_eq!(two.outcome().await.map(|reply| reply.body), Ok(b"2".to_vec()));
    assert_eq!(calls.unmatched(), 0);
}

#[tokio::test]
async fn foreign_late_and_duplicate_replies_are_counted_and_match_nothing() {
    let calls = Calls::default();
    let mut call = begin(&calls);
    let late = begin(&calls);
    let late_id = late.id().to_owned();
    drop(late);
    calls.reply("somebody else's", None, Properties::default(), b"1".to_vec());
    calls.reply("", None, Properties::default(), b"1".to_vec());
    calls.reply(&late_id, None, Properties::default(), b"1".to_vec());
    calls.reply(call.id(), None, Properties::default(), b"832040".to_vec());
    calls.reply(call.id(), None, Properties::default(), b"1".to_vec());
    assert_eq!(call.outcome().await.map(|reply| reply.body), Ok(b"832040".to_vec()));
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

/// A call that waits and one that does not, both with the broker.
fn accepted(calls: &Calls) -> (Pending<'_>, Pending<'_>) {
    let patient = begin(calls);
    let hasty = Request::of_method(Method::Ping, Vec::new());
    let hasty = calls.begin(hasty, Instant::now() + LONG, false).unwrap();
    for call in [&patient, &hasty] {
        assert!(calls.to_send(call.id(), 1).is_some());
        assert_eq!(calls.accepted(call.id()), Some(true));
    }
    (patient, hasty)
}

#[tokio::test]
async fn a_missing_queue_ends_calls_that_do_not_wait_and_keeps_the_others() {
    let calls = Calls::default();
    let (patient, mut hasty) = accepted(&calls);
    calls.no_queue(Some("another"), "q");
    assert_eq!(patient.late(LONG), CallError::TimedOut(LONG), "another was meant");
    calls.no_queue(Some(patient.id()), "q");
    assert_eq!(hasty.late(LONG), CallError::TimedOut(LONG), "another was meant");
    assert_eq!(calls.accepted(patient.id()), Some(false), "the confirm of what was returned");
    assert_eq!(calls.accepted("over"), None);
    calls.no_queue(None, "q");
    assert_eq!(hasty.outcome().await, Err(CallError::NoQueue("q".into())));
    assert_eq!(patient.late(LONG), CallError::NoQueue("q".into()));
    assert_eq!(calls.unsent(), [patient.id()]);
    assert!(calls.to_send(patient.id(), 1).is_some(), "to be sent again");
    calls.accepted(patient.id());
    assert_eq!(patient.late(LONG), CallError::TimedOut(LONG));
    calls.unreachable(Some(CallError::Unreachable("why".into())));
    assert_eq!(patient.late(LONG), CallError::Unreachable("why".into()));
}

#[tokio::test]
async fn only_certainty_ends_calls_for_want_of_a_server() {
    let calls = Calls::default();
    let (patient, mut hasty) = accepted(&calls);
    let no_server = || CallError::NoServer("q".into());
    calls.no_server("q", false);
    assert_eq!(hasty.late(LONG), no_server());
    calls.nothing_seen("q");
    let nobody = CallError::NoConsumer { queue: "q".into(), timeout: LONG };
    assert_eq!(hasty.late(LONG), nobody);
    calls.no_server("q", true);
    assert_eq!(hasty.outcome().await, Err(no_server()));
    assert_eq!(patient.late(LONG), no_server());
    // Who has seen a server may yet be answered by it, though it consumes no more.
    let (_, hasty) = accepted(&calls);
    calls.served();
    assert_eq!(patient.late(LONG), CallError::TimedOut(LONG));
    calls.no_server("q", true);
    assert_eq!(hasty.late(LONG), no_server(), "at its timeout, and not before");
}

#[tokio::test]
async fn a_refused_call_is_sent_again_or_given_up() {
    let calls = Calls::default();
    let (patient, mut hasty) = accepted(&calls);
    calls.refused(patient.id(), "q");
    calls.give_up_refused("q");
    assert_eq!(calls.unsent(), [patient.id()]);
    assert_eq!(hasty.late(LONG), CallError::TimedOut(LONG), "it was not refused");
    calls.refused(hasty.id(), "q");
    calls.give_up_refused("q");
    assert_eq!(hasty.outcome().await, Err(CallError::Refused("q".into())));
    assert_eq!(patient.late(LONG), CallError::Refused("q".into()));
}

#[test]
fn a_call_that_the_broker_has_not_confirmed_says_so() {
    let calls = Calls::default();
    let call = begin(&calls);
    calls.to_send(call.id(), 1);
    assert_eq!(call.late(LONG), CallError::Unconfirmed(LONG));
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

#[tokio::test]
async fn a_request_that_may_be_done_once_only_is_not_sent_again() {
    let calls = Calls::default();
    let once = |body: &'static str| Request::new(body).correlation_id(body);
    let begin_once = |body| calls.begin(once(body), Instant::now() + LONG, true);
    let (mut sent, unsent) = (begin_once("sent").unwrap(), begin_once("unsent").unwrap());
    let again = begin(&calls);
    assert_eq!(begin_once("sent").unwrap_err(), RequestError::SameId("sent".into()));
    for call in [&sent, &again] {
        assert!(calls.to_send(call.id(), 1).is_some());
    }
    calls.lost("gone", false);
    assert_eq!(sent.outcome().await, Err(CallError::Lost("gone".into())));
    for call in [&unsent, &again] {
        assert!(calls.to_send(call.id(), 2).is_some());
    }
}

#[tokio::test]
async fn what_the_broker_objects_to_is_not_sent_again_and_the_others_are() {
    let calls = Calls::default();
    let special = Request::new("").to("exchange", "key").resend_if_lost(true);
    let mut special = calls.begin(special, Instant::now() + LONG, true).unwrap();
    let other = begin(&calls);
    for call in [&special, &other] {
        assert!(calls.to_send(call.id(), 1).is_some());
    }
    calls.lost("404", true);
    assert_eq!(special.outcome().await, Err(CallError::Rejected("404".into())));
    assert!(calls.to_send(other.id(), 2).is_some());
}
