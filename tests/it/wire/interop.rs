//! Third-party programs: the Python tutorial's client and server, on pika, and callers that speak
//! other protocols than AMQP 0-9-1 to the broker.

use crate::support::{
    PATIENCE,
    broker::{self, Broker},
    lapin_caller::{Caller, QUEUE, arguments},
    port::Port,
    program::{Daemon, ctl},
};
use lapin::{
    BasicProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

/// Debian's Python: the first one on PATH may be one without pika.
pub(super) fn python(script: &str, uri: &str) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(format!("{}/tests/interop/{script}", env!("CARGO_MANIFEST_DIR"))).arg(uri);
    command
}

/// The Python tutorial's server, killed when dropped.
pub(super) struct PythonServer(Child);

impl Drop for PythonServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it, and waits until it serves.
pub(super) fn python_server(uri: &str) -> PythonServer {
    let mut server = python("rpc_server.py", uri).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(server.stdout.take().unwrap());
    let server = PythonServer(server);
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line.unwrap())));
    let waiting = lines.recv_timeout(PATIENCE).expect("the server starts");
    assert_eq!(waiting, " [x] Awaiting RPC requests");
    server
}

#[test]
fn the_python_tutorial_client_gets_its_answer() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let output = python("rpc_client.py", &vhost.uri()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "b'832040'\n");
}

#[test]
fn fibrpcctl_gets_its_answers_from_the_python_tutorial_server_and_leaves_it_alive() {
    let vhost = broker::shared().vhost();
    let server = python_server(&vhost.uri());
    let pinged = ctl(&vhost.uri(), &["ping"]);
    let pinged_json = ctl(&vhost.uri(), &["--format", "json", "ping"]);
    let asked = ctl(&vhost.uri(), &["info"]);
    let asked_json = ctl(&vhost.uri(), &["--format", "json", "info"]);
    // It is alive after each of them.
    let ran = ctl(&vhost.uri(), &["call", "30", "7"]);
    drop(server);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "832040\n13\n"), "{ran:?}");

    let stranger = pinged.stdout.starts_with("\"0\" after ")
        && pinged.stdout.ends_with(": a server that does not know ping\n");
    assert!(pinged.code == Some(0) && stranger, "{pinged:?}");
    let object: serde_json::Value = serde_json::from_str(&pinged_json.stdout).unwrap();
    assert_eq!((&object["status"], &object["answer"]), (&"OK".into(), &"0".into()));
    let reason = "the server does not know info; it answered \"0\"";
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(3), ""), "{asked:?}");
    assert!(asked.stderr.contains(reason), "{asked:?}");
    let object: serde_json::Value = serde_json::from_str(&asked_json.stdout).unwrap();
    assert_eq!((&object["status"], &object["error"]), (&"BAD_REPLY".into(), &reason.into()));
}

#[test]
fn the_example_in_python_gets_answers_and_says_why_there_is_none() {
    let vhost = broker::shared().vhost();
    let call = |n: &str| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/call.py");
        let mut command = Command::new("/usr/bin/python3");
        let output = command.args([script, n]).env("AMQP_URI", vhost.uri()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, _, why) = call("30");
    assert!(code == Some(1) && why.starts_with("there is no queue rpc_queue"), "{why}");
    let mut daemon = Daemon::serving(&vhost.uri(), &[]);
    assert_eq!(call("30"), (Some(0), "832040\n".to_owned(), String::new()));
    let (_, digits, _) = call("100000"); // more than Python's int() takes
    assert_eq!(digits.trim_end().len(), 20_899);
    let (code, _, why) = call("thirty");
    assert!(code == Some(1) && why.starts_with("INVALID_ARGUMENT: error: "), "{why}");
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(call("30").2, "nobody serves rpc_queue: start fibrpcd\n");
}

