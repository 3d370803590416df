//! Clients that are slow, many, or in the way, and a system without free file descriptors.

use super::*;
use std::{io::Seek, process::Command};

#[test]
fn slow_headers_are_cut_off() {
    let server = Running::plain(Limits { header_timeout: SHORT, ..PATIENT });
    let started = Instant::now();
    for sent in ["", "G", "GET /livez HTTP/1.1\r\nHost: x\r\n"] {
        assert_eq!(server.exchange(sent), "");
    }
    assert!(started.elapsed() >= 3 * SHORT);
}

#[test]
fn trickled_headers_are_cut_off() {
    let server = Running::plain(Limits { header_timeout: SHORT, ..PATIENT });
    let mut stream = server.connect();
    stream.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
    stream.set_read_timeout(Some(SHORT / 10)).unwrap();
    let deadline = Instant::now() + LONG;
    // Another byte whenever the server has been silent for a moment: progress buys no time.
    while Instant::now() < deadline {
        match stream.read(&mut [0; 64]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = stream.write_all(b"X");
            }
            ended => return assert!(ended.is_err() || ended.unwrap() == 0),
        }
    }
    panic!("the connection is still open");
}

#[test]
fn an_idle_connection_is_closed() {
    let server = Running::plain(Limits { header_timeout: SHORT, ..PATIENT });
    let mut stream = server.connect();
    use_once(&mut stream);
    let idle = Instant::now();
    assert_eq!(read_to_end(&mut stream), "");
    assert!(idle.elapsed() >= SHORT / 2);
}

#[test]
fn a_connection_in_use_is_kept_however_old() {
    let server = Running::plain(Limits {
        header_timeout: 18 * SHORT,
        response_timeout: 2 * SHORT,
        ..PATIENT
    });
    let mut stream = server.connect();
    for _ in 0..3 {
        use_once(&mut stream);
        stream.set_read_timeout(Some(10 * SHORT)).unwrap();
        let silence = stream.read(&mut [0]).unwrap_err();
        assert_eq!(silence.kind(), ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(LONG)).unwrap();
    }
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let limits = Limits { connections: 1, header_timeout: SHORT, response_timeout: SHORT };
    let server = Running::start(limits, || "x".repeat(BIG));
    let mut deaf = server.connect();
    deaf.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // There is room for one connection, so this is served only once the other has ended.
    assert_eq!(status(&server.request("GET", "/livez")), "200");
    assert!(read_to_end(&mut deaf).len() < BIG);
}

#[test]
fn a_connection_beyond_the_bound_takes_the_place_of_the_oldest() {
    let server = Running::plain(Limits { connections: 2, ..PATIENT });
    let (mut first, mut second) = (server.connect(), server.connect());
    use_once(&mut first);
    use_once(&mut second);
    let mut third = server.connect();
    use_once(&mut third);
    assert_eq!(read_to_end(&mut first), "", "closed");
    use_once(&mut second);
    use_once(&mut third);
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    let server = Running::plain(Limits { connections: 16, ..PATIENT });
    let idle = (0..1000).map(|_| server.connect()).collect::<Vec<_>>();
    assert_eq!(status(&server.request("GET", "/metrics")), "200");
    drop(idle);
}

#[test]
fn a_panic_ends_its_connection_only() {
    let server = Running::start(PATIENT, || panic!("expected by this test"));
    let mut bystander = server.connect();
    use_once(&mut bystander);
    assert_eq!(server.request("GET", "/metrics"), "");
    assert_eq!(status(&server.request("GET", "/livez")), "200");
    use_once(&mut bystander);
}

#[test]
fn a_lasting_failure_of_accept_is_logged_now_and_then() {
    let mut failures = AcceptFailures::default();
    let start = tokio::time::Instant::now();
    let due: Vec<u64> =
        (0..=150).filter(|second| failures.is_due(start + Duration::from_secs(*second))).collect();
    assert_eq!(due, [0, 60, 120]);
    assert_eq!(failures.unlogged, 148);
}

/// Runs in a process of its own, whose file descriptors may run out without harm to other tests.
#[test]
fn running_out_of_file_descriptors_is_survived() {
    const CHILD: &str = "FIBRPC_TEST_FEW_FILES";
    if std::env::var_os(CHILD).is_some() {
        return run_out_of_file_descriptors();
    }
    let (_, here) = module_path!().split_once("::").unwrap();
    let name = format!("{here}::running_out_of_file_descriptors_is_survived");
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 32 && exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    let output = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(output.contains("1 passed"), "{output}");
}

fn run_out_of_file_descriptors() {
    let server = Running::plain(PATIENT);
    let mut client = server.connect();
    use_once(&mut client);
    // The kernel completes a connection before it is accepted, so the client's socket takes the
    // last descriptor and the server finds none.
    let mut accounting = std::fs::File::open("/proc/self/stat").unwrap();
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    drop(files.pop());
    let mut waiting = server.connect();
    let before = cpu_ticks(&mut accounting);
    waiting.set_read_timeout(Some(2 * SHORT)).unwrap();
    waiting.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let early = waiting.read(&mut [0; 64]).unwrap_err();
    assert_eq!(early.kind(), ErrorKind::WouldBlock);
    use_once(&mut client); // an open connection is still served
    let after = cpu_ticks(&mut accounting);
    assert!(after - before <= 3, "{} ticks of CPU", after - before);
    files.clear();
    waiting.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(status(&read_to_end(&mut waiting)), "200");
}

/// The processor time that this process has used, in hundredths of a second.
fn cpu_ticks(stat: &mut std::fs::File) -> u64 {
    let mut text = String::new();
    stat.rewind().unwrap();
    stat.read_to_string(&mut text).unwrap();
    let after_name = text.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    [11, 12].iter().map(|&at| fields[at].parse::<u64>().unwrap()).sum()
}
