//! Sessions come and go.

use super::*;

#[test]
fn what_an_old_session_says_is_not_believed() {
    let mut desk = Desk::ample();
    desk.request("1");
    let (id, _) = desk.reply();
    desk.link(LinkEvent::Closed(LostBecause::Network));
    assert_eq!(desk.settled(), [(1, State::Lost)]);
    desk.attach(2);
    desk.request("1");
    let (new, _) = desk.reply();
    assert_ne!(id, new);
    for session in [1, 3] {
        desk.input(Input::Link { session, event: LinkEvent::Confirmed(new) });
    }
    desk.link(LinkEvent::Confirmed(id));
    assert_eq!(desk.commands(), []);
    desk.link(LinkEvent::Confirmed(new));
    assert_eq!(desk.commands(), [Command::Ack { tag: 1, multiple: true }]);
}

#[test]
fn nothing_is_said_to_a_session_that_is_over() {
    let mut desk = Desk::ample();
    let session = desk.core.session;
    let reply_to = Some("caller".to_owned());
    let envelope = Envelope { reply_to, ..Default::default() };
    let (tag, redelivered, body, arrived) = (1, false, b"1".to_vec(), desk.clocks.now);
    let delivery = Delivery { tag, redelivered, envelope, body, arrived };
    desk.take_in(Input::Link { session, event: LinkEvent::Delivered(delivery) });
    desk.take_in(Input::Link { session, event: LinkEvent::Closed(LostBecause::Network) });
    desk.conclude();
    assert_eq!(desk.commands(), []);
}

#[test]
fn a_stopped_job_keeps_its_thread_and_memory_until_it_is_over() {
    let mut desk = Desk::new(1, AMPLE);
    desk.request_until("1000", 10);
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.pass(10 * MILLI);
    assert_eq!(desk.commands()[0], Command::Stop { job });
    assert_eq!(desk.core.usage().threads_busy, 1);
    assert_eq!(desk.core.usage().memory_reserved, work(1000).memory);
    desk.request("2000");
    assert_eq!(desk.started(), [], "there is one thread");
    desk.input(Input::Finished { job, result: Err(Unfinished::Stopped) });
    assert_eq!(desk.started().len(), 1);
}

#[test]
fn a_size_that_the_broker_refused_is_known_from_then_on() {
    let mut desk = Desk::ample();
    desk.request("1000");
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.finish(job);
    desk.published();
    desk.link(LinkEvent::Closed(LostBecause::TooLarge { limit: 200 }));
    desk.attach(2);
    desk.request("1000");
    assert_eq!(desk.reply().1, Status::ResourceExhausted, "without computing it");
    desk.request("1");
    assert_eq!(desk.reply().1, Status::Ok);
    desk.input(Input::ForgetReplyLimit);
    desk.request("1000");
    assert_eq!(desk.started().len(), 1);
}

#[test]
fn where_not_even_an_error_fits_the_request_is_rejected() {
    let mut desk = Desk::ample();
    desk.link(LinkEvent::Closed(LostBecause::TooLarge { limit: 1 }));
    desk.attach(2);
    desk.request("1");
    assert_eq!(desk.commands(), [Command::Reject { tag: 1 }]);
}

/// Answers a request and loses the session before the confirm, so often.
fn lose(desk: &mut Desk, times: u64, why: LostBecause) {
    for session in 0..times {
        desk.attach(desk.core.session + 1 + session);
        desk.deliver_again("1", None);
        desk.link(LinkEvent::Closed(why));
    }
    desk.commands();
    desk.attach(desk.core.session + 1);
    desk.deliver_again("1", None);
}

#[test]
fn a_reply_that_ends_too_many_sessions_is_not_tried_again() {
    let mut desk = Desk::ample();
    lose(&mut desk, u64::from(MAX_LOSSES), LostBecause::Broker);
    assert_eq!(desk.reply().1, Status::Ok);
    desk.link(LinkEvent::Closed(LostBecause::Network));
    lose(&mut desk, 0, LostBecause::Broker);
    let (id, status) = desk.reply();
    assert_eq!(status, Status::Internal);
    desk.link(LinkEvent::Confirmed(id));
    assert_eq!(desk.commands(), [Command::Reject { tag: 1 }]);
    lose(&mut desk, 0, LostBecause::Broker);
    assert_eq!(desk.reply().1, Status::Ok, "forgotten once it is settled");
}

#[test]
fn equal_requests_count_once_for_each_session() {
    let mut desk = Desk::ample();
    for _ in 0..64 {
        desk.deliver_again("1", None);
    }
    desk.link(LinkEvent::Closed(LostBecause::Network));
    lose(&mut desk, 0, LostBecause::Network);
    assert_eq!(desk.reply().1, Status::Ok);
}

