//! A real server, and clients that send it bytes: blocking ones, in the test's own thread.

mod limits;

use super::*;
use crate::daemon::observe::http::ProbeError;
use std::{
    borrow::Cow,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};
use tokio::sync::oneshot;

/// Far longer than anything takes here: a wait of this length is a hang.
const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(50);
const BIG: usize = 32 * 1024 * 1024; // more than the sockets of both ends can hold

/// Limits that never strike.
const PATIENT: Limits = Limits {
    connections: 16,
    header_timeout: LONG,
    response_timeout: Duration::from_mins(2), // after the clients have lost patience
};

struct Scripted {
    metrics: fn() -> String,
    ready: Mutex<Result<(), &'static str>>,
}

impl Probe for Scripted {
    fn metrics(&self) -> Result<String, ProbeError> {
        Ok((self.metrics)())
    }

    fn readiness(&self) -> Result<(), Cow<'static, str>> {
        self.ready.lock().unwrap().map_err(Cow::Borrowed)
    }

    fn status(&self) -> Result<String, ProbeError> {
        Ok("{}".to_owned())
    }

    fn page(&self, _: &str) -> String {
        String::new()
    }
}

/// A server in a thread of its own, stopped when dropped.
struct Running {
    addr: SocketAddr,
    probe: Arc<Scripted>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    fn start(limits: Limits, metrics: fn() -> String) -> Self {
        let probe = Arc::new(Scripted { metrics, ready: Mutex::new(Ok(())) });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = runtime.block_on(bind(([127, 0, 0, 1], 0).into())).unwrap();
        let server = server.with_limits(limits);
        let addr = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let shared = probe.clone();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    never = server.serve(shared) => match never {},
                    _ = stopped => {}
                }
            });
        });
        Self { addr, probe, stop: Some(stop), thread: Some(thread) }
    }

    fn plain(limits: Limits) -> Self {
        Self::start(limits, || "up 1\n".to_owned())
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Sends `request` on a new connection and reads until the server closes it.
    fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        read_to_end(&mut stream)
    }

    fn request(&self, method: &str, path: &str) -> String {
        self.exchange(format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok());
        }
    }
}

/// Until the peer closes; a reset (it closed without reading all we sent) counts as that too.
fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    String::from_utf8(bytes).unwrap()
}

/// Asks for `/livez` and reads the answer, so that the connection is surely accepted and now idle.
fn use_once(stream: &mut TcpStream) {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\nok\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
}

fn split(response: &str) -> (&str, &str) {
    response.split_once("\r\n\r\n").unwrap()
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).unwrap_or_default()
}

fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = split(response).0.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn metrics_are_served_as_the_text_format() {
    let server = Running::plain(PATIENT);
    let response = server.request("GET", "/metrics");
    assert_eq!(status(&response), "200");
    assert_eq!(header(&response, "content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
    assert_eq!(split(&response).1, "up 1\n");
}

#[test]
fn livez_is_ok_and_readyz_says_why_not() {
    let server = Running::plain(PATIENT);
    *server.probe.ready.lock().unwrap() = Err("not connected to the broker");
    let response = server.request("GET", "/livez");
    assert_eq!((status(&response), split(&response).1), ("200", "ok\n"));
    let response = server.request("GET", "/readyz");
    assert_eq!(status(&response), "503");
    assert_eq!(split(&response).1, "not connected to the broker\n");
    *server.probe.ready.lock().unwrap() = Ok(());
    let response = server.request("GET", "/readyz");
    assert_eq!((status(&response), split(&response).1), ("200", "ok\n"));
}

#[test]
fn head_is_get_without_the_body() {
    let server = Running::plain(PATIENT);
    for path in ["/metrics", "/livez", "/readyz", "/nothing"] {
        let get = server.request("GET", path);
        let head = server.request("HEAD", path);
        let length = split(&get).1.len().to_string();
        assert_eq!(header(&head, "content-length"), Some(length.as_str()));
        assert_eq!(split(&head).1, "", "{path}");
        assert_eq!(status(&head), status(&get));
        assert_eq!(header(&head, "content-type"), header(&get, "content-type"));
    }
}

#[test]
fn other_methods_are_refused() {
    let server = Running::plain(PATIENT);
    for method in ["POST", "PUT", "DELETE", "TRACE", "PATCH", "BREW", "get"] {
        let response = server.request(method, "/metrics");
        assert_eq!(status(&response), "405", "{method}");
        assert_eq!(header(&response, "allow"), Some("GET, HEAD, OPTIONS"));
        assert_eq!(split(&response).1, "method not allowed; use GET or HEAD\n");
    }
}

#[test]
fn other_paths_name_the_endpoints() {
    let server = Running::plain(PATIENT);
    let response = server.request("GET", "/favicon.ico");
    assert_eq!(status(&response), "404");
    assert_eq!(
        split(&response).1,
        "not found; there are /, /status, /metrics, /livez and /readyz\n"
    );
}

#[test]
fn a_body_is_not_waited_for() {
    let server = Running::plain(PATIENT);
    // None of the promised bytes are sent, and still the answer and the end come.
    for length in [
        "Content-Length: 1000",
        "Transfer-Encoding: chunked",
        "Content-Length: 9\r\nExpect: 100-continue",
    ] {
        let response =
            server.exchange(format!("POST /livez HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n"));
        assert_eq!(status(&response), "405", "{length}");
        assert_eq!(header(&response, "connection"), Some("close"));
    }
}

#[test]
fn a_connection_serves_many_requests_and_pipelined_ones_too() {
    let server = Running::plain(PATIENT);
    let mut stream = server.connect();
    use_once(&mut stream);
    use_once(&mut stream);
    stream
        .write_all(
            b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n\
              GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .unwrap();
    let both = read_to_end(&mut stream);
    assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2);
    assert!(both.ends_with("up 1\n"));
}

#[test]
fn an_old_client_is_answered() {
    let server = Running::plain(PATIENT);
    let response = server.exchange("GET /livez HTTP/1.0\r\n\r\n");
    assert_eq!((status(&response), split(&response).1), ("200", "ok\n"));
}

#[test]
fn a_client_that_has_finished_sending_is_answered() {
    let server = Running::plain(PATIENT);
    let mut stream = server.connect();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let response = read_to_end(&mut stream);
    assert_eq!(split(&response).1, "ok\n");
}

#[test]
fn garbage_is_refused_and_hurts_nobody() {
    let server = Running::plain(PATIENT);
    let garbage: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // a TLS client
        b"AMQP\x00\x00\x09\x01",
        b"\x00\x00\x00\x00",
        b"GET /\xff\xfe HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", // HTTP/2 without asking
    ];
    for bytes in garbage {
        let mut stream = server.connect();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let response = read_to_end(&mut stream);
        assert!(response.is_empty() || status(&response) == "400", "{response}");
    }
    assert_eq!(status(&server.request("GET", "/livez")), "200");
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = Running::plain(PATIENT);
    let url = format!("/{}", "x".repeat(MAX_HEAD));
    let response = server.request("GET", &url);
    assert_eq!(status(&response), "431");
    let header = format!("/livez HTTP/1.1\r\nX: {}", "x".repeat(MAX_HEAD));
    let response = server.exchange(format!("GET {header}\r\n\r\n"));
    assert_eq!(status(&response), "431");
    let header = "/livez HTTP/1.1\r\n".to_owned() + &"X: y\r\n".repeat(101);
    let response = server.exchange(format!("GET {header}\r\n"));
    assert_eq!(status(&response), "431");
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_says_what_to_do() {
    let first = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let addr = first.local_addr();
    assert_eq!(
        bind(addr).await.unwrap_err().to_string(),
        format!(
            "cannot listen on {addr}: the port is taken; change http.listen (\"\" is none), or stop its \
             other user"
        )
    );
    let foreign = bind(([192, 0, 2, 1], 9674).into()).await.unwrap_err();
    assert!(matches!(foreign, HttpError::NotLocal(_)));
}
