//! `fibrpcctl`, for people and scripts: makes calls, prints answers, exits with a code that says
//! what went wrong.
//!
//! Answers go to standard output, everything else to standard error.

mod call;
mod output;

use self::output::Output;
use crate::{
    broker_uri::BrokerUri,
    cli::{CtlArgs, CtlCommand, CtlOptions},
    client::{CallError, Client, ClientBuilder},
    exit::Exit,
    files,
    tls::{Tls, TlsFile, TlsFiles},
    wire::TraceParent,
};
use std::{error::Error, time::Duration};
use uuid::Uuid;

/// The timeout, the default one, up to which a missing server is reported at once. Who allows more
/// lets a call wait for a server to come: long enough to sit out the restart of a broker.
const PROMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs one command.
#[must_use]
pub fn main(args: &CtlArgs) -> Exit {
    let trace = args.options.trace.then(new_trace).flatten();
    let mut output = Output::new(args.options.format, trace);
    if let CtlCommand::Completions { shell } = args.command {
        return output.completions(shell);
    }
    let client = match client(&args.options, trace) {
        Ok(client) => client,
        Err(error) => {
            output.complain(&error.to_string());
            return Exit::Usage;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.complain(&format!("cannot start the runtime: {error}"));
            return Exit::Failure;
        }
    };
    output.announce_trace();
    let exit = runtime.block_on(async {
        let client = match client.build() {
            Ok(client) => client,
            Err(error) => {
                output.complain(&error.to_string());
                return Exit::Usage;
            }
        };
        let exit = run(&args.command, &client, &mut output).await;
        client.close().await;
        exit
    });
    // A name lookup or a read of standard input may hang on.
    runtime.shutdown_background();
    exit
}

async fn run(command: &CtlCommand, client: &Client, output: &mut Output) -> Exit {
    let result = match command {
        CtlCommand::Call(args) => return call::run(args.numbers(), client, output).await,
        CtlCommand::Ping => ping(client, output).await,
        CtlCommand::Info => info(client, output).await,
        CtlCommand::Completions { shell } => return output.completions(*shell),
    };
    result.unwrap_or_else(|error| {
        output.failed(&error);
        exit_of(&error)
    })
}

async fn ping(client: &Client, output: &mut Output) -> Result<Exit, CallError> {
    let pong = client.ping().await?;
    Ok(output.pong(&pong))
}

async fn info(client: &Client, output: &mut Output) -> Result<Exit, CallError> {
    let info = client.info().await?;
    Ok(output.info(info))
}

/// A trace that begins here. This program exports no span of its own: those of its calls are the
/// first that a collector sees.
fn new_trace() -> Option<TraceParent> {
    let (_, parent_id) = Uuid::new_v4().as_u64_pair();
    TraceParent::new(Uuid::new_v4().into_bytes(), parent_id.to_be_bytes(), true)
}

/// An option that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{option}: {source}")]
struct UsageError {
    option: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl UsageError {
    fn of(option: &'static str, source: impl Error + Send + Sync + 'static) -> Self {
        Self { option, source: source.into() }
    }
}

fn client(options: &CtlOptions, trace: Option<TraceParent>) -> Result<ClientBuilder, UsageError> {
    let uri = options.uri.as_str().parse::<BrokerUri>();
    let uri = uri.map_err(|error| UsageError::of("--uri", error))?;
    let tls = tls(options, &uri)?;
    let mut client = Client::builder(uri)
        .queue(&options.queue)
        .timeout(options.timeout)
        .wait_for_server(options.timeout > PROMPT_TIMEOUT)
        .connection_name("fibrpcctl");
    if let Some(parent) = trace {
        client = client.trace(parent);
    }
    if let Some(path) = &options.password_file {
        let password = files::password(path);
        let password = password.map_err(|error| UsageError::of("--password-file", error))?;
        client = client.password(&password);
    }
    Ok(match tls {
        Some(tls) => client.tls(tls),
        None => client,
    })
}

/// Reads the files for TLS here, where a mistake can be named with its option.
fn tls(options: &CtlOptions, uri: &BrokerUri) -> Result<Option<Tls>, UsageError> {
    let files = TlsFiles {
        ca: options.ca_file.clone(),
        certificate: options.cert_file.clone(),
        key: options.key_file.clone(),
    };
    if !uri.is_tls() && files == TlsFiles::default() {
        return Ok(None);
    }
    let option = |file| match file {
        TlsFile::Ca => "--ca-file",
        TlsFile::Certificate => "--cert-file",
        TlsFile::Key => "--key-file",
    };
    let tls = Tls::load(&files).map_err(|error| UsageError::of(option(error.file), error))?;
    Ok(Some(tls))
}

/// The exit code for a call that failed.
fn exit_of(error: &CallError) -> Exit {
    match error {
        CallError::Failed(_) | CallError::BadReply(_) => Exit::ServerError,
        CallError::TimedOut(_) => Exit::TimedOut,
        CallError::NoQueue(_) | CallError::NoServer(_) => Exit::NoServer,
        CallError::Unreachable(_) | CallError::TooLarge { .. } => Exit::Unreachable,
        CallError::Closed => Exit::Failure,
    }
}
