//! Brokers for tests, run by `packaging/dev/broker.sh`.
//!
//! [`shared`] is one node for all the tests of a process, with a virtual host of its own for each
//! test; [`Broker::private`] is a node of one test, which may stop and start it.
//!
//! No node outlives the tests: `broker.sh` stops when its standard input ends, and the other end of
//! that pipe is here, so it stops when this process ends, however it ends.
#![allow(dead_code, reason = "a test crate need not use all of this")]

use std::fs;
use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, OnceLock, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};
use tempfile::{NamedTempFile, TempDir};

/// How long a node may take to start. Two to four seconds are usual.
const START: Duration = Duration::from_mins(1);

/// How many virtual hosts are made at once. At the start of a node 32 of them cost about 0.3 s; 120
/// already cost 4 s.
const BATCH: usize = 32;

/// The node for all tests of this process, started by the first call and stopped by the end of the
/// process.
pub(crate) fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(|| {
        let mut pool = Pool::default();
        let definitions = pool.grow();
        let mut broker = Broker::default();
        broker.pool = Mutex::new(pool);
        // The script makes and removes its directory, because statics are not dropped.
        broker.launch(&["--definitions".into(), path(&definitions)]);
        broker
    })
}

/// A broker node on 127.0.0.1, where user `guest` with password `guest` may do everything.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    /// `None` while stopped.
    running: Option<Running>,
    last: Ready,
    pool: Mutex<Pool>,
    /// The directory of a private node, which outlives its stops.
    home: Option<TempDir>,
    /// More arguments for the script.
    more: Vec<String>,
}

impl Broker {
    /// A node of the caller's own, started. It stops when it is dropped.
    pub(crate) fn private() -> Self {
        Self::private_with(Vec::new())
    }

    /// A node of the caller's own, started with more arguments for the script.
    pub(crate) fn private_with(more: Vec<String>) -> Self {
        let home = TempDir::with_prefix("fibrpc-broker.")
            .unwrap_or_else(|error| panic!("no directory for a broker: {error}"));
        let mut broker = Self::default();
        (broker.home, broker.more) = (Some(home), more);
        broker.start();
        broker
    }

    /// A node that also listens with TLS, by the `ca.pem`, `cert.pem` and `key.pem` in a directory,
    /// and that knows logins by certificate. It has these definitions (users and so on) and further
    /// lines of configuration.
    pub(crate) fn with_tls(files: &Path, definitions: &str, config: &str) -> Self {
        let file = |suffix, text| {
            NamedTempFile::with_suffix(suffix)
                .and_then(|file| fs::write(file.path(), text).map(|()| file))
                .unwrap_or_else(|error| panic!("cannot write for the broker: {error}"))
        };
        let (definitions, config) = (file(".json", definitions), file(".conf", config));
        let mut broker = Self::default();
        broker.launch(&[
            "--tls".into(),
            files.to_string_lossy().into_owned(),
            "--plugin".into(),
            "rabbitmq_auth_mechanism_ssl".into(),
            "--definitions".into(),
            path(&definitions),
            "--config".into(),
            path(&config),
        ]);
        broker
    }

    /// The port for TLS of a node made [`with_tls`](Self::with_tls).
    pub(crate) fn tls_port(&self) -> u16 {
        self.last.tls_port.unwrap_or_else(|| panic!("a broker without TLS"))
    }

    /// Gives a node with TLS other files, for connections from now on.
    pub(crate) fn renew_certificate(&self, write: impl FnOnce(&Path)) {
        write(&self.last.dir.join("tls"));
        self.ctl(&["eval", "ssl:clear_pem_cache()."]);
    }

    /// The next virtual host that nobody has used.
    pub(crate) fn vhost(&self) -> Vhost {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.used == pool.made {
            let definitions = pool.grow();
            self.ctl(&["import_definitions", &path(&definitions)]);
        }
        let name = Pool::name(pool.used);
        pool.used += 1;
        Vhost { name, port: self.port() }
    }

    /// The AMQP port, which stays the same over restarts.
    pub(crate) fn port(&self) -> u16 {
        self.last.port
    }

    /// Its name in the cluster.
    pub(crate) fn node(&self) -> &str {
        &self.last.node
    }

    /// Where the script keeps everything.
    pub(crate) fn dir(&self) -> &Path {
        &self.last.dir
    }

