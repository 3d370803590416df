//! The text form of a plan: one line for the setup, then one for each entry.

use super::{Entry, Fault, FaultKind, Plan, QUEUES, Request, Setup, What, Where, WorkSpec};
use crate::broker::types::{Kind, Version};
use std::{collections::BTreeMap, fmt, str::FromStr};

const VERSIONS: [(&str, Version); 3] =
    [("3.10", Version::V3_10), ("4.0", Version::V4_0), ("4.3", Version::V4_3)];
const KINDS: [(&str, Kind); 2] = [("classic", Kind::Classic), ("quorum", Kind::Quorum)];

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.setup)?;
        for entry in &self.entries {
            writeln!(out, "{entry}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = name_of(&VERSIONS, self.version);
        let kind = name_of(&KINDS, self.kind);
        write!(
            out,
            "setup seed={} version={version} kind={kind} limit={} ttl={} daemons={} prefetch={} \
             threads={} quick={} long={} max-message={} heartbeat={} drain={} skew={}",
            self.seed,
            self.delivery_limit,
            self.ttl,
            self.daemons,
            self.prefetch,
            self.threads,
            self.quick,
            self.long,
            self.max_message,
            self.heartbeat,
            self.drain,
            self.skew
        )
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.at)?;
        match &self.what {
            What::Request(request) => request.fmt(out),
            What::Fault(fault) => fault.fmt(out),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reply = self.reply_to().unwrap_or("unsaid");
        let WorkSpec { key, nanos, memory, length, fails } = self.work;
        write!(out, "request reply={reply} id={} key={key}", self.id)?;
        if nanos > 0 {
            write!(out, " nanos={nanos} memory={memory} length={length}")?;
        }
        if fails {
            write!(out, " fails=1")?;
        }
        if let Some(deadline) = self.deadline {
            write!(out, " deadline={deadline}")?;
        }
        if let Some(expiration) = self.expiration {
            write!(out, " expiration={expiration}")?;
        }
        if self.persistent { Ok(()) } else { write!(out, " transient=1") }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} daemon={} queue={} lasts={} arriving={} noticed={} seen={} by={}",
            self.kind.name(),
            self.daemon,
            QUEUES[self.queue],
            self.lasts,
            self.arriving,
            self.noticed,
            self.seen,
            self.by
        )
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let setup = lines.next().ok_or("an empty plan")?;
        let setup = Fields::parse(setup.strip_prefix("setup").ok_or("no setup")?)?.setup()?;
        let entries = lines.map(entry).collect::<Result<_, _>>()?;
        Ok(Self { setup, entries })
    }
}

fn entry(line: &str) -> Result<Entry, String> {
    let mut words = line.splitn(3, ' ');
    let at = words.next().unwrap_or_default().parse().map_err(|_| format!("no moment: {line}"))?;
    let name = words.next().unwrap_or_default();
    let fields = Fields::parse(words.next().unwrap_or_default())?;
    let what = if name == "request" {
        What::Request(fields.request()?)
    } else {
        let kind = FaultKind::ALL.iter().find(|kind| kind.name() == name);
        What::Fault(fields.fault(*kind.ok_or_else(|| format!("no such entry: {line}"))?)?)
    };
    Ok(Entry { at, what })
}

/// What follows the name of an entry: `key=value` and so on.
struct Fields<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let pair = |word: &'a str| word.split_once('=').ok_or_else(|| format!("no pair: {word}"));
        text.split_whitespace().map(pair).collect::<Result<_, _>>().map(Self)
    }

    fn maybe<T: FromStr>(&self, key: &str) -> Result<Option<T>, String> {
        let value = self.0.get(key);
        value.map(|value| value.parse().map_err(|_| format!("not a {key}: {value}"))).transpose()
    }

    fn get<T: FromStr>(&self, key: &str) -> Result<T, String> {
        self.maybe(key)?.ok_or_else(|| format!("{key} is missing"))
    }

    fn number<T: FromStr + Default>(&self, key: &str) -> Result<T, String> {
        Ok(self.maybe(key)?.unwrap_or_default())
    }

    fn setup(&self) -> Result<Setup, String> {
        Ok(Setup {
            seed: self.get("seed")?,
            version: named(&VERSIONS, &self.get::<String>("version")?)?,
            kind: named(&KINDS, &self.get::<String>("kind")?)?,
            delivery_limit: self.number("limit")?,
            ttl: self.number("ttl")?,
            daemons: self.get("daemons")?,
            prefetch: self.get("prefetch")?,
            threads: self.get("threads")?,
            quick: self.get("quick")?,
            long: self.get("long")?,
            max_message: self.number("max-message")?,
            heartbeat: self.get("heartbeat")?,
            drain: self.get("drain")?,
            skew: self.number("skew")?,
        })
    }

    fn request(&self) -> Result<Request, String> {
        let reply = match self.get::<String>("reply")?.as_str() {
            "unsaid" => Where::Unsaid,
            "nowhere" => Where::Nowhere,
            queue => Where::Queue(queue_number(queue)?),
        };
        Ok(Request {
            reply,
            id: self.number("id")?,
            work: WorkSpec {
                key: self.get("key")?,
                nanos: self.number("nanos")?,
                memory: self.number("memory")?,
                length: self.number("length")?,
                fails: self.number::<u8>("fails")? == 1,
            },
            deadline: self.maybe("deadline")?,
            persistent: self.number::<u8>("transient")? == 0,
            expiration: self.maybe("expiration")?,
        })
    }

    fn fault(&self, kind: FaultKind) -> Result<Fault, String> {
        Ok(Fault {
            kind,
            daemon: self.number("daemon")?,
            queue: queue_number(&self.get::<String>("queue")?)?,
            lasts: self.number("lasts")?,
            arriving: self.number("arriving")?,
            noticed: self.number("noticed")?,
            seen: self.number("seen")?,
            by: self.number("by")?,
        })
    }
}

fn queue_number(name: &str) -> Result<usize, String> {
    QUEUES.iter().position(|queue| *queue == name).ok_or_else(|| format!("no such queue: {name}"))
}

fn named<T: Copy>(all: &[(&str, T)], name: &str) -> Result<T, String> {
    let found = all.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| format!("no such value: {name}"))
}

fn name_of<T: Copy + PartialEq>(all: &[(&'static str, T)], value: T) -> &'static str {
    all.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
}
