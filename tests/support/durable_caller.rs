//! A caller that knows of every request whether the broker accepted it, and waits for the reply as
//! long as it takes: its reply queue is durable, so neither a broken connection nor a restarted
//! broker takes replies away. It resends nothing: what is missing in the end, the server lost.

use super::{
    PATIENCE,
    lapin_caller::{QUEUE, arguments},
    random::Random,
    tally::{Tally, some_number},
};
use fibrpc::wire::STATUS_HEADER;
use futures_util::{FutureExt as _, StreamExt as _, future::join_all};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use std::{
    collections::{HashMap, HashSet},
    sync::mpsc,
    time::{Duration, Instant},
};
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle, time::timeout};

/// Requests that wait for replies at any time: more than a daemon's prefetch.
const OPEN: usize = 256;

/// Requests published at once.
const BURST: usize = 32;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// How long the broker may take before the connection is given up.
const ANSWER: Duration = Duration::from_secs(10);

/// The caller, at work.
#[derive(Debug)]
pub(crate) struct DurableCaller {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    task: JoinHandle<Tally>,
    answers: mpsc::Receiver<()>,
}

impl DurableCaller {
    /// Calls without pause, through whichever of the brokers answers. Returns when its reply queue
    /// is there.
    pub(crate) fn start(uris: &[String], seed: u64) -> Self {
        let runtime = super::background_runtime();
        let (stop, stopped) = watch::channel(false);
        let (bell, answers) = mpsc::channel();
        let requests = Requests {
            random: Random::new(seed),
            reply_queue: format!("replies-{seed}"),
            sent: HashMap::new(),
            open: HashSet::new(),
            answered: HashSet::new(),
            last_answer: Instant::now(),
            tally: Tally::default(),
            bell,
        };
        let uris = uris.to_vec();
        runtime.block_on(async { requests.open(&uris[0]).await.expect("a first session") });
        let task = runtime.spawn(requests.run(uris, stopped));
        Self { runtime, stop, task, answers }
    }

    /// Waits until this many more requests are answered.
    pub(crate) fn wait_for_answers(&self, count: usize) {
        let _old = self.answers.try_iter().count();
        for _ in 0..count {
            self.answers.recv_timeout(PATIENCE).expect("answers in time");
        }
    }

    /// Makes no new calls.
    pub(crate) fn make_no_more(&self) {
        self.stop.send_replace(true);
    }

    /// Stops calling, waits until everything is answered, or nothing more comes, and counts.
    pub(crate) fn stop(self) -> Tally {
        self.make_no_more();
        let tally = self.runtime.block_on(self.task).unwrap();
        self.runtime.shutdown_background();
        tally
    }
}

/// Why a session ended; read only when debugging.
type Trouble = Box<dyn std::error::Error + Send + Sync>;

struct Session {
    channel: Channel,
    consumer: Consumer,
    connection: Connection,
}

/// What was sent and what came back.
struct Requests {
    random: Random,
    reply_queue: String,
    sent: HashMap<String, u64>,
    /// Accepted by the broker and not answered.
    open: HashSet<String>,
    answered: HashSet<String>,
    last_answer: Instant,
    tally: Tally,
    bell: mpsc::Sender<()>,
}

impl Requests {
    async fn run(mut self, uris: Vec<String>, mut stop: watch::Receiver<bool>) -> Tally {
        for uri in uris.iter().cycle() {
            if *stop.borrow() && (self.open.is_empty() || self.last_answer.elapsed() > PATIENCE) {
                break;
            }
            let mut session = match self.open(uri).await {
                Ok(session) => session,
                Err(trouble) => {
                    eprintln!("durable caller: cannot attach: {trouble}");
                    // A pause before the next attempt, which a stop cuts short.
                    let _ = timeout(PAUSE, stop.changed()).await;
                    continue;
                }
            };
            match self.call(&mut session, &mut stop).await {
                Ok(()) => break,
                Err(trouble) => eprintln!("durable caller: lost its session: {trouble}"),
            }
        }
        self.tally.made = (self.answered.len() + self.open.len()) as u64;
        self.tally.lost = self.open.into_iter().collect();
        self.tally
    }

