//! No ack before the confirm, and no multiple ack over an open delivery.

use super::*;
use std::collections::BTreeSet;

/// Confirms several replies in one batch; returns the acks.
fn confirm(desk: &mut Desk, replies: &[RequestId]) -> Vec<(u64, bool)> {
    let session = desk.core.session;
    for id in replies {
        desk.take_in(Input::Link { session, event: LinkEvent::Confirmed(*id) });
    }
    desk.conclude();
    let acks = |command| match command {
        Command::Ack { tag, multiple } => Some((tag, multiple)),
        _ => None,
    };
    desk.commands().into_iter().filter_map(acks).collect()
}

fn answered(requests: u64) -> (Desk, Vec<RequestId>) {
    let mut desk = Desk::ample();
    for _ in 0..requests {
        desk.request("1");
    }
    let replies = desk.published();
    assert_eq!(replies.len() as u64, requests);
    (desk, replies)
}

#[test]
fn a_request_is_acknowledged_when_its_reply_is_confirmed_and_not_before() {
    let mut desk = Desk::ample();
    desk.request("1");
    let commands = desk.commands();
    let [Command::Publish(id)] = commands[..] else { panic!("{commands:?}") };
    assert_eq!(confirm(&mut desk, &[id]), [(1, true)]);
    assert_eq!(desk.settled(), [(1, State::Acked)]);
    assert!(desk.is_free());
}

#[test]
fn confirms_in_order_become_one_ack() {
    let (mut desk, replies) = answered(5);
    assert_eq!(confirm(&mut desk, &replies[..3]), [(3, true)]);
    assert_eq!(confirm(&mut desk, &[replies[4], replies[3]]), [(5, true)]);
}

#[test]
fn an_open_delivery_is_never_acked_by_a_batch_behind_it() {
    let (mut desk, replies) = answered(5);
    assert_eq!(confirm(&mut desk, &replies[1..3]), [(2, false), (3, false)]);
    assert_eq!(confirm(&mut desk, &[replies[4]]), [(5, false)]);
    assert_eq!(confirm(&mut desk, &[replies[0]]), [(1, true)]);
    assert_eq!(confirm(&mut desk, &[replies[3]]), [(4, true)]);
}

#[test]
fn a_confirm_that_comes_twice_acks_once() {
    let (mut desk, replies) = answered(2);
    assert_eq!(confirm(&mut desk, &[replies[1]]), [(2, false)]);
    assert_eq!(confirm(&mut desk, &[replies[1]]), []);
}

#[test]
fn any_order_of_confirms_acks_each_delivery_once() {
    for seed in 0..200u64 {
        let (mut desk, mut broker) = (Desk::ample(), BTreeSet::new());
        let (mut open, mut state) = (Vec::new(), seed);
        for _ in 0..300 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let choice = (state >> 33) as usize;
            if open.is_empty() || (choice & 1 == 0 && desk.tags < 150) {
                broker.insert(desk.request("1"));
                open.push(desk.reply().0);
                continue;
            }
            let id = open.swap_remove(choice % open.len());
            for (tag, multiple) in confirm(&mut desk, &[id]) {
                assert!(broker.contains(&tag), "ack of {tag}, which is settled");
                broker.retain(|other| if multiple { *other > tag } else { *other != tag });
            }
            let is_open =
                |id: &RequestId| broker.contains(&desk.core.requests.get(*id).unwrap().tag);
            assert!(open.iter().all(is_open), "an open one was acked");
            assert_eq!(broker.len(), open.len(), "each confirmed one was acked");
        }
    }
}

#[test]
fn memory_does_not_grow_behind_the_oldest_open_request() {
    let mut desk = Desk::ample();
    desk.request("1000");
    desk.commands();
    for _ in 0..10_000 {
        desk.request("1");
        let (id, _) = desk.reply();
        confirm(&mut desk, &[id]);
        desk.notes.clear();
    }
    assert_eq!(desk.core.requests.slots(), 2);
}
