//! The story of a start and a stop of `fibrpcd`.

mod compute;
pub mod config;
mod observe;
mod reload;
mod server;
mod signals;
mod systemd;
mod watchdog;

use crate::{
    cli::DaemonArgs,
    daemon::{
        compute::{Pool, PoolError, Shares},
        config::{Config, File, Sources},
        observe::{
            http::{self, HttpError},
            log::{self, LevelHandle, LogError, LogMonitor},
            metrics::{Metrics, MetricsError},
            overview::Overview,
            spans,
        },
        reload::Reloader,
        server::{Ending, Phase, ResultCache, Server, Standing, handler::Handler},
        signals::{Signal, SignalError, Signals},
        systemd::{Notifier, Watchdog},
        watchdog::WatchdogTimer,
    },
    exit::Exit,
};
use futures_util::FutureExt as _;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("cannot start the runtime: {0}")]
    Runtime(#[from] std::io::Error),
    #[error(transparent)]
    Signals(#[from] SignalError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error(transparent)]
    Spans(#[from] spans::SpansError),
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// Runs the daemon until it is told to stop.
#[must_use]
pub fn main(args: &DaemonArgs) -> Exit {
    let sources = sources(args);
    let config = match Config::load(sources.clone()) {
        Ok(config) => config,
        Err(error) => {
            report(&error);
            return Exit::Config;
        }
    };
    if args.check {
        return checked();
    }
    let watching = match watch_over(&config) {
        Ok(watching) => watching,
        Err(error) => {
            report(&error);
            return Exit::Failure;
        }
    };
    run(config, sources, watching).unwrap_or_else(|error| {
        tracing::error!("cannot start: {}", with_causes(&error));
        Exit::Failure
    })
}

/// What tells of the daemon, set up before anything else.
struct Watching {
    metrics: Arc<Metrics>,
    log_monitor: Arc<LogMonitor>,
    level: LevelHandle,
}

fn watch_over(config: &Config) -> Result<Watching, StartError> {
    let metrics = Arc::new(Metrics::new()?);
    let daemon = &metrics.daemon;
    let log_monitor =
        Arc::new(LogMonitor::new(daemon.log_messages.clone(), daemon.log_suppressed.clone()));
    let level = log::init(config.log.level, config.log.format, Arc::clone(&log_monitor))?;
    Ok(Watching { metrics, log_monitor, level })
}

/// One thread does all I/O: small calls need no other, and large ones have threads of their own.
fn run(config: Config, sources: Sources, watching: Watching) -> Result<Exit, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let exit = runtime.block_on(start(config, sources, watching));
    runtime.shutdown_background(); // a name lookup may hang: not our problem any more
    exit
}

async fn start(config: Config, sources: Sources, watching: Watching) -> Result<Exit, StartError> {
    // First of all, so that no signal is missed.
    let signals = Signals::register()?;
    let file = sources.file.in_force();
    tracing::info!(version = crate::VERSION, file, "starting");
    let Watching { metrics, log_monitor, level } = watching;
    metrics.configured(&config);
    let compute = &config.compute;
    let shares = Shares::new(compute.memory, compute.max_n, compute.threads);
    let pool = Pool::start(compute.threads, shares)?;
    let cache = ResultCache::new(compute.cache);
    let (standing, standings) = watch::channel(Standing::Detached("not attached yet".to_owned()));
    let overview =
        Overview::new(Arc::clone(&metrics), log_monitor, standings.clone(), pool.clone());
    let http = listen(&config).await?;
    let watchdog = Watchdog { server: Arc::new(WatchdogTimer::default()), pool: pool.clone() };
    let notifier = Notifier::new(Arc::clone(&metrics), standings);
    let (phase, phases) = watch::channel(Phase::Serving);
    let (spans, exporter) = spans::start(&config.trace, &metrics)?;
    let exporting = exporter.run().fuse();
    tokio::pin!(exporting);
    let handler = Handler::new(config.compute.max_n);
    let (settings, configs) = watch::channel(Arc::new(config));
    let serving = Server {
        handler,
        config: configs,
        pool: pool.clone(),
        cache,
        metrics: Arc::clone(&metrics),
        poison_tracker: Arc::default(),
        spans,
        standing,
        watchdog: Arc::clone(&watchdog.server),
    };
    let reloader = Reloader { sources, config: settings, level, pool, metrics };
    notifier.ready();
    let ending = tokio::select! {
        ending = serving.run(phases) => ending,
        () = show(http, Arc::new(overview)) => Ending::GaveUp, // it never ends before the server, like the next one
        () = notifier.report(&watchdog) => Ending::GaveUp,
        () = conduct(signals, phase, &reloader, &notifier) => Ending::GaveUp,
        () = &mut exporting => Ending::GaveUp,
    };
    flush(exporting).await;
    Ok(exit_of(ending))
}

/// How long the last exports may take when the daemon ends.
const FLUSH: Duration = Duration::from_secs(2);

/// Waits for the last exports, but not for long. With the server went the last one who could hand
/// over a request, so they have an end.
async fn flush(exporting: impl Future<Output = ()>) {
    if timeout(FLUSH, exporting).await.is_err() {
        tracing::warn!("the collector did not take the last traces in time; they are dropped");
    }
}

async fn listen(config: &Config) -> Result<Option<http::Server>, HttpError> {
    let Some(address) = config.http.listen else {
        return Ok(None);
    };
    let server = http::bind(address).await?;
    tracing::info!(address = %server.local_addr(), "serving metrics and probes");
    Ok(Some(server))
}

/// Never ends.
async fn show(http: Option<http::Server>, overview: Arc<Overview>) {
    let serve = async {
        match http {
            Some(http) => http.serve(Arc::clone(&overview), std::future::pending()).await,
            None => std::future::pending().await,
        }
    };
    tokio::join!(serve, overview.keep());
}

fn exit_of(ending: Ending) -> Exit {
    match ending {
        Ending::Drained => {
            tracing::info!("stopped; everything that was started is answered");
            Exit::Ok
        }
        Ending::Detached => {
            tracing::info!("stopped without a broker");
            Exit::Ok
        }
        Ending::GaveUp => {
            tracing::warn!("stopped; requests were given back to the queue");
            Exit::Failure
        }
    }
}

/// Turns signals into phases: the first one that asks to stop drains, the second or the end of
/// patience gives up. Until then, the configuration is read again whenever that is asked for.
async fn conduct(
    mut signals: Signals,
    phase: watch::Sender<Phase>,
    reloader: &Reloader,
    notifier: &Notifier,
) {
    let signal = loop {
        match signals.next().await {
            Signal::Reload => {
                notifier.reloading();
                notifier.reloaded(reloader.reload().err().as_ref());
            }
            stop => break stop,
        }
    };
    let drain_timeout = reloader.config().shutdown.drain_timeout;
    tracing::info!(?signal, ?drain_timeout, "asked to stop");
    phase.send_replace(Phase::Draining);
    tokio::select! {
        () = notifier.stopping() => {}
        () = give_up(signals, phase, drain_timeout) => {}
    }
}

/// Ends a stop that takes too long.
async fn give_up(mut signals: Signals, phase: watch::Sender<Phase>, drain_timeout: Duration) {
    let patience = sleep_until(Instant::now() + drain_timeout);
    tokio::select! {
        signal = signals.next_stop() => tracing::warn!(?signal, "asked to stop at once"),
        () = patience => tracing::warn!(?drain_timeout, "not drained in time"),
    }
    phase.send_replace(Phase::GivingUp);
    // Giving up has deadlines of its own; this one is for what nobody thought of.
    sleep_until(Instant::now() + GIVE_UP_TIMEOUT).await;
    tracing::error!("could not give everything back in time: the broker will notice and requeue");
}

/// How long giving everything back may take.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(5);

fn sources(args: &DaemonArgs) -> Sources {
    let file = args.config.clone().map_or(File::Default, File::Explicit);
    let options = args.set.iter().map(|set| set.as_str().to_owned()).collect();
    Sources::with_process_environment(file, options)
}

#[expect(clippy::print_stdout, reason = "the answer to --check")]
fn checked() -> Exit {
    println!("the configuration is good");
    Exit::Ok
}

/// Says why the program cannot run, where no log is there yet.
#[expect(clippy::print_stderr, reason = "before the log is set up, stderr is the place")]
fn report(error: &dyn std::error::Error) {
    eprintln!("{}", with_causes(error));
}

/// An error and what caused it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
