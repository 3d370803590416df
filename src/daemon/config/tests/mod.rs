//! Configurations from all sources: values, defaults and messages.

mod mistakes;
mod named_files;

use super::{file::SHIPPED, *};
use std::fs;

/// Loads a file of this text, variables and options; the file is `FILE` in messages.
fn load(
    text: impl AsRef<[u8]>,
    environment: &[(&str, &str)],
    options: &[&str],
) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.toml");
    fs::write(&path, text).unwrap();
    let environment = environment.iter().map(|(k, v)| (k.into(), v.into()));
    let sources = Sources {
        file: File::Explicit(path.clone()),
        environment: environment.collect(),
        options: options.iter().map(ToString::to_string).collect(),
    };
    Config::load(sources).map_err(|error| error.to_string().replace(path.to_str().unwrap(), "FILE"))
}

/// No settings, not even from a file that is installed on this machine.
fn no_file() -> Sources {
    Sources { file: File::Explicit("/dev/null".into()), ..Sources::default() }
}

fn good(text: &str) -> Config {
    load(text, &[], &[]).unwrap()
}

/// The value of this key in a file that holds only `key = value`.
fn with(key: &Key, value: &str) -> Config {
    good(&format!("[{}]\n{} = {value}\n", key.section(), key.name()))
}

#[test]
fn nothing_set_is_the_default() {
    assert_eq!(good(""), Config::default());
    let local = "amqp://guest:guest@127.0.0.1:5672/%2f".parse().unwrap();
    assert_eq!(Config::default().amqp.uris, [local]);
    assert_eq!(Config::default().http.listen, Some("127.0.0.1:9674".parse().unwrap()));
}

#[test]
fn keys_and_structs_are_in_step() {
    for key in KEYS {
        let config = with(key, key.default.unwrap_or("7"));
        let mut expected = Config::default();
        if key.path == "compute.threads" {
            expected.compute.threads = NonZeroUsize::new(7).unwrap();
        }
        assert_eq!(config, expected, "{}", key.path);
        // Every word is a variant of the enum, and each a different one.
        if let Kind::Word(words) = key.kind {
            let configs: Vec<_> =
                words.iter().map(|word| with(key, &format!("{word:?}"))).collect();
            for (index, config) in configs.iter().enumerate() {
                assert!(!configs.iter().skip(index + 1).any(|other| other == config));
            }
        }
    }
    // Nothing in the structs but the keys: one line of `{:#?}` for each scalar and section.
    let shown = format!("{:#?}", Config::default());
    let fields = shown
        .lines()
        .filter(|line| line.starts_with("        ") && !line.starts_with("         "))
        .filter(|line| line.contains(": "));
    let tls = 1; // read from files that have keys
    assert_eq!(fields.count(), KEYS.len() + tls, "{shown}");
}

#[test]
fn shipped_file_shows_every_default() {
    assert_eq!(good(SHIPPED), Config::default());
    // Comments have a space after the #, keys have none.
    let uncommented: String = SHIPPED
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let mut config = good(&uncommented);
    assert_eq!(config.compute.threads.get(), 4);
    config.compute.threads = Compute::default().threads;
    assert_eq!(config, Config::default());
    let table = toml::de::DeTable::parse(&uncommented).unwrap();
    for key in KEYS {
        let value = table
            .get_ref()
            .get(key.section())
            .and_then(|section| section.get_ref().get(key.name()));
        assert!(value.is_some(), "{} is not in fibrpcd.toml", key.path);
    }
}

#[test]
fn each_layer_is_over_the_one_before() {
    let text = "[amqp]\nprefetch = 2\nheartbeat = '2s'\nqueue = 'two'\n";
    let environment = [
        ("FIBRPCD_AMQP__HEARTBEAT", "3s"),
        ("fibrpcd_amqp__queue", "three"),
        ("FIBRPCD_SERVICE_PORT_HTTP", "9674"),
        ("FIBRPCD_PORT", "tcp://10.0.0.1:9674"),
        ("HOME", "/root"),
    ];
    let options = ["amqp.queue=4", "amqp.queue=four=4"];
    let amqp = load(text, &environment, &options).unwrap().amqp;
    let expected = Amqp {
        prefetch: 2,
        heartbeat: Duration::from_secs(3),
        queue: "four=4".to_owned(),
        ..Amqp::default()
    };
    assert_eq!(amqp, expected);
}

