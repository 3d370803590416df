//! What happens on a link while it lives.

use super::{super::Link, Event, Peer, Server, dial, next};
use bytes::Bytes;
use lapin::BasicProperties;
use std::sync::Arc;

#[tokio::test]
async fn commands_are_carried_out_in_their_order_before_anybody_waits() {
    let mut server = Server::start().await;
    for token in ["a", "b", "c"] {
        server.publish(token);
    }
    server.link.ack(7, true);
    server.link.reject(8);
    server.link.give_back(9);
    for queue in [b"a", b"b", b"c"] {
        let publish = server.publish.method(60, 40).await;
        // Two numbers, the exchange, the queue, and the flag "mandatory".
        assert_eq!(publish.arguments[..6], [&[0, 0, 0, 1], &queue[..], &[1]].concat());
    }
    for (name, tag, flags) in [(80, 7, 1), (90, 8, 0), (120, 9, 2)] {
        let method = server.consume.next().await;
        assert_eq!(method.id, (60, name));
        assert_eq!(method.arguments[..9], [0, 0, 0, 0, 0, 0, 0, tag, flags]);
    }
    for tag in [2, 3, 1] {
        server.publish.ack(server.replies, tag);
    }
    server.expect_all(["confirmed b", "confirmed c", "confirmed a"]).await;
}

#[tokio::test]
async fn a_body_is_dropped_when_it_is_written_and_a_confirm_never() {
    struct Body(Arc<[u8; 1]>);
    impl AsRef<[u8]> for Body {
        fn as_ref(&self) -> &[u8] {
            &*self.0
        }
    }
    let mut server = Server::start().await;
    let body = Arc::new(*b"1");
    let alive = Arc::downgrade(&body);
    let bytes = Bytes::from_owner(Body(body));
    server.link.publish("a", "q", BasicProperties::default(), bytes);
    while alive.upgrade().is_some() {
        assert!(server.link.next_now().is_none());
        tokio::task::yield_now().await;
    }
    server.publish.ack(server.replies, 1);
    server.expect(&["confirmed a"]).await;
}

#[tokio::test]
async fn a_return_comes_before_the_confirm_it_came_with_and_names_only_itself() {
    let mut server = Server::start().await;
    for token in ["a", "b", "c"] {
        server.publish_through(token).await;
    }
    server.publish.give_back(server.replies, "b", b"b");
    server.publish.ack(server.replies, 1);
    server.expect(&["returned b to b", "confirmed a"]).await;
    server.publish.ack(server.replies, 2);
    server.expect(&["confirmed b"]).await;
    server.publish.give_back(server.replies, "gone", b"x");
    server.publish.nack(server.replies, 3);
    server.expect(&["returned x to gone", "refused c"]).await;
}

#[tokio::test]
async fn an_id_that_is_no_text_is_returned_as_it_is() {
    let mut server = Server::start().await;
    server.publish_through("a").await;
    server.publish.give_back(server.replies, "a", b"\xff\x00");
    server.publish.ack(server.replies, 1);
    server.expect(&["returned \\xff\\x00 to a", "confirmed a"]).await;
}

#[tokio::test]
async fn deliveries_come_before_confirms_and_those_before_events_of_the_connection() {
    let mut server = Server::start().await;
    server.publish_through("a").await;
    server.publish.block();
    server.publish.unblock();
    server.publish.ack(server.replies, 1);
    server.consume.deliver(server.deliveries, 1);
    server.settle().await;
    server.expect(&["delivered 1", "confirmed a", "blocked: low on memory", "unblocked"]).await;
    assert!(server.link.next_now().is_none());
}

#[tokio::test]
async fn what_is_buffered_comes_before_the_end_of_the_consumer() {
    let mut server = Server::start().await;
    server.consume.leave_unanswered(60, 30);
    server.link.stop_consuming();
    server.link.stop_consuming();
    let cancel = server.consume.method(60, 30).await;
    server.consume.deliver(server.deliveries, 1);
    server.consume.deliver(server.deliveries, 2);
    server.consume.send(cancel.channel, 60, 31, b"\x07fibrpcd");
    server.expect(&["delivered 1", "delivered 2", "consumer ended, asked: true"]).await;
    server.settle().await;
    assert!(server.link.next_now().is_none());
    // The channel lives on, for the acks.
    server.link.ack(2, true);
    assert_eq!(server.consume.method(60, 80).await.channel, server.deliveries);
}

#[tokio::test]
async fn the_broker_may_end_the_consumer() {
    let mut server = Server::start().await;
    server.consume.send(server.deliveries, 60, 30, b"\x07fibrpcd\x00");
    server.expect(&["consumer ended, asked: false"]).await;
    server.link.close();
    server.expect(&["closed"]).await;
}

