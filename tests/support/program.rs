//! The two programs, run as processes.

use super::PATIENCE;
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Condvar, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

/// Settings with which faults of the link are found soon, and calls computed one by one.
pub(crate) const QUICK: [(&str, &str); 4] = [
    ("amqp.heartbeat", "1s"),
    ("amqp.connect_timeout", "2s"),
    ("amqp.backoff_max", "200ms"),
    ("compute.threads", "1"),
];

/// A running `fibrpcd`, killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Log>,
    exited: mpsc::Receiver<()>,
}

/// Lines of the daemon's log, and a bell for each new one.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    bell: Condvar,
}

impl Daemon {
    /// Starts a daemon for a broker, with HTTP on a free port and these settings.
    pub(crate) fn start(uri: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_with(uri, settings, &[])
    }

    /// The same, with these variables in its environment.
    pub(crate) fn start_with(
        uri: &str,
        settings: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fibrpcd"));
        command.envs(environment.iter().copied());
        Self::configure(command, uri, settings)
    }

    /// Starts a daemon with a file, which may change, and these variables in its environment.
    pub(crate) fn start_with_file(file: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fibrpcd"));
        command.arg("--config").arg(file).envs(environment.iter().copied());
        command.args(["--set", "http.listen=127.0.0.1:0", "--set", "log.format=json"]);
        Self::run(command)
    }

    /// Starts a daemon that may have this many files open.
    pub(crate) fn start_with_few_files(files: u32, uri: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new("prlimit");
        command.args([&format!("--nofile={files}"), env!("CARGO_BIN_EXE_fibrpcd")]);
        Self::configure(command, uri, settings)
    }

    fn configure(mut command: Command, uri: &str, settings: &[(&str, &str)]) -> Self {
        command
            .env("FIBRPCD_AMQP__URIS", uri)
            .args(["--set", "http.listen=127.0.0.1:0", "--set", "log.format=json"])
            .args(["--set", "amqp.backoff_max=1s"]);
        for (key, value) in settings {
            command.args(["--set", &format!("{key}={value}")]);
        }
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("fibrpcd starts");
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Log::default());
        let (gone, exited) = mpsc::channel();
        let writer = Arc::clone(&log);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                writer.lines.lock().unwrap().0.push(line);
                writer.bell.notify_all();
            }
            writer.lines.lock().unwrap().1 = true;
            writer.bell.notify_all();
            drop(gone);
        });
        Self { child, log, exited }
    }

    /// A daemon that consumes.
    pub(crate) fn serving(uri: &str, settings: &[(&str, &str)]) -> Self {
        let daemon = Self::start(uri, settings);
        daemon.wait_for("attached; consuming");
        daemon
    }

    /// Waits for a line of the log that holds this text; returns the line.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_for_nth(text, 1)
    }

    /// Waits until this many lines of the log hold this text; returns the last of them.
    pub(crate) fn wait_for_nth(&self, text: &str, count: usize) -> String {
        let lines = self.log.lines.lock().unwrap();
        let found = |lines: &[String]| {
            lines.iter().filter(|line| line.contains(text)).nth(count - 1).cloned()
        };
        let (lines, timeout) = self
            .log
            .bell
            .wait_timeout_while(lines, PATIENCE, |(lines, over)| found(lines).is_none() && !*over)
            .unwrap();
        if let Some(line) = found(&lines.0) {
            return line;
        }
        drop(lines); // not to be held in a panic: the log is shown then
        let what = if timeout.timed_out() { "in time" } else { "before the daemon ended" };
        panic!("no {text:?} {what}")
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lines.lock().unwrap().0.join("\n")
    }

    /// Sends a signal, by the name `kill` knows.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(status.success(), "kill -{name}");
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the daemon to end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        // Its standard error ends when it does.
        if let Err(mpsc::RecvTimeoutError::Timeout) = self.exited.recv_timeout(PATIENCE) {
            panic!("the daemon hangs: {}", self.log());
        }
        self.child.wait().unwrap()
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait().code()
    }

    /// Where its HTTP server listens.
    pub(crate) fn http_address(&self) -> String {
        let line = self.wait_for("serving metrics and probes");
        let (_, rest) = line.split_once("\"address\":\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// The status code and the body of a GET.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        get(&self.http_address(), path)
    }

    /// Waits until a metric's series is this value or more. Requests are counted when the broker
    /// has confirmed their replies, which may be after the replies arrive; and metrics have no
    /// event but a scrape.
    pub(crate) fn wait_for_metric(&self, series: &str, value: u64) {
        let started = Instant::now();
        while self.metric(series) < value {
            assert!(started.elapsed() < PATIENCE, "{series} is {}", self.metric(series));
            thread::park_timeout(Duration::from_millis(10)); // leaves the machine to the others
        }
    }

    /// The value of a metric's series, or the sum of all its series if it has labels and none is
    /// given.
    pub(crate) fn metric(&self, series: &str) -> u64 {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(series)?;
            let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once("} "));
            rest.strip_prefix(' ').or(labels.map(|(_, value)| value))
        });
        let values: Vec<u64> = values.map(|value| value.parse().unwrap()).collect();
        assert!(!values.is_empty(), "no {series} in {text}");
        values.iter().sum()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
    }
}

/// The status code and the body of a GET.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // 1.0: the body ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let status = response.split(' ').nth(1).unwrap().parse().unwrap();
    (status, response.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs `fibrpcctl` against a broker.
pub(crate) fn ctl(uri: &str, args: &[&str]) -> Ran {
    ctl_command(uri, args).stdin(Stdio::null()).output().unwrap().into()
}

/// Runs `fibrpcctl` with this on its standard input.
pub(crate) fn ctl_with_input(uri: &str, args: &[&str], input: &str) -> Ran {
    let mut command = ctl_command(uri, args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.into()
}

/// `fibrpcctl`, to be spawned by the caller.
pub(crate) fn ctl_command(uri: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fibrpcctl"));
    command.env("FIBRPCCTL_URI", uri).args(args);
    // What contexts whoever runs the tests has, is nobody's business here.
    command.env("XDG_CONFIG_HOME", "/nonexistent").env_remove("FIBRPCCTL_CONTEXT");
    command
}

/// Runs `fibrpcd` to its end.
pub(crate) fn fibrpcd(args: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fibrpcd"));
    command.args(args).envs(environment.iter().copied());
    command.stdin(Stdio::null()).output().unwrap().into()
}

/// What Linux says of a process's memory, in KiB: `VmRSS` is resident, `VmHWM` the most that was.
pub(crate) fn memory_kib(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(&format!("{field}:"))).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
