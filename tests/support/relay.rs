//! A TCP relay in front of a broker that can fail in the ways networks fail.

use super::port::Port;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Runtime,
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToBroker,
    ToClient,
}

/// How bytes go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    AsTheyCome,
    /// Each way takes this long.
    Delay(Duration),
    /// One byte at a time, each in a packet of its own.
    Bytewise,
    /// No more than this many bytes a second, each way of each connection. What waits, waits at the
    /// sender, but for what the window of the relay takes.
    Rate(u32),
}

/// What is done to the next frame that passes.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    /// One bit of the head (type, channel, size) or of the octet at the end of the frame is
    /// flipped. The contents in between are left alone: nobody could detect damage there.
    FlipBit(usize),
    /// Bytes are put in, at that place of the frame, from 0 to 100 %.
    Insert(usize, Vec<u8>),
}

/// What the relay takes before it is asked for more, in bytes.
const WINDOW: u32 = 1 << 16;

/// The relay. Its end is the end of all its connections.
#[derive(Debug)]
pub(crate) struct Relay {
    runtime: Runtime,
    uri: String,
    /// Held even while connections are refused.
    port: Port,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Connections go to these in turn.
    brokers: Mutex<Vec<String>>,
    listening: watch::Sender<bool>,
    pace: watch::Sender<Pace>,
    /// How often connections were reset; each time, those that were open before.
    resets: watch::Sender<u64>,
    /// How often each way was made a black hole, each time for the connections open before.
    holes: [watch::Sender<u64>; 2],
    /// Whether published messages wait here.
    holding: watch::Sender<bool>,
    damage: Mutex<VecDeque<(Way, Damage)>>,
    done: watch::Sender<u64>,
}

impl Relay {
    /// A relay to the broker with this URI.
    pub(crate) fn to(uri: &str) -> Self {
        Self::to_each_of(&[uri])
    }

    /// A relay whose connections go to these brokers in turn, which have the same users and virtual
    /// hosts.
    pub(crate) fn to_each_of(uris: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (user, rest) = uris[0].split_once('@').unwrap();
        let (_, vhost) = rest.split_once('/').unwrap();
        let shared = Arc::new(Shared {
            brokers: Mutex::new(uris.iter().map(|uri| address(uri)).collect()),
            listening: watch::Sender::new(true),
            pace: watch::Sender::new(Pace::AsTheyCome),
            resets: watch::Sender::new(0),
            holes: [watch::Sender::new(0), watch::Sender::new(0)],
            holding: watch::Sender::new(false),
            damage: Mutex::default(),
            done: watch::Sender::new(0),
        });
        let port = Port::hold();
        let listener = runtime.block_on(async { bind(&port) });
        let uri = format!("{user}@{}/{vhost}", port.address());
        runtime.spawn(listen(listener, Arc::clone(&shared)));
        Self { runtime, uri, port, shared }
    }

    /// The URI of the broker by way of the relay.
    pub(crate) fn uri(&self) -> String {
        self.uri.clone()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    pub(crate) fn pace(&self, pace: Pace) {
        self.shared.pace.send_replace(pace);
    }

    /// From now on connections go to this broker.
    pub(crate) fn go_to(&self, uri: &str) {
        *self.shared.brokers.lock().unwrap() = vec![address(uri)];
    }

    /// Refuses connections until [`Self::accept`]; open ones stay.
    pub(crate) fn refuse(&self) {
        self.shared.listening.send_replace(false);
        // Refused for sure once the listener is gone.
        self.runtime.block_on(self.shared.listening.closed());
    }

    pub(crate) fn accept(&self) {
        self.shared.listening.send_replace(true);
        let listener = self.runtime.block_on(async { bind(&self.port) });
        self.runtime.spawn(listen(listener, Arc::clone(&self.shared)));
    }

    /// Resets (RST) every open connection.
    pub(crate) fn reset(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }

    /// From now on everything sent this way on the open connections vanishes, their ends included.
    pub(crate) fn black_hole(&self, ways: &[Way]) {
        for way in ways {
            self.shared.holes[*way as usize].send_modify(|count| *count += 1);
        }
    }

    /// Keeps back what is published on connections with publisher confirms: the replies of a
    /// daemon, which stay unconfirmed and their requests open. Heartbeats pass.
    pub(crate) fn hold_replies(&self) {
        self.shared.holding.send_replace(true);
    }

    /// Lets replies pass, those held back first.
    pub(crate) fn release_replies(&self) {
        self.shared.holding.send_replace(false);
    }

    /// Damages the next frame that passes this way, and waits until it has passed.
    pub(crate) fn damage(&self, way: Way, damage: Damage) {
        let mut done = self.shared.done.subscribe();
        let before = *done.borrow_and_update();
        self.shared.damage.lock().unwrap().push_back((way, damage));
        self.runtime.block_on(async {
            let passed = done.wait_for(|count| *count > before);
            let passed = tokio::time::timeout(super::PATIENCE, passed).await;
            assert!(passed.is_ok(), "no frame passed");
        });
    }
}

/// Host and port of a URI.
fn address(uri: &str) -> String {
    let (_, rest) = uri.split_once('@').unwrap();
    rest.split_once('/').unwrap().0.to_owned()
}

fn bind(port: &Port) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_recv_buffer_size(WINDOW).unwrap();
    socket.bind(port.address()).unwrap();
    socket.listen(1024).unwrap()
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut listening = shared.listening.subscribe();
    loop {
        let (client, _) = tokio::select! {
            _ = listening.wait_for(|listening| !listening) => break,
            accepted = listener.accept() => accepted.unwrap(),
        };
        tokio::spawn(connection(client, Arc::clone(&shared)));
    }
    drop(listener); // before `listening`, whose end says that it is gone
}

