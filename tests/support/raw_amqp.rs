//! A caller that writes AMQP frames byte by byte, so that it can send what no client library
//! would, and see replies as they are.

use super::PATIENCE;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

/// A connection with channel 1 and a callback queue.
#[derive(Debug)]
pub(crate) struct RawConnection {
    stream: TcpStream,
    pub(crate) reply_queue: Vec<u8>,
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) correlation_id: Option<Vec<u8>>,
    pub(crate) reply_to: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
}

/// Property flags of a content header.
pub(crate) mod flag {
    pub(crate) const CONTENT_TYPE: u16 = 1 << 15;
    pub(crate) const CONTENT_ENCODING: u16 = 1 << 14;
    pub(crate) const HEADERS: u16 = 1 << 13;
    pub(crate) const DELIVERY_MODE: u16 = 1 << 12;
    pub(crate) const PRIORITY: u16 = 1 << 11;
    pub(crate) const CORRELATION_ID: u16 = 1 << 10;
    pub(crate) const REPLY_TO: u16 = 1 << 9;
    pub(crate) const MESSAGE_ID: u16 = 1 << 7;
    pub(crate) const TIMESTAMP: u16 = 1 << 6;
    pub(crate) const TYPE: u16 = 1 << 5;
    pub(crate) const APP_ID: u16 = 1 << 3;
    pub(crate) const CLUSTER_ID: u16 = 1 << 2;
}

/// A short string.
pub(crate) fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

/// A long string, or a table from its entries.
pub(crate) fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

impl RawConnection {
    /// Connects to a virtual host as guest.
    pub(crate) fn connect(uri: &str) -> Self {
        let (address, vhost) = uri.split_once('@').unwrap().1.split_once('/').unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut raw = Self { stream, reply_queue: Vec::new() };
        raw.stream.write_all(b"AMQP\0\0\x09\x01").unwrap();
        raw.expect(10, 10);
        let start_ok =
            [long(b""), short(b"PLAIN"), long(b"\0guest\0guest"), short(b"en_US")].concat();
        raw.method(0, 10, 11, &start_ok);
        let tune = raw.expect(10, 30);
        raw.method(0, 10, 31, &[&tune[..6], &[0, 0]].concat());
        raw.method(0, 10, 40, &[short(vhost.as_bytes()), short(b""), vec![0]].concat());
        raw.expect(10, 41);
        raw.method(1, 20, 10, &short(b""));
        raw.expect(20, 11);
        raw.consume(b"");
        raw
    }

    /// Makes an exclusive queue of this name the callback queue.
    pub(crate) fn consume(&mut self, name: &[u8]) {
        self.declare_and_consume(name, 0b100);
    }

    /// Consumes from a queue that others can see.
    pub(crate) fn serve(&mut self, name: &[u8]) {
        self.declare_and_consume(name, 0);
    }

    fn declare_and_consume(&mut self, name: &[u8], flags: u8) {
        let declare = [vec![0, 0], short(name), vec![flags], long(b"")].concat();
        self.method(1, 50, 10, &declare);
        let declared = self.expect(50, 11);
        self.reply_queue = declared[1..=usize::from(declared[0])].to_vec();
        let tag = short(b"");
        let consume = [vec![0, 0], short(&self.reply_queue), tag, vec![0b10], long(b"")].concat();
        self.method(1, 60, 20, &consume);
        self.expect(60, 21);
    }

    /// Publishes to a queue. The properties are as they are on the wire, in the order of the
    /// flags.
    pub(crate) fn publish(&mut self, queue: &[u8], flags: u16, properties: &[u8], body: &[u8]) {
        let publish = [vec![0, 0], short(b""), short(queue), vec![0]].concat();
        self.method(1, 60, 40, &publish);
        let size = u64::try_from(body.len()).unwrap().to_be_bytes();
        let header =
            [&60u16.to_be_bytes()[..], &[0, 0], &size, &flags.to_be_bytes(), properties].concat();
        self.frame(2, 1, &header);
        for chunk in body.chunks(100_000) {
            self.frame(3, 1, chunk);
        }
    }

    /// Publishes a call to the default queue with only these ids.
    pub(crate) fn call(&mut self, correlation_id: &[u8], body: &[u8]) {
        let properties = [short(correlation_id), short(&self.reply_queue)].concat();
        let flags = flag::CORRELATION_ID | flag::REPLY_TO;
        self.publish(super::lapin_caller::QUEUE.as_bytes(), flags, &properties, body);
    }

    /// Publishes a reply.
    pub(crate) fn reply(&mut self, reply_to: &[u8], correlation_id: &[u8], body: &[u8]) {
        self.publish(reply_to, flag::CORRELATION_ID, &short(correlation_id), body);
    }

    /// Waits for a message in the callback queue.
    pub(crate) fn message(&mut self) -> Message {
        self.expect(60, 60);
        let (kind, header) = self.read();
        assert_eq!(kind, 2, "a content header follows");
        let size = u64::from_be_bytes(header[4..12].try_into().unwrap());
        let mut body = Vec::new();
        while (body.len() as u64) < size {
            body.extend(self.read().1);
        }
        let (correlation_id, reply_to) = ids(&header[12..]);
        Message { correlation_id, reply_to, body }
    }

    fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        let payload = [&class.to_be_bytes(), &method.to_be_bytes(), arguments].concat();
        self.frame(1, channel, &payload);
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let head = [&[kind][..], &channel.to_be_bytes()].concat();
        self.stream.write_all(&[head, long(payload), vec![0xCE]].concat()).unwrap();
    }

    /// Waits for a method and returns its arguments.
    fn expect(&mut self, class: u16, method: u16) -> Vec<u8> {
        let (kind, payload) = self.read();
        let start = [class.to_be_bytes(), method.to_be_bytes()].concat();
        assert_eq!((kind, &payload[..4]), (1, &start[..]), "{}", payload.escape_ascii());
        payload[4..].to_vec()
    }

    /// The type and the payload of the next frame that is no heartbeat.
    fn read(&mut self) -> (u8, Vec<u8>) {
        loop {
            let mut head = [0; 7];
            self.stream.read_exact(&mut head).expect("a frame in time");
            let size = u32::from_be_bytes(head[3..].try_into().unwrap());
            let mut payload = vec![0; size as usize + 1];
            self.stream.read_exact(&mut payload).unwrap();
            assert_eq!(payload.pop(), Some(0xCE));
            if head[0] != 8 {
                return (head[0], payload);
            }
        }
    }
}

/// The correlation id and the reply queue in a list of properties that starts with its flags.
fn ids(properties: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let flags = u16::from_be_bytes([properties[0], properties[1]]);
    let mut rest = &properties[2..];
    let mut take = |count: usize| {
        let taken = &rest[..count];
        rest = &rest[count..];
        taken.to_vec()
    };
    let mut ids = [None, None];
    for bit in (9..16).rev().map(|bit| 1u16 << bit).filter(|bit| flags & bit != 0) {
        match bit {
            flag::HEADERS => {
                let length = u32::from_be_bytes(take(4).try_into().unwrap());
                take(length as usize);
            }
            flag::DELIVERY_MODE | flag::PRIORITY => drop(take(1)),
            _ => {
                let length = take(1)[0].into();
                let text = take(length);
                match bit {
                    flag::CORRELATION_ID => ids[0] = Some(text),
                    flag::REPLY_TO => ids[1] = Some(text),
                    _ => {}
                }
            }
        }
    }
    let [correlation_id, reply_to] = ids;
    (correlation_id, reply_to)
}
