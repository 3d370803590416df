//! How a link ends.

use super::{super::Link, Event, Peer, Server, dial, next, peer::PATIENCE};
use bytes::Bytes;
use lapin::BasicProperties;

impl Server {
    /// Lets closing take its time, where it is not what is tried: the machine may be busy.
    fn close_patiently(&mut self) {
        self.link.connections.close_limit = PATIENCE;
        self.link.close();
    }

    /// The link has ended, and says nothing more.
    async fn expect_silence(&mut self) {
        tokio::task::yield_now().await;
        assert!(self.link.next_now().is_none());
    }
}

#[tokio::test]
async fn the_reason_of_a_closed_channel_is_told_once() {
    const REASON: &str = "PRECONDITION_FAILED - message size 5 is larger than max size 4";
    for under_way in [0, 1, 3] {
        let mut server = Server::start().await;
        for _ in 0..under_way {
            server.publish_through("a").await;
        }
        server.publish.close(server.replies, 406, REASON);
        server.publish.method(20, 41).await;
        // Refused by lapin itself, without the reason, or not: the channel may not be closed yet.
        server.publish("late");
        server.expect(&[&format!("closed: the broker says 406 {REASON}")]).await;
        server.expect_silence().await;
    }
}

#[tokio::test]
async fn a_closed_channel_of_the_consumer_is_told_once() {
    let mut server = Server::start().await;
    server.publish_through("a").await;
    server.consume.close(server.deliveries, 406, "PRECONDITION_FAILED - unknown delivery tag 4");
    server
        .expect(&["closed: the broker says 406 PRECONDITION_FAILED - unknown delivery tag 4"])
        .await;
    server.expect_silence().await;
}

#[tokio::test]
async fn the_reason_of_a_closed_connection_is_told_once() {
    const REASON: &str = "CONNECTION_FORCED - shutdown";
    for publishing in [true, false] {
        let mut server = Server::start().await;
        server.publish_through("a").await;
        let connection = if publishing { &server.publish } else { &server.consume };
        connection.close(0, 320, REASON);
        server.publish("b");
        server.link.count_consumers("q");
        let mut event = server.next().await;
        if event.contains("counted") {
            // lapin had not taken the connection for closed yet, or the other one was asked.
            event = server.next().await;
        }
        assert_eq!(event, format!("closed: the broker says 320 {REASON}"));
        server.expect_silence().await;
    }
}

#[tokio::test]
async fn a_broken_connection_is_told_once() {
    for publishing in [true, false] {
        let mut server = Server::start().await;
        server.publish_through("a").await;
        let connection = if publishing { &server.publish } else { &server.consume };
        connection.cut();
        server.publish("b");
        let event = server.next().await;
        assert!(event.starts_with("closed: "), "{event}");
        server.expect_silence().await;
    }
}

#[tokio::test]
async fn confirms_before_the_failure_are_given_before_the_end() {
    let mut server = Server::start().await;
    server.publish_through("a").await;
    server.publish_through("b").await;
    server.publish.ack(server.replies, 1);
    server.publish.close(server.replies, 541, "INTERNAL_ERROR");
    server.expect(&["confirmed a", "closed: the broker says 541 INTERNAL_ERROR"]).await;
}

#[tokio::test]
async fn closing_waits_for_the_last_confirm_and_what_follows_from_it() {
    let mut server = Server::start().await;
    server.publish_through("a").await;
    server.consume.deliver(server.deliveries, 1);
    server.settle().await;
    server.close_patiently();
    assert!(server.link.next_now().is_none(), "no more deliveries");
    server.publish.ack(server.replies, 1);
    server.expect(&["confirmed a"]).await;
    server.link.ack(1, false);
    server.expect(&["closed"]).await;
    server.expect_silence().await;
    let methods = [server.consume.method(60, 80).await, server.consume.next().await];
    assert_eq!(methods.map(|method| method.id), [(60, 80), (10, 50)]);
    server.publish.method(10, 50).await;
}

#[tokio::test]
async fn the_goodbye_comes_after_the_messages_that_wait() {
    let mut server = Server::start().await;
    server.publish.leave_unanswered(60, 40);
    for token in ["a", "b", "c"] {
        server.publish(token);
    }
    server.close_patiently();
    assert!(server.link.next_now().is_none());
    for tag in 1..=3 {
        assert_eq!(server.publish.method(60, 40).await.channel, server.replies);
        server.publish.ack(server.replies, tag);
    }
    server.expect_all(["confirmed a", "confirmed b", "confirmed c"]).await;
    server.expect(&["closed"]).await;
}

#[tokio::test]
async fn closing_is_bounded_where_no_confirm_and_no_answer_come() {
    let mut server = Server::start().await;
    server.publish.leave_unanswered(10, 50);
    server.consume.leave_unanswered(10, 50);
    server.publish_through("a").await;
    server.publish.block();
    server.expect(&["blocked: low on memory"]).await;
    server.link.stop_consuming();
    server.expect(&["consumer ended, asked: true"]).await;
    server.link.close();
    server.expect(&["closed"]).await;
    server.expect_silence().await;
}

#[tokio::test]
async fn a_failure_while_closing_is_told() {
    let mut server = Server::start().await;
    server.publish_through("a").await;
    server.link.close();
    server.publish.close(0, 320, "CONNECTION_FORCED");
    server.expect(&["closed: the broker says 320 CONNECTION_FORCED"]).await;
}

#[tokio::test]
async fn a_blocked_client_closes_all_the_same() {
    let mut peer = Peer::start();
    let (mut link, _) = Link::call(&peer.uri().parse().unwrap(), &dial()).await.unwrap();
    let broker = peer.connection().await;
    broker.block();
    assert!(matches!(next(&mut link).await, Event::Blocked(_)));
    link.publish((), "requests", BasicProperties::default(), Bytes::new());
    link.close();
    assert!(matches!(next(&mut link).await, Event::Closed(None)));
}
