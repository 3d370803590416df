//! Where replies go: the forms in which the protocols that a broker speaks name it.
//!
//! AMQP 0-9-1 and STOMP name a queue, or a direct reply-to consumer. AMQP 1.0 names an address, and
//! MQTT 5 a topic; RabbitMQ hands both over as they are, or translated, by its version
//! (<https://www.rabbitmq.com/docs/amqp#addresses>, <https://www.rabbitmq.com/docs/mqtt>). A caller
//! chooses the address, and the permissions by which it is used are ours. So only two exchanges are
//! published to: the default one, and the one of MQTT's topics.

/// The header that names the topic which an MQTT 5 caller wants its reply under, as RabbitMQ
/// translates it for AMQP 0-9-1.
pub const REPLY_TOPIC_HEADER: &str = "x-reply-to-topic";

/// The exchange that MQTT's topics are bound to.
pub const TOPIC_EXCHANGE: &str = "amq.topic";

/// What the addresses of direct reply-to callers start with
/// (<https://www.rabbitmq.com/docs/direct-reply-to>).
const DIRECT: &str = "amq.rabbitmq.reply-to.";

/// The longest routing key, in bytes: AMQP sends it as a short string.
const MAX_KEY: usize = 255;

/// How a reply gets to its caller. The routing key goes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Via {
    /// By the default exchange, to the queue that the routing key names.
    #[default]
    Queue,
    /// By the default exchange, to a direct reply-to consumer: there is no queue. Before 4.2
    /// RabbitMQ says of each such message that it could not be routed, if it is asked.
    Direct,
    /// By [`TOPIC_EXCHANGE`].
    Topic,
    /// Not at all: the address names something that we do not publish to, or cannot be read.
    Nowhere,
}

/// How a reply gets to its caller, and its routing key, by the `reply_to` of a request, or else by
/// its [`REPLY_TOPIC_HEADER`].
#[must_use]
pub fn reply_address(reply_to: Option<&str>, topic: Option<&[u8]>) -> (Via, Option<String>) {
    match (reply_to, topic) {
        (Some(address), _) if !address.is_empty() => by_address(address),
        (_, Some(topic)) if !topic.is_empty() => match str::from_utf8(topic) {
            Ok(key) if key.len() <= MAX_KEY => (Via::Topic, Some(key.to_owned())),
            _ => (Via::Nowhere, None),
        },
        _ => (Via::Queue, None),
    }
}

fn by_address(address: &str) -> (Via, Option<String>) {
    if address.starts_with(DIRECT) {
        return (Via::Direct, Some(address.to_owned()));
    }
    // Version 2 of the addresses, which RabbitMQ has since 4.0, and version 1.
    let (via, key) = match address.strip_prefix('/').and_then(|rest| rest.split_once('/')) {
        Some(("queues" | "queue", queue)) => (Via::Queue, queue),
        Some(("amq", rest)) => match rest.strip_prefix("queue/") {
            Some(queue) => (Via::Queue, queue),
            None => return (Via::Queue, Some(address.to_owned())),
        },
        Some(("topic", key)) => (Via::Topic, key),
        Some(("exchanges" | "exchange", rest)) => match rest.split_once('/') {
            Some((exchange, key)) if unescape(exchange).as_deref() == Some(TOPIC_EXCHANGE) => {
                (Via::Topic, key)
            }
            _ => return (Via::Nowhere, None),
        },
        _ => return (Via::Queue, Some(address.to_owned())),
    };
    match unescape(key).filter(|key| !key.is_empty()) {
        Some(key) => (via, Some(key)),
        None => (Via::Nowhere, None),
    }
}

/// Undoes percent-encoding (RFC 3986, section 2.1).
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> (Via, Option<String>) {
        reply_address(Some(text), None)
    }

    #[test]
    fn queues_have_several_names() {
        for (text, queue) in [
            ("amq.gen-abc", "amq.gen-abc"),
            ("a/b", "a/b"),
            ("/elsewhere", "/elsewhere"),
            ("/else/where", "/else/where"),
            ("/amq/where", "/amq/where"),
            ("/queues/answers", "answers"),
            ("/queues/a%2Fb%25c%c3%a9", "a/b%cé"),
            ("/queue/answers", "answers"),
            ("/amq/queue/answers", "answers"),
        ] {
            assert_eq!(address(text), (Via::Queue, Some(queue.into())), "{text}");
        }
    }

    #[test]
    fn a_direct_reply_to_caller_has_no_queue() {
        let text = "amq.rabbitmq.reply-to.g1h2AA5yZXBseUA1.LQRiUox0aWtH==";
        assert_eq!(address(text), (Via::Direct, Some(text.into())));
    }

    #[test]
    fn topics_are_those_of_mqtt() {
        let topic = |key: &str| (Via::Topic, Some(key.to_owned()));
        assert_eq!(reply_address(None, Some(b"answers.1")), topic("answers.1"));
        assert_eq!(reply_address(Some(""), Some(b"answers.1")), topic("answers.1"));
        assert_eq!(reply_address(Some("q"), Some(b"t")), (Via::Queue, Some("q".into())));
        for text in ["/topic/a.b", "/exchange/amq.topic/a.b", "/exchanges/amq%2Etopic/a.b"] {
            assert_eq!(address(text), topic("a.b"), "{text}");
        }
    }

    #[test]
    fn no_other_exchange_is_published_to_whoever_asks() {
        for text in [
            "/exchanges/amq.fanout/x",
            "/exchanges/amq.topic",
            "/exchange/orders/paid",
            "/exchanges/",
            "/queues/",
            "/queues/%",
            "/queues/%2",
            "/queues/%zz",
            "/queues/%+1",
            "/queues/%ff",
            "/queues/%é",
            "/topic/",
        ] {
            assert_eq!(address(text), (Via::Nowhere, None), "{text}");
        }
        assert_eq!(reply_address(None, Some(b"\xff")), (Via::Nowhere, None));
        assert_eq!(reply_address(None, Some(&[b'a'; 256])), (Via::Nowhere, None));
        for nothing in [(None, None), (Some(""), None), (None, Some(&b""[..]))] {
            assert_eq!(reply_address(nothing.0, nothing.1), (Via::Queue, None));
        }
    }
}
