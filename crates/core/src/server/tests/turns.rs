//! Whose turn it is.

use super::*;

#[test]
fn small_ones_go_first_but_not_for_ever() {
    let mut desk = Desk::new(1, AMPLE);
    desk.request("5000");
    let [(mut job, 5000)] = desk.started()[..] else { panic!("not started") };
    desk.request("3000");
    for round in 0..100 {
        desk.pass(300 * MILLI);
        desk.request(&(300 + round).to_string());
        desk.commands();
        desk.finish(job);
        let next: Vec<_> = desk.started();
        match next[..] {
            [(_, 3000)] => return assert!(round > 10, "after a few"),
            [(next, _)] => job = next,
            _ => panic!("{next:?}"),
        }
    }
    panic!("it starved");
}

#[test]
fn one_class_does_not_wait_for_the_other() {
    let mut desk = Desk::new(1, AMPLE);
    desk.request("1000");
    desk.request("2000");
    desk.request("10");
    let started: Vec<_> = desk.started().iter().map(|(_, key)| *key).collect();
    assert_eq!(started, [1000], "ten milliseconds are long");
    let quick = Work { nanos: 1_000_000, ..work(10) };
    assert_eq!(AMPLE.class(&quick), Class::Quick);
    assert_eq!(AMPLE.class(&Work { memory: AMPLE.quick / 2, ..quick }), Class::Long);
}

#[test]
fn requests_for_the_same_work_share_it() {
    let mut desk = Desk::ample();
    let tags = [desk.request("1000"), desk.request("1000")];
    let started = desk.started();
    let [(job, 1000)] = started[..] else { panic!("{started:?}") };
    let late = desk.request("1000");
    desk.finish(job);
    let replies = desk.published();
    let answered: Vec<_> =
        replies.iter().map(|id| desk.core.requests.get(*id).unwrap().tag).collect();
    assert_eq!(answered, [tags[0], tags[1], late]);
    for id in replies {
        desk.link(LinkEvent::Confirmed(id));
    }
    assert!(desk.is_free());
}

#[test]
fn a_reply_says_how_long_the_request_waited_and_was_worked_on_where_it_asks() {
    let mut desk = Desk::new(1, AMPLE);
    let reply_to = Some("caller".to_owned());
    let asking = Envelope { reply_to, timing: true, ..Default::default() };
    desk.request("1000");
    let [(first, _)] = desk.started()[..] else { panic!("not started") };
    desk.deliver(asking, "2000");
    desk.pass(30 * MILLI);
    desk.take_in(Input::Finished { job: first, result: Ok(Bytes::from_static(b"1000")) });
    desk.conclude();
    let [Command::Publish(plain), Command::Compute { job: second, .. }] = desk.commands()[..]
    else {
        panic!("the second one does not follow the first")
    };
    desk.pass(50 * MILLI);
    desk.finish(second);
    let [asking] = desk.published()[..] else { panic!("not answered") };
    let (queue, compute) = (Duration::from_millis(30), Duration::from_millis(50));
    assert_eq!(desk.core.timing(asking), Some(ServerTiming { queue, compute }));
    assert_eq!(desk.core.timing(plain), None);
}

#[test]
fn what_is_known_needs_no_thread() {
    let mut desk = Desk::ample();
    desk.service.known = Some((LONG, Bytes::from_static(b"known")));
    desk.request("1000");
    assert_eq!(desk.reply().1, Status::Ok);
    assert_eq!(desk.core.usage().memory_reserved, 2 * work(LONG).length);
}

#[test]
fn work_stops_when_the_last_who_waits_is_late() {
    let mut desk = Desk::ample();
    desk.request_until("1000", 10);
    desk.request_until("1000", 20);
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.pass(10 * MILLI);
    assert_eq!(desk.reply().1, Status::DeadlineExceeded);
    desk.pass(10 * MILLI);
    let commands = desk.commands();
    assert!(matches!(commands[..], [Command::Stop { .. }, Command::Publish(_)]), "{commands:?}");
    // Its result may come while other work of the same key runs: it is ignored.
    desk.request("1000");
    let [(other, _)] = desk.started()[..] else { panic!("not started") };
    desk.finish(job);
    assert_eq!(desk.commands(), []);
    desk.finish(other);
    assert_eq!(desk.reply().1, Status::Ok);
}

#[test]
fn a_failure_concerns_everybody_who_waits() {
    let mut desk = Desk::ample();
    desk.request("1000");
    desk.request_until("1000", 5);
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.input(Input::Finished { job, result: Err(Unfinished::Failed) });
    let replies = desk.published();
    let statuses: Vec<_> =
        replies.iter().map(|id| desk.core.outgoing(*id).unwrap().1.status).collect();
    assert_eq!(statuses, [Status::Internal; 2]);
    for id in replies {
        desk.link(LinkEvent::Confirmed(id));
    }
    assert!(desk.is_free());
}

#[test]
fn a_long_reply_waits_for_the_one_on_its_way() {
    let mut desk = Desk::ample();
    for n in [30_000, 30_001] {
        desk.request(&n.to_string());
    }
    let [(one, _), (two, _)] = desk.started()[..] else { panic!("not started") };
    desk.finish(one);
    desk.finish(two);
    let (id, _) = desk.reply();
    desk.link(LinkEvent::Confirmed(id));
    let (id, _) = desk.reply();
    desk.link(LinkEvent::Confirmed(id));
    assert!(desk.is_free());
}

#[test]
fn a_result_is_sent_before_others_take_the_memory_that_it_waits_for() {
    // The first takes most of the memory, and its result a third of that; then comes another that
    // takes as much.
    let all = work(3000).memory;
    let mut desk = Desk::new(2, Shares { quick: 1000, long: all });
    let tags = [desk.request("3000"), desk.request("3000"), desk.request("2900")];
    let [(job, 3000)] = desk.started()[..] else { panic!("not started") };
    desk.finish(job);
    for tag in &tags[..2] {
        for id in desk.published() {
            desk.link(LinkEvent::Confirmed(id));
        }
        let _ = tag;
    }
    let settled = desk.settled();
    assert_eq!(settled, [(tags[0], State::Acked), (tags[1], State::Acked)]);
    assert_eq!(desk.core.usage().threads_busy, 1, "the other one");
}

#[test]
fn a_number_that_is_asked_for_again_and_again_keeps_nobody_waiting() {
    let all = work(3000).memory;
    let mut desk = Desk::new(1, Shares { quick: 1000, long: all });
    desk.request("1000");
    desk.request("3000");
    let [(job, 1000)] = desk.started()[..] else { panic!("not started") };
    desk.request("1000");
    desk.pass(60 * SECOND);
    desk.finish(job);
    for _ in 0..10 {
        for id in desk.published() {
            desk.request("1000");
            desk.link(LinkEvent::Confirmed(id));
        }
    }
    assert_eq!(desk.core.usage().memory_reserved, all, "3000 has it");
}

#[test]
fn a_result_for_a_queue_in_trouble_is_not_sent() {
    let mut desk = Desk::ample();
    let tags = [0, 1].map(|_| desk.request_from("mute", "30000", None));
    let [(job, _)] = desk.started()[..] else { panic!("not started") };
    desk.finish(job);
    assert_eq!(desk.published().len(), 1, "the other waits for its place in the window");
    desk.pass(CONFIRM_TIMEOUT + CHECK_EVERY);
    desk.commands();
    desk.link(LinkEvent::Probed);
    desk.pass(CHECK_EVERY);
    assert_eq!(desk.commands()[..2], tags.map(|tag| Command::Reject { tag }));
    assert!(desk.is_free());
}
