//! A bare AMQP caller: whatever a client may send, and what comes back.

use super::PATIENCE;
use fibrpc::wire::STATUS_HEADER;
use futures_util::StreamExt as _;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    message::Delivery,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use std::{
    collections::HashMap,
    fmt,
    sync::mpsc,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// The queue of a daemon with default settings.
pub(crate) const QUEUE: &str = "rpc_queue";

/// A connection with a callback queue, usable from blocking tests.
pub(crate) struct Caller {
    runtime: Runtime,
    connection: Connection,
    channel: Channel,
    reply_queue: ShortString,
    replies: mpsc::Receiver<Delivery>,
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) id: Option<String>,
    /// The status header, where there is one.
    pub(crate) status: Option<String>,
    pub(crate) body: String,
}

impl fmt::Debug for Reply {
    /// With only the first digits: there may be millions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, status, body } = self;
        write!(f, "Reply {{ {id:?}, {status:?}, {:.60}, {} bytes }}", body, body.len())
    }
}

impl Caller {
    pub(crate) fn connect(uri: &str) -> Self {
        let runtime = super::background_runtime();
        let (connection, channel, reply_queue, mut consumer) = runtime.block_on(async {
            let connection =
                Connection::connect(uri, ConnectionProperties::default()).await.unwrap();
            let channel = connection.create_channel().await.unwrap();
            channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
            let options = QueueDeclareOptions { exclusive: true, ..Default::default() };
            let queue =
                channel.queue_declare("".into(), options, FieldTable::default()).await.unwrap();
            let reply_queue = queue.name().clone();
            let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
            let consumer = channel
                .basic_consume(reply_queue.clone(), "".into(), options, FieldTable::default())
                .await
                .unwrap();
            (connection, channel, reply_queue, consumer)
        });
        let (sender, replies) = mpsc::channel();
        runtime.spawn(async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                if sender.send(delivery).is_err() {
                    break;
                }
            }
        });
        Self { runtime, connection, channel, reply_queue, replies }
    }

    /// Properties of a tutorial client's request: `reply_to` and `correlation_id`.
    pub(crate) fn properties(&self, id: &str) -> BasicProperties {
        BasicProperties::default()
            .with_reply_to(self.reply_queue.clone())
            .with_correlation_id(id.into())
    }

    /// Publishes, and waits for the broker's confirm.
    pub(crate) fn publish(&self, queue: &str, properties: BasicProperties, body: &[u8]) {
        self.runtime.block_on(async {
            let options = BasicPublishOptions::default();
            let publish =
                self.channel.basic_publish("".into(), queue.into(), options, body, properties);
            let confirmation = publish.await.unwrap().await.unwrap();
            assert!(confirmation.is_ack());
        });
    }

    /// Publishes without waiting for the broker.
    pub(crate) fn publish_unconfirmed(
        &self,
        queue: &str,
        properties: BasicProperties,
        body: &[u8],
    ) {
        let options = BasicPublishOptions::default();
        let publish =
            self.channel.basic_publish("".into(), queue.into(), options, body, properties);
        drop(self.runtime.block_on(publish).unwrap());
    }

    /// Sends a request as a tutorial client does.
    pub(crate) fn call(&self, id: &str, body: &str) {
        self.publish(QUEUE, self.properties(id), body.as_bytes());
    }

    /// Sends a message to its own callback queue: it arrives after all replies before it.
    pub(crate) fn echo(&self, id: &str) {
        self.publish(self.reply_queue.as_str(), self.properties(id), b"");
    }

    /// Waits for the next reply.
    pub(crate) fn reply(&self) -> Reply {
        self.delivery().into()
    }

    /// Waits for the next reply, properties and all.
    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery_within(PATIENCE)
    }

    /// The same, with more patience.
    pub(crate) fn delivery_within(&self, patience: Duration) -> Delivery {
        self.replies.recv_timeout(patience).expect("a reply in time")
    }

    /// Waits for replies until there is one for each of these ids; counts them.
    pub(crate) fn replies_for(&self, ids: &[String]) -> HashMap<String, Vec<Reply>> {
        let mut replies: HashMap<String, Vec<Reply>> = HashMap::new();
        while ids.iter().any(|id| !replies.contains_key(id)) {
            let reply = self.reply();
            replies.entry(reply.id.clone().unwrap()).or_default().push(reply);
        }
        replies
    }

    /// The replies that are here already.
    pub(crate) fn arrived(&self) -> Vec<Reply> {
        self.replies.try_iter().map(Reply::from).collect()
    }

    /// Messages ready and consumers of a queue; `None` where there is no such queue.
    pub(crate) fn depth(&self, queue: &str) -> Option<(u32, u32)> {
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = self.declare(queue, options, FieldTable::default()).ok()?;
        Some((queue.message_count(), queue.consumer_count()))
    }

    /// Declares a queue on a channel of its own.
    pub(crate) fn declare(
        &self,
        queue: &str,
        options: QueueDeclareOptions,
        arguments: FieldTable,
    ) -> lapin::Result<lapin::Queue> {
        self.runtime.block_on(async {
            let channel = self.connection.create_channel().await?;
            let queue = channel.queue_declare(queue.into(), options, arguments).await?;
            channel.close(200, "OK".into()).await?;
            Ok(queue)
        })
    }

    /// Consumes from a queue, silently, until what it returns is dropped.
    pub(crate) fn consume(&self, queue: &str) -> impl Drop + use<> {
        self.runtime.block_on(async {
            let channel = self.connection.create_channel().await.unwrap();
            let options = BasicConsumeOptions::default();
            let tag = "mute".into();
            channel.basic_consume(queue.into(), tag, options, FieldTable::default()).await.unwrap()
        })
    }

    /// Binds a queue to a topic exchange.
    pub(crate) fn bind(&self, queue: &str, exchange: &str, key: &str) {
        let options = QueueBindOptions::default();
        let (queue, exchange, key) = (queue.into(), exchange.into(), key.into());
        let bind = self.channel.queue_bind(queue, exchange, key, options, FieldTable::default());
        self.runtime.block_on(bind).unwrap();
    }

    pub(crate) fn delete(&self, queue: &str) {
        let delete = self.channel.queue_delete(queue.into(), QueueDeleteOptions::default());
        self.runtime.block_on(delete).unwrap();
    }

    /// Removes every message of a queue that is not delivered to somebody.
    pub(crate) fn purge(&self, queue: &str) {
        let purge = self.channel.queue_purge(queue.into(), QueuePurgeOptions::default());
        self.runtime.block_on(purge).unwrap();
    }

    /// Takes a message off a queue when there is one.
    pub(crate) fn wait_and_get(&self, queue: &str) -> Delivery {
        let started = Instant::now();
        loop {
            if let Some(delivery) = self.get(queue) {
                return delivery;
            }
            assert!(started.elapsed() < PATIENCE, "no message in {queue}");
            std::thread::park_timeout(Duration::from_millis(10)); // the broker has no event for it
        }
    }

    /// Takes a message off a queue, if there is one.
    pub(crate) fn get(&self, queue: &str) -> Option<Delivery> {
        let options = BasicGetOptions { no_ack: true };
        let get = self.channel.basic_get(queue.into(), options);
        self.runtime.block_on(get).unwrap().map(|message| message.delivery)
    }
}

impl From<Delivery> for Reply {
    fn from(delivery: Delivery) -> Self {
        let headers = delivery.properties.headers().as_ref();
        let status = headers.and_then(|headers| match headers.inner().get(STATUS_HEADER)? {
            AMQPValue::LongString(name) => Some(name.to_string()),
            other => panic!("a status of another type: {other:?}"),
        });
        Self {
            id: delivery.properties.correlation_id().as_ref().map(ToString::to_string),
            status,
            body: String::from_utf8(delivery.data).unwrap(),
        }
    }
}

/// Table arguments from pairs.
pub(crate) fn arguments(pairs: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in pairs {
        table.insert((*key).into(), value.clone());
    }
    table
}