#[test]
fn texts_are_read_by_the_kind_of_their_key() {
    let options = [
        "amqp.uris=amqp://a:x@h1, amqp://b:y@h2/v",
        "compute.max_n=1_000",
        "compute.threads=0x10",
        "http.listen=",
        "log.level=trace",
        "shutdown.drain_timeout=1m 30s",
    ];
    let config = load("", &[], &options).unwrap();
    let uris = ["amqp://a:x@h1", "amqp://b:y@h2/v"].map(|uri| uri.parse().unwrap());
    assert_eq!(config.amqp.uris, uris);
    assert_eq!(config.compute.max_n, 1000);
    assert_eq!(config.compute.threads.get(), 16);
    assert_eq!(config.http.listen, None);
    assert_eq!(config.log.level, Level::Trace);
    assert_eq!(config.shutdown.drain_timeout, Duration::from_secs(90));
    let commas = [("FIBRPCD_AMQP__URIS", "amqp://a:x,y,@h1,amqp://h2, amqp://b:,y@h3")];
    let uris_with_commas = ["amqp://a:x%2Cy%2C@h1", "amqp://h2", "amqp://b:%2Cy@h3"];
    let uris_with_commas = uris_with_commas.map(|uri| uri.parse().unwrap());
    assert_eq!(load("", &commas, &[]).unwrap().amqp.uris, uris_with_commas);
    let list = [("FIBRPCD_AMQP__URIS", " ['amqp://a:x@h1', \"amqp://b:y@h2/v\",]")];
    assert_eq!(load("", &list, &[]).unwrap().amqp.uris, uris);
}

#[test]
fn a_variable_that_is_empty_is_not_set() {
    let text = "[amqp]\nprefetch = 7\n[http]\nlisten = '[::1]:1'\n";
    let every = KEYS
        .iter()
        .map(|key| format!("FIBRPCD_{}__{}", key.section(), key.name()).to_ascii_uppercase());
    let every: Vec<_> = every.chain(["FIBRPCD_X".to_owned()]).collect();
    let empty: Vec<_> = every.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(load(text, &empty, &[]).unwrap(), good(text));
    let off = load(text, &[("FIBRPCD_HTTP__LISTEN", "\"\"")], &[]).unwrap();
    assert_eq!((off.http.listen, off.amqp.prefetch), (None, 7));
    let environment = vec![("CREDENTIALS_DIRECTORY".into(), "".into())];
    let options = vec!["amqp.password_file=%d/x".to_owned()];
    let error = Config::load(Sources { environment, options, ..no_file() }).unwrap_err();
    assert!(error.to_string().contains("$CREDENTIALS_DIRECTORY, which is not set"), "{error}");
}

#[test]
fn an_invisible_mark_at_the_start_is_ignored_and_wide_text_is_told() {
    assert_eq!(good("\u{feff}[amqp]\r\nprefetch = 7\r\n").amqp.prefetch, 7);
    let wide: Vec<u8> = "[amqp]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let expected = "FILE: cannot read the configuration: it is UTF-16 text; save it as UTF-8";
    assert_eq!(load(&wide, &[], &[]).unwrap_err(), expected);
}

#[test]
fn a_character_that_only_looks_like_one_of_toml_is_named() {
    for (line, says) in [
        ("level = \u{201c}info\u{201d}", "U+201C (\u{201c}): write a straight quote, \" or '"),
        ("level = \u{2018}info\u{2019}", "U+2018 (\u{2018}): write a straight quote"),
        ("level\u{a0}= 'info'", "U+00A0: write a plain space, or nothing"),
        ("level = 'info'\u{200b}", "U+200B: write a plain space, or nothing"),
        ("pegel\u{fc} = 'info'", "U+00FC (\u{fc}): outside of quotes only ASCII"),
    ] {
        let message = load(format!("[log]\n{line}\n"), &[], &[]).unwrap_err();
        assert!(
            message.starts_with("FILE:2: invalid TOML: ") && message.contains(says),
            "{message}"
        );
    }
    let message = load("[log]\nlevel = '\u{201c}' x\n", &[], &[]).unwrap_err();
    assert!(!message.contains("U+"), "it may stand in quotes: {message}");
}

#[test]
fn every_mistake_of_every_layer_in_order() {
    let text = "# one\n[log]\nlevel = 'loud'\n\n[amqp]\nqueue = 1\nqueue = 2\n[amqp.tls]\n";
    let environment = [("FIBRPCD_LOG__LEVEL", "info"), ("FIBRPCD_A__B", "1")];
    let expected = "\
FILE:3: log.level: expected one of error, warn, info, debug, trace, found \"loud\"
FILE:6: amqp.queue: expected a queue name of 1 to 255 bytes, found 1
FILE:7: amqp.queue: already given in line 6; keep one of the two
FILE:8: amqp.tls: unknown key; the keys of amqp are uris, password_file, ca_file, cert_file, key_file, queue, queue_type, prefetch, heartbeat, \
connect_timeout, backoff_initial, backoff_max
environment FIBRPCD_A__B: a.b: unknown section; the sections are amqp, compute, http, shutdown, log, trace
--set x: expected KEY=VALUE, such as amqp.prefetch=1";
    assert_eq!(load(text, &environment, &["x"]).unwrap_err(), expected);
}

