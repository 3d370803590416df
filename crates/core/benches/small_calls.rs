//! What a small call costs within the core: from its delivery to its ack, 64 at a time, with the
//! making and dropping of its properties.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fibrpc_core::{
    server::{
        Clocks, Command, Core, Decision, Delivery, Input, Limits, LinkEvent, Moment, Service,
        Shares,
    },
    wire::{Envelope, Reply},
};
use std::{hint::black_box, time::Duration};

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

fn delivery(tag: u64) -> Delivery {
    let envelope = Envelope {
        reply_to: Some("amq.gen-somebody".to_owned()),
        correlation_id: Some(b"8c1f9f0e-6a3f-4a3e-9d0c-0d6f6f0a1b2c".to_vec()),
        ..Envelope::default()
    };
    let arrived = Moment::default();
    Delivery { tag, redelivered: false, envelope, body: b"30".to_vec(), arrived }
}

fn small_calls(criterion: &mut Criterion) {
    let shares = Shares { quick: 1 << 20, long: 1 << 30 };
    let mut core = Core::new(&Limits { threads: 2, shares, seed: 7 });
    let mut clocks = Clocks::default();
    core.handle(clocks, Input::Attached { session: 1, prefetch: 64 }, &mut Small);
    let (mut tag, mut commands) = (0, Vec::new());
    let mut group = criterion.benchmark_group("core");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("64 properties", |bencher| {
        bencher.iter(|| (0..BATCH).for_each(|tag| drop(black_box(delivery(tag)))));
    });
    group.bench_function("64 small calls", |bencher| {
        bencher.iter(|| {
            clocks.now = clocks.now.plus(Duration::from_millis(3));
            for _ in 0..BATCH {
                tag += 1;
                let event = LinkEvent::Delivered(delivery(tag));
                core.handle(clocks, Input::Link { session: 1, event }, &mut Small);
            }
            for _ in 0..2 {
                core.conclude(clocks, &mut Small);
                core.notes().for_each(|note| drop(black_box(note)));
                commands.extend(core.commands());
                for command in commands.drain(..) {
                    if let Command::Publish(id) = command {
                        let event = LinkEvent::Confirmed(id);
                        core.handle(clocks, Input::Link { session: 1, event }, &mut Small);
                    }
                }
            }
        });
    });
    group.finish();
}

criterion_group!(benches, small_calls);
criterion_main!(benches);
