//! Scripts: what clients do, step by step, as text. `docs/development.md` says how to write one.

use crate::broker::types::{Kind, Message, Method, Settle, Shape, Version};

#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) name: String,
    /// Where it is, for people.
    pub(crate) file: &'static str,
    pub(crate) steps: Vec<Step>,
    /// From this version on, up to and including that one.
    from: Option<Version>,
    to: Option<Version>,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The line.
    pub(crate) text: String,
    pub(crate) action: Action,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Methods of one channel, sent in one go. Then it may be waited until a queue has so many
    /// ready messages, because others expire.
    Send {
        channel: String,
        methods: Vec<Method>,
        until: Option<(String, u32)>,
    },
    /// A connection breaks.
    Cut {
        connection: String,
    },
    /// The broker stops and starts.
    Restart,
    Alarm(bool),
    /// Waits until there is no queue of this name, not even one of another connection.
    Gone {
        queue: String,
    },
}

impl Script {
    /// The scripts of a file.
    pub(crate) fn parse_all(file: &'static str, text: &str) -> Vec<Self> {
        let mut scripts: Vec<Self> = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix("== ") {
                scripts.push(Self::named(file, name));
            } else if !line.is_empty() && !line.starts_with('#') {
                let script = scripts.last_mut();
                let script = script.unwrap_or_else(|| panic!("{file}: no script before {line:?}"));
                script.line(line);
            }
        }
        scripts
    }

    fn named(file: &'static str, name: &str) -> Self {
        Self { name: name.into(), file, steps: Vec::new(), from: None, to: None }
    }

    fn line(&mut self, line: &str) {
        let version = |text| Version::of(text).unwrap_or_else(|| panic!("{line}: no version"));
        if let Some(from) = line.strip_prefix("from ") {
            self.from = Some(version(from));
        } else if let Some(to) = line.strip_prefix("to ") {
            self.to = Some(version(to));
        } else {
            let action = parse(line).unwrap_or_else(|| {
                panic!("{}, {:?}: cannot read the step {line:?}", self.file, self.name)
            });
            self.steps.push(Step { text: line.into(), action });
        }
    }

    /// Whether it is about this version.
    pub(crate) fn is_for(&self, version: Version) -> bool {
        self.from.is_none_or(|from| from <= version) && self.to.is_none_or(|to| version <= to)
    }

    /// Whether it needs a broker that nobody else uses.
    pub(crate) fn wants_private_broker(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::Restart | Action::Alarm(_)))
    }
}

fn parse(line: &str) -> Option<Action> {
    let words: Vec<&str> = line.split_whitespace().collect();
    Some(match *words.as_slice() {
        ["restart"] => Action::Restart,
        ["alarm", "on"] => Action::Alarm(true),
        ["alarm", "off"] => Action::Alarm(false),
        ["cut", connection] => Action::Cut { connection: connection.into() },
        ["gone", queue] => Action::Gone { queue: queue.into() },
        [channel, ..] => {
            let (words, until) = match *words.as_slice() {
                [ref words @ .., "until", queue, ready] => {
                    (words, Some((queue.to_owned(), ready.parse().ok()?)))
                }
                _ => (words.as_slice(), None),
            };
            let mut methods = Vec::new();
            for part in words[1..].split(|word| *word == "&") {
                methods.extend(parse_methods(part)?);
            }
            Action::Send { channel: channel.into(), methods, until }
        }
        [] => return None,
    })
}