#[test]
fn callers_of_other_protocols_get_their_answers() {
    let port = Port::hold();
    let stomp = port.number();
    let config = tempfile::NamedTempFile::with_suffix(".conf").unwrap();
    let lines = format!("stomp.listeners.tcp.1 = 127.0.0.1:{stomp}\n");
    std::fs::write(config.path(), lines).unwrap();
    let config = config.path().to_str().unwrap();
    let more = ["--plugin", "rabbitmq_amqp1_0", "--plugin", "rabbitmq_stomp", "--config", config];
    let broker = Broker::private_with(more.map(Into::into).to_vec());
    let daemon = Daemon::serving(&broker.uri(), &[]);

    let output = python("stomp_client.py", &stomp.to_string()).arg("/").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "MESSAGE c1 832040\n");

    let url = format!("amqp://guest:guest@127.0.0.1:{}", broker.port());
    let mut requester = python("amqp10_client.py", &url);
    let output = requester.args(["/amq/queue/rpc_queue", "/queue/answers"]).output().unwrap();
    assert!(output.status.success(), "{output:?}\n{}", daemon.log());
    let wrong = |code: &str| {
        let what = format!("error: the AMQP 1.0 body is a value of type {code}");
        format!("b'{what}; send a string, a binary or an integer'")
    };
    let answer = "b'832040'".to_owned();
    let expected = [
        ("'30'", answer.clone()),
        ("b'30'", answer.clone()),
        ("30", answer.clone()),
        ("ulong(30)", answer.clone()),
        ("uint(30)", answer),
        ("-5", "b'error: n is negative; send a decimal number of 0 or more'".to_owned()),
        ("3.5", wrong("0x82")),
        ("[30]", wrong("0xd0")),
    ];
    let expected = expected.map(|(sent, reply)| format!("{sent}: {reply}"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(stdout.lines().collect::<Vec<_>>(), expected);
    assert_eq!(daemon.metric("fibrpcd_replies_unroutable_total"), 0);
}

#[test]
fn replies_go_to_direct_callers_queues_by_address_and_topics_and_nowhere_else() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[("log.level", "debug")]);
    let direct = python("direct_client.py", &vhost.uri()).output().unwrap();
    assert!(direct.status.success(), "{direct:?}");
    assert_eq!(String::from_utf8_lossy(&direct.stdout), "100 answers\n");
    daemon.wait_for_metric("fibrpcd_acks_total", 100);
    assert_eq!(daemon.metric("fibrpcd_replies_unroutable_total"), 0);
    assert_eq!(daemon.log().matches("\"returned\"").count(), 0);

    let caller = Caller::connect(&vhost.uri());
    let to = |address: &str| {
        let properties = BasicProperties::default().with_reply_to(address.into());
        caller.publish(QUEUE, properties, b"30");
    };
    let durable = QueueDeclareOptions::durable();
    caller.declare("a/b%", durable, FieldTable::default()).unwrap();
    for address in ["/queues/a%2Fb%25", "/queue/a%2Fb%25", "/amq/queue/a%2Fb%25"] {
        to(address);
        assert_eq!(caller.wait_and_get("a/b%").data, b"832040", "{address}");
    }
    caller.bind("a/b%", "amq.topic", "answers.#");
    to("/exchanges/amq.topic/answers.v2");
    assert_eq!(caller.wait_and_get("a/b%").data, b"832040");
    let topic = AMQPValue::LongString("answers.mqtt".into());
    let id = AMQPValue::LongString(vec![0xFF; 300].into());
    let headers = arguments(&[("x-reply-to-topic", topic), ("x-correlation-id", id.clone())]);
    caller.publish(QUEUE, BasicProperties::default().with_headers(headers), b"30");
    let reply = caller.wait_and_get("a/b%");
    assert_eq!((reply.routing_key.as_str(), &reply.data[..]), ("answers.mqtt", &b"832040"[..]));
    let headers = reply.properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers.get("x-correlation-id"), Some(&id));

    to("/exchanges/amq.fanout/x");
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"reply_address\"}", 1);
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1);
}

/// A broker ends the connection that publishes to it.
#[test]
fn a_made_up_direct_address_ends_a_few_sessions_and_not_the_service() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[("amqp.backoff_max", "200ms")]);
    let caller = Caller::connect(&vhost.uri());
    let forged = "amq.rabbitmq.reply-to.QUJD.QUJD"; // "ABC" is no process of Erlang
    caller.publish(QUEUE, BasicProperties::default().with_reply_to(forged.into()), b"30");
    daemon.wait_for_metric("fibrpcd_requests_total{method=\"fib\"}", 1);
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    assert!(daemon.metric("fibrpcd_amqp_connects_total") <= 4);
}
