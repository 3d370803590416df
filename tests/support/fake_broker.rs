//! A fake broker: it answers every method that a daemon or a client needs, as a broker would, until
//! its script says otherwise.

use super::{
    PATIENCE,
    raw_amqp::{long, short},
};
use std::{
    collections::HashMap,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
};

/// What the fake does on each of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// How many methods it answers, all connections together. The greeting counts as one.
    pub(crate) answers: usize,
    pub(crate) then: Then,
}

/// What it does instead of the next answer.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Closes the connection.
    Close,
    /// Says nothing any more.
    Silence,
    /// Sends this in place of the answer.
    Send(Vec<u8>),
}

/// More answers than anybody asks for.
pub(crate) const ALL: usize = usize::MAX;

#[derive(Debug)]
pub(crate) struct FakeBroker {
    address: SocketAddr,
    consuming: Arc<Mutex<Option<Consuming>>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    publishes: mpsc::Receiver<bool>,
}

/// Where somebody consumes: the connection and the channel.
type Consuming = (TcpStream, u16);

impl FakeBroker {
    /// Starts it; it ends with the process.
    pub(crate) fn start(script: Script) -> Self {
        Self::start_with(script, false)
    }

    /// Starts one that refuses whatever is published on the first channel of a connection that is
    /// for publishing, and takes what is published on others.
    pub(crate) fn refusing_first_channels() -> Self {
        Self::start_with(Script { answers: ALL, then: Then::Close }, true)
    }

    fn start_with(script: Script, refuses: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let consuming = Arc::default();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&connections);
        let (answers, consumer) = (Arc::new(Mutex::new(script.answers)), Arc::clone(&consuming));
        let (taken, publishes) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                all.lock().unwrap().push(stream.try_clone().unwrap());
                let play = Player {
                    stream,
                    answers: Arc::clone(&answers),
                    then: script.then.clone(),
                    consuming: Arc::clone(&consumer),
                    published: HashMap::new(),
                    refuses,
                    taken: taken.clone(),
                };
                thread::spawn(move || play.run());
            }
        });
        Self { address, consuming, connections, publishes }
    }

    /// Waits for the next message on a channel with confirms; whether it was taken.
    pub(crate) fn next_publish_is_taken(&self) -> bool {
        self.publishes.recv_timeout(PATIENCE).expect("somebody publishes")
    }

    pub(crate) fn uri(&self) -> String {
        format!("amqp://guest:guest@{}/%2f", self.address)
    }

    /// Sends bytes to the latest consumer; they may depend on the channel.
    pub(crate) fn send(&self, bytes: impl FnOnce(u16) -> Vec<u8>) {
        let consuming = self.consuming.lock().unwrap();
        let (stream, channel) = consuming.as_ref().expect("somebody consumes");
        (&*stream).write_all(&bytes(*channel)).unwrap();
    }

    /// Sends bytes on every connection that is still there.
    pub(crate) fn send_to_all(&self, bytes: &[u8]) {
        for stream in &*self.connections.lock().unwrap() {
            let _ = (&*stream).write_all(bytes);
        }
    }
}

struct Player {
    stream: TcpStream,
    answers: Arc<Mutex<usize>>,
    then: Then,
    consuming: Arc<Mutex<Option<Consuming>>>,
    /// The channels with confirms, and the last publish on each.
    published: HashMap<u16, u64>,
    /// Whether the first of them refuses.
    refuses: bool,
    taken: mpsc::Sender<bool>,
}

impl Player {
    /// Ends with the connection, or with an error where the peer ends it.
    fn run(mut self) -> io::Result<()> {
        self.stream.set_read_timeout(Some(PATIENCE))?;
        self.stream.read_exact(&mut [0; 8])?;
        let start = [vec![0, 9], long(b""), long(b"PLAIN"), long(b"en_US")].concat();
        if !self.answer(0, 10, 10, &start)? {
            return Ok(());
        }
        loop {
            let (kind, channel, payload) = read(&mut self.stream)?;
            // Bodies of one frame only, as those of calls are.
            if kind == 3 {
                self.confirm(channel)?;
            }
            if kind == 2 && payload[4..12] == [0; 8] {
                self.confirm_trial(channel)?;
            }
            if kind == 1 && !self.asked(channel, &payload)? {
                return Ok(());
            }
        }
    }

