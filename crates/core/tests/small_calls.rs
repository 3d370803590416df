//! What a small call costs within the core, in allocations: none, once everything has its size.

use bytes::Bytes;
use dhat::{HeapStats, Profiler};
use fibrpc_core::{
    server::{
        Clocks, Command, Core, Decision, Delivery, Input, Limits, LinkEvent, Moment, Service,
        Shares,
    },
    wire::{Envelope, Reply},
};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const BATCH: u64 = 64;

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
fn deliveries(from: u64) -> Vec<Delivery> {
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

struct Desk {
    core: Core,
    clocks: Clocks,
    commands: Vec<Command>,
    acked: u64,
}

impl Desk {
    fn link(&mut self, event: LinkEvent) {
        self.core.handle(self.clocks, Input::Link { session: 1, event }, &mut Small);
    }

    /// Answers requests that arrive together, and takes the confirms that come together.
    fn serve(&mut self, batch: Vec<Delivery>) {
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

#[test]
fn a_small_call_allocates_nothing() {
    let shares = Shares { quick: 1 << 20, long: 1 << 30 };
    let mut core = Core::new(&Limits { threads: 2, shares, seed: 7 });
    let clocks = Clocks::default();
    core.handle(clocks, Input::Attached { session: 1, prefetch: 64 }, &mut Small);
    let mut desk = Desk { core, clocks, commands: Vec::new(), acked: 0 };
    let mut batches: Vec<_> = (0..110).map(|batch| deliveries(1 + batch * BATCH)).collect();
    for batch in batches.drain(..10) {
        desk.serve(batch);
    }
    let profiler = Profiler::builder().testing().build();
    let before = HeapStats::get().total_blocks;
    for batch in batches {
        desk.serve(batch);
    }
    let allocated = HeapStats::get().total_blocks - before;
    drop(profiler);
    assert_eq!(desk.acked, 110 * BATCH);
    assert_eq!(allocated, 0, "in {} calls", 100 * BATCH);
}
