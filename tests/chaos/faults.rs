//! What goes wrong, and how often it did.

use crate::support::{broker::Broker, program::Daemon, random::Random, sustained_load::pause};
use std::{
    collections::BTreeMap,
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

/// Faults by kind.
pub(crate) type Faults = BTreeMap<&'static str, u64>;

/// With these, a frozen daemon and a broker that is back are noticed within seconds.
pub(crate) const SETTINGS: [(&str, &str); 1] = [("amqp.heartbeat", "2s")];

/// A random time less than this.
fn some_time(random: &mut Random, limit_ms: usize) -> Duration {
    Duration::from_millis(random.below(limit_ms) as u64)
}

/// Whether there is to be another fault, after a pause.
fn goes_on(stop: &mpsc::Receiver<()>, pause: Duration) -> bool {
    stop.recv_timeout(pause) == Err(RecvTimeoutError::Timeout)
}

/// Causes one fault of the broker after the other until stopped. It is up in the end.
pub(crate) fn trouble_broker(
    mut broker: Broker,
    mut random: Random,
    stop: &mpsc::Receiver<()>,
) -> (Broker, Faults) {
    let mut faults = Faults::new();
    while goes_on(stop, some_time(&mut random, 4_000)) {
        let kind = match random.below(4) {
            0 => {
                broker.stop();
                pause(some_time(&mut random, 2_000));
                broker.start();
                "broker stopped"
            }
            1 => {
                broker.kill_at_once();
                pause(some_time(&mut random, 2_000));
                broker.start();
                "broker killed"
            }
            2 => {
                broker.signal("STOP");
                pause(some_time(&mut random, 8_000));
                broker.signal("CONT");
                "broker frozen"
            }
            _ => {
                broker.ctl(&["close_all_connections", "chaos"]);
                "connections closed"
            }
        };
        *faults.entry(kind).or_default() += 1;
    }
    (broker, faults)
}

/// Causes one fault of a daemon after the other until stopped. All are up in the end.
pub(crate) fn trouble_daemons(
    mut daemons: Vec<Daemon>,
    uri: &str,
    mut random: Random,
    stop: &mpsc::Receiver<()>,
) -> (Vec<Daemon>, Faults) {
    let mut faults = Faults::new();
    while goes_on(stop, some_time(&mut random, 1_000)) {
        let index = random.below(daemons.len());
        let daemon = &mut daemons[index];
        assert!(daemon.is_running(), "a daemon ended unasked: {}", daemon.log());
        let kind = match random.below(3) {
            0 => {
                restart(daemon, "KILL", uri);
                "daemon killed"
            }
            1 => {
                restart(daemon, "TERM", uri);
                "daemon terminated"
            }
            _ => {
                daemon.signal("STOP");
                pause(some_time(&mut random, 6_000));
                daemon.signal("CONT");
                "daemon frozen"
            }
        };
        *faults.entry(kind).or_default() += 1;
    }
    (daemons, faults)
}

fn restart(daemon: &mut Daemon, signal: &str, uri: &str) {
    daemon.signal(signal);
    daemon.wait();
    *daemon = Daemon::start(uri, &SETTINGS);
}
