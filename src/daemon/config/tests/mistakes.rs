//! One mistake at a time, and its message.

use super::{load, no_file};
use crate::daemon::config::*;
use std::os::unix::ffi::OsStringExt;

/// File, and the messages it gives.
const BAD_FILES: &[(&str, &str)] = &[
    // Keys and sections.
    ("[amqp]\nprefech = 1", "FILE:2: amqp.prefech: unknown key; did you mean amqp.prefetch?"),
    ("[amqp]\nmax_n = 1", "FILE:2: amqp.max_n: unknown key; did you mean compute.max_n?"),
    ("[log]\ncolour = 1", "FILE:2: log.colour: unknown key; the keys of log are level, format"),
    (
        "prefetch = 1",
        "FILE:1: prefetch: unknown key outside of the sections; did you mean amqp.prefetch?",
    ),
    (
        "\"log.level\" = 1",
        "FILE:1: log.level: unknown key outside of the sections; did you mean log.level?",
    ),
    (
        "x = 1",
        "FILE:1: x: unknown key outside of the sections; the sections are amqp, compute, http, shutdown, log, trace",
    ),
    ("[ampq]\na = 1\nb = 2", "FILE:1: ampq: unknown section; did you mean amqp?"),
    (
        "[metrics]",
        "FILE:1: metrics: unknown section; the sections are amqp, compute, http, shutdown, log, trace",
    ),
    ("\namqp = 'x'", "FILE:2: amqp: expected a section, [amqp], found a string"),
    ("[[log]]\nlevel = 'info'", "FILE:1: log: expected a section, [log], found a list"),
    (
        "[amqp.prefetch]",
        "FILE:1: amqp.prefetch: expected an integer from 1 to 65535, found a section",
    ),
    (
        "[log]\n\nlevel = 'info'\nlevel = 'warn'",
        "FILE:4: log.level: already given in line 3; keep one of the two",
    ),
    ("[log]\n[http]\n[log]", "FILE:3: log: given a second time; keep one of the two"),
    // Syntax.
    ("[amqp]\nqueue = \"x\n", "FILE:2: invalid TOML: invalid basic string, expected `\"`"),
    ("[amqp\n", "FILE:1: invalid TOML: unclosed table, expected `]`"),
    (
        "[amqp]\nprefetch = 07\nqueue",
        "FILE:2: invalid TOML: unexpected leading zero\n\
        FILE:3: invalid TOML: key with no value, expected `=`",
    ),
    // Integers.
    (
        "[amqp]\n\nprefetch = \"ten\"",
        "FILE:3: amqp.prefetch: expected an integer from 1 to 65535, found \"ten\"",
    ),
    (
        "amqp.prefetch = 0",
        "FILE:1: amqp.prefetch: expected an integer from 1 to 65535, found 0; 0 would be unlimited",
    ),
    (
        "amqp.prefetch = 65536",
        "FILE:1: amqp.prefetch: expected an integer from 1 to 65535, found 65536",
    ),
    (
        "amqp.prefetch = 1.5",
        "FILE:1: amqp.prefetch: expected an integer from 1 to 65535, found 1.5",
    ),
    (
        "compute.threads = -1",
        "FILE:1: compute.threads: expected an integer from 1 to 1024, found -1",
    ),
    (
        "compute.max_n = 99999999999999999999999",
        "FILE:1: compute.max_n: expected an integer from 0 to 1000000000, found 99999999999999999999999",
    ),
    (
        "[compute]\nmemory = 512",
        "FILE:2: compute.memory: expected a size from \"1.0 MiB\" to \"1.0 TiB\", found 512; add a unit, as in \"512MiB\"",
    ),
    (
        "compute.memory = '512'",
        "FILE:1: compute.memory: expected a size from \"1.0 MiB\" to \"1.0 TiB\", found \"512\"; add a unit, as in \"512MiB\"",
    ),
    (
        "compute.memory = 0",
        "FILE:1: compute.memory: expected a size from \"1.0 MiB\" to \"1.0 TiB\", found 0",
    ),
    (
        "amqp.backoff_max = '0'",
        "FILE:1: amqp.backoff_max: expected a duration from \"10ms\" to \"1h\", found \"0\"",
    ),
    (
        "compute.memory = '1 parsec'",
        "FILE:1: compute.memory: expected a size from \"1.0 MiB\" to \"1.0 TiB\", found \"1 parsec\"",
    ),
    (
        "compute.memory = '32MiB'",
        "FILE:1: compute.memory: expected compute.memory to be enough for compute.max_n = 50000000, which needs 65.4 MiB, found 32.0 MiB",
    ),
    (
        "compute.max_n = 1_000_000_000",
        "FILE:1: compute.max_n: expected compute.memory to be enough for compute.max_n = 1000000000, which needs 1.3 GiB, found 512.0 MiB",
    ),
    (
        "compute.max_n = true",
        "FILE:1: compute.max_n: expected an integer from 0 to 1000000000, found true",
    ),
    // Durations.
    (
        "amqp.heartbeat = 10",
        "FILE:1: amqp.heartbeat: expected a duration in whole seconds from \"1s\" to \"1h\", found 10; add a unit, as in \"10s\"",
    ),
    (
        "amqp.heartbeat = '1500ms'",
        "FILE:1: amqp.heartbeat: expected a duration in whole seconds from \"1s\" to \"1h\", found \"1500ms\"",
    ),
    (
        "amqp.connect_timeout = '1 fortnight'",
        "FILE:1: amqp.connect_timeout: expected a duration from \"100ms\" to \"10m\", found \"1 fortnight\"",
    ),
    (
        "amqp.connect_timeout = '11m'",
        "FILE:1: amqp.connect_timeout: expected a duration from \"100ms\" to \"10m\", found \"11m\"",
    ),
    (
        "shutdown.drain_timeout = -5",
        "FILE:1: shutdown.drain_timeout: expected a duration from \"0s\" to \"1h\", found -5",
    ),
    (
        "amqp.backoff_max = ''",
        "FILE:1: amqp.backoff_max: expected a duration from \"10ms\" to \"1h\", found \"\"",
    ),
    (
        "[amqp]\nbackoff_max = '2s'\nbackoff_initial = '3s'",
        "FILE:3: amqp.backoff_initial: expected amqp.backoff_initial to be no longer than amqp.backoff_max, found 3s and 2s",
    ),
    (
        "[amqp]\nbackoff_max = '100ms'",
        "FILE:2: amqp.backoff_max: expected amqp.backoff_initial to be no longer than amqp.backoff_max, found 200ms and 100ms",
    ),
    (
        "[amqp]\nbackoff_max = '100ms'\nbackoff_initial = 1",
        "FILE:3: amqp.backoff_initial: expected a duration from \"10ms\" to \"1h\", found 1; add a unit, as in \"1s\"",
    ),
    // Words, addresses, queues.
    (
        "log.level = 'INFO'",
        "FILE:1: log.level: expected one of error, warn, info, debug, trace, found \"INFO\"; did you mean \"info\"?",
    ),
    (
        "amqp.queue_type = 'stream'",
        "FILE:1: amqp.queue_type: expected one of auto, quorum, classic, transient, passive, found \"stream\"",
    ),
    (
        "log.format = 1979-05-27",
        "FILE:1: log.format: expected one of auto, journald, text, json, found a date",
    ),
    (
        "http.listen = 'localhost:1'",
        "FILE:1: http.listen: expected an IP address and port such as \"127.0.0.1:9674\", or \"\" for off, found \"localhost:1\"",
    ),
    ("amqp.queue = ''", "FILE:1: amqp.queue: expected a queue name of 1 to 255 bytes, found \"\""),
    (
        "amqp.queue = 'amq.x'",
        "FILE:1: amqp.queue: names that start with \"amq.\" are the broker's own; choose another, found \"amq.x\"",
    ),
    (
        "log.level = 'amqp://u:secret@h'",
        "FILE:1: log.level: expected one of error, warn, info, debug, trace, found a text that may hold a password",
    ),
    // URIs.
    (
        "amqp.uris = []",
        "FILE:1: amqp.uris: expected a list of at least one broker URI, found an empty list",
    ),
    (
        "amqp.uris = 'amqp://u:secret@h'",
        "FILE:1: amqp.uris: expected a list of at least one broker URI, found a string; put it in square brackets",
    ),
    (
        "amqp.uris = 5",
        "FILE:1: amqp.uris: expected a list of at least one broker URI, found an integer",
    ),
    (
        "[amqp]\nuris = [\n'amqp://u:secret@h',\n'amqpss://u:secret@h',\n3]",
        "FILE:4: amqp.uris: entry 2: expected a URI that starts with amqp:// or amqps://\n\
        FILE:5: amqp.uris: entry 3: expected a broker URI, found an integer",
    ),
    (
        "[amqp]\nuris = ['amqp://u:secret@h?heartbeat=5']",
        "FILE:2: amqp.uris: entry 1: the query parameter heartbeat is not supported; fibrpcd has amqp.heartbeat for it",
    ),
];

