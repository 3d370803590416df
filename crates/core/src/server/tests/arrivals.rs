//! What a delivery leads to.

use super::*;

#[test]
fn a_request_that_names_no_reply_queue_is_rejected_and_not_looked_at() {
    let mut desk = Desk::ample();
    for reply_to in [None, Some(String::new())] {
        let tag = desk.deliver(Envelope { reply_to, ..Default::default() }, "1");
        assert_eq!(desk.commands(), [Command::Reject { tag }]);
    }
    assert_eq!(desk.service.decided, 0);
    assert!(desk.is_free());
}

#[test]
fn a_request_that_names_what_replies_do_not_go_to_is_rejected_and_not_looked_at() {
    let mut desk = Desk::ample();
    let tag = desk.deliver(Envelope { via: Via::Nowhere, ..Default::default() }, "1");
    assert_eq!(desk.commands(), [Command::Reject { tag }]);
    assert_eq!(desk.service.decided, 0);
    assert!(desk.is_free());
}

#[test]
fn a_deadline_that_a_wrong_clock_set_is_not_heeded_and_its_caller_is_named() {
    let mut desk = Desk::ample();
    let deadline_ms = desk.clocks.unix_ms - 30_000;
    let envelope = Envelope {
        reply_to: Some("caller".into()),
        deadline_ms: Some(deadline_ms),
        expiration_ms: Some(100),
        ..Default::default()
    };
    desk.deliver(envelope, "1000");
    assert_eq!(desk.started().len(), 1);
    let arrived = desk.clocks.unix_ms;
    let named = |note: &Note| match note {
        Note::WrongClock { caller, deadline_ms: by, arrived_ms } => {
            (caller.as_str(), *by, *arrived_ms) == ("caller", deadline_ms, arrived)
        }
        _ => false,
    };
    assert_eq!(desk.notes.iter().filter(|note| named(note)).count(), 1);
    desk.pass(99 * MILLI);
    assert_eq!(desk.published(), []);
    desk.pass(MILLI);
    assert_eq!(desk.reply().1, Status::DeadlineExceeded);
}

#[test]
fn a_passed_deadline_is_answered_without_work() {
    let mut desk = Desk::ample();
    for millis in [i64::MIN / 2, -1, 0] {
        desk.request_until("1000", millis);
        assert_eq!(desk.reply().1, Status::DeadlineExceeded);
    }
    assert_eq!(desk.service.decided, 0);
    desk.request_until("1", 1);
    assert_eq!(desk.reply().1, Status::Ok);
    desk.request_from("caller", "1", Some(i64::MAX));
    assert_eq!(desk.reply().1, Status::Ok);
}

#[test]
fn a_request_is_decided_about_once() {
    let mut desk = Desk::ample();
    desk.request("1000");
    let [(job, 1000)] = desk.started()[..] else { panic!("not started") };
    desk.finish(job);
    assert_eq!(desk.reply().1, Status::Ok);
    assert_eq!(desk.service.decided, 1);
}

#[test]
fn a_delivery_out_of_order_ends_the_session() {
    let mut desk = Desk::ample();
    desk.request("1");
    desk.commands();
    desk.tags += 1;
    desk.request("1");
    assert_eq!(desk.commands(), [Command::Abandon(Fault::OutOfOrder { tag: 3 })]);
    assert_eq!(desk.settled(), [(1, State::Lost)]);
}

#[test]
fn a_request_that_dead_lettering_brings_back_for_ever_is_dropped() {
    let mut desk = Desk::ample();
    for (rejections, is_dropped) in
        [(0, false), (MAX_REJECTIONS - 1, false), (MAX_REJECTIONS, true)]
    {
        desk.tags += 1;
        let envelope = Envelope { rejections, ..Default::default() }; // without a reply queue
        let (tag, arrived) = (desk.tags, desk.clocks.now);
        let delivery = Delivery { tag, redelivered: false, envelope, body: b"1".to_vec(), arrived };
        desk.link(LinkEvent::Delivered(delivery));
        let ack = Command::Ack { tag, multiple: false };
        assert_eq!(desk.commands(), [if is_dropped { ack } else { Command::Reject { tag } }]);
        assert_eq!(desk.settled(), [(tag, State::Rejected)]);
    }
}