fn parse_methods(words: &[&str]) -> Option<Vec<Method>> {
    let (verb, rest) = words.split_first()?;
    let one = match (*verb, rest) {
        ("open", []) => Method::OpenChannel,
        ("close", []) => Method::CloseChannel,
        ("confirms", []) => Method::ConfirmSelect,
        ("look", [queue]) => Method::DeclarePassive { queue: (*queue).into() },
        ("delete", [queue]) => Method::Delete { queue: (*queue).into() },
        ("purge", [queue]) => Method::Purge { queue: (*queue).into() },
        ("cancel", [tag]) => Method::Cancel { tag: (*tag).into() },
        ("prefetch", [count]) => Method::Prefetch { count: count.parse().ok()? },
        ("declare", [queue, kind, options @ ..]) => {
            Method::Declare { queue: (*queue).into(), shape: parse_shape(kind, options)? }
        }
        ("consume", [queue, tag, options @ ..]) => Method::Consume {
            queue: (*queue).into(),
            tag: (*tag).into(),
            no_ack: match options {
                [] => false,
                ["no-ack"] => true,
                _ => return None,
            },
        },
        ("publish", [queue, rest @ ..]) => return parse_publishes(queue, rest),
        ("ack" | "nack" | "reject", [tags, options @ ..]) => {
            return parse_settles(verb, tags, options);
        }
        _ => return None,
    };
    Some(vec![one])
}

fn parse_shape(kind: &str, options: &[&str]) -> Option<Shape> {
    let mut shape = Shape { durable: true, ..Shape::default() };
    match kind {
        "classic" => {}
        "quorum" => shape.kind = Kind::Quorum,
        // Not durable, and exclusive: RabbitMQ 4.3 has no other ones any more.
        "exclusive" => (shape.durable, shape.exclusive) = (false, true),
        "transient" => shape.durable = false,
        _ => return None,
    }
    for option in options {
        match option.split_once('=') {
            Some(("length", value)) => shape.max_length = Some(value.parse().ok()?),
            Some(("ttl", value)) => shape.message_ttl = Some(value.parse().ok()?),
            Some(("limit", value)) => shape.delivery_limit = Some(value.parse().ok()?),
            Some(("letters", value)) => shape.dead_letters = Some(value.into()),
            None if *option == "refuse" => shape.reject_publish = true,
            _ => return None,
        }
    }
    Some(shape)
}

fn parse_publishes(queue: &str, words: &[&str]) -> Option<Vec<Method>> {
    let mut message = Message::default();
    let (mut mandatory, mut bodies) = (false, Vec::new());
    for word in words {
        match (*word, word.split_once('=')) {
            ("persistent", _) => message.persistent = true,
            ("mandatory", _) => mandatory = true,
            (_, Some(("expiration", value))) => message.expiration = Some(value.parse().ok()?),
            (_, Some(_)) => return None,
            _ => bodies.extend(range(word)?.map(|number| match number {
                Some(number) => format!("m{number}"),
                None => (*word).to_owned(),
            })),
        }
    }
    let publish = |body| {
        let message = Message { body, ..message.clone() };
        Method::Publish { queue: queue.into(), mandatory, message }
    };
    Some(bodies.into_iter().map(publish).collect())
}

fn parse_settles(verb: &str, tags: &str, options: &[&str]) -> Option<Vec<Method>> {
    let requeue = !options.contains(&"drop");
    let multiple = options.contains(&"multiple");
    let how = match verb {
        "ack" => Settle::Ack,
        "nack" => Settle::Nack { requeue },
        _ => Settle::Reject { requeue },
    };
    let tags: Option<Vec<u64>> = match tags.split_once("..") {
        Some(_) => range(&format!("m{tags}"))?.collect(),
        None => Some(vec![tags.parse().ok()?]),
    };
    let settle = |tag| Method::Settle { tag, multiple, how };
    Some(tags?.into_iter().map(settle).collect())
}

/// The numbers of `m3..7`; no number for other words.
fn range(word: &str) -> Option<impl Iterator<Item = Option<u64>> + use<>> {
    let ends = word.strip_prefix('m').and_then(|ends| ends.split_once(".."));
    let ends = match ends {
        Some((first, last)) => Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)),
        None => None,
    };
    let alone = ends.is_none().then_some(None);
    Some(
        alone
            .into_iter()
            .chain(ends.into_iter().flat_map(|(first, last)| (first..=last).map(Some))),
    )
}