#[test]
fn mistakes_in_the_file() {
    for (text, expected) in BAD_FILES {
        let message = load(text, &[], &[]).unwrap_err();
        assert_eq!(message, *expected, "{text}");
        assert!(!message.contains("secret"));
    }
    let long = format!("amqp.queue = '{}'", "q".repeat(256));
    let expected = "FILE:1: amqp.queue: expected a queue name of 1 to 255 bytes, found one of 256";
    assert_eq!(load(&long, &[], &[]).unwrap_err(), expected);
}

#[test]
fn mistakes_in_the_environment() {
    let cases = [
        (
            ("FIBRPCD_AMQP__PREFETCH", "ten"),
            "FIBRPCD_AMQP__PREFETCH: amqp.prefetch: expected an integer from 1 to 65535, found \"ten\"",
        ),
        (
            ("FIBRPCD_AMQP__PREFETCH", "\"\""),
            "FIBRPCD_AMQP__PREFETCH: amqp.prefetch: expected an integer from 1 to 65535, found \"\"",
        ),
        (
            ("FIBRPCD_AMQP__PREFECH", "1"),
            "FIBRPCD_AMQP__PREFECH: amqp.prefech: unknown key; did you mean amqp.prefetch?",
        ),
        (
            ("FIBRPCD_AMQP_QUEUE_TYPE", "1"),
            "FIBRPCD_AMQP_QUEUE_TYPE: section and key need two underscores between; did you mean FIBRPCD_AMQP__QUEUE_TYPE?",
        ),
        (
            ("FIBRPCD_LOG", "debug"),
            "FIBRPCD_LOG: log: a section, not a key; expected one of its keys: level, format",
        ),
        (
            ("FIBRPCD_AMQP__URIS", " "),
            "FIBRPCD_AMQP__URIS: amqp.uris: expected a list of at least one broker URI, found an empty text",
        ),
        (
            ("FIBRPCD_AMQP__URIS", "amqp://u:secret@h,"),
            "FIBRPCD_AMQP__URIS: amqp.uris: entry 2: the URI is empty; expected one such as amqp://user:password@host:5672/vhost; entries end at commas: write one in a name as %2C",
        ),
        (
            ("FIBRPCD_AMQP__URIS", "['amqp://u:secret@h'"),
            "FIBRPCD_AMQP__URIS: amqp.uris: expected a list of at least one broker URI, found an invalid TOML list (unclosed array, expected `]`)",
        ),
    ];
    for (variable, expected) in cases {
        let message = load("", &[variable], &[]).unwrap_err();
        assert_eq!(message, format!("environment {expected}"));
    }
    let twice = [("FIBRPCD_LOG__LEVEL", "info"), ("fibrpcd_log__level", "warn")];
    let expected = "environment fibrpcd_log__level: log.level: also set by FIBRPCD_LOG__LEVEL; unset one of them";
    assert_eq!(load("", &twice, &[]).unwrap_err(), expected);
    let sources = Sources {
        environment: vec![("FIBRPCD_AMQP__QUEUE".into(), OsString::from_vec(vec![0xff]))],
        ..no_file()
    };
    let expected = "environment FIBRPCD_AMQP__QUEUE: amqp.queue: the value is not UTF-8 text";
    assert_eq!(Config::load(sources).unwrap_err().to_string(), expected);
}

