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
