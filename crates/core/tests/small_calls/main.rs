//! What a small call costs within the core, in allocations: none, once everything has its size.
//!
//! Without the harness of tests, whose own thread may allocate meanwhile.

mod desk;

use desk::{BATCH, Desk, deliveries};
use dhat::{HeapStats, Profiler};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let mut desk = Desk::new();
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
    assert_eq!(allocated, 0, "allocations in {} calls", 100 * BATCH);
}
