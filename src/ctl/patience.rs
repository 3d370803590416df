//! Standard streams whose descriptor somebody shares, and has set to not block.

use std::{
    io::{self, ErrorKind},
    thread,
    time::Duration,
};

/// How often it is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// Tries until it does not matter that the descriptor does not block. Only for a thread that nobody
/// waits for.
pub(super) fn patiently<T>(mut try_it: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match try_it() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(TRY_AGAIN),
            result => return result,
        }
    }
}
