//! The address of one broker node: `amqp://user:password@host:port/vhost`, or `amqps://...` for
//! TLS.
//!
//! Follows the [RabbitMQ URI specification](https://www.rabbitmq.com/docs/uri-spec): every part may
//! be left out, and each then has its default. A parsed URI never shows its password again, and no
//! error repeats any part that might be one.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::{
    fmt::{self, Display, Formatter},
    str::FromStr,
};
use url::{Host, Url};

/// The port of AMQP without TLS.
const DEFAULT_PORT: u16 = 5672;
/// The port of AMQP in TLS.
const DEFAULT_TLS_PORT: u16 = 5671;
/// User and password where the URI has none, as the URI specification has it.
const DEFAULT_CREDENTIAL: &str = "guest";
/// The virtual host where the URI has no path.
const DEFAULT_VHOST: &str = "/";
/// AMQP's short strings, such as the virtual host, end here; user names do in `RabbitMQ`.
const MAX_BYTES: usize = 255;
/// What errors call it.
const PASSWORD: &str = "password";
/// A password may be a token; this is more than any broker takes.
const MAX_PASSWORD: usize = 64 << 10;
/// What is encoded when a URI is shown: all but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a broker node is and how to log in to it. `Display` and `Debug` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUri {
    tls: bool,
    host: String,
    port: u16,
    /// `None` where the URI names none.
    user: Option<String>,
    password: Password,
    vhost: String,
}

/// Text that must not reach a log.
#[derive(Clone, PartialEq, Eq)]
struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a text is not a broker URI this version can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerUriError {
    /// There is nothing to parse.
    #[error("the URI is empty; expected one such as amqp://user:password@host:5672/vhost")]
    Empty,
    /// Another scheme than `amqp` and `amqps`, or none.
    #[error("expected a URI that starts with amqp:// or amqps://")]
    Scheme,
    /// White space or control characters, which a URI cannot hold.
    #[error("white space and control characters must be percent-encoded")]
    WhiteSpace,
    /// A `/`, `?`, `#` or `@` that stands for itself in a user, password or vhost.
    #[error("/, ?, # and @ in the user, password or vhost must be percent-encoded")]
    Delimiter,
    /// No host between the credentials and the port.
    #[error("the host is missing")]
    HostMissing,
    /// A host that is neither a DNS name, an IPv4 address nor an IPv6 address in brackets.
    #[error(
        "the host must be a DNS name in ASCII, an IPv4 address, or an IPv6 address in brackets"
    )]
    Host,
    /// A port that is 0, too large or not a number.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// A path of more than one segment.
    #[error("the vhost must be one path segment; write a / in its name as %2f")]
    VhostSegments,
    /// `#...`
    #[error("a fragment (#...) has no meaning in a broker URI; remove it")]
    Fragment,
    /// `?name=value`; none is supported.
    #[error("{}", describe_parameter(.0.as_deref()))]
    Parameter(
        /// The name, where it is harmless to show.
        Option<String>,
    ),
    /// `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the {0} has a bad percent encoding; expected % and two hexadecimal digits, in UTF-8")]
    Encoding(
        /// Which part of the URI.
        &'static str,
    ),
    /// `%00`, which would end the part early on the wire.
    #[error("the {0} must not contain a NUL (%00)")]
    Nul(
        /// Which part of the URI.
        &'static str,
    ),
    /// More bytes than there can be.
    #[error("the {part} is {length} bytes long; at most {most} are possible")]
    TooLong {
        /// Which part of the URI.
        part: &'static str,
        /// Its decoded length.
        length: usize,
        /// The greatest there can be.
        most: usize,
    },
    /// `@host` or `:password@host`.
    #[error("the user is empty; name one, or leave user and password out for guest")]
    UserMissing,
    /// Anything else the URL grammar refuses.
    #[error("not a URI; expected one such as amqp://user:password@host:5672/vhost")]
    Syntax,
}

