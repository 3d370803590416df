//! The time to the decimal digits of F(n), on every back end this machine has: warm, one thread,
//! the check included.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fibonacci::{Arena, Backend, digits};
use std::hint::black_box;

const NS: [u64; 12] = [
    30,
    93,
    1_000,
    10_000,
    20_000,
    30_000,
    50_000,
    100_000,
    1_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
];

fn kernel(criterion: &mut Criterion) {
    for backend in Backend::available() {
        let mut group = criterion.benchmark_group(backend.name());
        group.sample_size(20);
        let mut arena = Arena::with_backend(backend);
        let mut out = Vec::new();
        for n in NS {
            group.throughput(Throughput::Bytes(digits(n)));
            group.bench_function(BenchmarkId::from_parameter(n), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    arena.decimal(black_box(n), &mut out, &|| false)
                });
            });
        }
    }
}

criterion_group!(benches, kernel);
criterion_main!(benches);
