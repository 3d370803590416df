//! A broker that does what a test tells it, and otherwise answers every question at once.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long a test waits for an event before it gives up. Nothing is asserted about time: this
/// only turns a hang into a failure.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// What the queues are called that a link publishes to in order to see whether it may.
const NOBODY: &[u8] = b"fibrpcd.nobody.";

/// How many channels a connection may have.
pub(super) const CHANNELS: u8 = 16;

/// The broker.
pub(super) struct Peer {
    address: SocketAddr,
    connections: UnboundedReceiver<Conversation>,
}

/// One of its connections.
pub(super) struct Conversation {
    stream: TcpStream,
    methods: UnboundedReceiver<Method>,
    unanswered: Unanswered,
}

/// Questions that have no answer, by class and method.
type Unanswered = Arc<Mutex<Vec<(u16, u16)>>>;

/// A method that arrived.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) channel: u16,
    /// Class and method.
    pub(super) id: (u16, u16),
    pub(super) arguments: Vec<u8>,
}

impl Peer {
    /// Starts it; it ends with the process.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, connections) = unbounded_channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (methods, arrived) = unbounded_channel();
                let unanswered = Unanswered::default();
                let reader = (stream.try_clone().unwrap(), Arc::clone(&unanswered));
                thread::spawn(move || answer_all(reader.0, &reader.1, &methods));
                let _ = sender.send(Conversation { stream, methods: arrived, unanswered });
            }
        });
        Self { address, connections }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn uri(&self) -> String {
        format!("amqp://guest:guest@{}/%2f", self.address)
    }

    /// The next connection that was made.
    pub(super) async fn connection(&mut self) -> Conversation {
        self.connections.recv().await.unwrap()
    }
}

impl Conversation {
    /// Waits for this method, whatever comes before it.
    pub(super) async fn method(&mut self, class: u16, name: u16) -> Method {
        loop {
            let method = self.next().await;
            if method.id == (class, name) {
                return method;
            }
        }
    }

    /// Waits for the next method.
    pub(super) async fn next(&mut self) -> Method {
        let next = tokio::time::timeout(PATIENCE, self.methods.recv()).await;
        next.expect("a method in time").expect("a connection that is open")
    }

    /// A method that is there already.
    pub(super) fn arrived(&mut self) -> Option<Method> {
        self.methods.try_recv().ok()
    }

    /// Whether a method has arrived that was not waited for.
    pub(super) fn is_quiet(&self) -> bool {
        self.methods.is_empty()
    }

    /// Leaves a question without an answer from now on.
    pub(super) fn leave_unanswered(&self, class: u16, name: u16) {
        self.unanswered.lock().unwrap().push((class, name));
    }

    /// Answers every question from now on.
    pub(super) fn answer_again(&self) {
        self.unanswered.lock().unwrap().clear();
    }

    pub(super) fn send(&self, channel: u16, class: u16, name: u16, arguments: &[u8]) {
        (&self.stream).write_all(&method(channel, class, name, arguments)).unwrap();
    }

    /// Sends a method with a message, which has no more than a correlation id.
    pub(super) fn send_message(&self, channel: u16, name: u16, arguments: &[u8], id: &[u8]) {
        let header = [&[0, 60, 0, 0][..], &1u64.to_be_bytes(), &(1u16 << 10).to_be_bytes()];
        let header = [&header.concat(), &short(id)[..]].concat();
        let frames = [
            method(channel, 60, name, arguments),
            frame(2, channel, &header),
            frame(3, channel, b"1"),
        ];
        (&self.stream).write_all(&frames.concat()).unwrap();
    }

    pub(super) fn deliver(&self, channel: u16, tag: u64) {
        let arguments =
            [&short(b"fibrpcd")[..], &tag.to_be_bytes(), &[0], &short(b""), &short(b"q")];
        self.send_message(channel, 60, &arguments.concat(), b"id");
    }

    pub(super) fn give_back(&self, channel: u16, queue: &str, id: &[u8]) {
        let arguments =
            [&[1, 56][..], &short(b"NO_ROUTE"), &short(b""), &short(queue.as_bytes())].concat();
        self.send_message(channel, 50, &arguments, id);
    }

    pub(super) fn ack(&self, channel: u16, tag: u64) {
        self.send(channel, 60, 80, &[&tag.to_be_bytes()[..], &[0]].concat());
    }

    pub(super) fn nack(&self, channel: u16, tag: u64) {
        self.send(channel, 60, 120, &[&tag.to_be_bytes()[..], &[0]].concat());
    }

    /// Closes a channel, or with 0 the connection.
    pub(super) fn close(&self, channel: u16, code: u16, text: &str) {
        let arguments = [&code.to_be_bytes()[..], &short(text.as_bytes()), &[0; 4]].concat();
        let (class, name) = if channel == 0 { (10, 50) } else { (20, 40) };
        self.send(channel, class, name, &arguments);
    }

    pub(super) fn block(&self) {
        self.send(0, 10, 60, &short(b"low on memory"));
    }

    pub(super) fn unblock(&self) {
        self.send(0, 10, 61, &[]);
    }

    pub(super) fn cut(&self) {
        self.stream.shutdown(Shutdown::Both).unwrap();
    }
}

/// Answers until the connection ends.
fn answer_all(
    mut stream: TcpStream,
    unanswered: &Mutex<Vec<(u16, u16)>>,
    methods: &UnboundedSender<Method>,
) -> io::Result<()> {
    stream.read_exact(&mut [0; 8])?;
    let start = [&[0, 9][..], &long(b""), &long(b"PLAIN"), &long(b"en_US")].concat();
    stream.write_all(&method(0, 10, 10, &start))?;
    loop {
        let mut head = [0; 7];
        stream.read_exact(&mut head)?;
        let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
        let mut payload = vec![0; size as usize + 1];
        stream.read_exact(&mut payload)?;
        if head[0] != 1 {
            continue;
        }
        let channel = u16::from_be_bytes([head[1], head[2]]);
        let id = (u16::from_be_bytes([payload[0], payload[1]]), u16::from(payload[3]));
        let silent = unanswered.lock().unwrap().contains(&id);
        let answer = answer(id).filter(|_| !silent);
        if id == (60, 40) && payload.windows(NOBODY.len()).any(|part| part == NOBODY) {
            stream.write_all(&method(channel, 60, 80, &[0, 0, 0, 0, 0, 0, 0, 1, 0]))?;
            continue;
        }
        // Told first, so that a test finds it when the answer is there.
        let _ = methods.send(Method { channel, id, arguments: payload[4..].to_vec() });
        if let Some((name, arguments)) = answer {
            stream.write_all(&method(channel, id.0, name, &arguments))?;
        }
    }
}

/// What a broker says to a method.
fn answer((class, name): (u16, u16)) -> Option<(u16, Vec<u8>)> {
    let arguments = match (class, name) {
        (10, 11) => return Some((30, vec![0, CHANNELS, 0, 2, 0, 0, 0, 0])),
        (10, 40) => short(b""),
        (20, 10) => long(b""),
        (50, 10) => [short(b"q"), vec![0, 0, 0, 5, 0, 0, 0, 2]].concat(),
        (60, 20 | 30) => short(b"fibrpcd"),
        (10, 50) | (20, 40) | (60 | 85, 10) => Vec::new(),
        _ => return None,
    };
    Some((name + 1, arguments))
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xCE]].concat()
}

fn method(channel: u16, class: u16, name: u16, arguments: &[u8]) -> Vec<u8> {
    let payload = [&class.to_be_bytes()[..], &name.to_be_bytes(), arguments].concat();
    frame(1, channel, &payload)
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}
