//! What is read from files, and what is never written.

use super::{Files, PASSWORD, site};
use crate::support::{
    broker,
    certificates::Authority,
    program::{ctl, fibrpcd},
};

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
    let ran = ctl("amqp://h", &["--ca-file", &files.path("empty"), "ping"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("--ca-file: it does nothing"), "{ran:?}");
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