    /// Confirms or refuses a message, if its channel has confirms.
    fn confirm(&mut self, channel: u16) -> io::Result<()> {
        let taken = !(self.refuses && self.published.keys().min() == Some(&channel));
        let Some(tag) = self.published.get_mut(&channel) else {
            return Ok(());
        };
        *tag += 1;
        let name = if taken { 80 } else { 120 };
        let arguments = [&tag.to_be_bytes()[..], &[0]].concat();
        self.stream.write_all(&method(channel, 60, name, &arguments))?;
        let _ = self.taken.send(taken); // an error: no test listens any more
        Ok(())
    }

    /// Confirms a message without a body, by which a link tries whether it may publish, on a
    /// channel that is for nothing else.
    fn confirm_trial(&mut self, channel: u16) -> io::Result<()> {
        self.published.remove(&channel);
        let arguments = [&1u64.to_be_bytes()[..], &[0]].concat();
        self.stream.write_all(&method(channel, 60, 80, &arguments))
    }

    /// Answers a method, if it asks for an answer. False at the end.
    fn asked(&mut self, channel: u16, payload: &[u8]) -> io::Result<bool> {
        let class = u16::from_be_bytes([payload[0], payload[1]]);
        let asked = u16::from_be_bytes([payload[2], payload[3]]);
        let arguments = match (class, asked) {
            (10, 11) => {
                return self.answer(0, 10, 30, &[&[7, 255, 0, 2, 0, 0][..], &[0, 1]].concat());
            }
            (10, 40) => short(b""),
            (20, 10) => long(b""),
            (50, 10) => [short(b"queue"), vec![0, 0, 0, 0], vec![0, 0, 0, 1]].concat(),
            (60, 20) => {
                *self.consuming.lock().unwrap() = Some((self.stream.try_clone()?, channel));
                short(consumer_tag(&payload[4..]))
            }
            (85, 10) => {
                self.published.insert(channel, 0);
                Vec::new()
            }
            (10, 50) | (20, 40) | (60, 10) => Vec::new(),
            _ => return Ok(true),
        };
        self.answer(channel, class, asked + 1, &arguments)
    }

    fn answer(
        &mut self,
        channel: u16,
        class: u16,
        name: u16,
        arguments: &[u8],
    ) -> io::Result<bool> {
        let next = {
            let mut answers = self.answers.lock().unwrap();
            let next = *answers > 0;
            *answers = answers.saturating_sub(1);
            next
        };
        if next {
            self.stream.write_all(&method(channel, class, name, arguments))?;
            return Ok(true);
        }
        match &self.then {
            Then::Close => return Ok(false),
            Then::Silence => {}
            Then::Send(bytes) => self.stream.write_all(bytes)?,
        }
        // Until the peer ends it.
        while self.stream.read(&mut [0; 1024])? > 0 {}
        Ok(false)
    }
}

/// The tag in the arguments of basic.consume.
fn consumer_tag(arguments: &[u8]) -> &[u8] {
    let queue = usize::from(arguments[2]);
    let tag = &arguments[3 + queue..];
    let length = usize::from(tag[0]);
    if length == 0 { b"fake" } else { &tag[1..=length] }
}

/// A frame.
pub(crate) fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xCE]].concat()
}

/// A frame with a method.
pub(crate) fn method(channel: u16, class: u16, name: u16, arguments: &[u8]) -> Vec<u8> {
    frame(1, channel, &[&class.to_be_bytes()[..], &name.to_be_bytes(), arguments].concat())
}

/// Type, channel and payload of the next frame.
pub(crate) fn read(stream: &mut TcpStream) -> io::Result<(u8, u16, Vec<u8>)> {
    let mut head = [0; 7];
    stream.read_exact(&mut head)?;
    let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    let mut payload = vec![0; size as usize + 1];
    stream.read_exact(&mut payload)?;
    payload.pop();
    Ok((head[0], u16::from_be_bytes([head[1], head[2]]), payload))
}
