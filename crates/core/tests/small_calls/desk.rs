//! A core that answers small calls, and whoever calls it: for the test and for the benchmark.

use bytes::Bytes;
use fibrpc_core::{
    server::{
        Clocks, Command, Core, Decision, Delivery, Input, Limits, LinkEvent, Moment, Service,
        Shares,
    },
    wire::{Envelope, Reply},
};
use std::time::Duration;

/// How many requests arrive together.
pub(crate) const BATCH: u64 = 64;

struct Small;

impl Service for Small {
    fn decide(&mut self, _: &Envelope, _: &[u8]) -> Decision {
        Decision::Reply(Reply::text(Bytes::from_static(b"832040")))
    }

    fn recall(&mut self, _: u64) -> Option<Bytes> {
        None
    }

    fn keep(&mut self, _: u64, _: &Bytes) {}

    fn reply(&self, result: Bytes) -> Reply {
        Reply::text(result)
    }
}

/// Requests as a link delivers them, made beforehand.
pub(crate) fn deliveries(from: u64) -> Vec<Delivery> {
    let delivery = |tag| Delivery {
        tag,
        redelivered: false,
        envelope: Envelope {
            reply_to: Some("amq.gen-somebody".to_owned()),
            correlation_id: Some(tag.to_string().into()),
            ..Envelope::default()
        },
        body: b"30".to_vec(),
        arrived: Moment::default(),
    };
    (from..from + BATCH).map(delivery).collect()
}

/// A core in a session.
pub(crate) struct Desk {
    core: Core,
    clocks: Clocks,
    commands: Vec<Command>,
    /// The last tag that was acknowledged.
    pub(crate) acked: u64,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let shares = Shares { quick: 1 << 20, long: 1 << 30 };
        let mut core = Core::new(&Limits { threads: 2, shares, seed: 7 });
        let clocks = Clocks::default();
        core.handle(clocks, Input::Attached { session: 1, prefetch: 64 }, &mut Small);
        Self { core, clocks, commands: Vec::new(), acked: 0 }
    }

    fn link(&mut self, event: LinkEvent) {
        self.core.handle(self.clocks, Input::Link { session: 1, event }, &mut Small);
    }

    /// Answers requests that arrive together, and takes the confirms that come together.
    pub(crate) fn serve(&mut self, batch: Vec<Delivery>) {
        self.clocks.now = self.clocks.now.plus(Duration::from_millis(3));
        for delivery in batch {
            self.link(LinkEvent::Delivered(delivery));
        }
        for _ in 0..2 {
            self.core.conclude(self.clocks, &mut Small);
            self.core.notes().for_each(drop);
            let mut commands = std::mem::take(&mut self.commands);
            commands.extend(self.core.commands());
            for command in commands.drain(..) {
                match command {
                    Command::Publish(id) => self.link(LinkEvent::Confirmed(id)),
                    Command::Ack { tag, .. } => self.acked = tag,
                    other => panic!("{other:?}"),
                }
            }
            self.commands = commands;
        }
    }
}
