#![no_main]

use fibrpc::fuzzing::{Settings, configuration};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Settings| configuration(input));
