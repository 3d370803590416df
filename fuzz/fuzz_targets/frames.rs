#![no_main]

use fibrpc::fuzzing::{Frames, frames};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Frames| frames(input));
