//! The arguments of `fibrpcctl request`.

use super::{
    InputFormat, headings,
    pairs::{checked_header, checked_property, header, property_meant, set_property},
};
use crate::{
    client::Request,
    wire::{Properties, ReplyQueue},
};
use clap::{Args, ValueEnum, value_parser};
use std::{ffi::OsString, path::PathBuf};

const NOTES: &str = "\
--help has further options, for properties, connections and many requests.
Examples:
  fibrpcctl --queue prices request -d @order.json -H 'x-tenant: acme'
  seq 5 | fibrpcctl request --lines --json";

const LONG_NOTES: &str = "\
Examples:
  fibrpcctl --queue rpc_queue request 30
  fibrpcctl --queue prices request -d @order.json --content-type application/json
  fibrpcctl request -i -H 'x-tenant: acme' -H 'x-try:=2' --type ping 0
  seq 5 | fibrpcctl request --lines --format json
  jq -c '{id, body: tojson}' orders.json | fibrpcctl request --input-format json --json
  fibrpcctl request --exchange orders --routing-key eu.new --raw -d - < in > out";

/// The arguments of `request`.
#[derive(Debug, Args)]
#[command(after_help = NOTES, after_long_help = LONG_NOTES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct RequestArgs {
    /// The body; `-` is all of standard input [default: empty]
    #[arg(value_name = "BODY", conflicts_with_all = ["data", "lines", "input_format"])]
    body: Option<OsString>,

    /// The body, or where it is
    ///
    /// TEXT, the content of FILE, or all of standard input.
    #[arg(
        help_heading = headings::MESSAGE,
        short,
        long,
        value_name = "TEXT|@FILE|-",
        conflicts_with_all = ["lines", "input_format"]
    )]
    data: Option<OsString>,

    /// A request for each line of standard input
    ///
    /// And a reply on each line of the output, in the same order; what fails has none. --json says
    /// which is which.
    #[arg(help_heading = headings::INPUT, long)]
    lines: bool,

    /// The same, each line being the body, or a JSON object with `body` or `body_base64`, `headers`,
    /// `type` and other properties, and an `id`, which the output repeats
    #[arg(
        help_heading = headings::INPUT,
        long,
        value_enum,
        value_name = "FORMAT",
        conflicts_with = "lines",
        hide_short_help = true
    )]
    input_format: Option<InputFormat>,

    /// Most requests of these lines under way at once
    #[arg(
        help_heading = headings::INPUT,
        long,
        hide_short_help = true,
        value_name = "COUNT",
        default_value_t = 64,
        value_parser = value_parser!(u16).range(1..=4096)
    )]
    pub concurrency: u16,

    /// A header
    ///
    /// With `NAME:=VALUE`, a number, true or false instead of a text; may be repeated.
    #[arg(
        help_heading = headings::MESSAGE,
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        value_parser = checked_header
    )]
    header: Vec<String>,

    /// The property `type`, often the method
    #[arg(help_heading = headings::MESSAGE, long, value_name = "METHOD")]
    r#type: Option<String>,

    /// The media type of the body
    #[arg(help_heading = headings::MESSAGE, long, value_name = "TYPE")]
    content_type: Option<String>,

    /// Another property: priority, delivery-mode, message-id, app-id, user-id, expiration,
    /// timestamp, content-encoding; may be repeated
    #[arg(
        help_heading = headings::MESSAGE,
        long,
        value_name = "NAME=VALUE",
        value_parser = checked_property,
        hide_short_help = true
    )]
    property: Vec<String>,

    /// The correlation id [default: a new UUID]
    #[arg(
        help_heading = headings::MESSAGE,
        long,
        value_name = "ID",
        conflicts_with_all = ["lines", "input_format"],
        hide_short_help = true
    )]
    correlation_id: Option<String>,

    /// The exchange to publish to
    ///
    /// By default the default exchange, which leads to the queue.
    #[arg(help_heading = headings::ROUTING, long, value_name = "NAME")]
    exchange: Option<String>,

    /// The routing key [default: that of --queue]
    #[arg(help_heading = headings::ROUTING, long, value_name = "KEY")]
    routing_key: Option<String>,

    /// Where replies arrive: in a queue of our own, or directly (`amq.rabbitmq.reply-to`)
    #[arg(
        help_heading = headings::ROUTING,
        long,
        value_enum,
        default_value_t = ReplyQueueArg::Exclusive,
        hide_short_help = true
    )]
    reply_queue: ReplyQueueArg,

    /// Send it again if the connection is lost before the reply: the server may get it twice
    #[arg(help_heading = headings::ROUTING, long, hide_short_help = true)]
    resend: bool,

    /// Print bodies as they are, and nothing else
    ///
    /// Not even line breaks between those of --lines.
    #[arg(help_heading = headings::OUTPUT, long, conflicts_with = "include")]
    pub raw: bool,

    /// Write replies to FILE, which is made anew
    ///
    /// What it held stays where there is no answer at all. `-` is standard output.
    #[arg(help_heading = headings::OUTPUT, short, long, value_name = "FILE", hide_short_help = true)]
    pub output: Option<PathBuf>,

    /// Print the properties of replies, too
    #[arg(help_heading = headings::OUTPUT, short, long)]
    pub include: bool,
}

