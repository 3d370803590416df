//! Threads, memory, and bytes on their way to the broker, as plain counters.
//!
//! What a request's reply takes is [`Holds`], and is free again when the request is settled. What
//! work takes is free when its thread says that it is over.

use super::{
    broken::{Rule, is_broken},
    service::Work,
};

/// Work of no more nanoseconds than this is quick: a thread and memory are reserved for it, so it
/// never waits for long work.
const QUICK: u64 = 2_000_000;

/// The window of each class, in bytes: as much as a link of 1 Gbit/s carries in a round trip of 20
/// ms. A reply that is larger than this goes alone.
///
/// Long replies that are sent all at once reach their callers no sooner than one after the other,
/// and delay short replies in between. So the next long one waits for space in the window, until an
/// earlier one is confirmed.
const WINDOW: u64 = 5 << 19;

/// How memory is shared out, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// For quick work, and its replies until they are confirmed.
    pub quick: u64,
    /// The same for long work.
    pub long: u64,
}

/// Which of the shares work takes its memory from, and which threads are for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Takes any thread, the one that is reserved included.
    Quick,
    /// Takes any thread but the reserved one.
    Long,
}

impl Class {
    /// Both classes.
    pub const ALL: [Self; 2] = [Self::Quick, Self::Long];
}

impl Shares {
    /// The class of work.
    #[must_use]
    pub fn class(&self, work: &Work) -> Class {
        // A quarter, so that one reply that waits to be sent does not keep the others waiting.
        if work.nanos <= QUICK && work.memory <= self.quick / 4 {
            Class::Quick
        } else {
            Class::Long
        }
    }

    fn of(&self, class: Class) -> u64 {
        match class {
            Class::Quick => self.quick,
            Class::Long => self.long,
        }
    }
}

/// What is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All threads.
    pub threads: usize,
    /// Those that work.
    pub threads_busy: usize,
    /// All memory, in bytes.
    pub memory: u64,
    /// What of it is taken.
    pub memory_reserved: u64,
    /// Bytes of long replies that are on their way.
    pub window: u64,
}

/// What a reply takes until it is confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holds {
    class: Option<Class>,
    memory: u64,
    window: u64,
}

/// A thread that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// One for all work.
    General,
    /// The one for quick work only.
    Reserved,
}

/// The memory of a reply until it is confirmed: the result, even if others share it, and its copy
/// in the frames of the link. No more than the work itself took, for which there is always enough.
pub(super) fn reply_memory(work: &Work) -> u64 {
    work.length.saturating_mul(2).min(work.memory)
}

/// The counters.
#[derive(Debug)]
pub(super) struct Budget {
    shares: Shares,
    threads: usize,
    general: usize,
    reserved: usize,
    memory: [u64; Class::ALL.len()],
    window: [u64; Class::ALL.len()],
}

impl Budget {
    pub(super) fn new(threads: usize, shares: Shares) -> Self {
        Self { shares, threads, general: 0, reserved: 0, memory: [0; 2], window: [0; 2] }
    }

    pub(super) fn class(&self, work: &Work) -> Class {
        self.shares.class(work)
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            threads: self.threads + 1,
            threads_busy: self.general + self.reserved,
            memory: self.shares.quick + self.shares.long,
            memory_reserved: self.memory.iter().sum(),
            window: self.window.iter().sum(),
        }
    }

    /// Takes a thread and memory for work, if both are free.
    pub(super) fn start(&mut self, class: Class, memory: u64) -> Option<Lane> {
        if !self.fits(class, memory) {
            return None;
        }
        let lane = self.free_thread(class)?;
        match lane {
            Lane::General => self.general += 1,
            Lane::Reserved => self.reserved += 1,
        }
        self.memory[class as usize] += memory;
        Some(lane)
    }

    /// Notes that work is over. Of its memory, so much is still taken.
    pub(super) fn finish(&mut self, class: Class, lane: Lane, memory: u64, kept: u64) {
        match lane {
            Lane::General => self.general -= 1,
            Lane::Reserved => self.reserved -= 1,
        }
        self.free_memory(class, memory - kept);
    }

    pub(super) fn free_memory(&mut self, class: Class, memory: u64) {
        self.memory[class as usize] -= memory;
    }

    /// Takes a place in the window for a reply of this length, and memory unless the work has left
    /// it some.
    pub(super) fn send(&mut self, class: Class, length: u64, memory: ReplyMemory) -> Option<Holds> {
        let window = length.min(WINDOW);
        if self.window[class as usize] + window > WINDOW {
            return None;
        }
        let memory = match memory {
            ReplyMemory::Held(memory) => memory,
            ReplyMemory::Wanted(memory) => {
                if !self.fits(class, memory) {
                    return None;
                }
                self.memory[class as usize] += memory;
                memory
            }
        };
        self.window[class as usize] += window;
        Some(Holds { class: Some(class), memory, window })
    }

    /// Frees what a reply held.
    pub(super) fn release(&mut self, holds: Holds) {
        if let Some(class) = holds.class.filter(|_| !is_broken(Rule::Release)) {
            self.memory[class as usize] -= holds.memory;
            self.window[class as usize] -= holds.window;
        }
    }

    fn fits(&self, class: Class, memory: u64) -> bool {
        self.memory[class as usize].saturating_add(memory) <= self.shares.of(class)
    }

    fn free_thread(&self, class: Class) -> Option<Lane> {
        // The reserved one first, so that the others are free for long work.
        if class == Class::Quick && self.reserved == 0 {
            return Some(Lane::Reserved);
        }
        (self.general < self.threads).then_some(Lane::General)
    }
}

/// The memory that a reply takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum ReplyMemory {
    /// It has this much already.
    Held(u64),
    /// It needs this much.
    Wanted(u64),
}