#[tokio::test]
async fn a_new_channel_is_used_once_it_is_there_and_the_old_one_until_its_last_confirm() {
    let mut server = Server::start().await;
    server.publish_through("a").await;
    server.link.renew_replies();
    server.link.renew_replies();
    server.expect(&["renewed"]).await;
    let renewed = server.publish.method(85, 10).await.channel;
    assert_ne!(renewed, server.replies);
    server.publish("b");
    assert_eq!(server.publish.next().await.channel, renewed, "the old channel is not closed");
    server.publish.ack(renewed, 1);
    server.publish.nack(server.replies, 1);
    server.expect_all(["confirmed b", "refused a"]).await;
    assert_eq!(server.publish.method(20, 40).await.channel, server.replies);
}

#[tokio::test]
async fn a_new_channel_has_no_deadline_while_the_broker_blocks() {
    let mut server = Server::start().await;
    server.publish.block();
    server.expect(&["blocked: low on memory"]).await;
    server.link.renew_replies();
    server.link.publishing.expire();
    assert!(server.link.next_now().is_none());
    tokio::task::yield_now().await;
    assert!(server.link.next_now().is_none());
    assert!(server.publish.is_quiet(), "nothing is written");
    server.publish.unblock();
    server.expect(&["unblocked", "renewed"]).await;
}

#[tokio::test]
async fn a_new_channel_that_cannot_be_had_leaves_the_old_one() {
    let mut server = Server::start().await;
    server.publish.leave_unanswered(85, 10);
    server.link.renew_replies();
    let select = server.method(|server| &mut server.publish, (85, 10)).await;
    server.publish.close(select.channel, 540, "NOT_IMPLEMENTED");
    server.expect(&["not renewed: ClosedByBroker"]).await;
    server.link.renew_replies();
    server.method(|server| &mut server.publish, (85, 10)).await;
    server.link.publishing.expire();
    server.expect(&["not renewed: Timeout"]).await;
    server.publish("a");
    let publish = server.publish.method(60, 40).await;
    assert_eq!(publish.channel, server.replies);
    server.publish.ack(server.replies, 1);
    server.expect(&["confirmed a"]).await;
}

#[tokio::test]
async fn a_queue_is_counted_and_a_missing_one_ends_nothing() {
    let mut server = Server::start().await;
    server.link.count_consumers("q");
    server.expect(&["counted 2, 5"]).await;
    server.consume.leave_unanswered(50, 10);
    server.consume.method(50, 10).await;
    server.link.count_consumers("gone");
    let declare = server.method(|server| &mut server.consume, (50, 10)).await;
    server.consume.close(declare.channel, 404, "NOT_FOUND - no queue 'gone'");
    server.expect(&["not counted: NoQueue"]).await;
    server.settle().await;
    assert!(server.link.next_now().is_none());
    server.consume.deliver(server.deliveries, 1);
    server.expect(&["delivered 1"]).await;
}

#[tokio::test]
async fn the_bytes_that_are_written_are_counted() {
    let mut server = Server::start().await;
    let before = server.link.bytes_written();
    server.publish_through("a").await;
    server.publish.ack(server.replies, 1);
    server.expect(&["confirmed a"]).await; // read after what was written was counted
    assert!(server.link.bytes_written() > before);
}

#[tokio::test]
async fn a_client_has_one_connection_and_its_own_queue() {
    let mut peer = Peer::start();
    let (mut link, queue) = Link::call(&peer.uri().parse().unwrap(), &dial()).await.unwrap();
    assert_eq!(queue, "q", "the broker names it");
    let mut broker = peer.connection().await;
    let consume = broker.method(60, 20).await;
    assert_eq!(consume.arguments[..4], *b"\0\0\x01q");
    assert_eq!(consume.arguments[5], 2, "without acks");
    link.publish("a", "requests", BasicProperties::default(), Bytes::new());
    let publish = broker.method(60, 40).await;
    broker.deliver(consume.channel, 1);
    broker.ack(publish.channel, 1);
    // Two deliveries: each has the moment at which it came from the network.
    let Event::Delivered(_, Some(first)) = next(&mut link).await else { panic!("no delivery") };
    assert!(matches!(next(&mut link).await, Event::Confirmed("a")));
    broker.deliver(consume.channel, 2);
    let Event::Delivered(_, Some(second)) = next(&mut link).await else { panic!("no delivery") };
    assert!(first < second);
    link.close();
    assert!(matches!(next(&mut link).await, Event::Closed(None)));
    broker.method(10, 50).await;
}
