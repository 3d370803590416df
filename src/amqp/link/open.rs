//! What a link opens at first: connections, their channels, and a consumer.

use super::{
    super::{
        Cause, LinkError,
        connect::{Dial, Link as Connection, Step, answer},
        queue,
    },
    Event, Events, Link, ServerSettings,
    ending::Phase,
    permission,
    publishing::{Publishing, open_channel},
    same_broker::{self, Checked},
};
use crate::broker_uri::BrokerUri;
use futures_util::stream::FuturesOrdered;
use lapin::{
    Channel, Consumer,
    options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::FieldTable,
};
use std::{sync::Arc, time::Duration};

/// How long the orderly close of a server may take before its sockets are cut.
const SERVER_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The same of a client: somebody is waiting for the program to end.
const CLIENT_CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The connections of a link.
pub(super) struct Connections {
    pub(super) publish: Arc<Connection>,
    pub(super) publish_events: Events,
    /// A server's other connection, and its events.
    pub(super) consume: Option<(Arc<Connection>, Events)>,
    /// How long closing may take.
    pub(super) close_limit: Duration,
}

impl Connections {
    async fn of_server(uri: &BrokerUri, dial: &Dial) -> Result<Self, LinkError> {
        let named = |suffix| Dial { name: format!("{} {suffix}", dial.name), ..dial.clone() };
        let consume = Connection::open(uri, &named("consume")).await?;
        // Where the first one is: the host may have other addresses, and lead to another broker.
        let there = consume.address();
        let publish = match Connection::open_at(there, uri, &named("publish")).await {
            Ok(publish) => Arc::new(publish),
            Err(error) => {
                consume.close(SERVER_CLOSE_TIMEOUT).await;
                return Err(error);
            }
        };
        let consume_events = consume.events();
        Ok(Self {
            publish_events: publish.events(),
            publish,
            consume: Some((Arc::new(consume), consume_events)),
            close_limit: SERVER_CLOSE_TIMEOUT,
        })
    }

    async fn of_client(uri: &BrokerUri, dial: &Dial) -> Result<Self, LinkError> {
        let connection = Connection::open(uri, dial).await?;
        Ok(Self {
            publish_events: connection.events(),
            publish: Arc::new(connection),
            consume: None,
            close_limit: CLIENT_CLOSE_TIMEOUT,
        })
    }

    /// The connection that messages are delivered on.
    pub(super) fn consuming(&self) -> &Arc<Connection> {
        self.consume.as_ref().map_or(&self.publish, |(connection, _)| connection)
    }

    /// Closes them in order. The future does not borrow them.
    pub(super) fn close(&self, limit: Duration) -> impl Future<Output = ()> + Send + use<> {
        let publish = Arc::clone(&self.publish);
        let consume = self.consume.as_ref().map(|(connection, _)| Arc::clone(connection));
        async move {
            let consume = async {
                if let Some(connection) = consume {
                    connection.close(limit).await;
                }
            };
            tokio::join!(consume, publish.close(limit));
        }
    }

    /// The rest of a link, or the connections are closed in order.
    async fn complete<T>(
        self,
        opened: Result<(Channel, Consumer, Channel), LinkError>,
        blocked: Option<String>,
    ) -> Result<Link<T>, LinkError> {
        match opened {
            Ok((deliveries, consumer, publishing)) => Ok(Link {
                phase: Phase::Open,
                publishing: Publishing::new(publishing, blocked.is_some()),
                found: blocked.map(Event::Blocked).into_iter().collect(),
                deliveries,
                consumer: Some(consumer),
                stopped: false,
                cancelling: None,
                counting: FuturesOrdered::new(),
                connections: self,
            }),
            Err(error) => {
                self.close(self.close_limit).await;
                Err(error)
            }
        }
    }
}

impl<T> Link<T> {
    /// A server's link: makes sure of the queue, and starts to consume from it.
    pub(crate) async fn serve(
        uri: &BrokerUri,
        settings: &ServerSettings,
    ) -> Result<Self, LinkError> {
        let mut connections = Connections::of_server(uri, &settings.dial).await?;
        let (consume, publish) = (Arc::clone(connections.consuming()), connections.publish.clone());
        let mut blocked = None;
        let events = (&mut connections.publish_events, &mut blocked);
        let opened = serving(&consume, &publish, events, settings).await;
        connections.complete(opened, blocked).await
    }