fn describe_parameter(name: Option<&str>) -> String {
    let advice = match name {
        Some("heartbeat") => "fibrpcd has amqp.heartbeat for it",
        Some("connection_timeout") => {
            "fibrpcd has amqp.connect_timeout for it, fibrpcctl --timeout"
        }
        Some("cacertfile") => "fibrpcd has amqp.ca_file for it, fibrpcctl --ca-file",
        Some("certfile" | "keyfile") => {
            "fibrpcd has amqp.cert_file and amqp.key_file for it, fibrpcctl --cert-file and --key-file"
        }
        Some("auth_mechanism") => {
            "remove it: a client certificate and no user in the URI is EXTERNAL"
        }
        _ => "remove it",
    };
    match name {
        Some(name) => format!("the query parameter {name} is not supported; {advice}"),
        None => format!("query parameters (?...) are not supported; {advice}"),
    }
}

impl BrokerUri {
    /// The DNS name or address; an IPv6 address is without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port, never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is to be in TLS: `amqps`.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The user, decoded; `guest` where the URI names none.
    #[must_use]
    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or(DEFAULT_CREDENTIAL)
    }

    /// Whether the URI names a user. With a client certificate and none, the certificate says who
    /// we are.
    #[must_use]
    pub fn names_user(&self) -> bool {
        self.user.is_some()
    }

    /// The password, decoded. Not for logs.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password.0
    }

    /// The same address with another password, of any length.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Password(password.into());
        self
    }

    /// The virtual host, decoded.
    #[must_use]
    pub fn vhost(&self) -> &str {
        &self.vhost
    }
}

impl Default for BrokerUri {
    /// `amqp://guest:guest@127.0.0.1:5672/%2f`, a broker on this machine as it is first installed.
    fn default() -> Self {
        Self {
            tls: false,
            host: "127.0.0.1".to_owned(),
            port: DEFAULT_PORT,
            user: Some(DEFAULT_CREDENTIAL.to_owned()),
            password: Password(DEFAULT_CREDENTIAL.to_owned()),
            vhost: DEFAULT_VHOST.to_owned(),
        }
    }
}

impl Display for BrokerUri {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "amqps" } else { "amqp" };
        let vhost = utf8_percent_encode(&self.vhost, ENCODED);
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        let (host, port) = (&self.host, self.port);
        write!(f, "{scheme}://")?;
        // In TLS without a user it may be the certificate that says who we are.
        if self.names_user() || !self.tls {
            write!(f, "{}@", utf8_percent_encode(self.user(), ENCODED))?;
        }
        write!(f, "{open}{host}{close}:{port}/{vhost}")
    }
}

impl fmt::Debug for BrokerUri {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for BrokerUri {
    type Err = BrokerUriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(BrokerUriError::Empty);
        }
        // `Url` would strip or encode these silently.
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(BrokerUriError::WhiteSpace);
        }
        let (scheme, rest) = text.split_once("://").ok_or(BrokerUriError::Scheme)?;
        let tls = is_tls(scheme)?;
        let raw = RawParts::split(rest)?;
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::EmptyHost => BrokerUriError::HostMissing,
            url::ParseError::InvalidPort => BrokerUriError::Port,
            url::ParseError::InvalidIpv6Address
            | url::ParseError::InvalidDomainCharacter
            | url::ParseError::IdnaError => BrokerUriError::Host,
            _ => BrokerUriError::Syntax,
        })?;
        let host = host(&url)?;
        let port = match url.port() {
            Some(0) => return Err(BrokerUriError::Port),
            port => port.unwrap_or(if tls { DEFAULT_TLS_PORT } else { DEFAULT_PORT }),
        };
        let (user, password) = raw.credentials()?;
        Ok(Self { tls, host, port, user, password: Password(password), vhost: raw.vhost()? })
    }
}

fn is_tls(scheme: &str) -> Result<bool, BrokerUriError> {
    if scheme.eq_ignore_ascii_case("amqp") {
        Ok(false)
    } else if scheme.eq_ignore_ascii_case("amqps") {
        Ok(true)
    } else {
        Err(BrokerUriError::Scheme)
    }
}

