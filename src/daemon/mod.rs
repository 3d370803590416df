//! How `fibrpcd` starts; how it stops is in `lifecycle`.

mod compute;
pub mod config;
mod lifecycle;
mod manager_socket;
mod observe;
mod reload;
mod server;
mod signals;
mod state;
mod systemd;
mod ticks;
mod watchdog;

use self::{
    compute::{Pool, PoolError, Shares},
    config::{Config, File, Loaded, Sources},
    lifecycle::{Phase, handle_signals},
    observe::{
        http::{self, HttpError},
        log::{self, LevelHandle, LogError, LogMonitor, queue::FlushLog},
        metrics::{Metrics, MetricsError},
        observer::Observer,
        overview::Overview,
        request_log::RequestLog,
        spans,
    },
    reload::{Reloader, log_remarks},
    server::{Engine, ResultCache, Server, handler::Handler},
    signals::{SignalError, Signals},
    state::State,
    systemd::Notifier,
    watchdog::Watchdog,
};
use crate::{amqp::silence::Silence, cli::DaemonArgs, exit::Exit};
use futures_util::FutureExt as _;
use std::{
    convert::Infallible,
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::timeout};

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("cannot start the runtime")]
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
    Http(#[from] HttpError),
}

/// Runs the daemon until it is told to stop.
#[must_use]
pub fn main(args: &DaemonArgs) -> Exit {
    let sources = sources(args);
    let loaded = match Loaded::read(sources.clone()) {
        Ok(loaded) => loaded,
        Err(error) => {
            report(&error);
            return Exit::Config;
        }
    };
    if args.check {
        return checked(&loaded);
    }
    // Dropped last, so that the last messages come out.
    let (observability, _flush) = match init_observability(&loaded.config) {
        Ok(observability) => observability,
        Err(error) => {
            report(&error);
            return Exit::Failure;
        }
    };
    run(loaded, sources, observability).unwrap_or_else(|error| {
        tracing::error!("cannot start: {}", with_causes(&error));
        Exit::Failure
    })
}

/// Set up before anything else, so that it sees all the rest.
struct Observability {
    metrics: Arc<Metrics>,
    log_monitor: Arc<LogMonitor>,
    level: LevelHandle,
}

fn init_observability(config: &Config) -> Result<(Observability, FlushLog), StartError> {
    let metrics = Arc::new(Metrics::new()?);
    let daemon = &metrics.daemon;
    let log_monitor =
        Arc::new(LogMonitor::new(daemon.log_messages.clone(), daemon.log_suppressed.clone()));
    let (level, flush) = log::init(
        config.log.level,
        config.log.format,
        Arc::clone(&log_monitor),
        daemon.log_dropped.clone(),
    )?;
    metrics.configured(config);
    Ok((Observability { metrics, log_monitor, level }, flush))
}

/// One thread does all I/O: small calls need no other, and large ones have threads of their own.
fn run(loaded: Loaded, sources: Sources, observability: Observability) -> Result<Exit, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let exit = runtime.block_on(start(loaded, sources, observability));
    runtime.shutdown_background(); // does not wait for a name lookup that hangs
    exit
}