#[test]
fn mistakes_in_options() {
    let cases = [
        (
            "amqp.prefetch=no",
            "amqp.prefetch=no: amqp.prefetch: expected an integer from 1 to 65535, found \"no\"",
        ),
        ("amqp.prefetch", "amqp.prefetch: expected KEY=VALUE, such as amqp.prefetch=1"),
        (
            "amqp.uri=amqp://u:secret@h",
            "amqp.uri=...: amqp.uri: unknown key; did you mean amqp.uris?",
        ),
        (
            "amqp.uris=https://u:secret@h",
            "amqp.uris=...: amqp.uris: entry 1: expected a URI that starts with amqp:// or amqps://",
        ),
        (
            "amqp.password=secret",
            "amqp.password=...: amqp.password: unknown key; did you mean amqp.password_file?",
        ),
        (
            "amqp://u:secret@h?x=1",
            "(not shown)=...: (not shown): unknown key outside of the sections; the sections are amqp, compute, http, shutdown, log, trace",
        ),
        (
            "=1",
            "(empty)=...: (empty): unknown key outside of the sections; the sections are amqp, compute, http, shutdown, log, trace",
        ),
        (
            "log.level=a\nb",
            "log.level=a\\nb: log.level: expected one of error, warn, info, debug, trace, found \"a\\nb\"",
        ),
        (
            "amqp.backoff_initial=31s",
            "amqp.backoff_initial=31s: amqp.backoff_initial: expected amqp.backoff_initial to be no longer than amqp.backoff_max, found 31s and 30s",
        ),
    ];
    for (option, expected) in cases {
        let message = load("", &[], &[option]).unwrap_err();
        assert_eq!(message, format!("--set {expected}"));
    }
}