    async fn open(&self, uri: &str) -> Result<Session, Trouble> {
        let uri = format!("{uri}?heartbeat=2");
        let opening = async {
            let connection = Connection::connect(&uri, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let options = QueueDeclareOptions { durable: true, ..Default::default() };
            let quorum = AMQPValue::LongString("quorum".into());
            let quorum = arguments(&[("x-queue-type", quorum)]);
            let queue = self.reply_queue.as_str();
            channel.queue_declare(queue.into(), options, quorum).await?;
            let options = BasicConsumeOptions::default();
            let consumer = channel
                .basic_consume(queue.into(), "".into(), options, FieldTable::default())
                .await?;
            Ok(Session { channel, consumer, connection })
        };
        timeout(ANSWER, opening).await?
    }

    /// `Ok` when all is over and everything is answered.
    async fn call(
        &mut self,
        session: &mut Session,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Trouble> {
        loop {
            while let Some(delivery) = session.consumer.next().now_or_never() {
                self.take(delivery.ok_or("the consumer ended")??).await?;
            }
            let stopped = *stop.borrow();
            if stopped && self.open.is_empty() {
                return Ok(());
            }
            if !stopped && self.open.len() < OPEN {
                self.burst(&session.channel).await?;
                continue;
            }
            let event = async {
                tokio::select! {
                    delivery = session.consumer.next() => Some(delivery),
                    _ = stop.changed(), if !stopped => None,
                }
            };
            match timeout(ANSWER, event).await {
                Ok(Some(delivery)) => self.take(delivery.ok_or("the consumer ended")??).await?,
                Ok(None) => {}
                // Perhaps the connection is dead and lapin does not report it.
                Err(_) => {
                    let connected = session.connection.status().connected();
                    eprintln!(
                        "durable: quiet with {} open, connected {connected}",
                        self.open.len()
                    );
                    return Err("no reply for long".into());
                }
            }
        }
    }

    async fn burst(&mut self, channel: &Channel) -> Result<(), Trouble> {
        let mut confirms = Vec::new();
        for _ in 0..BURST {
            let (id, n) = (format!("d{}", self.sent.len()), some_number(&mut self.random));
            self.sent.insert(id.clone(), n);
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_reply_to(self.reply_queue.as_str().into())
                .with_correlation_id(id.as_str().into());
            let (options, body) = (BasicPublishOptions::default(), n.to_string());
            let publish = channel.basic_publish(
                "".into(),
                QUEUE.into(),
                options,
                body.as_bytes(),
                properties,
            );
            confirms.push((id, timeout(ANSWER, publish).await??));
        }
        let confirms = confirms.into_iter().map(async |(id, confirm)| (id, confirm.await));
        let mut refused = 0;
        for (id, confirm) in timeout(ANSWER, join_all(confirms)).await? {
            // Nobody knows whether the broker has a request that it did not confirm.
            match confirm {
                Ok(Confirmation::Ack(_)) if !self.answered.contains(&id) => {
                    self.open.insert(id);
                }
                Ok(Confirmation::Nack(_)) => refused += 1,
                _ => {}
            }
        }
        if refused == BURST {
            // RabbitMQ can go on like that for as long as the channel lives.
            return Err("the broker refuses every request".into());
        }
        Ok(())
    }

    async fn take(&mut self, delivery: Delivery) -> Result<(), Trouble> {
        let id = delivery.properties.correlation_id().as_ref().ok_or("a reply without id")?;
        let id = id.to_string();
        let n = *self.sent.get(&id).unwrap_or_else(|| panic!("a reply to nothing: {id}"));
        if self.answered.insert(id.clone()) {
            self.open.remove(&id);
            self.last_answer = Instant::now();
            match status(&delivery) {
                None => self.tally.judge(n, &String::from_utf8_lossy(&delivery.data)),
                Some(status) => self.tally.error(status),
            }
            let _ = self.bell.send(()); // an error: nobody listens any more
        } else if !delivery.redelivered {
            self.tally.duplicates += 1;
        }
        // Every wait has a deadline: lapin may never come back from a connection that broke.
        timeout(ANSWER, delivery.ack(BasicAckOptions::default())).await??;
        Ok(())
    }
}

/// The status of an error reply.
fn status(reply: &Delivery) -> Option<String> {
    let headers = reply.properties.headers().as_ref()?;
    match headers.inner().get(STATUS_HEADER)? {
        AMQPValue::LongString(status) if status.as_bytes() == b"OK" => None,
        AMQPValue::LongString(status) => {
            Some(String::from_utf8_lossy(status.as_bytes()).into_owned())
        }
        other => Some(format!("{other:?}")),
    }
}
