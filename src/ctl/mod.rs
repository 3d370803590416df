//! `fibrpcctl`, for people and scripts: makes calls, prints answers, exits with a code that says
//! what went wrong.
//!
//! Answers go to standard output, everything else to standard error.

mod call;
mod input;
mod latencies;
mod output;
mod patience;
mod ping;
mod printer;
mod progress;
mod replies;
mod request;
mod serve;
mod signals;
mod stats;
mod status;
mod whole_input;
mod window;

use self::{
    output::{Output, Teller},
    signals::Signals,
};
use crate::{
    broker_uri::BrokerUri,
    cli::{CallArgs, CtlArgs, CtlCommand, CtlOptions, PingArgs},
    client::{CallError, Client, ClientBuilder},
    exit::Exit,
    files,
    tls::{Tls, TlsFile, TlsFiles},
    wire::TraceParent,
};
use std::{error::Error, fs::File, io, pin::pin, thread, time::Duration};
use tokio::{
    sync::{Notify, oneshot},
    time::{sleep, timeout},
};
use uuid::Uuid;

/// How long calls may wait for a broker or a server before that is told, and how often that is
/// looked at.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// The longest that a server says of itself, in bytes. Ours says a few kilobytes.
const MAX_DESCRIPTION: u64 = 1 << 20;
/// How long a program that was told to stop waits for somebody to read its last words.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs one command.
#[must_use]
pub fn main(args: &CtlArgs) -> Exit {
    // A pipe may wait for its reader here: the signals still do what the system has them do.
    let file = match destination(&args.command) {
        Ok(file) => file,
        Err(error) => return cannot_start(args, &error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cannot_start(args, &error),
    };
    let exit = runtime.block_on(async {
        let mut signals = match Signals::register() {
            Ok(signals) => signals,
            Err(error) => return cannot_start(args, &error),
        };
        let trace = args.options.trace.then(new_trace).flatten();
        match Output::start(args.options.format(), trace, file) {
            Ok(output) => command(args, trace, output, &mut signals).await,
            Err(error) => cannot_start(args, &error),
        }
    });
    // A name lookup may hang on. So may the threads that read and write, which end with the program.
    runtime.shutdown_background();
    exit
}

/// The file that answers are written to instead of standard output, and its name.
fn destination(command: &CtlCommand) -> io::Result<Option<(File, String)>> {
    let CtlCommand::Call(CallArgs { output: Some(path), .. }) = command else { return Ok(None) };
    let name = path.display().to_string();
    match File::create(path) {
        Ok(file) => Ok(Some((file, name))),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot write {name}: {error}"))),
    }
}

/// Says why there is not even an output.
#[expect(clippy::print_stderr, reason = "there is no other way left")]
fn cannot_start(args: &CtlArgs, error: &io::Error) -> Exit {
    eprintln!("fibrpcctl: cannot start: {error}");
    if is_check(&args.command) { Exit::CHECK_UNKNOWN } else { Exit::Failure }
}

/// Whether a command ends with the codes of plugins.
fn is_check(command: &CtlCommand) -> bool {
    matches!(command, CtlCommand::Status(status) if status.check)
}

/// Says why a command cannot begin.
fn cannot_begin(args: &CtlArgs, output: &mut Output, why: &str, exit: Exit) -> Exit {
    if is_check(&args.command) {
        status::unknown(why, &args.options, output);
        return Exit::CHECK_UNKNOWN;
    }
    output.tell().complain(why);
    exit
}

/// Runs one command to its end, or until a signal comes, which nothing can hold up.
async fn command(
    args: &CtlArgs,
    trace: Option<TraceParent>,
    mut output: Output,
    signals: &mut Signals,
) -> Exit {
    output.announce_trace();
    let stop = Notify::new();
    let work = async {
        if let CtlCommand::Completions { shell } = args.command {
            output.completions(shell);
            return Exit::Ok;
        }
        if let CtlCommand::Serve(serve) = &args.command {
            return serve::run(serve, &args.options, &mut output, &stop).await;
        }
        let limit = args.options.timeout;
        let Ok(client) = timeout(limit, client(args, trace)).await else {
            let message = format!("the files that the options name: not read within {limit:?}");
            return cannot_begin(args, &mut output, &message, Exit::TimedOut);
        };
        match client {
            Ok(client) => {
                let exit = run(args, &client, &mut output, &stop).await;
                client.close().await;
                exit
            }
            Err(error) => cannot_begin(args, &mut output, &error.to_string(), Exit::Usage),
        }
    };
    let mut asked = None;
    let exit = {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                exit = &mut work => break exit,
                // What was begun is ended and summed up first, but a second signal ends that.
                exit = signals.next() => {
                    if asked.is_some() || !sums_up(&args.command) {
                        return exit;
                    }
                    asked = Some(exit);
                    stop.notify_one();
                }
            }
        }
    };
    let exit = asked.unwrap_or(exit);
    tokio::select! {
        finished = output.finish() => match finished {
            Exit::Failure if is_check(&args.command) => Exit::CHECK_UNKNOWN,
            finished => exit.or(finished),
        },
        exit = signals.next() => exit,
        () = sleep(LAST_WORDS), if asked.is_some() => exit,
    }
}

