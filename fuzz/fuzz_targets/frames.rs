//! The translation of frames: it never panics, and does not depend on how the bytes arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (bytes, size) = input;
    let whole = fibrpc::fuzzing::inbound([&bytes[..]]);
    let pieces = fibrpc::fuzzing::inbound(bytes.chunks(usize::from(size).max(1)));
    assert_eq!(whole.is_some(), pieces.is_some());
    if let (Some(whole), Some(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
    let _ = fibrpc::fuzzing::outbound([&bytes[..]]);
});
