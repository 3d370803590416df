//! `fibrpcctl`, for people and scripts: makes calls, prints answers, exits with a code that says
//! what went wrong.
//!
//! Answers go to standard output, everything else to standard error.

mod base64;
mod call;
mod colour;
mod context;
mod envelope;
mod input;
mod latencies;
mod output;
mod patience;
mod ping;
mod printer;
mod progress;
mod prompt;
mod replies;
mod request;
mod serve;
mod settings;
mod signals;
mod stats;
mod status;
mod teller;
mod verbose;
mod verdict;
mod whole_input;
mod window;

pub use self::verdict::{Verdict, examples, verdict};

use self::{output::Output, settings::client, signals::Signals, teller::Teller, verbose::Verbose};
use crate::{
    broker_uri::BrokerUri,
    cli::{CallArgs, CtlArgs, CtlCommand, InfoArgs, RequestArgs, plugin_text},
    client::{CallError, Client},
    exit::Exit,
    text::escaped,
    wire::TraceParent,
};
use std::{fs::File, io, pin::pin, time::Duration};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use uuid::Uuid;

/// How long calls may wait for a broker or a server before that is told, and how often that is
/// looked at.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// How long a program that was told to stop waits for somebody to read its last words.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs one command.
#[must_use]
pub fn main(args: CtlArgs) -> Exit {
    // A pipe may wait for its reader here: the signals still do what the system has them do.
    let file = match destination(&args.command) {
        Ok(file) => file,
        Err(error) => return cannot_start(&args.command, &error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cannot_start(&args.command, &error),
    };
    let exit = runtime.block_on(async {
        let mut signals = match Signals::register() {
            Ok(signals) => signals,
            Err(error) => return cannot_start(&args.command, &error),
        };
        let trace = args.options.trace.then(new_trace).flatten();
        match Output::start(args.options.format(), args.options.color, trace, file) {
            Ok(output) => command(args, trace, output, &mut signals).await,
            Err(error) => cannot_start(&args.command, &error),
        }
    });
    // A name lookup may hang on. So may the threads that read and write, which end with the program.
    runtime.shutdown_background();
    exit
}

/// The file that answers are written to instead of standard output, and its name.
fn destination(command: &CtlCommand) -> io::Result<Option<(File, String)>> {
    let path = match command {
        CtlCommand::Call(CallArgs { output, .. })
        | CtlCommand::Request(RequestArgs { output, .. }) => output,
        _ => &None,
    };
    let Some(path) = path.as_ref().filter(|path| path.as_os_str() != "-") else { return Ok(None) };
    let name = path.display().to_string();
    // Emptied by the first answer: where there is none, the answers of last time stay.
    match File::options().write(true).create(true).truncate(false).open(path) {
        Ok(file) => Ok(Some((file, name))),
        Err(error) => Err(io::Error::new(error.kind(), format!("cannot write {name}: {error}"))),
    }
}

/// Says why there is not even an output.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "there is no other way left")]
fn cannot_start(command: &CtlCommand, error: &io::Error) -> Exit {
    if is_check(command) {
        println!("{}", plugin_text("UNKNOWN", &format!("cannot start: {error}")));
        return Exit::CHECK_UNKNOWN;
    }
    eprintln!("fibrpcctl: cannot start: {error}");
    Exit::Failure
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
    why.lines().for_each(|line| output.tell().complain(line));
    exit
}

/// Runs one command to its end, or until a signal comes, which nothing can hold up.
async fn command(
    mut args: CtlArgs,
    trace: Option<TraceParent>,
    mut output: Output,
    signals: &mut Signals,
) -> Exit {
    let prepared = tokio::select! {
        prepared = prepare(&mut args, &mut output) => prepared,
        exit = signals.next() => return exit,
    };
    if let Err(exit) = prepared {
        return exit.or(output.finish(exit).await);
    }
    let args = &args;
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
        if let CtlCommand::Context(context) = &args.command {
            return context::run(context, &args.options, &mut output).await;
        }
        let limit = args.options.timeout;
        let teller = output.tell();
        let client = tokio::select! {
            client = timeout(limit, client(args, trace, &teller)) => client,
            () = stop.notified() => return Exit::Interrupted,
        };
        let Ok(client) = client else {
            let message = format!("the files that the options name: not read within {limit:?}");
            return cannot_begin(args, &mut output, &message, Exit::TimedOut);
        };
        match client {
            Ok(client) => {
                let exit = run(args, &client, &mut output, &stop).await;
                if exit != Exit::Interrupted {
                    tokio::select! {
                        () = client.close() => {}
                        () = stop.notified() => {}
                    }
                }
                exit
            }
            Err(error) => {
                let exit = cannot_begin(args, &mut output, &error.to_string(), Exit::Usage);
                if exit == Exit::Usage {
                    output.hint("fibrpcctl context show says where each setting comes from");
                }
                exit
            }
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
    if exit == Exit::Interrupted {
        let teller = output.tell();
        drop(output); // what nobody has read of it by now is left
        teller.finish().await;
        return asked.unwrap_or(exit);
    }
    let exit = asked.unwrap_or(exit);
    tokio::select! {
        finished = output.finish(exit) => match finished {
            Exit::Failure if is_check(&args.command) => Exit::CHECK_UNKNOWN,
            finished => exit.or(finished),
        },
        exit = signals.next() => exit,
        () = sleep(LAST_WORDS), if asked.is_some() => exit,
    }
}

/// Gives the arguments what the context says, and the password if it is to be asked for; or says why
/// not, and how the program is to end.
async fn prepare(args: &mut CtlArgs, output: &mut Output) -> Result<(), Exit> {
    if let Err((why, exit)) = context::apply(args, output).await {
        return Err(cannot_begin(args, output, &why, exit));
    }
    let needs_none =
        matches!(args.command, CtlCommand::Context(_) | CtlCommand::Completions { .. });
    if !args.options.ask_password || needs_none {
        return Ok(());
    }
    // What is wrong with the URI is told later.
    let Ok(uri) = args.options.uri.as_str().parse::<BrokerUri>() else { return Ok(()) };
    let question = escaped(&format!("password of {} at {}: ", uri.user(), uri.host()));
    match prompt::ask(question).await {
        Ok(password) => args.options.password = Some(password.into()),
        Err(error) => return Err(cannot_begin(args, output, &error.to_string(), Exit::Usage)),
    }
    Ok(())
}

/// Whether a command has something to say when it is told to stop.
fn sums_up(command: &CtlCommand) -> bool {
    match command {
        CtlCommand::Ping(ping) => ping.series().is_some(),
        CtlCommand::Call(_) | CtlCommand::Serve(_) => true,
        CtlCommand::Request(request) => request.input().is_some(),
        _ => false,
    }
}

async fn run(args: &CtlArgs, client: &Client, output: &mut Output, stop: &Notify) -> Exit {
    let teller = output.tell();
    let answer = async {
        let result = match &args.command {
            CtlCommand::Call(call) => {
                return call::run(call, args.options.verbose, client, output, stop).await;
            }
            CtlCommand::Request(request) => {
                return request::run(request, &args.options, client, output, stop).await;
            }
            CtlCommand::Ping(ping) => match ping.series() {
                Some(series) => {
                    return ping::run(ping, series, &args.options, client, output, stop).await;
                }
                None => ping::once(client, args.options.verbose, output).await,
            },
            CtlCommand::Info(InfoArgs { stats }) => {
                let said = if *stats { client.stats().await } else { client.info().await };
                Verbose::new(client, args.options.verbose).connected(output);
                said.map(|said| if *stats { output.stats(said) } else { output.info(said) })
            }
            CtlCommand::Status(status) => {
                return status::run(status, &args.options, client, output).await;
            }
            // They need no client.
            CtlCommand::Context(_) | CtlCommand::Completions { .. } | CtlCommand::Serve(_) => {
                Ok(())
            }
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

/// The exit code for a call that failed.
fn exit_of(error: &CallError) -> Exit {
    verdict(error).exit
}
