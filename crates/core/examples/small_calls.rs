//! Serves small calls and ends: what `crates/core/benches/instructions.sh` counts.

#[path = "../tests/small_calls/desk.rs"]
mod desk;

use desk::{Desk, deliveries};

fn main() {
    let batches = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_u32);
    let mut desk = Desk::new();
    for _ in 0..batches {
        desk.serve(deliveries(desk.acked + 1));
    }
}
