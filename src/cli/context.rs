//! The arguments of `fibrpcctl context`, and how a context joins the other settings: an option is
//! stronger than a variable, that than a context, and that than a default.

use super::{CtlOptions, Origin, OutputFormat, Sensitive};
use clap::{Args, Subcommand};
use std::{path::PathBuf, time::Duration};

const NOTES: &str = "\
They stand in fibrpcctl.toml in $XDG_CONFIG_HOME/fibrpc or ~/.config/fibrpc:
  [context.staging]
  uri = \"amqps://fib@mq.staging.example/%2f\"  # without a password
  password_file = \"staging.password\"         # beside this file

Other keys: queue, timeout, wait, ca_file, cert_file, key_file, format.
An option is stronger, then a variable, the context, and the default.

Examples:
  fibrpcctl context use staging
  fibrpcctl --context production context show";

/// The arguments of `context`.
#[derive(Debug, Args)]
#[command(after_help = NOTES, disable_help_subcommand = true)]
pub struct ContextArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ContextCommand,
}

/// What `fibrpcctl context` does.
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// List the contexts; the one in use has a star
    Ls,
    /// Use a context from now on, without --context
    Use {
        /// The context
        #[arg(value_name = "NAME", required_unless_present = "none")]
        name: Option<String>,

        /// Use none from now on
        #[arg(long, conflicts_with = "name")]
        none: bool,
    },
    /// Show the settings in force, and where each comes from
    Show {
        /// The context [default: the one in use]
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

/// The settings of a context. Paths are absolute, or relative to where the program runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextSettings {
    /// The broker, without a password.
    pub uri: Option<Sensitive>,
    /// The queue that the server consumes.
    pub queue: Option<String>,
    /// How long a call may take.
    pub timeout: Option<Duration>,
    /// Whether calls wait for what is missing.
    pub wait: Option<bool>,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// The authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// The client certificate.
    pub cert_file: Option<PathBuf>,
    /// Its key.
    pub key_file: Option<PathBuf>,
    /// How answers are printed.
    pub format: Option<OutputFormat>,
}

impl ContextSettings {
    /// Whether it says something of a setting.
    #[must_use]
    pub fn has(&self, setting: &str) -> bool {
        match setting {
            "uri" => self.uri.is_some(),
            "queue" => self.queue.is_some(),
            "timeout" => self.timeout.is_some(),
            "wait" => self.wait.is_some(),
            "password_file" => self.password_file.is_some(),
            "ca_file" => self.ca_file.is_some(),
            "cert_file" => self.cert_file.is_some(),
            "key_file" => self.key_file.is_some(),
            "format" => self.format.is_some(),
            _ => false,
        }
    }
}

impl CtlOptions {
    /// Where a setting comes from.
    #[must_use]
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.get(name)
    }

    /// What errors call a setting: the option, or the key of the context.
    #[must_use]
    pub fn place(&self, name: &str) -> String {
        match (self.origin(name), &self.context) {
            (Origin::Context, Some(context)) => format!("{name} of the context {context}"),
            _ => format!("--{}", name.replace('_', "-")),
        }
    }

    /// What says which context is meant, where these options do.
    #[must_use]
    pub fn context_by(&self) -> &'static str {
        match self.origin("context") {
            Origin::Variable => "FIBRPCCTL_CONTEXT",
            _ => "--context",
        }
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> ContextSettings {
        ContextSettings {
            uri: Some(self.uri.clone()),
            queue: Some(self.queue.clone()),
            timeout: Some(self.timeout),
            wait: Some(self.waits()),
            password_file: self.password_file.clone(),
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            format: Some(self.format()),
        }
    }

    /// These options in a context.
    #[must_use]
    pub fn within(mut self, name: &str, context: ContextSettings) -> Self {
        // Where another broker is named, it must not be sent the password that belongs to this one.
        let is_another = matches!(self.origin("uri"), Origin::Option | Origin::Variable)
            && (context.uri.is_some() || names_password(self.uri.as_str()));
        let origins = &mut self.origins;
        origins.fill("uri", &mut self.uri, context.uri);
        origins.fill("queue", &mut self.queue, context.queue);
        origins.fill("timeout", &mut self.timeout, context.timeout);
        origins.fill("wait", &mut self.wait, context.wait);
        origins.fill("format", &mut self.format, context.format.map(Into::into));
        if !is_another {
            let files = [
                ("password_file", &mut self.password_file, context.password_file),
                ("ca_file", &mut self.ca_file, context.ca_file),
                ("cert_file", &mut self.cert_file, context.cert_file),
                ("key_file", &mut self.key_file, context.key_file),
            ];
            for (name, place, path) in files {
                let is_typed = self.ask_password && name == "password_file";
                origins.fill(name, place, path.filter(|_| !is_typed).map(Some));
            }
        }
        self.context = Some(name.to_owned());
        self
    }
}

/// Whether a URI has a password in it.
pub(crate) fn names_password(uri: &str) -> bool {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}
