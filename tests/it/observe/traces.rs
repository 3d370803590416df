//! Traces, exported to a collector.

use crate::support::{
    broker::{self, Vhost},
    collector::{Collector, attributes},
    lapin_caller::{Caller, QUEUE, arguments},
    program::{Daemon, ctl},
};
use lapin::{BasicProperties, types::AMQPValue};
use opentelemetry_proto::tonic::{
    common::v1::any_value::Value,
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use std::{net::TcpListener, time::SystemTime};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

const EXPORTED: &str = "fibrpcd_traced_requests_total{outcome=\"exported\"}";
const FAILED: &str = "fibrpcd_traced_requests_total{outcome=\"failed\"}";
const OVERFLOWED: &str = "fibrpcd_traced_requests_total{outcome=\"queue_full\"}";

/// A request of a trace, with these flags.
fn traced(caller: &Caller, id: &str, flags: &str) -> BasicProperties {
    let parent = format!("00-{TRACE}-{PARENT}-{flags}");
    caller.properties(id).with_headers(arguments(&[
        ("traceparent", AMQPValue::LongString(parent.into())),
        ("tracestate", AMQPValue::LongString("vendor=1".into())),
    ]))
}

/// A daemon that traces every request.
fn tracing_everything(vhost: &Vhost, endpoint: &str) -> Daemon {
    let settings = [("trace.endpoint", endpoint), ("trace.sample_ratio", "1")];
    Daemon::serving(&vhost.uri(), &settings)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn text(value: &str) -> Value {
    Value::StringValue(value.into())
}

fn assert_within(inner: &Span, outer: &Span) {
    assert!(inner.start_time_unix_nano >= outer.start_time_unix_nano, "{inner:#?} {outer:#?}");
    assert!(inner.end_time_unix_nano <= outer.end_time_unix_nano, "{inner:#?} {outer:#?}");
    assert!(inner.start_time_unix_nano <= inner.end_time_unix_nano, "{inner:#?}");
}

#[test]
fn a_traced_call_becomes_its_spans_and_an_untraced_one_none() {
    let vhost = broker::shared().vhost();
    let collector = Collector::start();
    let mut daemon = Daemon::serving(&vhost.uri(), &[("trace.endpoint", &collector.url())]);
    let caller = Caller::connect(&vhost.uri());
    caller.call("plain", "30");
    caller.publish(QUEUE, traced(&caller, "unsampled", "00"), b"30");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let sent = traced(&caller, "traced", "01").with_timestamp(now - 10);
    caller.publish(QUEUE, sent, b"100000");
    let calls = collector.wait_for(4);
    assert_eq!(calls.resource["service.name"], text("fibrpcd"));
    assert_eq!(calls.resource["service.version"], text(env!("CARGO_PKG_VERSION")));
    assert!(calls.resource.contains_key("service.instance.id"));

    let process = calls.span("process rpc_queue");
    assert_eq!(
        (hex(&process.trace_id), hex(&process.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert_eq!(process.kind, SpanKind::Consumer as i32);
    assert_eq!(process.status.as_ref().map_or(0, |status| status.code), StatusCode::Unset as i32);
    let said = attributes(&process.attributes);
    for (name, value) in [
        ("messaging.system", "rabbitmq"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "rpc_queue"),
        ("messaging.message.conversation_id", "traced"),
        ("fibrpc.method", "fib"),
        ("fibrpc.n", "100000"),
        ("fibrpc.status", "OK"),
        ("fibrpc.outcome", "answered"),
    ] {
        assert_eq!(said.get(name), Some(&text(value)), "{name}");
    }
    for name in ["compute", "publish and confirm"] {
        let inner = calls.span(name);
        assert_eq!(inner.parent_span_id, process.span_id, "{name}");
        assert_within(inner, process);
    }
    assert!(
        calls.span("compute").end_time_unix_nano
            <= calls.span("publish and confirm").start_time_unix_nano
    );
    let wait = calls.span("queue wait");
    assert_eq!(hex(&wait.parent_span_id), PARENT);
    assert_eq!(wait.end_time_unix_nano, process.start_time_unix_nano);
    assert!(wait.end_time_unix_nano - wait.start_time_unix_nano >= 10_000_000_000);
    assert!(
        calls
            .spans
            .iter()
            .all(|span| hex(&span.trace_id) == TRACE && span.trace_state == "vendor=1")
    );

    assert_eq!(daemon.terminate(), Some(0));
    assert!(collector.arrived().spans.is_empty(), "nothing of the others");
}

#[test]
fn errors_show_and_what_is_left_is_exported_at_a_stop() {
    let vhost = broker::shared().vhost();
    let collector = Collector::start();
    let mut daemon = tracing_everything(&vhost, &collector.url());
    let caller = Caller::connect(&vhost.uri());
    caller.publish(QUEUE, caller.properties("wrong"), b"x");
    caller.reply();
    assert_eq!(daemon.terminate(), Some(0));
    let calls = collector.wait_for(2);
    let process = calls.span("process rpc_queue");
    assert!(process.parent_span_id.is_empty(), "it begins a trace");
    let status = process.status.as_ref().unwrap();
    assert_eq!((status.code, &*status.message), (StatusCode::Error as i32, "INVALID_ARGUMENT"));
    let said = attributes(&process.attributes);
    assert_eq!(said.get("error.type"), Some(&text("INVALID_ARGUMENT")));
    assert_eq!(calls.span("publish and confirm").parent_span_id, process.span_id);
    assert_eq!(calls.spans.len(), 2, "{:#?}", calls.spans);
}

#[test]
fn without_a_collector_calls_are_answered_and_the_stop_ends() {
    let vhost = broker::shared().vhost();
    let collector = Collector::start();
    let mut daemon = tracing_everything(&vhost, &collector.url());
    collector.answer(503);
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    daemon.wait_for_metric(FAILED, 1);
    assert!(daemon.wait_for("cannot export traces").contains("503"), "{}", daemon.log());
    collector.answer(200);
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    daemon.wait_for_metric(EXPORTED, 1);
    daemon.wait_for("traces are exported again");
    drop(collector);
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    daemon.wait_for_metric(FAILED, 2);
    daemon.wait_for_nth("cannot export traces", 2);
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn a_collector_that_never_answers_holds_nothing_up() {
    let vhost = broker::shared().vhost();
    // The system takes connections for it; nobody reads them.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", deaf.local_addr().unwrap());
    let mut daemon = tracing_everything(&vhost, &endpoint);
    let caller = Caller::connect(&vhost.uri());
    // More than are waited for: one export, and a queue.
    let calls = 3000;
    for id in 0..calls {
        caller.publish_unconfirmed(QUEUE, caller.properties(&id.to_string()), b"30");
    }
    for _ in 0..calls {
        assert_eq!(caller.reply().body, "832040");
    }
    daemon.wait_for_metric("fibrpcd_acks_total", calls);
    assert!(daemon.metric(OVERFLOWED) > 0, "the queue has an end");
    assert_eq!(daemon.terminate(), Some(0));
    daemon.wait_for("the collector did not take the last traces in time");
}
