//! TLS: which brokers are trusted, how we log in, and the messages when something does not fit.

mod files;
mod refusals;

use crate::support::{
    PATIENCE,
    broker::Broker,
    certificates::{self, Authority, Certificate},
    program::{Daemon, Ran, ctl_command},
    stub::Stub,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::{OnceLock, mpsc},
    thread,
};
use tempfile::TempDir;

/// The password of the user `keeper`, which is in files only.
const PASSWORD: &str = "pass word-in-a-file";

/// `robot` has no password: it logs in by certificate.
const DEFINITIONS: &str = r#"{
    "users": [
        {"name": "keeper", "password": "pass word-in-a-file", "tags": []},
        {"name": "robot", "password_hash": "", "tags": []}
    ],
    "vhosts": [{"name": "/"}],
    "permissions": [
        {"user": "keeper", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
        {"user": "robot", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    ]
}"#;

const CONFIG: &str = "
    auth_mechanisms.1 = PLAIN
    auth_mechanisms.2 = EXTERNAL
    ssl_cert_login_from = common_name
    ssl_options.verify = verify_peer
";

/// One node for all these tests, whose certificate is for `localhost` and not for 127.0.0.1.
struct Site {
    broker: Broker,
    authority: Authority,
}

fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| {
        let authority = Authority::new("private CA");
        let files = TempDir::new().unwrap();
        certificates::write(files.path(), &authority, &authority.issue("node", &["localhost"]));
        let config = format!("{CONFIG}ssl_options.fail_if_no_peer_cert = false");
        let broker = Broker::with_tls(files.path(), DEFINITIONS, &config);
        Site { broker, authority }
    })
}

impl Site {
    /// The URI with this user, if any.
    fn uri(&self, user: &str) -> String {
        let at = if user.is_empty() { "" } else { "@" };
        format!("amqps://{user}{at}localhost:{}/%2f", self.broker.tls_port())
    }
}

/// Files for a program.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn with(self, name: &str, text: &str) -> Self {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn with_certificate(self, certificate: &Certificate) -> Self {
        self.with("cert.pem", &certificate.pem).with("key.pem", &certificate.key)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// The setting or option for each file that is there.
    fn given(&self) -> Vec<(&'static str, String)> {
        [("password", "password_file"), ("ca.pem", "ca_file")]
            .into_iter()
            .chain([("cert.pem", "cert_file"), ("key.pem", "key_file")])
            .filter(|(name, _)| Path::new(&self.path(name)).exists())
            .map(|(name, key)| (key, self.path(name)))
            .collect()
    }

    fn dir(&self) -> String {
        self.path("")
    }

    fn daemon(&self, uri: &str, settings: &[(&str, &str)]) -> Daemon {
        self.daemon_with(uri, settings, &[])
    }

    fn daemon_with(
        &self,
        uri: &str,
        settings: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Daemon {
        let given: Vec<_> =
            self.given().into_iter().map(|(key, path)| (format!("amqp.{key}"), path)).collect();
        let mut all: Vec<_> =
            given.iter().map(|(key, path)| (key.as_str(), path.as_str())).collect();
        all.extend_from_slice(settings);
        Daemon::start_with(uri, &all, environment)
    }

    fn ctl(&self, uri: &str, args: &[&str]) -> Ran {
        self.ctl_command(uri, args).stdin(Stdio::null()).output().unwrap().into()
    }

    fn ctl_command(&self, uri: &str, args: &[&str]) -> Command {
        let given = self.given().into_iter();
        let options: Vec<_> =
            given.map(|(key, path)| format!("--{}={path}", key.replace('_', "-"))).collect();
        let options = options.iter().map(String::as_str);
        ctl_command(uri, &options.chain(args.iter().copied()).collect::<Vec<_>>())
    }
}

/// Runs a program that must end soon, and returns what it did.
fn in_time(mut command: Command) -> Ran {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output().unwrap().into()));
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let _ = Command::new("kill").arg(&pid).status(); // it would go on for minutes
        panic!("it hangs: {command:?}");
    })
}