/// Credentials and path as they were written. `Url` does not tell an empty password from none, and
/// takes `.` and `..` for directories where AMQP has vhosts of these names.
struct RawParts<'a> {
    userinfo: Option<&'a str>,
    path: Option<&'a str>,
}

impl<'a> RawParts<'a> {
    /// Splits what follows `amqp://`, and refuses what a broker URI has no use for.
    fn split(rest: &'a str) -> Result<Self, BrokerUriError> {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        // Most likely the end of a password that holds one of these characters: what precedes it is
        // then neither host nor port, and what follows must not be shown.
        if tail.contains('@') {
            return Err(BrokerUriError::Delimiter);
        }
        let (tail, fragment) = split_tail(tail, '#');
        if fragment.is_some() {
            return Err(BrokerUriError::Fragment);
        }
        let (path, query) = split_tail(tail, '?');
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            return Err(parameter(query));
        }
        let userinfo = authority.rsplit_once('@').map(|(userinfo, _)| userinfo);
        if userinfo.is_some_and(|userinfo| userinfo.contains('@')) {
            return Err(BrokerUriError::Delimiter);
        }
        let path = path.strip_prefix('/');
        Ok(Self { userinfo, path })
    }

    fn credentials(&self) -> Result<(Option<String>, String), BrokerUriError> {
        let Some(userinfo) = self.userinfo else {
            return Ok((None, DEFAULT_CREDENTIAL.to_owned()));
        };
        let (user, password) = split_tail(userinfo, ':');
        let user = decode(user, "user")?;
        if user.is_empty() {
            return Err(BrokerUriError::UserMissing);
        }
        let password = decode(password.unwrap_or(DEFAULT_CREDENTIAL), PASSWORD)?;
        Ok((Some(user), password))
    }

    fn vhost(&self) -> Result<String, BrokerUriError> {
        match self.path {
            None => Ok(DEFAULT_VHOST.to_owned()),
            Some(path) if path.contains('/') => Err(BrokerUriError::VhostSegments),
            Some(path) => decode(path, "vhost"),
        }
    }
}

/// What is before the first `delimiter`, and what is after it.
fn split_tail(text: &str, delimiter: char) -> (&str, Option<&str>) {
    match text.split_once(delimiter) {
        Some((head, tail)) => (head, Some(tail)),
        None => (text, None),
    }
}

/// The error for a query; names its first parameter if that looks like a name.
fn parameter(query: &str) -> BrokerUriError {
    let name = query.split(['=', '&', ';']).next().unwrap_or_default();
    let is_name =
        (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    BrokerUriError::Parameter(is_name.then(|| name.to_owned()))
}

fn host(url: &Url) -> Result<String, BrokerUriError> {
    match url.host() {
        None | Some(Host::Domain("")) => Err(BrokerUriError::HostMissing),
        Some(Host::Ipv6(address)) => Ok(address.to_string()),
        Some(Host::Ipv4(address)) => Ok(address.to_string()),
        Some(Host::Domain(name))
            if name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')) =>
        {
            Ok(name.to_owned())
        }
        Some(Host::Domain(_)) => Err(BrokerUriError::Host),
    }
}

/// Undoes percent encoding, strictly, and checks what every part must keep.
fn decode(text: &str, part: &'static str) -> Result<String, BrokerUriError> {
    // `percent_decode_str` would leave a stray % as it is.
    let strict = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes();
        digits.len() >= 2 && digits.iter().take(2).all(u8::is_ascii_hexdigit)
    });
    if !strict {
        return Err(BrokerUriError::Encoding(part));
    }
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| BrokerUriError::Encoding(part))?
        .into_owned();
    if decoded.contains('\0') {
        return Err(BrokerUriError::Nul(part));
    }
    let length = decoded.len();
    let most = if part == PASSWORD { MAX_PASSWORD } else { MAX_BYTES };
    if length > most {
        return Err(BrokerUriError::TooLong { part, length, most });
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests;
