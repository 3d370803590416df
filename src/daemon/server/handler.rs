//! What the service answers, free of I/O: the methods and the limits.

use crate::wire::{Call, Envelope, Failure, Method, Number, PONG, Reply, Status, decode};
use bytes::Bytes;
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// Answers requests within limits.
#[derive(Debug)]
pub(crate) struct Handler {
    max_n: u64,
    /// The largest body the broker takes, once it has refused one.
    max_reply: Option<usize>,
    info: Bytes,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Send this.
    Now(Reply),
    /// Compute F(n) on another thread, until the deadline if there is one.
    Compute { n: u64, remaining: Option<Duration> },
}

#[derive(Serialize)]
struct Info {
    name: &'static str,
    version: &'static str,
    methods: Vec<&'static str>,
    limits: Limits,
}

#[derive(Serialize)]
struct Limits {
    max_n: u64,
}

impl Handler {
    pub(crate) fn new(max_n: u64) -> Self {
        Self { max_n, max_reply: None, info: info(max_n) }
    }

    /// Sets the largest n that is answered; false if it is the same.
    pub(crate) fn limit_n(&mut self, max_n: u64) -> bool {
        let changed = self.max_n != max_n;
        if changed {
            (self.max_n, self.info) = (max_n, info(max_n));
        }
        changed
    }

    /// Sets the size of the largest message that the broker takes, as it reported it.
    pub(crate) fn limit_replies(&mut self, limit: usize) {
        self.max_reply = Some(limit);
    }

    /// Forgets that size: the broker may be another one, or take more.
    pub(crate) fn forget_reply_limit(&mut self) {
        self.max_reply = None;
    }

    /// The reply, or an error if it is larger than the broker takes; `None` if even the error is.
    pub(crate) fn fit(&self, reply: Reply) -> Option<Reply> {
        let Some(limit) = self.max_reply.filter(|limit| reply.body.len() > *limit) else {
            return Some(reply);
        };
        Some(Reply::from(&too_large(limit))).filter(|reply| reply.body.len() <= limit)
    }

    /// Answers a request, or says what has to be computed for it.
    pub(crate) fn answer(&self, envelope: &Envelope, body: &[u8]) -> Answer {
        match self.decide(envelope, body) {
            Ok(answer) => answer,
            Err(failure) => Answer::Now(Reply::from(&failure)),
        }
    }

    fn decide(&self, envelope: &Envelope, body: &[u8]) -> Result<Answer, Failure> {
        let remaining = envelope.deadline_ms.map(remaining).transpose()?;
        match decode(envelope, body)? {
            Call::Ping => Ok(Answer::Now(Reply::text(PONG))),
            Call::Info => Ok(Answer::Now(Reply::json(self.info.clone()))),
            Call::Fib(number) => {
                let n = self.within_limit(number)?;
                if n > fibonacci::SMALL {
                    return Ok(Answer::Compute { n, remaining });
                }
                let digits = fibonacci::decimal(n, || false).map_err(|_| internal())?;
                Ok(Answer::Now(Reply::text(digits)))
            }
        }
    }

    fn within_limit(&self, number: Number) -> Result<u64, Failure> {
        match number {
            Number::Value(n) if n <= self.max_n => match self.max_reply {
                // Refused before it is computed.
                Some(limit) if fibonacci::digits(n) > limit as u64 => Err(too_large(limit)),
                _ => Ok(n),
            },
            _ => Err(Failure::new(
                Status::ResourceExhausted,
                format!("n is beyond the limit of {} (compute.max_n)", self.max_n),
            )),
        }
    }
}

/// The answer to `info`.
fn info(max_n: u64) -> Bytes {
    let info = Info {
        name: "fibrpcd",
        version: crate::VERSION,
        methods: Method::CALLABLE.map(Method::name).to_vec(),
        limits: Limits { max_n },
    };
    // A struct of strings and numbers can always be serialized.
    serde_json::to_vec(&info).unwrap_or_default().into()
}

/// The failure of a call whose deadline has passed.
pub(crate) fn too_late() -> Failure {
    Failure::new(Status::DeadlineExceeded, "the deadline of the call has passed")
}

/// The failure of a call whose reply the broker would not take.
fn too_large(limit: usize) -> Failure {
    Failure::new(
        Status::ResourceExhausted,
        format!(
            "the reply is larger than the broker takes: its limit is {limit} bytes \
             (max_message_size of RabbitMQ)"
        ),
    )
}

/// The failure of a call that was delivered too often.
pub(crate) fn poison() -> Failure {
    Failure::new(
        Status::Internal,
        "the request was delivered again and again without being answered; it is not tried again",
    )
}

