//! Names of queues.

/// The longest name of a queue, in bytes: AMQP sends it as a short string.
const MAX_BYTES: usize = 255;

/// Why a text cannot be the name of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueNameError {
    /// The default exchange delivers to no queue without a name.
    #[error("the name of the queue is empty; name one")]
    Empty,
    /// More bytes than AMQP can send.
    #[error("the name of the queue is {length} bytes long; at most 255 are possible")]
    TooLong {
        /// How many bytes it has.
        length: usize,
    },
}

/// Checks that a queue can have this name.
///
/// # Errors
/// [`QueueNameError`] says why it cannot.
pub fn check_queue_name(name: &str) -> Result<(), QueueNameError> {
    match name.len() {
        0 => Err(QueueNameError::Empty),
        1..=MAX_BYTES => Ok(()),
        length => Err(QueueNameError::TooLong { length }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_255_bytes() {
        assert_eq!(check_queue_name(""), Err(QueueNameError::Empty));
        assert_eq!(check_queue_name("q"), Ok(()));
        assert_eq!(check_queue_name(&"q".repeat(255)), Ok(()));
        let length = 256;
        assert_eq!(
            check_queue_name(&"\u{e9}".repeat(128)),
            Err(QueueNameError::TooLong { length })
        );
    }
}
