//! What a link promises, against a peer that does as it is told.

mod addresses;
mod channels;
mod ends;
mod flows;
mod peer;

use self::peer::{Conversation, Method, PATIENCE, Peer};
use super::{
    super::{
        QueueType,
        connect::{Dial, Steps},
    },
    Event, Link, ServerSettings,
};
use bytes::Bytes;
use lapin::BasicProperties;
use std::time::Duration;
use tokio::time::timeout;

/// A server's link, its connections as the broker sees them, and the channels on those.
struct Server {
    link: Link<&'static str>,
    consume: Conversation,
    deliveries: u16,
    publish: Conversation,
    replies: u16,
}

fn dial() -> Dial {
    Dial {
        timeout: PATIENCE,
        heartbeat: Duration::from_mins(1),
        name: "test".into(),
        tls: None,
        max_body: 1000,
        all_properties: false,
        steps: Steps::default(),
    }
}

impl Server {
    async fn start() -> Self {
        let mut peer = Peer::start();
        let settings = ServerSettings {
            dial: dial(),
            queue: "q".into(),
            queue_type: QueueType::Passive,
            prefetch: 10,
        };
        let link = Link::serve(&peer.uri().parse().unwrap(), &settings).await.unwrap();
        let (mut consume, mut publish) = (peer.connection().await, peer.connection().await);
        let deliveries = consume.method(60, 20).await.channel;
        let replies = publish.method(85, 10).await.channel;
        publish.method(20, 40).await; // the channel that the permission was tried on
        Self { link, consume, deliveries, publish, replies }
    }

    fn publish(&mut self, token: &'static str) {
        let properties = BasicProperties::default().with_correlation_id(token.into());
        self.link.publish(token, token, properties, Bytes::from_static(b"1"));
    }

    /// Publishes, and waits until the broker has it.
    async fn publish_through(&mut self, token: &'static str) {
        self.publish(token);
        self.publish.method(60, 40).await;
    }

    /// Publishes nothing, and waits until everything that the broker has sent is there.
    async fn settle(&mut self) {
        self.link.connections.publish.channel().await.unwrap();
        self.link.connections.consuming().channel().await.unwrap();
    }

    /// Waits until this method arrives, and lets the link go on with what it does.
    async fn method(&mut self, on: fn(&mut Self) -> &mut Conversation, id: (u16, u16)) -> Method {
        loop {
            if let Some(event) = self.link.next_now() {
                panic!("{}", shown(&event));
            }
            match on(self).arrived() {
                Some(method) if method.id == id => return method,
                Some(_) => {}
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// The next event, as it is written down.
    async fn next(&mut self) -> String {
        shown(&next(&mut self.link).await)
    }

    /// Expects these in any order: lapin tells of each confirm by itself.
    async fn expect_all<const COUNT: usize>(&mut self, mut events: [&str; COUNT]) {
        let mut found = Vec::new();
        for _ in 0..COUNT {
            found.push(self.next().await);
        }
        found.sort();
        events.sort_unstable();
        assert_eq!(found, events);
    }

    async fn expect(&mut self, events: &[&str]) {
        for event in events {
            assert_eq!(&self.next().await, event);
        }
    }
}

async fn next<T: Send + 'static>(link: &mut Link<T>) -> Event<T> {
    timeout(PATIENCE, link.next()).await.expect("an event in time")
}

fn shown(event: &Event<&str>) -> String {
    match event {
        Event::Delivered(delivery, _) => format!("delivered {}", delivery.delivery_tag),
        Event::Confirmed(token) => format!("confirmed {token}"),
        Event::Refused(token) => format!("refused {token}"),
        Event::Returned { queue, correlation_id } => {
            let id = correlation_id.as_deref().unwrap_or_default();
            format!("returned {} to {queue}", id.escape_ascii())
        }
        Event::Blocked(reason) => format!("blocked: {reason}"),
        Event::Unblocked => "unblocked".into(),
        Event::RepliesRenewed => "renewed".into(),
        Event::RenewFailed(error) => format!("not renewed: {:?}", error.cause),
        Event::ConsumerEnded { asked } => format!("consumer ended, asked: {asked}"),
        Event::Consumers { consumers, messages } => format!("counted {consumers}, {messages}"),
        Event::CountFailed(error) => format!("not counted: {:?}", error.cause),
        Event::Closed(None) => "closed".into(),
        Event::Closed(Some(error)) => format!("closed: {error}"),
    }
}
