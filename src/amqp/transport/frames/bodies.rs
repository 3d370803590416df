//! Bodies that are longer than anybody wants: lapin gets no more than the start of them.
//!
//! lapin keeps a body in memory before anybody can look at it, and a broker hands over as many
//! messages as the prefetch. So a body that is too long is cut here to one byte more than it may
//! have, which shows that it was longer. What is returned to us has no use for its body at all.

use super::reader::BODY;
use std::io;

/// The class and method of basic.return.
const RETURN: [u8; 4] = [0, 60, 0, 50];

/// More than the largest message that a broker can have: RabbitMQ takes at most 512 MiB
/// (`max_message_size`). A larger one would keep the link busy for ever.
const LARGEST: u64 = 1 << 30;

/// Where the size of the body is in a content header.
const SIZE: std::ops::Range<usize> = 4..12;

/// The bodies on the channels of a connection.
#[derive(Debug)]
pub(super) struct Bodies {
    /// Most bytes that are handed over of a body.
    most: u64,
    /// Channels on which a message is being returned, until its content header.
    returning: Vec<[u8; 2]>,
    /// Bodies that are being cut; hardly ever any.
    cut: Vec<Cut>,
}

#[derive(Debug)]
struct Cut {
    channel: [u8; 2],
    /// How much is still to be handed over.
    keep: u64,
    /// How much is still to come.
    left: u64,
}

impl Bodies {
    /// Bodies of up to so many bytes are left whole.
    pub(super) fn up_to(limit: u64) -> Self {
        Self { most: limit.saturating_add(1), returning: Vec::new(), cut: Vec::new() }
    }

    /// Notes a method: it says what the next body on its channel is.
    pub(super) fn method(&mut self, channel: [u8; 2], payload: &[u8]) {
        if payload.starts_with(&RETURN) && !self.returning.contains(&channel) {
            self.returning.push(channel);
        }
    }

    /// Puts into a content header how much of the body will be handed over.
    /// An error if there is no such message.
    pub(super) fn header(&mut self, channel: [u8; 2], payload: &mut [u8]) -> io::Result<()> {
        let returned = self.returning.iter().position(|one| *one == channel);
        let most = match returned {
            Some(index) => {
                self.returning.swap_remove(index);
                0
            }
            None => self.most,
        };
        let Some(field) = payload.get_mut(SIZE) else { return Ok(()) };
        let mut size = [0; 8];
        size.copy_from_slice(field);
        let size = u64::from_be_bytes(size);
        if size > LARGEST {
            let message = format!("the broker announced a body of {size} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.cut.retain(|cut| cut.channel != channel);
        if size > most {
            field.copy_from_slice(&most.to_be_bytes());
            self.cut.push(Cut { channel, keep: most, left: size });
        }
        Ok(())
    }

    /// How many bytes are handed over of this frame, which has so many.
    pub(super) fn passes(&mut self, kind: u8, channel: [u8; 2], size: usize) -> io::Result<usize> {
        let found = self.cut.iter().position(|cut| kind == BODY && cut.channel == channel);
        let Some(index) = found else { return Ok(size) };
        let cut = &mut self.cut[index];
        let Some(left) = cut.left.checked_sub(size as u64) else {
            let message = "the broker sent more of a message than it had said";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        };
        cut.left = left;
        let passing = cut.keep.min(size as u64);
        cut.keep -= passing;
        if left == 0 {
            self.cut.swap_remove(index);
        }
        // No more than `size`.
        Ok(usize::try_from(passing).unwrap_or(size))
    }
}
