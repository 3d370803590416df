//! A connection to a real broker, written byte by byte, so that nothing comes between a script and
//! the wire.

use super::wire::{self, Bytes, Value, method_frame};
use crate::{
    broker::types::{Event, Method},
    support::{
        PATIENCE,
        fake_broker::read,
        raw_amqp::{long, short},
    },
};
use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    net::{Shutdown, TcpStream},
    sync::mpsc::Sender,
    thread,
};

/// What we can do; otherwise the broker would keep these things from us.
const CAPABILITIES: [&str; 4] =
    ["basic.nack", "connection.blocked", "consumer_cancel_notify", "publisher_confirms"];

pub(crate) struct Client {
    stream: TcpStream,
    /// What the broker says it is.
    pub(crate) release: String,
}

/// Something that came from the broker, and over which connection and channel.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) connection: String,
    pub(crate) channel: u16,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Event(Event),
    /// The answer to [`Client::ask`].
    Answer,
}

impl Client {
    /// Connects to a virtual host as guest, and has all that comes sent to the listener.
    pub(crate) fn connect(uri: &str, name: &str, listener: Sender<Heard>) -> io::Result<Self> {
        let (address, vhost) = uri.split_once('@').unwrap().1.split_once('/').unwrap();
        let vhost = vhost.replace("%2f", "/");
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"AMQP\0\0\x09\x01")?;
        let start = expect(&mut stream, 10, 10)?;
        let release = release(&start);
        let yes = |name: &&str| [&short(name.as_bytes())[..], b"t\x01"].concat();
        let capabilities: Vec<u8> = CAPABILITIES.iter().flat_map(yes).collect();
        let about_us = [&short(b"capabilities")[..], b"F", &long(&capabilities)].concat();
        let login = [short(b"PLAIN"), long(b"\0guest\0guest"), short(b"en_US")].concat();
        stream.write_all(&method_frame(0, 10, 11, &[long(&about_us), login].concat()))?;
        let tune = expect(&mut stream, 10, 30)?;
        stream.write_all(&method_frame(0, 10, 31, &[&tune[..6], &[0, 0]].concat()))?;
        let open = [short(vhost.as_bytes()), short(b""), vec![0]].concat();
        stream.write_all(&method_frame(0, 10, 40, &open))?;
        expect(&mut stream, 10, 41)?;
        stream.set_read_timeout(None)?;
        let (reader, connection) = (stream.try_clone()?, name.to_owned());
        thread::spawn(move || listen(reader, &connection, &listener));
        Ok(Self { stream, release })
    }

    /// Sends methods in one go. An error would be heard of anyway.
    pub(crate) fn send(&mut self, channel: u16, methods: &[Method]) {
        let bytes: Vec<u8> = methods.iter().flat_map(|one| wire::frames(channel, one)).collect();
        let _ = self.stream.write_all(&bytes);
    }

    /// Asks a channel for an answer (`channel.flow`), which comes after all that it has to say.
    pub(crate) fn ask(&mut self, channel: u16) {
        let _ = self.stream.write_all(&method_frame(channel, 20, 20, &[1]));
    }

    /// Breaks the connection.
    pub(crate) fn cut(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.cut(); // which also ends the thread that reads
    }
}

/// The version among the properties of the broker.
fn release(start: &[u8]) -> String {
    let fields = Bytes(&start[2..]).table();
    let version = fields.into_iter().find(|(name, _)| name == "version");
    match version {
        Some((_, Value::Text(version))) => version,
        other => panic!("the broker does not say its version: {other:?}"),
    }
}

/// Waits for a method and returns its arguments.
fn expect(stream: &mut TcpStream, class: u16, method: u16) -> io::Result<Vec<u8>> {
    let (_, _, payload) = read(stream)?;
    let start = [class.to_be_bytes(), method.to_be_bytes()].concat();
    match payload.strip_prefix(&start[..]) {
        Some(arguments) => Ok(arguments.to_vec()),
        None => Err(io::Error::other(format!("not {class}.{method}: {}", payload.escape_ascii()))),
    }
}

/// A message that is still coming.
struct Coming {
    event: Event,
    header: Vec<u8>,
    body: Vec<u8>,
}

/// Tells the listener what comes, until the connection or the listener has ended.
fn listen(mut stream: TcpStream, connection: &str, listener: &Sender<Heard>) {
    let tell = |channel, what| {
        listener.send(Heard { connection: connection.into(), channel, what }).is_ok()
    };
    let mut coming: BTreeMap<u16, Coming> = BTreeMap::new();
    while let Ok((kind, channel, payload)) = read(&mut stream) {
        let event = match kind {
            1 => {
                let class = u16::from_be_bytes([payload[0], payload[1]]);
                let number = u16::from_be_bytes([payload[2], payload[3]]);
                if (class, number) == (20, 21) {
                    tell(channel, What::Answer);
                    continue;
                }
                let event = wire::event(class, number, &payload[4..]);
                if matches!(event, Event::Deliver(_) | Event::Return { .. }) {
                    coming.insert(channel, Coming { event, header: Vec::new(), body: Vec::new() });
                    continue;
                }
                let answer = match event {
                    Event::ChannelClosed { .. } => method_frame(channel, 20, 41, &[]),
                    Event::ConnectionClosed { .. } => method_frame(0, 10, 51, &[]),
                    _ => Vec::new(),
                };
                let _ = stream.write_all(&answer);
                event
            }
            2 | 3 => match take_content(&mut coming, channel, kind, payload) {
                Some(event) => event,
                None => continue,
            },
            _ => continue, // a heartbeat
        };
        let is_last = matches!(event, Event::ConnectionClosed { .. });
        if !tell(channel, What::Event(event)) || is_last {
            return;
        }
    }
    tell(0, What::Event(Event::ConnectionClosed { code: 0 }));
}

/// Takes a frame of a message, and returns the event if the message is complete.
fn take_content(
    coming: &mut BTreeMap<u16, Coming>,
    channel: u16,
    kind: u8,
    payload: Vec<u8>,
) -> Option<Event> {
    let message = coming.get_mut(&channel)?;
    match kind {
        2 => message.header = payload,
        _ => message.body.extend(payload),
    }
    let size = u64::from_be_bytes(message.header[4..12].try_into().unwrap());
    if (message.body.len() as u64) < size {
        return None;
    }
    let mut message = coming.remove(&channel)?;
    wire::add_content(&mut message.event, &message.header, &message.body);
    Some(message.event)
}
