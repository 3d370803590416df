//! Requests: the properties that matter and the call they name.

use super::{Failure, Number, Status, TRACE_PARENT, TraceParent, Via, amqp10};
use std::{borrow::Cow, time::Duration};

/// The properties of a request that fibrpc looks at. Everything else a client may set is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Where the reply goes: the routing key, as [`reply_address`](super::reply_address) has it.
    pub reply_to: Option<String>,
    /// How it gets there.
    pub via: Via,
    /// Echoed in the reply. Bytes, not necessarily UTF-8.
    pub correlation_id: Option<Vec<u8>>,
    /// The correlation id came in a header, as AMQP 0-9-1 has no property for it, and goes back so.
    pub id_in_header: bool,
    /// Echoed as correlation id where the request has none: AMQP 1.0 requesters set only this.
    pub message_id: Option<Vec<u8>>,
    /// The `type` property: the method.
    pub kind: Option<String>,
    /// The deadline, Unix time in milliseconds by the clock of the caller.
    pub deadline_ms: Option<i64>,
    /// How long the request stays useful, in milliseconds: counted by the broker while it is queued.
    pub expiration_ms: Option<u64>,
    /// How often the queue delivered the request before, where it counts that.
    pub delivery_count: Option<i64>,
    /// How often this queue got the request back after it had rejected it for good.
    pub rejections: u64,
    /// Trace context headers, echoed in the reply.
    pub trace: Vec<(&'static str, Vec<u8>)>,
    /// The reply is to say how long it took here: [`TIMING_HEADER`](super::TIMING_HEADER).
    pub timing: bool,
}

/// How long a request may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// From its arrival on; `None` is for ever.
    pub lasts: Option<Duration>,
    /// The caller's deadline had passed when the request arrived, although the broker, which counts
    /// by one clock, says that it has time left: the clock of the caller is wrong, or ours is. It is
    /// not heeded.
    pub wrong_clock: bool,
}

impl Envelope {
    /// The queue the reply goes to, or what stands for it; an empty `reply_to` names none.
    #[must_use]
    pub fn reply_queue(&self) -> Option<&str> {
        self.reply_to.as_deref().filter(|queue| !queue.is_empty())
    }

    /// The correlation id of the reply.
    #[must_use]
    pub fn reply_id(&self) -> Option<&[u8]> {
        self.correlation_id.as_deref().or(self.message_id.as_deref())
    }

    /// How long the request may be answered that arrived at this Unix time, in milliseconds: until the
    /// deadline of its caller, by its clock, but its expiration after the arrival at the latest. How
    /// long it was in the queue nobody says, so this is an upper bound.
    #[must_use]
    pub fn time_limit(&self, arrived_ms: i64) -> TimeLimit {
        let expiration = self.expiration_ms.map(Duration::from_millis);
        let Some(deadline_ms) = self.deadline_ms else {
            return TimeLimit { lasts: expiration, wrong_clock: false };
        };
        match u64::try_from(deadline_ms.saturating_sub(arrived_ms)) {
            Ok(left) if left > 0 => {
                let asked = Duration::from_millis(left);
                let lasts = expiration.map_or(asked, |expiration| expiration.min(asked));
                TimeLimit { lasts: Some(lasts), wrong_clock: false }
            }
            _ => TimeLimit {
                lasts: expiration.or(Some(Duration::ZERO)),
                wrong_clock: expiration.is_some(),
            },
        }
    }

    /// The trace the request belongs to, if it names one.
    #[must_use]
    pub fn trace_parent(&self) -> Option<TraceParent> {
        TraceParent::parse(self.trace_header(TRACE_PARENT)?)
    }

    /// A trace context header.
    #[must_use]
    pub fn trace_header(&self, name: &str) -> Option<&[u8]> {
        let found = self.trace.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_slice())
    }

    /// The method named by the `type` property. Of AMQP 1.0 messages that says how their bodies are
    /// encoded.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.kind.as_deref() {
            None | Some("" | "fib" | amqp10::SECTIONS | amqp10::DATA) => Method::Fib,
            Some("ping") => Method::Ping,
            Some("info") => Method::Info,
            Some("stats") => Method::Stats,
            Some(_) => Method::Unknown,
        }
    }
}

/// What a request asks for, as a bounded set: fit to be a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// A Fibonacci number.
    Fib,
    /// A sign of life.
    Ping,
    /// Version, methods and limits of the server.
    Info,
    /// What the server has done since it started.
    Stats,
    /// A `type` that names none of these.
    Unknown,
}

