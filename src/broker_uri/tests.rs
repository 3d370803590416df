//! Broker URIs: parts, defaults, and errors that show no password.

use super::*;

fn parse(text: &str) -> BrokerUri {
    text.parse().unwrap()
}

fn message(text: &str) -> String {
    text.parse::<BrokerUri>().unwrap_err().to_string()
}

#[test]
fn parts_and_their_defaults() {
    // text, host, port, user, password, vhost
    let cases = [
        ("amqp://h", "h", 5672, "guest", "guest", "/"),
        ("AMQP://h:1/", "h", 1, "guest", "guest", ""),
        ("amqp://h/%2f", "h", 5672, "guest", "guest", "/"),
        ("amqp://h/%2F?", "h", 5672, "guest", "guest", "/"),
        ("amqp://u@h/v", "h", 5672, "u", "guest", "v"),
        ("amqp://u:@h/v", "h", 5672, "u", "", "v"),
        ("amqp://u:p:q@h/v", "h", 5672, "u", "p:q", "v"),
        ("amqp://u%40:%2F%3f@h:65535/a%2fb", "h", 65535, "u@", "/?", "a/b"),
        ("amqp://[::1]:9/%C3%A9", "::1", 9, "guest", "guest", "é"),
        ("amqp://[2001:DB8::0:1]", "2001:db8::1", 5672, "guest", "guest", "/"),
        ("amqp://my_node-1.example./..", "my_node-1.example.", 5672, "guest", "guest", ".."),
        ("amqp://10.0.0.1/é", "10.0.0.1", 5672, "guest", "guest", "é"),
        ("amqps://h/v", "h", 5671, "guest", "guest", "v"),
        ("AMQPS://u:p@h:5672", "h", 5672, "u", "p", "/"),
    ];
    for (text, host, port, user, password, vhost) in cases {
        let uri = parse(text);
        assert_eq!(
            (uri.host(), uri.port(), uri.user(), uri.password(), uri.vhost()),
            (host, port, user, password, vhost),
            "{text}"
        );
        assert_eq!(uri.is_tls(), text.to_lowercase().starts_with("amqps:"), "{text}");
        assert_eq!(uri.names_user(), text.contains('@'), "{text}");
    }
}

#[test]
fn another_password_changes_nothing_else() {
    let long = "x".repeat(1000);
    let uri = parse("amqps://u:old@h/v").with_password(&long);
    assert_eq!((uri.user(), uri.password()), ("u", long.as_str()));
    assert_eq!(uri.with_password("p"), parse("amqps://u:p@h/v"));
    assert_ne!(parse("amqps://h"), parse("amqps://guest@h"), "one names a user");
}

#[test]
fn default_is_the_local_broker() {
    assert_eq!(BrokerUri::default(), parse("amqp://guest:guest@127.0.0.1:5672/%2f"));
}

#[test]
fn shown_without_the_password() {
    let uri = parse("amqp://a%40b:secret@[::1]:5673/x%2fy.z");
    assert_eq!(uri.to_string(), "amqp://a%40b@[::1]:5673/x%2Fy.z");
    assert_eq!(format!("{uri:?}"), uri.to_string());
    assert_eq!(format!("{:?}", uri.password), "[redacted]");
    assert_eq!(parse("amqp://h/").to_string(), "amqp://guest@h:5672/");
    assert_eq!(parse("amqps://h/v").to_string(), "amqps://h:5671/v");
    assert_eq!(parse("amqps://u:secret@h/v").to_string(), "amqps://u@h:5671/v");
}

#[test]
fn refused_with_a_reason() {
    const DELIMITER: &str = "/, ?, # and @ in the user, password or vhost must be percent-encoded";
    const HOST: &str =
        "the host must be a DNS name in ASCII, an IPv4 address, or an IPv6 address in brackets";
    const PORT: &str = "the port must be a number from 1 to 65535";
    const SCHEME: &str = "expected a URI that starts with amqp:// or amqps://";
    let cases = [
        ("", "the URI is empty; expected one such as amqp://user:password@host:5672/vhost"),
        ("localhost", SCHEME),
        ("amqp:h", SCHEME),
        ("http://h", SCHEME),
        ("amqpss://u:secret@h", SCHEME),
        ("amqp://h/a b", "white space and control characters must be percent-encoded"),
        ("amqp://h\n", "white space and control characters must be percent-encoded"),
        ("amqp://u:1/secret@h", DELIMITER),
        ("amqp://u:1?secret@h", DELIMITER),
        ("amqp://u:1#secret@h", DELIMITER),
        ("amqp://u:secret@secret@h", DELIMITER),
        ("amqp://", "the host is missing"),
        ("amqp:///v", "the host is missing"),
        ("amqp://u:secret@/v", "the host is missing"),
        ("amqp://:5672", "the host is missing"),
        ("amqp://bücher", HOST),
        ("amqp://a%20b", HOST),
        ("amqp://[::g]", HOST),
        ("amqp://h:0", PORT),
        ("amqp://h:65536", PORT),
        ("amqp://u:secret/h", PORT),
        ("amqp://h/a/b", "the vhost must be one path segment; write a / in its name as %2f"),
        ("amqp://h/v#f", "a fragment (#...) has no meaning in a broker URI; remove it"),
        (
            "amqp://h?heartbeat=5",
            "the query parameter heartbeat is not supported; fibrpcd has amqp.heartbeat for it",
        ),
        (
            "amqp://h/?connection_timeout=5&x=1",
            "the query parameter connection_timeout is not supported; \
             fibrpcd has amqp.connect_timeout for it, fibrpcctl --timeout",
        ),
        ("amqp://h/v?frame_max=1", "the query parameter frame_max is not supported; remove it"),
        (
            "amqps://h?cacertfile=/x",
            "the query parameter cacertfile is not supported; \
             fibrpcd has amqp.ca_file for it, fibrpcctl --ca-file",
        ),
        ("amqp://h/v?S3cret", "query parameters (?...) are not supported; remove it"),
        (
            "amqp://u:secret%zz@h",
            "the password has a bad percent encoding; \
             expected % and two hexadecimal digits, in UTF-8",
        ),
        (
            "amqp://h/%ff",
            "the vhost has a bad percent encoding; \
             expected % and two hexadecimal digits, in UTF-8",
        ),
        ("amqp://u%00:secret@h", "the user must not contain a NUL (%00)"),
        (
            "amqp://:secret@h",
            "the user is empty; name one, or leave user and password out for guest",
        ),
    ];
    for (text, expected) in cases {
        let message = message(text);
        assert_eq!(message, expected, "{text}");
        assert!(!message.contains("secret"), "{text}");
    }
}

#[test]
fn parts_are_of_255_bytes_at_most_and_a_password_may_be_a_token() {
    let (fits, long) = ("é".repeat(127) + "x", "é".repeat(128));
    assert_eq!(parse(&format!("amqp://{fits}:{fits}@h/{fits}")).vhost(), fits);
    for (part, text) in
        [("user", format!("amqp://{long}@h")), ("vhost", format!("amqp://h/{long}"))]
    {
        let expected = format!("the {part} is 256 bytes long; at most 255 are possible");
        assert_eq!(message(&text), expected);
    }
    let token = "t".repeat(64 << 10);
    assert_eq!(parse(&format!("amqp://u:{token}@h")).password(), token);
    let expected = "the password is 65537 bytes long; at most 65536 are possible";
    assert_eq!(message(&format!("amqp://u:{token}t@h")), expected);
}