async fn connection(client: TcpStream, shared: Arc<Shared>) {
    let broker = {
        let mut brokers = shared.brokers.lock().unwrap();
        brokers.rotate_left(1);
        brokers[0].clone()
    };
    let Ok(broker) = TcpStream::connect(broker).await else { return };
    let _ = (client.set_nodelay(true), broker.set_nodelay(true));
    let mut resets = shared.resets.subscribe();
    resets.mark_unchanged();
    tokio::select! {
        () = pump(&client, &broker, Way::ToBroker, &shared) => {}
        () = pump(&broker, &client, Way::ToClient, &shared) => {}
        _ = resets.changed() => {
            let _ = (client.set_zero_linger(), broker.set_zero_linger());
        }
    }
}

/// Carries bytes one way until their end.
async fn pump(from: &TcpStream, to: &TcpStream, way: Way, shared: &Shared) {
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::join!(take(from, way, shared, sender), put(to, shared, receiver));
}

type Chunk = (Instant, Vec<u8>);

async fn take(from: &TcpStream, way: Way, shared: &Shared, sender: mpsc::UnboundedSender<Chunk>) {
    let mut hole = shared.holes[way as usize].subscribe();
    hole.mark_unchanged();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = tokio::select! {
            biased;
            _ = hole.changed() => return std::future::pending().await,
            read = read(from, &mut buffer) => read,
        };
        let Some(count) = read else { return };
        let mut bytes = buffer[..count].to_vec();
        shared.damage_next(way, &mut bytes);
        let pace = *shared.pace.borrow();
        if let Pace::Rate(rate) = pace {
            // Not read any faster, so that the sender feels it.
            sleep(Duration::from_secs(bytes.len() as u64) / rate).await;
        }
        let delay = if let Pace::Delay(delay) = pace { delay } else { Duration::ZERO };
        if sender.send((Instant::now() + delay, bytes)).is_err() {
            return;
        }
    }
}

async fn put(to: &TcpStream, shared: &Shared, mut receiver: mpsc::UnboundedReceiver<Chunk>) {
    /// What turns confirms on: the head of a method frame's payload.
    const CONFIRM_SELECT: [u8; 4] = [0, 85, 0, 10];
    /// What a daemon's link sends last before replies, when it has tried whether it may publish.
    const CHANNEL_CLOSE: [u8; 4] = [0, 20, 0, 40];
    const HEARTBEAT: [u8; 8] = [8, 0, 0, 0, 0, 0, 0, 0xCE];
    let mut holding = shared.holding.subscribe();
    let (mut confirms, mut ready, mut kept) = (false, false, Vec::new());
    loop {
        tokio::select! {
            () = released(&mut holding), if !kept.is_empty() => {
                if write(to, &std::mem::take(&mut kept)).await.is_err() {
                    return;
                }
            }
            chunk = receiver.recv() => {
                let Some((due, bytes)) = chunk else { return };
                sleep_until(due).await;
                // Behind what is kept, also if that may pass by now.
                let holds = *shared.holding.borrow() || !kept.is_empty();
                if ready && holds && bytes != HEARTBEAT {
                    kept.extend(bytes);
                } else if write_paced(to, shared, &bytes).await.is_err() {
                    return;
                } else {
                    let says = |method| bytes.windows(4).any(|window| window == method);
                    confirms |= says(CONFIRM_SELECT);
                    ready |= confirms && says(CHANNEL_CLOSE);
                }
            }
        }
    }
}

async fn released(holding: &mut watch::Receiver<bool>) {
    // An error: the relay is gone, and all of it.
    let _ = holding.wait_for(|holding| !holding).await;
}

async fn write_paced(to: &TcpStream, shared: &Shared, bytes: &[u8]) -> io::Result<()> {
    let size = match *shared.pace.borrow() {
        Pace::Bytewise => 1,
        Pace::AsTheyCome | Pace::Delay(_) | Pace::Rate(_) => bytes.len(),
    };
    for part in bytes.chunks(size) {
        write(to, part).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Reads; `None` at the end.
async fn read(from: &TcpStream, buffer: &mut [u8]) -> Option<usize> {
    loop {
        from.readable().await.ok()?;
        match from.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read.ok().filter(|count| *count > 0),
        }
    }
}

async fn write(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Shared {
    /// Damages the frame at the start of a chunk, if that is asked for and one is there.
    fn damage_next(&self, way: Way, chunk: &mut Vec<u8>) {
        let Some(length) = frame_length(chunk) else { return };
        let mut damage = self.damage.lock().unwrap();
        let Some((_, next)) = damage.pop_front_if(|(next_way, _)| *next_way == way) else {
            return;
        };
        match next {
            Damage::FlipBit(bit) if bit < 56 => chunk[bit / 8] ^= 1 << (bit % 8),
            Damage::FlipBit(bit) => chunk[length - 1] ^= 1 << (bit % 8),
            Damage::Insert(place, bytes) => {
                let place = length * place / 100;
                chunk.splice(place..place, bytes);
            }
        }
        self.done.send_modify(|count| *count += 1);
    }
}

/// The length of the frame a chunk starts with, if it is all there.
fn frame_length(chunk: &[u8]) -> Option<usize> {
    let size = u32::from_be_bytes(chunk.get(3..7)?.try_into().ok()?);
    let length = size as usize + 8;
    (matches!(chunk[0], 1..=3 | 8) && chunk.get(length - 1) == Some(&0xCE)).then_some(length)
}
