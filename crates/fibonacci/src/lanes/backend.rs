//! The vector instructions, and which of them this machine has.

use super::{
    portable::Portable,
    vector::{Lanes, Pass},
};
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

/// The vector instructions a computation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// AVX-512 (F, BW, CD, DQ, VL): x86-64-v4.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 and FMA: x86-64-v3.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Plain code, which the compiler turns into SSE2 on x86-64 and NEON on aarch64.
    Portable,
}

impl Backend {
    /// The back ends of this architecture, best first.
    #[cfg(target_arch = "x86_64")]
    const ALL: &[Self] = &[Self::Avx512, Self::Avx2, Self::Portable];
    #[cfg(not(target_arch = "x86_64"))]
    const ALL: &[Self] = &[Self::Portable];

    /// The back ends that this machine has, best first. The portable one is always among them.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|backend| backend.is_available())
    }

    /// The best back end that this machine has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    /// The name in documentation and benchmarks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2+FMA",
            Self::Portable => "portable",
        }
    }

    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => V4::is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => V3::is_available(),
            Self::Portable => true,
        }
    }

    /// Runs a pass on these vectors, or on portable ones if the machine lacks them.
    pub(crate) fn run<P: Pass>(self, pass: P) -> P::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => match V4::try_new() {
                Some(lanes) => lanes.enter(pass),
                None => Portable.enter(pass),
            },
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => match V3::try_new() {
                Some(lanes) => lanes.enter(pass),
                None => Portable.enter(pass),
            },
            Self::Portable => Portable.enter(pass),
        }
    }
}
