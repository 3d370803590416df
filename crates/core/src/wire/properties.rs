//! The properties of any message, for callers of other servers than ours.

/// What a message says beside its body: the basic properties of AMQP 0-9-1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// The media type of the body.
    pub content_type: Option<String>,
    /// How the body is encoded, such as `gzip`.
    pub content_encoding: Option<String>,
    /// The headers, in any order. Of a message that arrives, those that are tables or arrays, or
    /// longer than 2 KiB, are not here, and no more than 64.
    pub headers: Vec<(String, Header)>,
    /// 1 is transient, 2 is persistent.
    pub delivery_mode: Option<u8>,
    /// 0 to 255, where the queue knows priorities.
    pub priority: Option<u8>,
    /// What a reply repeats of its request.
    pub correlation_id: Option<String>,
    /// Where the reply goes.
    pub reply_to: Option<String>,
    /// How long a queue keeps the message: milliseconds in decimal digits.
    pub expiration: Option<String>,
    /// The name of the message.
    pub message_id: Option<String>,
    /// Unix time in seconds.
    pub timestamp: Option<u64>,
    /// The property `type`; to our server it is the method.
    pub kind: Option<String>,
    /// The user that published it, which the broker checks.
    pub user_id: Option<String>,
    /// The program that published it.
    pub app_id: Option<String>,
}

/// Where replies arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyQueue {
    /// In a queue of our own, which the broker deletes with the connection. Brokers keep replies in
    /// it while we are slow.
    #[default]
    Exclusive,
    /// In no queue: `RabbitMQ` hands replies straight to the connection ("direct reply-to").
    Direct,
}

/// The value of a header.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Header {
    /// Text: a long string that is UTF-8.
    Text(String),
    /// Any other bytes.
    Bytes(Vec<u8>),
    /// An integer of any width.
    Integer(i64),
    /// A floating point number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Unix time in seconds.
    Timestamp(u64),
    /// Nothing, or what there is no other value for here.
    Void,
}

impl From<&str> for Header {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Header {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Header {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Header {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl Properties {
    /// The properties that are short texts, by their names in AMQP, with a hyphen for each
    /// underscore.
    #[must_use]
    pub fn texts(&self) -> [(&'static str, Option<&str>); 9] {
        [
            ("content-type", self.content_type.as_deref()),
            ("content-encoding", self.content_encoding.as_deref()),
            ("correlation-id", self.correlation_id.as_deref()),
            ("reply-to", self.reply_to.as_deref()),
            ("expiration", self.expiration.as_deref()),
            ("message-id", self.message_id.as_deref()),
            ("type", self.kind.as_deref()),
            ("user-id", self.user_id.as_deref()),
            ("app-id", self.app_id.as_deref()),
        ]
    }

    /// The properties that are numbers, in the same way.
    #[must_use]
    pub fn numbers(&self) -> [(&'static str, Option<u64>); 3] {
        [
            ("delivery-mode", self.delivery_mode.map(u64::from)),
            ("priority", self.priority.map(u64::from)),
            ("timestamp", self.timestamp),
        ]
    }

    /// About how many bytes the headers take on the wire.
    #[must_use]
    pub fn headers_size(&self) -> usize {
        let value = |header: &Header| match header {
            Header::Text(text) => text.len(),
            Header::Bytes(bytes) => bytes.len(),
            _ => 8,
        };
        self.headers.iter().map(|(name, header)| name.len() + value(header) + 6).sum()
    }
}