#[test]
fn waiting_being_blocked_and_clean_ends_make_no_poison() {
    let mut desk = Desk::ample();
    for why in [LostBecause::Timeout, LostBecause::Asked] {
        lose(&mut desk, 20, why);
        assert_eq!(desk.reply().1, Status::Ok);
        desk.link(LinkEvent::Closed(why));
    }
    for session in 50..70 {
        desk.attach(2 * session);
        desk.deliver_again("1000", None);
        desk.link(LinkEvent::Closed(LostBecause::Network));
        desk.attach(2 * session + 1);
        desk.deliver_again("1", None);
        desk.link(LinkEvent::Blocked);
        desk.link(LinkEvent::Closed(LostBecause::Network));
    }
    desk.commands();
    desk.attach(300);
    desk.deliver_again("1", None);
    assert_eq!(desk.reply().1, Status::Ok);
}

#[test]
fn the_broker_s_count_is_no_verdict() {
    let mut desk = Desk::ample();
    desk.deliver_again("1", Some(1000));
    assert_eq!(desk.reply().1, Status::Ok);
}

#[test]
fn what_the_broker_may_drop_next_time_is_answered_and_not_given_back() {
    let mut desk = Desk::new(1, AMPLE);
    desk.request("1000");
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.deliver_again("2000", Some(NEAR_LIMIT));
    desk.deliver_again("2001", Some(NEAR_LIMIT - 1));
    desk.input(Input::Drain { patience: None });
    desk.deliver_again("1", Some(NEAR_LIMIT));
    let commands = desk.commands();
    let [Command::StopConsuming, Command::GiveBack { tag: 3 }, Command::Publish(_)] = commands[..]
    else {
        panic!("{commands:?}")
    };
    desk.finish(job);
    assert_eq!(desk.started().len(), 1, "the one that may be dropped");
    desk.input(Input::GiveUp);
    assert!(desk.commands().contains(&Command::GiveBack { tag: 2 }), "after all");
}

#[test]
fn work_goes_on_for_a_request_that_is_delivered_again() {
    let mut desk = Desk::ample();
    desk.request("1000");
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.link(LinkEvent::Closed(LostBecause::Network));
    desk.pass(GRACE.saturating_sub(MILLI));
    assert_eq!(desk.commands(), []);
    desk.attach(2);
    desk.request("1000");
    desk.pass(GRACE);
    assert_eq!(desk.commands(), [], "it is under way");
    desk.finish(job);
    assert_eq!(desk.reply().1, Status::Ok);
}

#[test]
fn work_does_not_go_on_for_ever_for_nobody() {
    let mut desk = Desk::ample();
    desk.request("1000");
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.link(LinkEvent::Closed(LostBecause::Network));
    desk.pass(GRACE);
    assert_eq!(desk.commands(), [Command::Stop { job }]);
    desk.input(Input::Finished { job, result: Err(Unfinished::Stopped) });
    assert!(desk.is_free());
}

#[test]
fn work_for_nobody_makes_way_for_others() {
    let mut desk = Desk::new(1, AMPLE);
    desk.request("1000");
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.link(LinkEvent::Closed(LostBecause::Network));
    desk.attach(2);
    desk.request("2000");
    desk.pass(SECOND);
    assert_eq!(desk.commands(), [Command::Stop { job }]);
    desk.input(Input::Finished { job, result: Err(Unfinished::Stopped) });
    assert_eq!(desk.started().len(), 1);
}

#[test]
fn a_direct_reply_that_ends_a_few_sessions_is_rejected_unanswered() {
    for (why, sessions) in [(LostBecause::Broker, 3), (LostBecause::Network, 16)] {
        let mut desk = Desk::ample();
        let deliver = |desk: &mut Desk| {
            let reply_to = Some("amq.rabbitmq.reply-to.x".to_owned());
            let (via, delivery_count) = (Via::Direct, Some(1));
            desk.deliver(Envelope { reply_to, via, delivery_count, ..Default::default() }, "1");
        };
        for session in 2..2 + sessions {
            deliver(&mut desk);
            assert_eq!(desk.reply().1, Status::Ok);
            desk.link(LinkEvent::Closed(why));
            desk.attach(session);
        }
        deliver(&mut desk);
        assert_eq!(desk.commands(), [Command::Reject { tag: 1 }]);
        deliver(&mut desk);
        assert_eq!(desk.reply().1, Status::Ok, "forgotten once it is settled");
    }
}