#[test]
fn unreadable_files() {
    let bytes = b"[log]\nlevel = '\xff'\n";
    let expected = "FILE:2: not UTF-8 text; save it as UTF-8";
    assert_eq!(load(bytes, &[], &[]).unwrap_err(), expected);
    let explicit = |path: &Path| {
        let file = File::Explicit(path.to_owned());
        let error = Config::load(Sources { file, ..Sources::default() }).unwrap_err();
        assert_eq!(error.problems().len(), 1);
        error.to_string()
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_eq!(
        explicit(path),
        format!(
            "{}: cannot read the configuration: it is a directory; name a file",
            path.display()
        )
    );
    assert_eq!(
        explicit(Path::new("/nonexistent/f\n.toml")),
        "/nonexistent/f\\n.toml: cannot read the configuration: no such file"
    );
    assert_eq!(
        explicit(Path::new("/dev/zero")),
        "/dev/zero: cannot read the configuration: it is larger than 1 MiB"
    );
    // The default file may be missing, but not unreadable.
    assert!(file::read_if_present(&path.join("none")).into_problems().is_empty());
    assert_eq!(file::read_if_present(path).into_problems().len(), 1);
}

#[test]
fn a_permission_error_says_what_to_do() {
    // Made by hand: tests may run as root, which ignores permissions.
    let error = std::io::ErrorKind::PermissionDenied.into();
    let problems = file::unreadable(Path::new("/f"), &error).into_problems();
    let expected = "/f: cannot read the configuration: permission denied; \
        make it readable for the user that runs the program";
    assert_eq!(ConfigError::new(problems).to_string(), expected);
}

#[test]
fn secrets_are_never_shown() {
    let config = good("amqp.uris = ['amqp://u:secret@h']");
    assert_eq!(config.amqp.uris.first().unwrap().password(), "secret");
    assert!(!format!("{config:?} {config:#?}").contains("secret"));
    let sources = Sources {
        environment: vec![("FIBRPCD_AMQP__URIS".into(), "amqp://u:secret@h:0".into())],
        options: ["amqp.uris=amqp://u:secret@", "amqp.secret@=", "x=secret", "amqp://u:secret@h"]
            .map(str::to_owned)
            .into(),
        ..no_file()
    };
    assert!(!format!("{sources:?}").contains("secret"));
    let error = Config::load(sources).unwrap_err();
    assert_eq!(error.problems().len(), 5);
    assert!(!format!("{error:?} {error}").contains("secret"), "{error}");
}

#[test]
#[cfg(feature = "otlp")]
fn the_url_of_a_collector_is_one_that_the_exporter_takes() {
    for (text, expected) in [
        ("http://h:4318/", "http://h:4318"),
        (" http://h:4318\n", "http://h:4318"),
        ("http:h:1", "http://h:1"),
        ("http://b\u{fc}cher/a b", "http://xn--bcher-kva/a%20b"),
    ] {
        let config = load("", &[("FIBRPCD_TRACE__ENDPOINT", text)], &[]).unwrap();
        assert_eq!(config.trace.endpoint.as_deref(), Some(expected), "{text:?}");
    }
    for text in ["https://h", "http://", "http://u:p@h", "http://h?key", "http://h#part", "h:4318"]
    {
        assert!(load("", &[("FIBRPCD_TRACE__ENDPOINT", text)], &[]).is_err(), "{text:?}");
    }
}

#[test]
fn nothing_is_0_with_or_without_a_unit() {
    for zero in ["0", "\"0\"", "00", " 0 ", "0B", "0 MiB"] {
        let config = load("", &[("FIBRPCD_COMPUTE__CACHE", zero.trim_matches('"'))], &[]);
        assert_eq!(config.unwrap().compute.cache, 0, "{zero}");
    }
    for zero in ["0", "\"0\"", "\"0B\"", "\"0 MiB\""] {
        let config = load(format!("compute.cache = {zero}"), &[], &[]).unwrap();
        assert_eq!(config.compute.cache, 0, "{zero}");
    }
    for zero in ["0", "\"0\"", "\"0s\"", "\"0ms\""] {
        let config = load(format!("shutdown.drain_timeout = {zero}"), &[], &[]).unwrap();
        assert_eq!(config.shutdown.drain_timeout, Duration::ZERO, "{zero}");
    }
    let config = load("", &[], &["shutdown.drain_timeout=0", "compute.cache=0"]).unwrap();
    assert_eq!((config.compute.cache, config.shutdown.drain_timeout), (0, Duration::ZERO));
}

#[test]
fn a_ratio_is_a_part_of_a_whole() {
    for (text, good) in [
        ("0", true),
        ("1", true),
        ("0.5", true),
        ("0.000001", true),
        ("1e-6", true),
        ("0.0000009", false),
        ("1.1", false),
        ("-0.1", false),
        ("nan", false),
        ("half", false),
    ] {
        let loaded = load("", &[("FIBRPCD_TRACE__SAMPLE_RATIO", text)], &[]);
        assert_eq!(loaded.is_ok(), good, "{text}");
    }
}
