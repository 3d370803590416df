//! TLS: whom we trust, how we log in, and what is said when something does not fit.

use crate::support::{
    PATIENCE,
    broker::{self, Broker},
    certificates::{self, Authority, Certificate},
    program::{Daemon, Ran, ctl, ctl_command, fibrpcd},
};
use std::{
    fs,
    net::TcpListener,
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
        fs::write(self.0.path().join(name), text).unwrap();
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

/// The client's message, of one line, about a call that must end with 6 at once: trying again
/// would be of no use.
fn refusal(files: &Files, uri: &str) -> String {
    let command = files.ctl_command(uri, &["--timeout", "5m", "--queue", "tls-none", "call", "30"]);
    let ran = in_time(command);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(6), ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    ran.stderr
}

/// What a program did that must not wait for long.
fn in_time(mut command: Command) -> Ran {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(command.stdin(Stdio::null()).output().unwrap().into()));
    receiver.recv_timeout(PATIENCE).expect("it does not hang")
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
fn the_client_says_what_does_not_fit() {
    let site = site();
    let stranger = Authority::new("another CA");
    let trusting = || Files::new().with("ca.pem", &site.authority.pem);
    let (port, tls_port) = (site.broker.port(), site.broker.tls_port());
    for (files, uri, says) in [
        (
            Files::new().with("ca.pem", &stranger.pem),
            site.uri("keeper"),
            "certificate was issued by an authority that is not trusted",
        ),
        (
            // One of the same name: only the signature tells.
            Files::new().with("ca.pem", &Authority::new("private CA").pem),
            site.uri("keeper"),
            "not signed by the trusted authority of that name",
        ),
        (Files::new(), site.uri("keeper"), "by an authority that is not trusted; set the CA file"),
        (
            trusting(),
            format!("amqps://keeper@127.0.0.1:{tls_port}/%2f"),
            "the broker's certificate is not for 127.0.0.1",
        ),
        (
            trusting(),
            format!("amqps://keeper@localhost:{port}/%2f"),
            "what answers does not speak TLS; use amqp://",
        ),
        (
            trusting(),
            format!("amqp://keeper@localhost:{tls_port}/%2f"),
            "the broker's port is one for TLS; use amqps://",
        ),
        (
            trusting().with_certificate(&site.authority.issue("nobody", &[])),
            site.uri(""),
            "the broker says 403 ACCESS_REFUSED",
        ),
        (
            trusting().with_certificate(&site.authority.issue("nobody", &[])),
            site.uri(""),
            "rabbitmq_auth_mechanism_ssl, the mechanism EXTERNAL, and a user of the certificate's name",
        ),
        (
            trusting().with_certificate(&stranger.issue("robot", &[])),
            site.uri(""),
            "the broker does not accept our client certificate (UnknownCA)",
        ),
        (trusting().with("password", "wrong"), site.uri("keeper"), "403 ACCESS_REFUSED"),
    ] {
        let message = refusal(&files, &uri);
        assert!(message.contains(says), "expected {says:?}, found {message}");
    }
}

#[test]
fn a_login_by_certificate_says_so_where_the_broker_does_not_know_any() {
    // A broker with TLS, but without EXTERNAL.
    let authority = Authority::new("CA");
    let files = TempDir::new().unwrap();
    certificates::write(files.path(), &authority, &authority.issue("node", &["localhost"]));
    let config = "auth_mechanisms.1 = PLAIN\nssl_options.verify = verify_peer";
    let broker = Broker::with_tls(files.path(), DEFINITIONS, config);
    let files = Files::new().with("ca.pem", &authority.pem);
    let files = files.with_certificate(&authority.issue("robot", &[]));
    let daemon = files.daemon(&format!("amqps://localhost:{}", broker.tls_port()), &[]);
    daemon.wait_for("to log in by certificate, the broker needs the plugin");
}

#[test]
fn a_daemon_keeps_trying_and_is_there_when_the_broker_has_a_good_certificate() {
    let authority = Authority::new("CA");
    let files = TempDir::new().unwrap();
    let expired = authority.issue_expired("node", &["localhost"]);
    certificates::write(files.path(), &authority, &expired);
    let config = format!("{CONFIG}ssl_options.fail_if_no_peer_cert = true");
    let broker = Broker::with_tls(files.path(), DEFINITIONS, &config);
    let uri = format!("amqps://keeper@localhost:{}/%2f", broker.tls_port());
    let files = Files::new().with("ca.pem", &authority.pem).with("password", PASSWORD);
    let anonymous = files.daemon(&uri, &[]);
    let files = Files::new().with("ca.pem", &authority.pem).with("password", PASSWORD);
    let files = files.with_certificate(&authority.issue("robot", &[]));
    let shown = files.daemon(&uri, &[]);
    for daemon in [&anonymous, &shown] {
        daemon.wait_for("the broker's certificate has expired; renew it");
        daemon.wait_for_metric("fibrpcd_amqp_connect_failures_total", 3);
        let (status, reason) = daemon.get("/readyz");
        assert_eq!(status, 503);
        assert!(reason.contains("the broker's certificate has expired"), "{reason}");
        let warnings = daemon.log().matches("certificate has expired").count();
        assert_eq!(warnings, 1, "the same failure again is not told again: {}", daemon.log());
    }
    broker.renew_certificate(|directory| {
        certificates::write(directory, &authority, &authority.issue("node", &["localhost"]));
    });
    shown.wait_for("attached; consuming");
    anonymous.wait_for("the broker wants a client certificate; set the certificate and key files");
    assert_eq!(files.ctl(&uri, &["call", "30"]).stdout, "832040\n");
}

#[test]
fn a_tls_handshake_that_is_not_answered_has_a_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("amqps://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let files = Files::new().with("ca.pem", &site().authority.pem);
    let daemon = files.daemon(&uri, &[("amqp.connect_timeout", "200ms")]);
    daemon.wait_for("no answer within 200ms");
    let ran = in_time(files.ctl_command(&uri, &["--timeout", "300ms", "call", "30"]));
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
}

#[test]
fn bad_files_are_mistakes_in_the_configuration() {
    let authority = Authority::new("CA");
    let (one, other) = (authority.issue("one", &[]), authority.issue("other", &[]));
    let files = Files::new()
        .with("ca.pem", &authority.pem)
        .with("empty", "")
        .with("secret", "top-secret\ntop-secret\n")
        .with_certificate(&one)
        .with("other.pem", &other.key)
        .with("encrypted.pem", &one.key.replace("PRIVATE", "ENCRYPTED PRIVATE"))
        .with("damaged.pem", &one.key.replace("-----END", "top-secret"));
    let cert = format!("amqp.cert_file={}", files.path("cert.pem"));
    for (settings, key, says) in [
        (["amqp.password_file=@/none", ""], "password_file", "@/none: no such file"),
        (["amqp.password_file=@/empty", ""], "password_file", "@/empty: it is empty"),
        (["amqp.password_file=@/secret", ""], "password_file", "@/secret: it has more than one"),
        (["amqp.password_file=@", ""], "password_file", "it is a directory"),
        (
            ["amqp.password_file=%d/x", ""],
            "password_file",
            "$CREDENTIALS_DIRECTORY, which is not set",
        ),
        (["amqp.ca_file=@/none", ""], "ca_file", "@/none: no such file"),
        (["amqp.ca_file=@/secret", ""], "ca_file", "@/secret: no certificate in it"),
        ([&cert, ""], "cert_file", "a client certificate needs its key"),
        (["amqp.key_file=@/key.pem", ""], "key_file", "a key needs its certificate"),
        ([&cert, "amqp.key_file=@/none"], "key_file", "@/none: no such file"),
        ([&cert, "amqp.key_file=@/secret"], "key_file", "@/secret: no private key in it"),
        ([&cert, "amqp.key_file=@/encrypted.pem"], "key_file", "the key has a passphrase"),
        ([&cert, "amqp.key_file=@/damaged.pem"], "key_file", "it is damaged"),
        (
            [&cert, "amqp.key_file=@/other.pem"],
            "key_file",
            "@/other.pem is not the key of the client certificate",
        ),
    ] {
        let settings =
            settings.map(|setting| setting.replace('@', files.0.path().to_str().unwrap()));
        let mut args = vec!["--check", "--config", "/dev/null"];
        for setting in settings.iter().filter(|setting| !setting.is_empty()) {
            args.extend(["--set", setting]);
        }
        let ran = fibrpcd(&args, &[]);
        let says = says.replace('@', files.0.path().to_str().unwrap());
        assert_eq!(ran.code, Some(78), "{settings:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{settings:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!(": amqp.{key}: ")), "{settings:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(&says), "{settings:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("top-secret"), "{}", ran.stderr);
    }
    let ran = ctl("amqps://h", &["--ca-file", &files.path("empty"), "ping"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--ca-file: ") && ran.stderr.contains("no certificate"), "{ran:?}");
}

#[test]
fn nothing_that_is_written_holds_a_password() {
    let site = site();
    let secrets = [PASSWORD, "wrong-secret", "uri-secret"];
    // systemd's directory of credentials, as LoadCredential= makes it.
    let files = Files::new().with("ca.pem", &site.authority.pem);
    let credentials = Files::new().with("good", PASSWORD).with("bad", "wrong-secret");
    let loud = [("log.level", "trace"), ("amqp.queue", "tls-secrets")];
    let uri = site.uri("keeper:uri-secret");
    let mut texts = Vec::new();
    for (name, event) in [("good", "attached; consuming"), ("bad", "403 ACCESS_REFUSED")] {
        let file = format!("%d/{name}");
        let settings = [&loud[..], &[("amqp.password_file", &file)]].concat();
        let daemon =
            files.daemon_with(&uri, &settings, &[("CREDENTIALS_DIRECTORY", &credentials.dir())]);
        daemon.wait_for(event);
        if name == "good" {
            let given = files.path("ca.pem");
            let password = credentials.path("good");
            let args =
                ["--ca-file", &given, "--password-file", &password, "--queue", "tls-secrets"];
            let ran = ctl(&uri, &[&args[..], &["call", "30"]].concat());
            assert_eq!(ran.stdout, "832040\n", "{ran:?}");
            texts.push(ran.stderr);
        }
        texts.extend(["/metrics", "/readyz"].map(|path| daemon.get(path).1));
        texts.push(daemon.log());
    }
    for args in [&["--password-file=/nonexistent"][..], &["--queue=x"], &["--timeout=x"]] {
        let ran = files.ctl(&uri, &[args, &["call", "30"]].concat());
        assert_ne!(ran.code, Some(0));
        texts.push(ran.stderr);
    }
    let vhost = broker::shared().vhost();
    texts.push(ctl(&vhost.uri().replace("guest:guest", "guest:uri-secret"), &["ping"]).stderr);
    let bad = format!("{uri}?x=1");
    let args = ["--check", "--set", &format!("amqp.uris={bad}")];
    texts.push(fibrpcd(&args, &[("FIBRPCD_AMQP__URIS", &bad)]).stderr);
    let all = texts.join("\n");
    for shown in ["fibrpcd_amqp_connected", "\"DEBUG\"", "403 ACCESS_REFUSED", "parameter x is not"]
    {
        assert!(all.contains(shown), "{shown:?} is where secrets might be: {all}");
    }
    for secret in secrets {
        let bytes = format!("{:?}", secret.as_bytes());
        assert!(!all.contains(secret) && !all.contains(bytes.trim_matches(['[', ']'])), "{all}");
    }
}