    /// The URI of the virtual host `/`.
    pub(crate) fn uri(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port())
    }

    /// Runs `rabbitmqctl` on the node and returns what it printed. Takes about a second.
    ///
    /// # Panics
    /// If `rabbitmqctl` fails.
    pub(crate) fn ctl(&self, args: &[&str]) -> String {
        let output = self.rabbitmqctl(args);
        assert!(
            output.status.success(),
            "rabbitmqctl {args:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What `rabbitmqctl` printed, whether it failed or not.
    pub(crate) fn try_ctl(&self, args: &[&str]) -> String {
        String::from_utf8_lossy(&self.rabbitmqctl(args).stdout).into_owned()
    }

    fn rabbitmqctl(&self, args: &[&str]) -> Output {
        Command::new(self.last.dir.join("ctl"))
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("cannot run rabbitmqctl: {error}"))
    }

    /// Stops the node as an operator would: clients are told (320 `CONNECTION_FORCED`), data is
    /// written.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end();
        }
    }

    /// Kills the node with SIGKILL: connections just break. What was durable and confirmed is there
    /// after a start.
    ///
    /// Messages are durable at once, but `RabbitMQ` (3.10) writes the name of a new quorum queue
    /// only after half a second; killed earlier, it keeps a queue that never has a leader. No test
    /// is about that, so the names are written first, which takes most of a second.
    pub(crate) fn kill(&mut self) {
        if self.running.is_some() {
            self.write_queues();
        }
        self.kill_at_once();
    }

    /// Kills the node with SIGKILL without any preparation; see [`kill`](Self::kill).
    pub(crate) fn kill_at_once(&mut self) {
        if let Some(running) = self.running.take() {
            self.signal("KILL");
            running.end();
        }
    }

    /// Starts the node again after [`stop`](Self::stop) or [`kill`](Self::kill): same port, same
    /// name, same data.
    pub(crate) fn start(&mut self) {
        let home = self.home.as_ref().map(|home| home.path().to_string_lossy());
        let home = home.unwrap_or_else(|| panic!("the shared broker is not for restarts"));
        let mut args = vec!["--graceful".into(), "--dir".into(), home.into_owned()];
        args.extend_from_slice(&self.more);
        if self.last.port != 0 {
            args.extend(["--port".into(), self.last.port.to_string()]);
        }
        self.launch(&args);
    }

    fn launch(&mut self, args: &[String]) {
        assert!(self.running.is_none(), "the broker is running already");
        let (running, ready) = Running::start(args);
        self.running = Some(running);
        self.last = ready;
    }

    /// Sends the node a signal, by the name `kill` knows.
    pub(crate) fn signal(&self, name: &str) {
        // std sends no signals, and unsafe code is forbidden.
        if let Ok(pid) = fs::read_to_string(self.last.dir.join("node.pid")) {
            let _ = Command::new("sh")
                .args(["-c", "kill -\"$1\" \"$2\"", "sh", name, pid.trim()])
                .stderr(Stdio::null())
                .status();
        }
    }

    /// Has the names of new quorum queues written; see [`kill`](Self::kill).
    pub(crate) fn write_queues(&self) {
        self.rabbitmqctl(&["eval", "[dets:sync(T) || T <- dets:all()]."]);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill_at_once(); // quicker than stop()
    }
}

/// A virtual host that only one test uses.
#[derive(Debug, Clone)]
pub(crate) struct Vhost {
    name: String,
    port: u16,
}

impl Vhost {
    /// Its name, as `rabbitmqctl -p` takes it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The port of its broker.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its URI, user and password included.
    pub(crate) fn uri(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{}", self.port, self.name)
    }
}

/// The virtual hosts `t000`, `t001`, ... of a node: how many there are, and how many were handed
/// out.
#[derive(Debug, Default)]
struct Pool {
    made: usize,
    used: usize,
}

impl Pool {
    fn name(index: usize) -> String {
        format!("t{index:03}")
    }

    /// Definitions that make the next batch, with user `guest`, which a node that starts with
    /// definitions lacks.
    fn grow(&mut self) -> NamedTempFile {
        let mut vhosts = vec![r#"{"name":"/"}"#.to_owned()];
        let mut permissions = vec![Self::permission("/")];
        for index in self.made..self.made + BATCH {
            let name = Self::name(index);
            vhosts.push(format!(r#"{{"name":"{name}"}}"#));
            permissions.push(Self::permission(&name));
        }
        self.made += BATCH;
        let json = format!(
            r#"{{"users":[{{"name":"guest","password":"guest","tags":["administrator"]}}],"vhosts":[{}],"permissions":[{}]}}"#,
            vhosts.join(","),
            permissions.join(","),
        );
        NamedTempFile::with_suffix(".json")
            .and_then(|file| fs::write(file.path(), json).map(|()| file))
            .unwrap_or_else(|error| panic!("cannot write the broker's definitions: {error}"))
    }

    fn permission(vhost: &str) -> String {
        format!(r#"{{"user":"guest","vhost":"{vhost}","configure":".*","write":".*","read":".*"}}"#)
    }
}

/// What the script says of a node that has started.
#[derive(Debug, Default)]
struct Ready {
    port: u16,
    tls_port: Option<u16>,
    node: String,
    dir: PathBuf,
}

impl Ready {
    /// `ready port=N node=NAME dir=DIR epmd=PORT`, and ` tls=N` if asked for
    fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("ready port=")?;
        let (port, rest) = rest.split_once(" node=")?;
        let (node, rest) = rest.split_once(" dir=")?;
        let (dir, rest) = rest.trim_end().rsplit_once(" epmd=")?;
        let tls_port = rest.split_once(" tls=").and_then(|(_, port)| port.parse().ok());
        Some(Self { port: port.parse().ok()?, tls_port, node: node.into(), dir: dir.into() })
    }
}

/// The script, running.
#[derive(Debug)]
struct Running {
    child: Child,
    stderr: JoinHandle<String>,
}

impl Running {
    fn start(args: &[String]) -> (Self, Ready) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/dev/broker.sh");
        let mut child = Command::new(script)
            .arg("--until-eof")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A signal to our process group (Ctrl-C, a test runner's kill -9) must not kill the
            // script, which cleans up.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {script}: {error}"));

        let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
            unreachable!("both are piped");
        };
        let stderr = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let (sender, first_line) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = sender.send(line);
        });

        let running = Self { child, stderr };
        let line = first_line.recv_timeout(START);
        match line.as_deref().ok().and_then(Ready::parse) {
            Some(ready) => (running, ready),
            None => {
                panic!("the broker did not start ({line:?}); broker.sh says:\n{}", running.end())
            }
        }
    }

    /// Waits until the script has stopped the node and ended. Returns what it wrote on stderr.
    fn end(mut self) -> String {
        drop(self.child.stdin.take()); // the sign for it to stop
        let _ = self.child.wait();
        self.stderr.join().unwrap_or_default()
    }
}

fn path(file: &NamedTempFile) -> String {
    file.path().to_string_lossy().into_owned()
}
