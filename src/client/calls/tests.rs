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

/// A call that waits and one that does not, both with the broker.
fn accepted(calls: &Calls) -> (Pending<'_>, Pending<'_>) {
    let patient = begin(calls);
    let hasty = calls.begin(Method::Ping, Vec::new(), Instant::now() + LONG, false);
    for call in [&patient, &hasty] {
        assert!(calls.to_send(call.id(), 1).is_some());
        assert!(calls.accepted(call.id()));
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
    assert!(!calls.accepted(patient.id()), "the confirm of what was returned");
    calls.no_queue(None, "q");
    assert_eq!(hasty.outcome().await, Err(CallError::NoQueue("q".into())));
    assert_eq!(patient.late(LONG), CallError::NoQueue("q".into()));
    assert_eq!(calls.unsent(), [patient.id()]);
    assert!(calls.to_send(patient.id(), 1).is_some(), "to be sent again");
    calls.accepted(patient.id());
    assert_eq!(patient.late(LONG), CallError::TimedOut(LONG));
    calls.unreachable(Some("why".into()));
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
