//! Which requests are traced.

use super::*;
use crate::daemon::config::Ratio;

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn spans(endpoint: Option<&str>, per_million: u32) -> Spans {
    let endpoint = endpoint.map(str::to_owned);
    let config = Trace { endpoint, sample_ratio: Ratio::of_million(per_million) };
    start(&config, &Arc::new(Metrics::new().unwrap())).0
}

fn request(parent: &str, state: &str) -> Envelope {
    let trace = vec![("traceparent", parent.into()), ("tracestate", state.into())];
    Envelope { trace, ..Envelope::default() }
}

fn choose(spans: &Spans, envelope: &Envelope) -> Option<Traced> {
    spans.choose(envelope, &"rpc_queue".into())
}

const ENDPOINT: Option<&str> = Some("http://127.0.0.1:1");

#[test]
fn without_an_endpoint_nothing_is_traced() {
    assert!(choose(&spans(None, 1_000_000), &request(SAMPLED, "")).is_none());
    assert!(choose(&spans(None, 1_000_000), &Envelope::default()).is_none());
}

#[test]
fn the_caller_decides_for_its_requests() {
    let spans = spans(ENDPOINT, 1_000_000);
    let traced = choose(&spans, &request(SAMPLED, "a=1,b=2")).unwrap();
    assert_eq!(traced.trace_id_text(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(u64::from_be_bytes(traced.parent.unwrap()), 0xb7ad_6b71_6920_3331);
    assert_eq!(traced.state.as_deref(), Some("a=1,b=2"));
    let unsampled = format!("{}00", &SAMPLED[..53]);
    assert!(choose(&spans, &request(&unsampled, "")).is_none());
    let state = choose(&spans, &request(SAMPLED, "nonsense")).unwrap().state;
    assert_eq!(state, None);
}

#[test]
fn requests_without_a_trace_are_sampled() {
    let chosen = |per_million| {
        let spans = spans(ENDPOINT, per_million);
        (0..10_000).filter(|_| choose(&spans, &Envelope::default()).is_some()).count()
    };
    assert_eq!((chosen(0), chosen(1_000_000)), (0, 10_000));
    // 5000 expected; ten standard deviations are 500.
    assert!((4500..5500).contains(&chosen(500_000)));
    let broken = request("nonsense", "a=1");
    let traced = choose(&spans(ENDPOINT, 1_000_000), &broken).unwrap();
    assert!(traced.parent.is_none() && traced.state.is_none());
}
