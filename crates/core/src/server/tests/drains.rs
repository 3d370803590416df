//! A session that ends in good order.

use super::*;

fn running(desk: &mut Desk) -> JobId {
    desk.request("1000");
    let started = desk.started();
    let [(job, 1000)] = started[..] else { panic!("{started:?}") };
    job
}

#[test]
fn what_runs_is_answered_and_what_has_not_started_is_given_back() {
    let mut desk = Desk::new(1, AMPLE);
    let job = running(&mut desk);
    let waiting = desk.request("2000");
    let joined = desk.request("1000");
    desk.input(Input::Drain { patience: None });
    assert_eq!(desk.commands(), [Command::StopConsuming, Command::GiveBack { tag: waiting }]);
    let late = desk.request("1");
    assert_eq!(desk.commands(), [Command::GiveBack { tag: late }], "not even a small one");
    desk.link(LinkEvent::ConsumerEnded);
    desk.finish(job);
    for id in desk.published() {
        assert!(desk.core.next_timer() > Some(desk.clocks.now.plus(LAST_ACKS)), "no goodbye yet");
        desk.link(LinkEvent::Confirmed(id));
    }
    assert_eq!(desk.commands().last(), Some(&Command::Ack { tag: joined, multiple: true }));
    desk.pass(LAST_ACKS.saturating_sub(MILLI));
    assert_eq!(desk.commands(), [], "the last acks are on their way");
    desk.pass(MILLI);
    assert_eq!(desk.commands(), [Command::Close]);
    assert!(!desk.core.has_given_up() && desk.is_free());
}

#[test]
fn a_drain_waits_for_the_last_delivery() {
    let mut desk = Desk::ample();
    desk.input(Input::Drain { patience: None });
    desk.pass(10 * SECOND);
    assert_eq!(desk.commands(), [Command::StopConsuming]);
    desk.link(LinkEvent::ConsumerEnded);
    desk.pass(LAST_ACKS);
    assert_eq!(desk.commands(), [Command::Close]);
}

#[test]
fn a_drain_that_takes_too_long_gives_everything_back() {
    let mut desk = Desk::ample();
    let job = running(&mut desk);
    desk.input(Input::Drain { patience: Some(2 * SECOND) });
    desk.pass((2 * SECOND).saturating_sub(MILLI));
    assert_eq!(desk.commands(), [Command::StopConsuming]);
    desk.pass(MILLI + LAST_ACKS);
    let gone = [Command::Stop { job }, Command::GiveBack { tag: 1 }, Command::Close];
    assert_eq!(desk.commands(), gone);
    assert!(desk.core.has_given_up());
}

#[test]
fn what_is_given_back_in_the_turn_in_which_it_was_to_be_published_is_not() {
    let mut desk = Desk::ample();
    let tag = desk.request("1");
    let [id] = desk.published()[..] else { panic!("not answered") };
    desk.link(LinkEvent::Refused(id));
    desk.input(Input::Drain { patience: Some(SECOND) });
    desk.commands();
    desk.clocks.now = desk.clocks.now.plus(SECOND);
    let session = desk.core.session;
    desk.input(Input::Link { session, event: LinkEvent::RepliesRenewed });
    assert_eq!(desk.commands(), [Command::GiveBack { tag }]);
    assert_eq!(desk.core.unconfirmed(), 0);
}

#[test]
fn a_stop_takes_its_patience_from_whoever_asked_last() {
    let mut desk = Desk::ample();
    let job = running(&mut desk);
    desk.input(Input::Drain { patience: Some(SECOND) });
    desk.input(Input::Drain { patience: None });
    desk.pass(60 * SECOND);
    assert_eq!(desk.commands(), [Command::StopConsuming]);
    desk.input(Input::GiveUp);
    assert_eq!(desk.commands(), [Command::Stop { job }, Command::GiveBack { tag: 1 }]);
}

#[test]
fn a_consumer_that_the_broker_ends_ends_the_session() {
    let mut desk = Desk::ample();
    desk.link(LinkEvent::ConsumerEnded);
    assert_eq!(desk.commands(), [Command::Abandon(Fault::ConsumerEnded)]);
}

#[test]
fn a_long_alarm_gives_back_once_what_is_not_answered() {
    let mut desk = Desk::ample();
    desk.request("1");
    let (id, _) = desk.reply();
    let job = running(&mut desk);
    desk.link(LinkEvent::Blocked);
    desk.pass(BLOCKED_TIMEOUT.saturating_sub(MILLI));
    assert_eq!(desk.commands(), []);
    desk.pass(MILLI);
    let parked = [Command::StopConsuming, Command::Stop { job }, Command::GiveBack { tag: 2 }];
    assert_eq!(desk.commands(), parked);
    desk.link(LinkEvent::ConsumerEnded);
    desk.pass(100 * BLOCKED_TIMEOUT);
    assert_eq!(desk.commands(), [], "the reply waits, and nothing else comes");
    desk.link(LinkEvent::Unblocked);
    desk.link(LinkEvent::Confirmed(id));
    desk.pass(LAST_ACKS);
    assert_eq!(desk.commands(), [Command::Ack { tag: 1, multiple: true }, Command::Close]);
    assert!(!desk.core.has_given_up());
}

#[test]
fn a_stop_does_not_wait_for_a_broker_that_blocks_if_nothing_is_open() {
    let mut desk = Desk::ample();
    desk.link(LinkEvent::Blocked);
    desk.input(Input::Drain { patience: None });
    desk.link(LinkEvent::ConsumerEnded);
    desk.pass(LAST_ACKS);
    assert_eq!(desk.commands(), [Command::StopConsuming, Command::Close]);
}

#[test]
fn new_settings_end_a_session_that_waits_for_a_broker_that_blocks() {
    let mut desk = Desk::ample();
    desk.link(LinkEvent::Blocked);
    desk.pass(BLOCKED_TIMEOUT);
    desk.link(LinkEvent::ConsumerEnded);
    desk.pass(BLOCKED_TIMEOUT);
    assert_eq!(desk.commands(), [Command::StopConsuming]);
    desk.input(Input::Drain { patience: Some(SECOND) });
    desk.pass(SECOND);
    assert_eq!(desk.commands(), [Command::Close]);
    assert!(!desk.core.has_given_up(), "there was nothing to give back");
}

#[test]
fn giving_up_at_once_stops_consuming() {
    let mut desk = Desk::ample();
    desk.input(Input::GiveUp);
    let late = desk.request("1");
    assert_eq!(desk.commands(), [Command::StopConsuming, Command::GiveBack { tag: late }]);
}