/// The failure of a call that the server could not compute.
pub(crate) fn internal() -> Failure {
    Failure::new(Status::Internal, "the server failed to compute this number")
}

/// The time left until a deadline.
fn remaining(deadline_ms: i64) -> Result<Duration, Failure> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let deadline = Duration::from_millis(u64::try_from(deadline_ms).unwrap_or_default());
    deadline.checked_sub(now).filter(|left| !left.is_zero()).ok_or_else(too_late)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1_000_000;

    fn answer(envelope: &Envelope, body: &[u8]) -> Answer {
        Handler::new(LIMIT).answer(envelope, body)
    }

    fn status(answer: &Answer) -> Status {
        match answer {
            Answer::Now(reply) => reply.status,
            Answer::Compute { .. } => panic!("computed"),
        }
    }

    #[test]
    fn small_numbers_are_answered_in_place_and_large_ones_are_not() {
        let plain = Envelope::default();
        assert_eq!(answer(&plain, b"0"), Answer::Now(Reply::text(b"0".to_vec())));
        assert_eq!(answer(&plain, b"30"), Answer::Now(Reply::text(b"832040".to_vec())));
        let large = Answer::Compute { n: LIMIT, remaining: None };
        assert_eq!(answer(&plain, b"1000000"), large);
    }

    #[test]
    fn numbers_beyond_the_limit_are_refused_whatever_their_length() {
        for body in ["1000001", "18446744073709551616", &"9".repeat(1 << 20)] {
            let body = body.as_bytes();
            assert_eq!(status(&answer(&Envelope::default(), body)), Status::ResourceExhausted);
        }
    }

    #[test]
    fn replies_the_broker_does_not_take_become_errors() {
        let mut handler = Handler::new(LIMIT);
        let small = Reply::text(vec![b'1'; 1000]);
        let large = Reply::text(vec![b'1'; 1001]);
        assert_eq!(handler.fit(large.clone()), Some(large.clone()), "no limit is known");
        handler.limit_replies(1000);
        assert_eq!(handler.fit(small.clone()), Some(small));
        assert_eq!(handler.fit(large.clone()).unwrap().status, Status::ResourceExhausted);
        let plain = Envelope::default();
        let refused = handler.answer(&plain, LIMIT.to_string().as_bytes());
        assert_eq!(status(&refused), Status::ResourceExhausted, "not computed");
        assert_eq!(status(&handler.answer(&plain, b"4700")), Status::Ok);
        handler.limit_replies(10);
        assert_eq!(handler.fit(large), None, "no room for an error either");
    }

    #[test]
    fn limits_can_change() {
        let mut handler = Handler::new(LIMIT);
        handler.limit_replies(10);
        assert!(handler.limit_n(30_000));
        assert!(!handler.limit_n(30_000));
        handler.forget_reply_limit();
        let plain = Envelope::default();
        let Answer::Compute { n: 30_000, .. } = handler.answer(&plain, b"30000") else {
            panic!("not computed")
        };
        assert_eq!(status(&handler.answer(&plain, b"30001")), Status::ResourceExhausted);
        let info = Envelope { kind: Some("info".into()), ..plain };
        let Answer::Now(reply) = handler.answer(&info, b"") else { panic!("computed") };
        assert!(std::str::from_utf8(&reply.body).unwrap().contains("30000"));
    }

    #[test]
    fn a_passed_deadline_is_answered_without_work() {
        for deadline_ms in [i64::MIN, -1, 0, 1_000_000] {
            let late = Envelope { deadline_ms: Some(deadline_ms), ..Envelope::default() };
            assert_eq!(status(&answer(&late, b"30")), Status::DeadlineExceeded);
        }
        let early = Envelope { deadline_ms: Some(i64::MAX), ..Envelope::default() };
        assert_eq!(status(&answer(&early, b"30")), Status::Ok);
    }

    #[test]
    fn ping_and_info_answer() {
        let of = |kind: &str| Envelope { kind: Some(kind.into()), ..Envelope::default() };
        assert_eq!(answer(&of("ping"), b""), Answer::Now(Reply::text(b"pong".to_vec())));
        let Answer::Now(reply) = answer(&of("info"), b"") else { panic!("computed") };
        let info: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(info["version"], crate::VERSION);
        assert_eq!(info["limits"]["max_n"], LIMIT);
        assert_eq!(info["methods"], serde_json::json!(["fib", "ping", "info"]));
        assert_eq!(reply.content_type, "application/json");
    }
}
