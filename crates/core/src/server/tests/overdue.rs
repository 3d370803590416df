//! Replies that wait too long for their confirms.

use super::*;

/// Answers a probe, if there was one.
fn probe(desk: &mut Desk) -> bool {
    let probed = desk.commands().contains(&Command::Probe);
    if probed {
        desk.link(LinkEvent::Probed);
    }
    probed
}

#[test]
fn a_reply_that_is_never_confirmed_costs_its_request_and_not_the_session() {
    let mut desk = Desk::ample();
    let tag = desk.request_from("mute", "1", None);
    desk.commands();
    desk.pass(CONFIRM_TIMEOUT + CHECK_EVERY);
    assert!(probe(&mut desk), "is it the queue, or the broker?");
    desk.pass(CHECK_EVERY);
    assert_eq!(desk.commands(), [Command::Reject { tag }, Command::RenewReplies]);
    assert_eq!(desk.settled(), [(tag, State::Rejected)]);
    desk.request_from("mute", "1", None);
    assert_eq!(desk.published(), [], "it is remembered");
}

#[test]
fn replies_that_the_broker_got_with_the_probe_are_no_fault_of_their_queue() {
    let mut desk = Desk::ample();
    let tag = desk.request_from("slow", "1", None);
    let (id, _) = desk.reply();
    desk.pass(CONFIRM_TIMEOUT + CHECK_EVERY);
    assert!(probe(&mut desk));
    desk.pass(CHECK_EVERY / 2);
    assert_eq!(desk.commands(), [], "its queue may take a moment longer");
    desk.link(LinkEvent::Confirmed(id));
    assert_eq!(desk.commands(), [Command::Ack { tag, multiple: true }]);
    desk.pass(2 * CHECK_EVERY);
    assert_eq!(desk.commands(), []);
}

#[test]
fn a_link_that_died_after_the_last_confirm_proves_nothing() {
    let mut desk = Desk::ample();
    desk.request_from("one", "1", None);
    desk.request_from("other", "1", None);
    let [_, id] = desk.published()[..] else { panic!("not published") };
    desk.link(LinkEvent::Confirmed(id));
    desk.commands();
    desk.pass(CONFIRM_TIMEOUT + PROBE_TIMEOUT + 3 * CHECK_EVERY);
    assert_eq!(desk.commands(), [Command::Probe, Command::Abandon(Fault::Unconfirmed)]);
}

#[test]
fn a_broker_that_confirms_nothing_costs_the_session() {
    let mut desk = Desk::ample();
    desk.request("1");
    desk.commands();
    desk.pass(CONFIRM_TIMEOUT + PROBE_TIMEOUT + 3 * CHECK_EVERY);
    assert_eq!(desk.commands(), [Command::Probe, Command::Abandon(Fault::Unconfirmed)]);
}

#[test]
fn one_queue_may_hold_only_a_part_of_the_prefetch_for_long() {
    let mut desk = Desk::ample();
    let tags: Vec<_> = (0..3).map(|_| desk.request_from("mute", "1", None)).collect();
    desk.commands();
    desk.pass(STUCK_TIMEOUT + CHECK_EVERY);
    assert!(probe(&mut desk));
    desk.pass(CHECK_EVERY);
    let rejects = [1, 2, 3].map(|tag| Command::Reject { tag });
    assert_eq!(desk.commands(), [&rejects[..], &[Command::RenewReplies]].concat());
    assert_eq!(desk.settled().len(), tags.len());
}

#[test]
fn a_slow_link_is_no_fault_as_long_as_it_moves() {
    let mut desk = Desk::ample();
    desk.request("1000");
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.input(Input::Finished { job, result: Ok(vec![b'1'; 100_000].into()) });
    let (id, _) = desk.reply();
    for second in 0..100 {
        desk.written = second * 1000;
        desk.pass(SECOND);
    }
    assert_eq!(desk.commands(), []);
    desk.link(LinkEvent::Confirmed(id));
    assert_eq!(desk.commands(), [Command::Ack { tag: 1, multiple: true }]);
}

#[test]
fn a_link_that_does_not_move_costs_the_session() {
    let mut desk = Desk::ample();
    desk.written = 0;
    desk.request("1");
    desk.commands();
    desk.pass(CONFIRM_TIMEOUT + CHECK_EVERY);
    assert_eq!(desk.commands(), [Command::Abandon(Fault::Unconfirmed)]);
}

#[test]
fn the_time_in_which_the_broker_blocks_does_not_count() {
    let mut desk = Desk::ample();
    desk.written = 0;
    desk.request("1");
    let (id, _) = desk.reply();
    desk.link(LinkEvent::Blocked);
    desk.pass(2 * CONFIRM_TIMEOUT);
    desk.link(LinkEvent::Unblocked);
    desk.pass(CONFIRM_TIMEOUT.saturating_sub(SECOND));
    assert_eq!(desk.commands(), []);
    desk.link(LinkEvent::Confirmed(id));
    assert_eq!(desk.commands(), [Command::Ack { tag: 1, multiple: true }]);
}

#[test]
fn a_confirm_that_comes_after_all_changes_nothing() {
    let mut desk = Desk::ample();
    let tag = desk.request_from("mute", "1", None);
    let (id, _) = desk.reply();
    desk.pass(CONFIRM_TIMEOUT + CHECK_EVERY);
    assert!(probe(&mut desk));
    desk.pass(CHECK_EVERY);
    assert_eq!(desk.commands(), [Command::Reject { tag }, Command::RenewReplies]);
    desk.link(LinkEvent::Confirmed(id));
    assert_eq!(desk.commands(), []);
    assert_eq!((desk.core.unconfirmed(), desk.core.replies.abandoned), (0, 0));
    assert!(desk.is_free());
}

#[test]
fn a_queue_that_two_sessions_waited_for_is_to_blame() {
    let mut desk = Desk::ample();
    for session in 2..4 {
        desk.request_from("hangs", "1", None);
        desk.request("1");
        assert_eq!(desk.published().len(), 2);
        desk.pass(CONFIRM_TIMEOUT + PROBE_TIMEOUT + 3 * CHECK_EVERY);
        assert_eq!(desk.commands(), [Command::Probe, Command::Abandon(Fault::Unconfirmed)]);
        desk.attach(session);
    }
    let tag = desk.request_from("hangs", "1", None);
    assert_eq!(desk.commands(), [Command::Reject { tag }]);
    desk.request("1");
    assert_eq!(desk.reply().1, Status::Ok);
}

#[test]
fn a_channel_with_replies_that_are_never_confirmed_is_replaced() {
    let mut desk = Desk::ample();
    let tag = desk.request_from("mute", "1", None);
    desk.commands();
    desk.pass(CONFIRM_TIMEOUT + CHECK_EVERY);
    assert!(probe(&mut desk));
    desk.pass(CHECK_EVERY);
    assert_eq!(desk.commands(), [Command::Reject { tag }, Command::RenewReplies]);
    desk.link(LinkEvent::RepliesRenewed);
    desk.pass(60 * SECOND);
    assert_eq!(desk.commands(), []);
}

#[test]
fn what_the_link_wrote_besides_replies_does_not_count_for_them() {
    let mut desk = Desk::ample();
    desk.written = 1_000_000; // heads of frames, heartbeats
    desk.input(Input::Time { written: desk.written });
    desk.request("1");
    desk.commands();
    desk.pass(CONFIRM_TIMEOUT.saturating_sub(SECOND));
    desk.written += 1000;
    desk.pass(CONFIRM_TIMEOUT);
    assert_eq!(desk.commands(), [], "written just now, and not overdue yet");
}
