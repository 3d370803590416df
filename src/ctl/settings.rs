//! The client that the options ask for.

use super::teller::Teller;
use crate::{
    broker_uri::BrokerUri,
    cli::{CtlArgs, CtlCommand, CtlOptions, PingArgs},
    client::{Client, ClientBuilder},
    files, threads,
    tls::{Tls, TlsFile, TlsFiles},
    wire::TraceParent,
};
use std::{error::Error, io};

/// The longest that a server says of itself, in bytes. Ours says a few kilobytes.
const MAX_DESCRIPTION: u64 = 1 << 20;

/// An option that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {source}")]
pub(super) struct UsageError {
    /// The option, or the key of the context.
    place: String,
    source: Box<dyn Error + Send + Sync>,
}

/// Somebody believes that the connection is encrypted.
#[derive(Debug, thiserror::Error)]
#[error("it does nothing, as the URI is not one for TLS; let it start with amqps://")]
struct DoesNothing;

impl UsageError {
    fn of(place: String, source: impl Error + Send + Sync + 'static) -> Self {
        Self { place, source: source.into() }
    }
}

/// The broker that the options name.
pub(super) struct Broker {
    /// With the password for it.
    pub(super) uri: BrokerUri,
    /// Whom to trust.
    pub(super) tls: Option<Tls>,
    /// What people are to know of the file with the password.
    warning: Option<String>,
}

impl Broker {
    pub(super) fn warn(&self, teller: &Teller) {
        if let Some(warning) = &self.warning {
            teller.complain(&format!("warning: {warning}"));
        }
    }
}

/// Makes the client. What it needs from files is read by a thread, as it may be a pipe, or far away.
pub(super) async fn client(
    args: &CtlArgs,
    trace: Option<TraceParent>,
    teller: &Teller,
) -> Result<Client, Box<dyn Error + Send + Sync>> {
    let options = args.options.clone();
    let broker = elsewhere(move || broker(&options)).await??;
    broker.warn(teller);
    let mut builder = settings(broker, &args.options, trace);
    if let CtlCommand::Ping(PingArgs { reply_timeout: Some(timeout), .. }) = &args.command {
        builder = builder.timeout(*timeout);
    }
    if let CtlCommand::Info(_) | CtlCommand::Status(_) = &args.command {
        builder = builder.max_reply(MAX_DESCRIPTION);
    }
    if let CtlCommand::Status(_) = &args.command {
        builder = builder.wait_for_server(false); // it tells what is missing
    }
    if let CtlCommand::Request(request) = &args.command {
        builder = builder.reply_queue(request.reply_queue());
        if let Some(queue) = request.queue() {
            builder = builder.queue(queue);
        }
    }
    Ok(builder.build()?)
}

/// Reads files on a thread of its own.
pub(super) async fn elsewhere<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    threads::run("files", read).await
}

/// Reads what the options name for the broker.
pub(super) fn broker(options: &CtlOptions) -> Result<Broker, UsageError> {
    let uri = options.uri.as_str().parse::<BrokerUri>();
    let mut uri = uri.map_err(|error| UsageError::of(options.place("uri"), error))?;
    let tls = tls(options, &uri)?;
    let mut warning = None;
    if let Some(password) = &options.password {
        uri = uri.with_password(password.as_str());
    } else if let Some(path) = &options.password_file {
        let password = files::password(path);
        let place = || options.place("password_file");
        uri = uri.with_password(&password.map_err(|error| UsageError::of(place(), error))?);
        warning = files::exposed(path).map(|warning| format!("{}: {warning}", place()));
    }
    Ok(Broker { uri, tls, warning })
}

fn settings(broker: Broker, options: &CtlOptions, trace: Option<TraceParent>) -> ClientBuilder {
    let mut client = Client::builder(broker.uri)
        .queue(&options.queue)
        .timeout(options.timeout)
        .wait_for_server(options.waits())
        .connection_name("fibrpcctl");
    if let Some(parent) = trace {
        client = client.trace(parent);
    }
    match broker.tls {
        Some(tls) => client.tls(tls),
        None => client,
    }
}

/// Reads the files for TLS here, where a mistake can be named with its option.
fn tls(options: &CtlOptions, uri: &BrokerUri) -> Result<Option<Tls>, UsageError> {
    let files = TlsFiles {
        ca: options.ca_file.clone(),
        certificate: options.cert_file.clone(),
        key: options.key_file.clone(),
    };
    let named =
        [(&files.ca, "ca_file"), (&files.certificate, "cert_file"), (&files.key, "key_file")];
    if !uri.is_tls() {
        return match named.into_iter().find(|(file, _)| file.is_some()) {
            Some((_, name)) => Err(UsageError::of(options.place(name), DoesNothing)),
            None => Ok(None),
        };
    }
    let place = |file| match file {
        TlsFile::Ca => options.place("ca_file"),
        TlsFile::Certificate => options.place("cert_file"),
        TlsFile::Key => options.place("key_file"),
    };
    let tls = Tls::load(&files).map_err(|error| UsageError::of(place(error.file), error))?;
    Ok(Some(tls))
}