#[test]
fn calls_go_through_tls_with_a_private_authority_and_a_password_from_a_file() {
    let site = site();
    let uri = site.uri("keeper:replaced");
    let files = Files::new().with("ca.pem", &site.authority.pem);
    let files = files.with("password", &format!("{PASSWORD}\n"));
    let daemon = files.daemon(&uri, &[("amqp.queue", "tls-password")]);
    daemon.wait_for("attached; consuming");
    let ran = files.ctl(&uri, &["--queue", "tls-password", "call", "30", "100000"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let digits = ran.stdout.strip_prefix("832040\n").unwrap();
    assert_eq!(digits.trim_end().len(), 20899);
}

#[test]
fn a_certificate_logs_in_where_the_uri_names_no_user() {
    let site = site();
    let files = Files::new()
        .with("ca.pem", &site.authority.pem)
        .with_certificate(&site.authority.issue("robot", &[]));
    let by_certificate = files.daemon(&site.uri(""), &[("amqp.queue", "tls-robot")]);
    by_certificate.wait_for("attached; consuming");
    assert_eq!(
        files.ctl(&site.uri(""), &["--queue", "tls-robot", "call", "30"]).stdout,
        "832040\n"
    );
    // The same certificate, and a user: it is the user who counts.
    let files = files.with("password", PASSWORD);
    let by_password = files.daemon(&site.uri("keeper"), &[("amqp.queue", "tls-both")]);
    by_password.wait_for("attached; consuming");
    let connections = site.broker.ctl(&["-q", "list_connections", "user", "auth_mechanism", "ssl"]);
    let rows: Vec<_> = connections.lines().collect();
    assert!(rows.contains(&"robot\tEXTERNAL\ttrue"), "{connections}");
    assert!(rows.contains(&"keeper\tPLAIN\ttrue"), "{connections}");
    assert!(!connections.contains("robot\tPLAIN"), "{connections}");
}

#[test]
fn the_systems_store_counts_unless_a_ca_file_is_named() {
    let site = site();
    let files = Files::new().with("password", PASSWORD);
    let store = Files::new().with("store", &site.authority.pem);
    let uri = site.uri("keeper");
    let ping = |files: &Files| {
        let mut command = files.ctl_command(&uri, &["--queue", "tls-none", "ping"]);
        // In the place of the system's store.
        command.env("SSL_CERT_FILE", store.path("store")).env_remove("SSL_CERT_DIR");
        in_time(command)
    };
    let trusted = ping(&files);
    assert_eq!(trusted.code, Some(5), "no queue, but a broker: {trusted:?}");
    let files = files.with("ca.pem", &Authority::new("another CA").pem);
    let refused = ping(&files);
    assert_eq!(refused.code, Some(6), "{refused:?}");
    assert!(refused.stderr.contains("an authority that is not trusted"), "{refused:?}");
}

#[test]
fn a_stub_serves_through_tls_by_a_certificate_or_a_password() {
    const SERVE: [&str; 6] = ["--queue", "tls-stub", "serve", "--declare", "--count", "1"];
    let site = site();
    let files = || Files::new().with("ca.pem", &site.authority.pem);
    let robot = files().with_certificate(&site.authority.issue("robot", &[]));
    for (files, user) in [(robot, ""), (files().with("password", PASSWORD), "keeper")] {
        let uri = site.uri(user);
        let mut stub = Stub::run(&mut files.ctl_command(&uri, &SERVE));
        stub.wait_for("serving ");
        let ran = files.ctl(&uri, &["--queue", "tls-stub", "request", "x"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "x\n"), "{ran:?}");
        assert_eq!(stub.wait().0, Some(0));
    }
    let strange = Files::new().with("ca.pem", &Authority::new("another CA").pem);
    let mut stub = Stub::run(&mut strange.ctl_command(&site.uri("keeper"), &SERVE));
    let (code, said) = stub.wait();
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("an authority that is not trusted"), "{said}");
}

#[test]
fn the_lines_to_try_it_make_certificates_that_are_trusted() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let document = fs::read_to_string(document).unwrap();
    let mut blocks = document.split("```console\n").skip(1);
    let block = blocks.find(|block| block.contains("openssl")).unwrap();
    let made = TempDir::new().unwrap();
    let place = made.path().to_str().unwrap();
    let lines = block.lines().map_while(|line| line.strip_prefix("$ "));
    let lines: Vec<_> = lines.take_while(|line| !line.contains("broker.sh")).collect();
    let lines = lines.join("\n").replace("/tmp/tls", place);
    let ran: Ran = Command::new("sh").args(["-ec", &lines]).output().unwrap().into();
    assert_eq!(ran.code, Some(0), "{lines}: {ran:?}");
    let broker = Broker::with_tls(made.path(), DEFINITIONS, "");
    let uri = format!("amqps://keeper@localhost:{}/%2f", broker.tls_port());
    let authority = fs::read_to_string(made.path().join("ca.pem")).unwrap();
    let files = Files::new().with("ca.pem", &authority).with("password", PASSWORD);
    let daemon = files.daemon(&uri, &[]);
    daemon.wait_for("attached; consuming");
    let ran = files.ctl(&uri, &["call", "30"]);
    assert_eq!(ran.stdout, "832040\n", "{ran:?}");
}