async fn start(
    loaded: Loaded,
    sources: Sources,
    observability: Observability,
) -> Result<Exit, StartError> {
    let Observability { metrics, log_monitor, level } = observability;

    // Signals first of all, so that none is missed.
    let signals = Signals::register()?;
    tracing::info!(version = crate::VERSION, file = loaded.file, "starting");
    log_remarks(&loaded);
    let config = loaded.config.clone();

    // The compute threads and the cache.
    let compute = &config.compute;
    let shares = Shares::new(compute.memory, compute.max_n, compute.threads);
    let (pool, finished) = Pool::start(compute.threads, shares)?;
    let compute_watchdogs = pool.watchdog_timers();

    // HTTP, the page, and the service manager.
    let (state, states) = watch::channel(State::Detached("not attached yet".to_owned()));
    let http = listen(&config).await?;
    let instance = instance(http.as_ref());
    let start = Instant::now();
    let watched = Arc::clone(&metrics);
    let overview = Arc::new(Overview::new(start, watched, log_monitor, states.clone(), instance));
    let notifier = Notifier::new(Arc::clone(&metrics), states);
    let watchdog = Watchdog { server: Arc::default(), compute: compute_watchdogs };
    let (spans, exporter) = spans::start(&config.trace, &metrics);
    let exporting = exporter.run().fuse();
    tokio::pin!(exporting);

    // The server, and what makes it stop or reconfigure.
    let (phase, phases) = watch::channel(Phase::Serving);
    let cache = ResultCache::new(config.compute.cache);
    let handler = Handler::new(config.compute.max_n, cache, Arc::clone(&overview));
    let request_log = RequestLog::new(&config.amqp.queue, spans);
    let observer = Observer::new(Arc::clone(&metrics), request_log, start);
    let engine = Engine::new((compute.threads, shares), (pool, finished), handler, observer, start);
    let (settings, configs) = watch::channel(Arc::new(config));
    let reloader = Reloader::new((sources, loaded), settings, level, shares, Arc::clone(&metrics));
    let server = Server {
        config: configs,
        engine,
        metrics,
        state,
        renewal: Arc::clone(&reloader.renewal),
        silence: Silence::new(),
        watchdog: Arc::clone(&watchdog.server),
    };

    // All of it runs concurrently in this task, until the server ends.
    notifier.ready();
    let ending = tokio::select! {
        ending = server.run(phases) => ending,
        ending = handle_signals(signals, phase, reloader, &notifier) => ending,
        never = serve_http(http, overview) => match never {},
        never = notifier.report(&watchdog) => match never {},
        never = export(exporting.as_mut()) => match never {},
    };
    flush(exporting).await;
    Ok(ending.exit())
}

/// Exports traces for as long as the server, their only source, is there; then waits for ever.
async fn export(exporting: impl Future<Output = ()>) -> Infallible {
    exporting.await;
    std::future::pending().await
}

/// How long the last exports may take when the daemon ends.
const FLUSH: Duration = Duration::from_secs(2);

/// Waits for the last exports, but not for long. They do end: the server, their only source, is
/// gone.
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

/// Which daemon this is, for people who look at several: the machine and the address.
fn instance(http: Option<&http::Server>) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let address = http.map(|http| format!(", {}", http.local_addr()));
    format!("{}{}", host.trim(), address.unwrap_or_default())
}

/// Serves people and probes over HTTP, and keeps the page's history current.
async fn serve_http(http: Option<http::Server>, overview: Arc<Overview>) -> Infallible {
    let serve = async {
        if let Some(http) = http {
            match http.serve(Arc::clone(&overview)).await {}
        }
        std::future::pending().await
    };
    tokio::select! {
        never = serve => never,
        never = overview.keep_history() => never,
        never = overview.report_suppressed() => never,
    }
}

fn sources(args: &DaemonArgs) -> Sources {
    let file = args.config.clone().map_or(File::Default, File::Explicit);
    let options = args.set.iter().map(|set| set.as_str().to_owned()).collect();
    Sources::with_process_environment(file, options)
}

/// The answer to `--check`.
fn checked(loaded: &Loaded) -> Exit {
    for remark in &loaded.remarks {
        let _ = writeln!(std::io::stderr(), "warning: {remark}"); // not what was asked for
    }
    match writeln!(std::io::stdout(), "the configuration is good") {
        Ok(()) => Exit::Ok,
        Err(_) => Exit::Failure,
    }
}

/// Says why the program cannot run, when there is no log yet.
fn report(error: &dyn std::error::Error) {
    // There is nowhere else to say it, and the exit code says it too.
    let _ = writeln!(std::io::stderr(), "{}", with_causes(error));
}

/// An error and what caused it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
