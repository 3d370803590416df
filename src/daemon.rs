//! The story of a start and a stop of `fibrpcd`.

use crate::{
    amqp::{backoff::Backoff, connect::Dial, serving::Settings},
    cli::DaemonArgs,
    compute::{Pool, PoolError},
    config::{Config, File, Sources},
    exit::Exit,
    http::{self, HttpError, Probe, ProbeError},
    log,
    metrics::{Metrics, MetricsError},
    server::{Ending, Phase, Server, Standing},
    service::Service,
    signals::{SignalError, Signals},
};
use std::{borrow::Cow, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
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
    Pool(#[from] PoolError),
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// Runs the daemon until it is told to stop.
#[must_use]
pub fn main(args: &DaemonArgs) -> Exit {
    let config = match Config::load(sources(args)) {
        Ok(config) => config,
        Err(error) => {
            report(&error);
            return Exit::Config;
        }
    };
    if args.check {
        return checked();
    }
    if let Err(error) = log::init(config.log.level, config.log.format) {
        report(&error);
        return Exit::Failure;
    }
    run(config).unwrap_or_else(|error| {
        tracing::error!("cannot start: {}", with_causes(&error));
        Exit::Failure
    })
}

/// One thread does all I/O: small calls need no other, and large ones have threads of their own.
fn run(config: Config) -> Result<Exit, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let exit = runtime.block_on(start(config));
    runtime.shutdown_background(); // a name lookup may hang: not our problem any more
    exit
}

async fn start(config: Config) -> Result<Exit, StartError> {
    // First of all, so that no signal is missed.
    let signals = Signals::register()?;
    tracing::info!(version = crate::VERSION, "starting");
    let metrics = Arc::new(Metrics::new()?);
    metrics.prefetch.set(config.amqp.prefetch.into());
    let pool = Pool::start(config.compute.threads, config.compute.memory)?;
    let (standing, standings) = watch::channel(Standing::Detached("not attached yet".to_owned()));
    let watched = Arc::new(Watched { metrics: Arc::clone(&metrics), standings });
    let http = match config.http.listen {
        None => None,
        Some(address) => {
            let server = http::bind(address).await?;
            tracing::info!(address = %server.local_addr(), "serving metrics and probes");
            Some(server)
        }
    };
    let drain_timeout = config.shutdown.drain_timeout;
    let (phase, phases) = watch::channel(Phase::Serving);
    let serving = server(config, pool, metrics, standing).run(phases);
    let watching = async {
        match http {
            // Until the server is done, which drops this future.
            Some(http) => http.serve(watched, std::future::pending()).await,
            None => std::future::pending().await,
        }
    };
    let ending = tokio::select! {
        ending = serving => ending,
        () = watching => Ending::GaveUp, // it never ends before the server
        () = conduct(signals, phase, drain_timeout) => Ending::GaveUp,
    };
    Ok(match ending {
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
    })
}

/// Turns signals into phases: the first one drains, the second or the end of patience gives up.
async fn conduct(mut signals: Signals, phase: watch::Sender<Phase>, drain_timeout: Duration) {
    let signal = signals.next().await;
    tracing::info!(?signal, ?drain_timeout, "asked to stop");
    phase.send_replace(Phase::Draining);
    let patience = sleep_until(Instant::now() + drain_timeout);
    tokio::select! {
        signal = signals.next() => tracing::warn!(?signal, "asked to stop at once"),
        () = patience => tracing::warn!(?drain_timeout, "not drained in time"),
    }
    phase.send_replace(Phase::GivingUp);
    // Giving up has deadlines of its own; this one is for what nobody thought of.
    sleep_until(Instant::now() + GIVE_UP_TIMEOUT).await;
    tracing::error!("could not give everything back in time: the broker will notice and requeue");
}

/// How long giving everything back may take.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(5);

fn server(
    config: Config,
    pool: Pool,
    metrics: Arc<Metrics>,
    standing: watch::Sender<Standing>,
) -> Server {
    let amqp = config.amqp;
    Server {
        uris: amqp.uris,
        settings: Settings {
            dial: Dial {
                timeout: amqp.connect_timeout,
                heartbeat: amqp.heartbeat,
                name: "fibrpcd".to_owned(),
                tls: amqp.tls,
            },
            queue: amqp.queue,
            queue_type: amqp.queue_type,
            prefetch: amqp.prefetch,
        },
        backoff: Backoff::new(amqp.backoff_initial, amqp.backoff_max),
        service: Service::new(config.compute.max_n),
        pool,
        metrics,
        suspects: Arc::default(),
        standing,
    }
}

/// What HTTP shows.
struct Watched {
    metrics: Arc<Metrics>,
    standings: watch::Receiver<Standing>,
}

impl Probe for Watched {
    fn metrics(&self) -> Result<String, ProbeError> {
        Ok(self.metrics.render()?)
    }

    fn readiness(&self) -> Result<(), Cow<'static, str>> {
        match &*self.standings.borrow() {
            Standing::Consuming => Ok(()),
            Standing::Blocked(why) => {
                Err(format!("the broker takes no replies at the moment: {why}").into())
            }
            Standing::Draining => Err("draining".into()),
            Standing::Detached(why) => Err(format!("not consuming: {why}").into()),
        }
    }
}

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
