//! From a reply's publishing to its confirm.

use super::*;

/// A request whose reply the broker has refused.
fn refused(desk: &mut Desk) -> (u64, RequestId) {
    let tag = desk.request("1");
    let (id, _) = desk.reply();
    desk.link(LinkEvent::Refused(id));
    (tag, id)
}

#[test]
fn a_channel_for_replies_is_renewed_once_a_second_at_most() {
    let mut desk = Desk::ample();
    desk.pass(SECOND);
    refused(&mut desk);
    assert_eq!(desk.commands(), [Command::RenewReplies]);
    refused(&mut desk);
    assert_eq!(desk.commands(), [], "one is on its way");
    desk.link(LinkEvent::RepliesRenewed);
    assert_eq!(desk.published().len(), 2);
    refused(&mut desk);
    desk.pass(SECOND.saturating_sub(MILLI));
    assert_eq!(desk.commands(), []);
    desk.pass(MILLI);
    assert_eq!(desk.commands(), [Command::RenewReplies]);
}

#[test]
fn while_the_broker_blocks_no_channel_is_opened() {
    let mut desk = Desk::ample();
    desk.pass(SECOND);
    desk.link(LinkEvent::Blocked);
    refused(&mut desk);
    desk.pass(10 * SECOND);
    assert_eq!(desk.commands(), []);
    desk.link(LinkEvent::Unblocked);
    assert_eq!(desk.commands(), [Command::RenewReplies]);
}

#[test]
fn the_reply_is_tried_once_more_and_not_the_request() {
    let mut desk = Desk::ample();
    let (tag, id) = refused(&mut desk);
    desk.pass(SECOND);
    desk.link(LinkEvent::RepliesRenewed);
    assert_eq!(desk.commands(), [Command::RenewReplies, Command::Publish(id)]);
    desk.link(LinkEvent::Confirmed(id));
    assert_eq!(desk.commands(), [Command::Ack { tag, multiple: true }]);
    assert_eq!(desk.service.decided, 1);
}

#[test]
fn a_request_whose_reply_is_refused_twice_is_rejected_and_its_queue_remembered() {
    let mut desk = Desk::ample();
    let (tag, id) = refused(&mut desk);
    desk.pass(SECOND);
    desk.link(LinkEvent::RepliesRenewed);
    desk.commands();
    desk.link(LinkEvent::Refused(id));
    assert_eq!(desk.commands(), [Command::Reject { tag }]);
    let tag = desk.request("1");
    assert_eq!(desk.commands(), [Command::Reject { tag }], "at once");
    desk.request_from("other", "1", None);
    assert_eq!(desk.reply().1, Status::Ok);
    desk.pass(REMEMBERED);
    desk.request("1");
    assert_eq!(desk.reply().1, Status::Ok, "it may be better now");
}
