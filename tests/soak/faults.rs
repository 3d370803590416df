//! The faults, and what they are done to.

use crate::{
    client,
    measure::Holds,
    support::{
        broker::Broker,
        lapin_caller::{Caller, QUEUE, arguments},
        program::Daemon,
        relay::Relay,
        sustained_load::pause,
    },
};
use lapin::{options::QueueDeclareOptions, types::AMQPValue};
use std::{fs, io::Write as _, net::TcpStream, process::Child, time::Duration};
use tempfile::NamedTempFile;

/// One fault, once, from its begin until all is well again.
pub(crate) type Fault = fn(&mut Setup);

/// All of them.
pub(crate) const FAULTS: [(&str, Fault); 9] = [
    ("none, but calls", nothing),
    ("connections closed by the broker", closed),
    ("connections reset", reset),
    ("connects refused", refused),
    ("request queue deleted", deleted),
    ("memory alarm", alarm),
    ("reload with other settings", reload),
    ("half-open HTTP connections", half_open),
    ("replies refused and unroutable", bad_replies),
];

/// How long a consumer has been there when its queue is deleted.
const SETTLED: Duration = Duration::from_millis(200);

const CONNECTS: &str = "fibrpcd_amqp_connects_total";

/// A daemon that suffers the faults of the relay, another one beside it, a client at work, and one
/// that waits for a queue that never comes: each of its looks is answered by an exception.
pub(crate) struct Setup {
    broker: Broker,
    relay: Relay,
    file: NamedTempFile,
    daemon: Daemon,
    other: Daemon,
    caller: Caller,
    clients: [Child; 2],
    /// How many calls were made.
    calls: usize,
    reloads: usize,
    _config: NamedTempFile,
}

impl Setup {
    /// Waits until both daemons have had so many calls on their connections that lapin's buffers, rings of
    /// 1 MiB which are first used by and by, are in memory but for what acks and confirms take of them.
    pub(crate) fn fill_buffers(&mut self) {
        const CALLS: u64 = 6000;
        let acks = |daemon: &Daemon| daemon.metric("fibrpcd_acks_total");
        let least = [acks(&self.daemon) + CALLS, acks(&self.other) + CALLS];
        while acks(&self.daemon) < least[0] || acks(&self.other) < least[1] {
            nothing(self);
        }
    }

    pub(crate) fn start() -> Self {
        let config = NamedTempFile::with_suffix(".conf").unwrap();
        fs::write(config.path(), "channel_max = 16\n").unwrap();
        let path = config.path().to_string_lossy().into_owned();
        let broker = Broker::private_with(vec!["--config".into(), path]);
        let relay = Relay::to(&broker.uri());
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), settings(&relay, 0)).unwrap();
        let environment = [("MALLOC_ARENA_MAX", "1")];
        let daemon = Daemon::start_with_file(file.path(), &environment);
        let other = Daemon::start_with(&broker.uri(), &[], &environment);
        daemon.wait_for("attached; consuming");
        other.wait_for("attached; consuming");
        let caller = Caller::connect(&broker.uri());
        let full = arguments(&[
            ("x-max-length", AMQPValue::LongInt(0)),
            ("x-overflow", AMQPValue::LongString("reject-publish".into())),
        ]);
        caller.declare("full", QueueDeclareOptions::default(), full).unwrap();
        let clients =
            [client::start(&relay.uri(), QUEUE), client::start(&broker.uri(), "no such queue")];
        Self {
            broker,
            relay,
            file,
            daemon,
            other,
            caller,
            clients,
            calls: 0,
            reloads: 0,
            _config: config,
        }
    }

    /// What each process holds.
    pub(crate) fn processes(&self) -> [(&'static str, Holds); 4] {
        let daemon = |daemon: &Daemon| Holds::of(daemon.pid(), daemon.metric("fibrpcd_io_tasks"));
        [
            ("daemon", daemon(&self.daemon)),
            ("other daemon", daemon(&self.other)),
            ("client", Holds::of(self.clients[0].id(), 0)),
            ("client without a queue", Holds::of(self.clients[1].id(), 0)),
        ]
    }

    /// Does something that costs the daemon its session, and waits for the next.
    fn cost_a_session(&mut self, fault: impl FnOnce(&mut Self)) {
        let before = self.daemon.metric(CONNECTS);
        fault(self);
        self.daemon.wait_for_metric(CONNECTS, before + 1);
        self.is_served();
    }

    /// Waits for the answer to a call.
    fn is_served(&mut self) {
        self.calls += 1;
        let id = self.calls.to_string();
        self.caller.call(&id, "30");
        while self.caller.reply().id.as_deref() != Some(&*id) {}
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        for client in &mut self.clients {
            drop(client.stdin.take()); // the sign for it to end
            let _ = client.wait();
        }
    }
}

fn settings(relay: &Relay, reloads: usize) -> String {
    let prefetch = 32 + reloads % 2;
    let uri = relay.uri();
    format!(
        "[amqp]\nuris = [\"{uri}\"]\nprefetch = {prefetch}\nbackoff_initial = \"10ms\"\n\
         backoff_max = \"50ms\"\n"
    )
}

fn nothing(setup: &mut Setup) {
    pause(Duration::from_millis(100));
    setup.is_served();
}

fn closed(setup: &mut Setup) {
    setup.cost_a_session(|setup| {
        setup.broker.ctl(&["close_all_connections", "soak"]);
        setup.caller = Caller::connect(&setup.broker.uri());
    });
}

fn reset(setup: &mut Setup) {
    setup.cost_a_session(|setup| setup.relay.reset());
}

fn refused(setup: &mut Setup) {
    setup.cost_a_session(|setup| {
        setup.relay.refuse();
        setup.relay.reset();
        pause(Duration::from_millis(500));
        setup.relay.accept();
    });
}

fn deleted(setup: &mut Setup) {
    let before = setup.daemon.metric(CONNECTS);
    pause(SETTLED);
    setup.caller.delete(QUEUE);
    for look in 0.. {
        if setup.daemon.metric(CONNECTS) > before {
            break;
        }
        // RabbitMQ 3.10 was seen to forget a consumer without a word when its queue was deleted and
        // declared again at once by another server.
        if look == 100 {
            println!("the daemon was not told that its queue was deleted");
            setup.relay.reset();
        }
        pause(Duration::from_millis(50));
    }
    setup.is_served();
}

fn alarm(setup: &mut Setup) {
    setup.broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    pause(Duration::from_millis(500));
    setup.broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    setup.is_served();
}

fn reload(setup: &mut Setup) {
    setup.cost_a_session(|setup| {
        setup.reloads += 1;
        fs::write(setup.file.path(), settings(&setup.relay, setup.reloads)).unwrap();
        setup.daemon.signal("HUP");
    });
}

fn half_open(setup: &mut Setup) {
    let address = setup.daemon.http_address();
    let streams: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(b"GET /metrics HT").unwrap();
            stream
        })
        .collect();
    setup.is_served();
    drop(streams);
}

fn bad_replies(setup: &mut Setup) {
    for index in 0..100 {
        let queue = if index % 10 == 0 { "full" } else { "nobody" };
        let properties = setup.caller.properties(&format!("bad {index}"));
        setup.caller.publish(QUEUE, properties.with_reply_to(queue.into()), b"30");
    }
    setup.is_served();
}