/// Whether a command has something to say when it is told to stop.
fn sums_up(command: &CtlCommand) -> bool {
    match command {
        CtlCommand::Ping(ping) => ping.series().is_some(),
        CtlCommand::Serve(_) => true,
        _ => false,
    }
}

async fn run(args: &CtlArgs, client: &Client, output: &mut Output, stop: &Notify) -> Exit {
    let teller = output.tell();
    let answer = async {
        let result = match &args.command {
            CtlCommand::Call(call) => return call::run(call, client, output).await,
            CtlCommand::Request(request) => {
                return request::run(request, &args.options.queue, client, output).await;
            }
            CtlCommand::Ping(ping) => match ping.series() {
                Some(series) => {
                    let server = (client, args.options.queue.as_str());
                    return ping::run(ping, series, server, output, stop).await;
                }
                None => client.ping().await.map(|pong| output.pong(&pong)),
            },
            CtlCommand::Info(info) if info.stats => {
                client.stats().await.map(|stats| output.stats(stats))
            }
            CtlCommand::Info(_) => client.info().await.map(|info| output.info(info)),
            CtlCommand::Status(status) => {
                return status::run(status, &args.options, client, output).await;
            }
            CtlCommand::Completions { .. } | CtlCommand::Serve(_) => Ok(()), // need no client
        };
        result.map_or_else(
            |error| {
                output.failed(&error);
                exit_of(&error)
            },
            |()| Exit::Ok,
        )
    };
    tokio::select! {
        exit = answer => exit,
        () = tell_waiting(client, &teller) => Exit::Failure,
    }
}

/// Tells what calls wait for if that takes long: once for each time that they do.
async fn tell_waiting(client: &Client, teller: &Teller) {
    let mut told = false;
    loop {
        sleep(TELL_AFTER).await;
        let waiting_for = client.waiting_for();
        if let Some(what) = waiting_for.as_deref().filter(|_| !told) {
            teller.complain(&format!("waiting: {what}"));
        }
        told = waiting_for.is_some();
    }
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

/// Somebody believes that the connection is encrypted.
#[derive(Debug, thiserror::Error)]
#[error("it does nothing, as the URI is not one for TLS; let it start with amqps://")]
struct DoesNothing;

impl UsageError {
    fn of(option: &'static str, source: impl Error + Send + Sync + 'static) -> Self {
        Self { option, source: source.into() }
    }
}

/// Makes the client. What it needs from files is read by a thread, as it may be a pipe, or far away.
async fn client(
    args: &CtlArgs,
    trace: Option<TraceParent>,
) -> Result<Client, Box<dyn Error + Send + Sync>> {
    let options = args.options.clone();
    let mut builder = elsewhere(move || settings(&options, trace)).await??;
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
async fn elsewhere<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Box<dyn Error + Send + Sync>> {
    let (sender, receiver) = oneshot::channel();
    let read = move || drop(sender.send(read())); // nobody may be waiting any more
    thread::Builder::new().name("files".to_owned()).spawn(read)?;
    Ok(receiver.await?)
}

/// The broker with the password for it, and whom to trust.
fn broker(options: &CtlOptions) -> Result<(BrokerUri, Option<Tls>), UsageError> {
    let uri = options.uri.as_str().parse::<BrokerUri>();
    let mut uri = uri.map_err(|error| UsageError::of("--uri", error))?;
    let tls = tls(options, &uri)?;
    if let Some(path) = &options.password_file {
        let password = files::password(path);
        let password = password.map_err(|error| UsageError::of("--password-file", error))?;
        uri = uri.with_password(&password);
    }
    Ok((uri, tls))
}

fn settings(options: &CtlOptions, trace: Option<TraceParent>) -> Result<ClientBuilder, UsageError> {
    let (uri, tls) = broker(options)?;
    let mut client = Client::builder(uri)
        .queue(&options.queue)
        .timeout(options.timeout)
        .wait_for_server(options.waits())
        .connection_name("fibrpcctl");
    if let Some(parent) = trace {
        client = client.trace(parent);
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
    let named =
        [(&files.ca, "--ca-file"), (&files.certificate, "--cert-file"), (&files.key, "--key-file")];
    if !uri.is_tls() {
        return match named.into_iter().find(|(file, _)| file.is_some()) {
            Some((_, option)) => Err(UsageError::of(option, DoesNothing)),
            None => Ok(None),
        };
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
        CallError::Failed(_) | CallError::BadReply(_) | CallError::ReplyTooLarge { .. } => {
            Exit::ServerError
        }
        CallError::TimedOut(_)
        | CallError::NoConsumer { .. }
        | CallError::Unconfirmed(_)
        | CallError::NotSent(_) => Exit::TimedOut,
        CallError::NoQueue(_) | CallError::NoServer(_) | CallError::NoRoute { .. } => {
            Exit::NoServer
        }
        CallError::Unreachable(_)
        | CallError::Refused(_)
        | CallError::Rejected(_)
        | CallError::Lost(_)
        | CallError::TooLarge { .. } => Exit::Unreachable,
        CallError::Invalid(_) => Exit::Usage,
        CallError::Closed => Exit::Failure,
    }
}