impl Method {
    /// Every method, in the order of their declaration.
    pub const ALL: [Self; 5] = [Self::Fib, Self::Ping, Self::Info, Self::Stats, Self::Unknown];

    /// The methods a client can call.
    pub const CALLABLE: [Self; 4] = [Self::Fib, Self::Ping, Self::Info, Self::Stats];

    /// The name in the `type` property and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fib => "fib",
            Self::Ping => "ping",
            Self::Info => "info",
            Self::Stats => "stats",
            Self::Unknown => "unknown",
        }
    }
}

/// A request that is well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// F(n).
    Fib(Number),
    /// Answered with `pong`.
    Ping,
    /// Answered with JSON.
    Info,
    /// Answered with JSON.
    Stats,
}

/// Decodes a request.
///
/// # Errors
/// A [`Failure`] to be sent as reply: `UNIMPLEMENTED` for an unknown method, `INVALID_ARGUMENT`
/// for a body that is no number.
pub fn decode(envelope: &Envelope, body: &[u8]) -> Result<Call, Failure> {
    match envelope.method() {
        Method::Fib => {
            let invalid =
                |why: &dyn ToString| Failure::new(Status::InvalidArgument, why.to_string());
            let text = match envelope.kind.as_deref() {
                Some(amqp10::SECTIONS) => amqp10::text(body).map_err(|error| invalid(&error))?,
                _ => Cow::Borrowed(body),
            };
            Number::parse(&text).map(Call::Fib).map_err(|error| invalid(&error))
        }
        Method::Ping => Ok(Call::Ping),
        Method::Info => Ok(Call::Info),
        Method::Stats => Ok(Call::Stats),
        Method::Unknown => Err(Failure::new(
            Status::Unimplemented,
            format!(
                "unknown method \"{}\"; the methods are fib, ping, info and stats",
                envelope.kind.as_deref().unwrap_or_default().escape_debug()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_kind(kind: Option<&str>) -> Envelope {
        Envelope { kind: kind.map(Into::into), ..Envelope::default() }
    }

    #[test]
    fn the_type_property_names_the_method() {
        let fib = Ok(Call::Fib(Number::Value(7)));
        assert_eq!(decode(&with_kind(None), b"7"), fib);
        assert_eq!(decode(&with_kind(Some("")), b"7"), fib);
        assert_eq!(decode(&with_kind(Some("fib")), b"7"), fib);
        assert_eq!(decode(&with_kind(Some("ping")), b"whatever"), Ok(Call::Ping));
        assert_eq!(decode(&with_kind(Some("info")), b""), Ok(Call::Info));
        assert_eq!(decode(&with_kind(Some("stats")), b"0"), Ok(Call::Stats));
    }

    #[test]
    fn the_type_of_an_amqp_1_0_message_says_how_its_body_is_encoded() {
        let fib = Ok(Call::Fib(Number::Value(7)));
        assert_eq!(decode(&with_kind(Some("binary")), b"7"), fib);
        assert_eq!(decode(&with_kind(Some("amqp-1.0")), b"\x00\x53\x77\xa1\x017"), fib);
        assert_eq!(decode(&with_kind(Some("amqp-1.0")), b"\x00\x53\x77\x53\x07"), fib);
        let failure = decode(&with_kind(Some("amqp-1.0")), b"7").unwrap_err();
        assert_eq!(failure.status, Status::InvalidArgument);
    }

    #[test]
    fn unknown_methods_and_wrong_bodies_are_typed_failures() {
        let unknown = decode(&with_kind(Some("Fib\n")), b"7").unwrap_err();
        assert_eq!(unknown.status, Status::Unimplemented);
        assert!(!unknown.message.contains('\n'), "one line: {}", unknown.message);
        assert_eq!(decode(&with_kind(None), b"x").unwrap_err().status, Status::InvalidArgument);
    }

    #[test]
    fn message_id_stands_in_for_the_correlation_id() {
        let mut envelope = Envelope { message_id: Some("m".into()), ..Envelope::default() };
        assert_eq!(envelope.reply_id(), Some(&b"m"[..]));
        envelope.correlation_id = Some("c".into());
        assert_eq!(envelope.reply_id(), Some(&b"c"[..]));
        assert_eq!(Envelope::default().reply_id(), None);
    }
}
