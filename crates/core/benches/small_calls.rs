//! What a small call costs within the core: from its delivery to its ack, 64 at a time, with the
//! making and dropping of its properties.

#[path = "../tests/small_calls/desk.rs"]
mod desk;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use desk::{BATCH, Desk, deliveries};
use std::hint::black_box;

fn small_calls(criterion: &mut Criterion) {
    let mut desk = Desk::new();
    let mut group = criterion.benchmark_group("core");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("64 properties", |bencher| {
        bencher.iter(|| drop(black_box(deliveries(1))));
    });
    group.bench_function("64 small calls", |bencher| {
        bencher.iter(|| desk.serve(deliveries(desk.acked + 1)));
    });
    group.finish();
}

criterion_group!(benches, small_calls);
criterion_main!(benches);
