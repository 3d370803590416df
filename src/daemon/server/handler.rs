//! What the methods of fibrpcd do and cost, for the core.

use super::cache::ResultCache;
use crate::{
    daemon::observe::overview::Overview,
    wire::{Call, Envelope, Failure, Method, Number, PONG, Reply, Status, decode},
};
use bytes::Bytes;
use fibrpc_core::server::{Decision, Service, Work};
use serde::Serialize;
use std::sync::Arc;

/// Answers requests within limits.
#[derive(Debug)]
pub(crate) struct Handler {
    max_n: u64,
    info: Bytes,
    cache: ResultCache,
    overview: Arc<Overview>,
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
    pub(crate) fn new(max_n: u64, cache: ResultCache, overview: Arc<Overview>) -> Self {
        Self { max_n, info: info(max_n), cache, overview }
    }

    /// Sets the largest n that is answered; false if it is the same.
    pub(crate) fn limit_n(&mut self, max_n: u64) -> bool {
        let changed = self.max_n != max_n;
        if changed {
            (self.max_n, self.info) = (max_n, info(max_n));
        }
        changed
    }

    /// The bytes of results that are kept.
    pub(crate) fn cached(&self) -> u64 {
        self.cache.size()
    }

    fn try_decide(&self, envelope: &Envelope, body: &[u8]) -> Result<Decision, Failure> {
        match decode(envelope, body)? {
            Call::Ping => Ok(Decision::Reply(Reply::text(PONG))),
            Call::Info => Ok(Decision::Reply(Reply::json(self.info.clone()))),
            Call::Stats => Ok(Decision::Reply(Reply::json(self.overview.stats()))),
            Call::Fib(number) => {
                let n = self.within_limit(number)?;
                if n > fibonacci::SMALL {
                    return Ok(Decision::Compute(work(n)));
                }
                let digits = fibonacci::decimal(n, || false).map_err(|_| internal())?;
                Ok(Decision::Reply(Reply::text(digits)))
            }
        }
    }

    fn within_limit(&self, number: Number) -> Result<u64, Failure> {
        match number {
            Number::Value(n) if n <= self.max_n => Ok(n),
            _ => Err(Failure::new(
                Status::ResourceExhausted,
                format!("n is beyond the limit of {} (compute.max_n)", self.max_n),
            )),
        }
    }
}

impl Service for Handler {
    fn decide(&mut self, envelope: &Envelope, body: &[u8]) -> Decision {
        let decided = self.try_decide(envelope, body);
        decided.unwrap_or_else(|failure| Decision::Reply(Reply::from(&failure)))
    }

    fn recall(&mut self, key: u64) -> Option<Bytes> {
        self.cache.get(key)
    }

    fn keep(&mut self, key: u64, result: &Bytes) {
        self.cache.insert(key, result.clone());
    }

    fn reply(&self, result: Bytes) -> Reply {
        Reply::text(result)
    }
}

/// What F(n) costs.
fn work(n: u64) -> Work {
    let estimate = fibonacci::estimate(n);
    Work { key: n, nanos: estimate.work, memory: estimate.memory, length: estimate.digits }
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

/// The failure of a call that the server could not compute.
fn internal() -> Failure {
    Failure::new(Status::Internal, "the server failed to compute this number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MAX_BODY;
    use serde_json::Value;

    const LIMIT: u64 = 1_000_000;

    fn handler() -> Handler {
        Handler::new(LIMIT, ResultCache::new(1 << 20), Arc::new(Overview::for_tests()))
    }

    fn decide(envelope: &Envelope, body: &[u8]) -> Decision {
        handler().decide(envelope, body)
    }

    fn reply(decision: Decision) -> Reply {
        match decision {
            Decision::Reply(reply) => reply,
            Decision::Compute(work) => panic!("computed: {work:?}"),
        }
    }

    #[test]
    fn small_numbers_are_answered_in_place_and_large_ones_are_not() {
        let plain = Envelope::default();
        assert_eq!(reply(decide(&plain, b"0")), Reply::text(b"0".to_vec()));
        assert_eq!(reply(decide(&plain, b"30")), Reply::text(b"832040".to_vec()));
        let Decision::Compute(work) = decide(&plain, b"1000000") else { panic!("in place") };
        assert_eq!((work.key, work.length), (LIMIT, 208_988));
        assert!(work.memory > 3 * work.length && work.nanos > 0);
    }

    #[test]
    fn numbers_beyond_the_limit_are_refused_whatever_their_length() {
        for body in ["1000001", "18446744073709551616", &"9".repeat(MAX_BODY)] {
            let refused = reply(decide(&Envelope::default(), body.as_bytes()));
            assert_eq!(refused.status, Status::ResourceExhausted);
        }
    }

    #[test]
    fn limits_can_change() {
        let mut handler = handler();
        assert!(handler.limit_n(30_000));
        assert!(!handler.limit_n(30_000));
        let plain = Envelope::default();
        let Decision::Compute(_) = handler.decide(&plain, b"30000") else { panic!("in place") };
        assert_eq!(reply(handler.decide(&plain, b"30001")).status, Status::ResourceExhausted);
        let info = Envelope { kind: Some("info".into()), ..plain };
        let reply = reply(handler.decide(&info, b""));
        assert!(std::str::from_utf8(&reply.body).unwrap().contains("30000"));
    }

    #[test]
    fn results_are_remembered() {
        let mut handler = handler();
        assert_eq!(handler.recall(7), None);
        handler.keep(7, &Bytes::from_static(b"13"));
        assert_eq!(handler.recall(7).unwrap(), "13");
        assert!(handler.cached() > 0);
    }

    #[test]
    fn ping_info_and_stats_answer() {
        let of = |kind: &str| Envelope { kind: Some(kind.into()), ..Envelope::default() };
        assert_eq!(reply(decide(&of("ping"), b"")), Reply::text(b"pong".to_vec()));
        let reply = reply(decide(&of("info"), b""));
        let info: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(info["version"], crate::VERSION);
        assert_eq!(info["limits"]["max_n"], LIMIT);
        assert_eq!(info["methods"], serde_json::json!(["fib", "ping", "info", "stats"]));
        assert_eq!(reply.content_type, "application/json");
        let stats: Value =
            serde_json::from_slice(&self::reply(decide(&of("stats"), b"")).body).unwrap();
        assert_eq!((&stats["name"], &stats["in_flight"]), (&"fibrpcd".into(), &0.into()));
        assert_eq!(stats["methods"]["fib"]["requests"], 0);
        assert_eq!((&stats["oldest_seconds"], &stats["recent"]), (&Value::Null, &Value::Null));
    }
}