    /// A client's link, and the name of its callback queue. That is the client's own, and the
    /// broker deletes it with the connection; what comes from it need not be acknowledged.
    pub(crate) async fn call(uri: &BrokerUri, dial: &Dial) -> Result<(Self, String), LinkError> {
        let connections = Connections::of_client(uri, dial).await?;
        let opened = calling(&connections.publish).await;
        let name = opened.as_ref().map(|(_, consumer, _)| consumer.queue().to_string());
        let name = name.unwrap_or_default();
        dial.steps.done(Step::ReplyQueue);
        Ok((connections.complete(opened, None).await?, name))
    }

    /// The same with direct replies: they come on the channel that the calls are published on, and
    /// need no queue (<https://www.rabbitmq.com/docs/direct-reply-to>).
    pub(crate) async fn call_directly(
        uri: &BrokerUri,
        dial: &Dial,
    ) -> Result<(Self, String), LinkError> {
        let connections = Connections::of_client(uri, dial).await?;
        let opened = calling_directly(&connections.publish).await;
        dial.steps.done(Step::ReplyQueue);
        Ok((connections.complete(opened, None).await?, DIRECT_REPLY_TO.to_owned()))
    }
}

/// The name that stands for a queue of direct replies: both to consume from and as `reply_to`.
const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// What a server opens; the reason if the broker blocks publishing meanwhile.
async fn serving(
    consume: &Connection,
    publish: &Connection,
    (events, blocked): (&mut Events, &mut Option<String>),
    settings: &ServerSettings,
) -> Result<(Channel, Consumer, Channel), LinkError> {
    queue::ensure(consume, &settings.queue, settings.queue_type).await?;
    let publishing = answer("opening a channel with publisher confirms", open_channel(publish));
    let publishing = publishing.await?;
    // The last on this connection: a broker that blocks reads nothing more from it.
    match same_broker::check(consume, publish, events).await? {
        Checked::MayPublish => {}
        Checked::Blocked(reason) => *blocked = Some(reason),
        Checked::Nothing => permission::check(publish).await?,
    }
    let deliveries = consume.channel().await?;
    let qos = deliveries.basic_qos(settings.prefetch, BasicQosOptions::default());
    answer("setting the prefetch", qos).await?;
    let consumer = deliveries.basic_consume(
        settings.queue.as_str().into(),
        settings.dial.name.as_str().into(), // for whoever looks at the broker's consumers
        BasicConsumeOptions::default(),
        queue::consumer_arguments(),
    );
    let consumer = answer("starting to consume", consumer).await;
    let consumer = consumer.map_err(|error| queue::explain_consume(error, &settings.queue))?;
    Ok((deliveries, consumer, publishing))
}

/// What a client opens.
async fn calling(connection: &Connection) -> Result<(Channel, Consumer, Channel), LinkError> {
    if connection.channel_max() == 1 {
        return Err(LinkError::new(
            Cause::ClosedByBroker,
            "the broker allows one channel on a connection, and a client needs several; raise channel_max",
        ));
    }
    let deliveries = connection.channel().await?;
    let options = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let declare = deliveries.queue_declare("".into(), options, FieldTable::default());
    let queue = answer("declaring the callback queue", declare).await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consume =
        deliveries.basic_consume(queue.name().clone(), "".into(), options, FieldTable::default());
    let consumer = answer("consuming from the callback queue", consume).await?;
    let publishing = answer("opening a channel with publisher confirms", open_channel(connection));
    Ok((deliveries, consumer, publishing.await?))
}

/// What a client opens that gets its replies directly.
async fn calling_directly(
    connection: &Connection,
) -> Result<(Channel, Consumer, Channel), LinkError> {
    let opening = answer("opening a channel with publisher confirms", open_channel(connection));
    let channel = opening.await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let name = DIRECT_REPLY_TO.into();
    let consume = channel.basic_consume(name, "".into(), options, FieldTable::default());
    let consumer = answer("asking for direct replies", consume).await?;
    Ok((channel.clone(), consumer, channel))
}
