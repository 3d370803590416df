#![no_main]

use fibrpc::fuzzing::{Request, request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Request| request(input));