/// Where replies arrive, by the words for it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReplyQueueArg {
    #[value(help = None)]
    Exclusive,
    #[value(help = None)]
    Direct,
}

/// Where the body of a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// On the command line.
    Given(Vec<u8>),
    /// Standard input, all of it.
    Stdin,
    /// In a file.
    File(OsString),
}

impl RequestArgs {
    /// What does not go together.
    pub(super) fn contradiction(&self) -> Option<String> {
        if self.data.as_ref().is_some_and(|data| data == "@") {
            return Some("--data @ lacks the name of the file: -d @FILE".to_owned());
        }
        let both = [
            ("type", &self.r#type),
            ("content-type", &self.content_type),
            ("correlation-id", &self.correlation_id),
        ];
        let is_set = |name: &str| {
            let mut names = self.property.iter().filter_map(|text| text.split_once('='));
            names.any(|(property, _)| property.replace('_', "-") == name)
        };
        let found = both.into_iter().find(|(name, option)| option.is_some() && is_set(name));
        found.map(|(name, _)| {
            format!("--property {name} cannot be used with --{name}: give one of them")
        })
    }

    /// What each line of standard input is, where each is a request.
    #[must_use]
    pub fn input(&self) -> Option<InputFormat> {
        self.input_format.or(self.lines.then_some(InputFormat::Lines))
    }

    /// Where the body is.
    #[must_use]
    pub fn body(&self) -> Body {
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = |text: &OsString| text.as_bytes().to_vec();
        match (&self.body, &self.data) {
            (Some(dash), _) | (_, Some(dash)) if dash == "-" || dash == "@-" => Body::Stdin,
            (_, Some(data)) => match data.as_bytes().strip_prefix(b"@") {
                Some(path) => Body::File(std::ffi::OsStr::from_bytes(path).to_owned()),
                None => Body::Given(bytes(data)),
            },
            (Some(body), None) => Body::Given(bytes(body)),
            (None, None) => Body::Given(Vec::new()),
        }
    }

    /// Where replies arrive.
    #[must_use]
    pub fn reply_queue(&self) -> ReplyQueue {
        match self.reply_queue {
            ReplyQueueArg::Exclusive => ReplyQueue::Exclusive,
            ReplyQueueArg::Direct => ReplyQueue::Direct,
        }
    }

    /// The queue that requests go to, where another one than that of `--queue` is named.
    #[must_use]
    pub fn queue(&self) -> Option<&str> {
        self.routing_key.as_deref().filter(|_| self.exchange.is_none())
    }

    /// The properties of the request.
    #[must_use]
    pub fn properties(&self) -> Properties {
        let mut properties = Properties::default();
        // What cannot be set was refused with the arguments.
        for text in &self.property {
            let _ = set_property(&mut properties, text);
        }
        properties.headers = self.header.iter().filter_map(|text| header(text).ok()).collect();
        for (field, value) in [
            (&mut properties.kind, &self.r#type),
            (&mut properties.content_type, &self.content_type),
            (&mut properties.correlation_id, &self.correlation_id),
        ] {
            if value.is_some() {
                field.clone_from(value);
            }
        }
        properties
    }

    /// The request without its body; `queue` is that of `--queue`.
    #[must_use]
    pub fn request(&self, queue: &str) -> Request {
        let request = Request::default().properties(self.properties()).resend_if_lost(self.resend);
        match self.exchange.as_deref().filter(|exchange| !exchange.is_empty()) {
            Some(exchange) => request.to(exchange, self.routing_key.as_deref().unwrap_or(queue)),
            None => request,
        }
    }

    /// What is accepted, and was probably meant otherwise.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let is_at = |body: &OsString| body.to_str().is_some_and(|body| body.starts_with('@'));
        let file = "the body begins with @, as given; -d @FILE reads a file".to_owned();
        let file = self.body.as_ref().filter(|body| is_at(body)).map(|_| file);
        let headers = self.header.iter().filter_map(|text| property_meant(text));
        file.into_iter().chain(headers).collect()
    }
}
