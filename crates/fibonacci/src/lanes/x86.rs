//! Parts that the two back ends of x86-64 share.

use super::vector::{Lanes, Pass};

/// Where the characters of a pair come from, in two words as [`characters`](super::characters)
/// makes them: the upper one, with its zeros, then the lower one without.
pub(super) const fn order<const WIDTH: usize, const N: usize>() -> [u8; N] {
    let mut order = [8; N];
    let mut i = 0;
    while i < N {
        let at = i % 16;
        if at >= 16 - WIDTH {
            order[i] = at as u8 - 8;
        } else if at >= 16 - 2 * WIDTH {
            order[i] = (at + WIDTH) as u8;
        }
        i += 1;
    }
    order
}

/// A pass with its back end, as `pulp` runs it.
pub(super) struct Entered<L, P> {
    pub(super) lanes: L,
    pub(super) pass: P,
}

impl<L: Lanes, P: Pass> pulp::NullaryFnOnce for Entered<L, P> {
    type Output = P::Output;

    #[inline(always)]
    fn call(self) -> P::Output {
        self.pass.run(self.lanes)
    }
}
