//! Requests: whatever the properties and the body, there is a call or a reason of one line.
#![no_main]

use fibrpc::wire::{Call, Envelope, Number, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Option<String>, Vec<u8>)| {
    let (kind, body) = input;
    let envelope = Envelope { kind, ..Envelope::default() };
    match decode(&envelope, &body) {
        Ok(Call::Fib(Number::Value(n))) => {
            // What is accepted means what it says.
            let text = std::str::from_utf8(&body).expect("digits are text");
            let text = text.trim_ascii();
            assert_eq!(text.strip_prefix('+').unwrap_or(text).parse(), Ok(n));
        }
        Ok(_) => {}
        Err(failure) => {
            assert!(!failure.message.contains('\n') && failure.message.len() < 66_000 + body.len());
        }
    }
});
