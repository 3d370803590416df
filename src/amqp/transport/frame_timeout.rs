//! A deadline for each frame.
//!
//! A frame whose size was damaged on the way makes lapin wait for bytes that never come. It then
//! reads heartbeats and messages as part of that frame, so the link looks alive for ever. Here, a
//! frame that is not complete in time breaks the link.

use std::{
    io,
    time::{Duration, Instant},
};

/// Watches how long the current frame takes.
#[derive(Debug)]
pub(super) struct FrameTimeout {
    limit: Duration,
    /// The number of the incomplete frame, and when it was first seen.
    under_way: Option<(u64, Instant)>,
}

impl FrameTimeout {
    /// Several heartbeats: enough for the largest frame on any usable link.
    pub(super) fn new(heartbeat: Duration) -> Self {
        const HEARTBEATS: u32 = 3;
        Self { limit: heartbeat.saturating_mul(HEARTBEATS), under_way: None }
    }

    /// To be called after each read with the number of the incomplete frame, if there is one.
    pub(super) fn check(&mut self, frame: Option<u64>) -> io::Result<()> {
        match (frame, self.under_way) {
            (None, _) => self.under_way = None,
            (Some(number), Some((before, since))) if number == before => {
                if since.elapsed() > self.limit {
                    let message = format!("a frame was not complete within {:?}", self.limit);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
            }
            (Some(number), _) => self.under_way = Some((number, Instant::now())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_frame_that_stays_incomplete_is_a_stall() {
        let mut frame_timeout = FrameTimeout::new(Duration::ZERO);
        for frame in [None, Some(1), Some(2), None, Some(2), Some(3)] {
            assert!(frame_timeout.check(frame).is_ok(), "{frame:?}");
        }
        let started = Instant::now();
        while started.elapsed().is_zero() {} // the clock has moved on
        assert!(frame_timeout.check(Some(3)).is_err());
        let mut patient = FrameTimeout::new(Duration::from_hours(1));
        assert!((0..3).all(|_| patient.check(Some(3)).is_ok()));
    }
}
