//! A computation from start to end, and the memory that one leaves to the next.

use crate::{
    ascii::Write,
    carry::Digits,
    check::Check,
    error::DecimalError,
    estimate::number_lengths,
    identity,
    lanes::{Backend, Cell},
    length::{MAX_N, TABLE_MAX_N, digits},
    pace::Pace,
    radix::{Parse, Radix},
    table,
    transform::{Doubling, Plan, Shape, Twiddles},
};
use memmap2::{Advice, MmapMut};

/// The system provides about this many bytes of fresh memory in a millisecond.
const PIECE: usize = 1 << 20;

/// How a computation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many times the digits failed the check and were computed again in a smaller radix:
    /// normally 0.
    pub check_failures: u32,
}

/// The buffers and tables of one computing thread.
///
/// They keep the size that the largest n so far needed, so that the next computation touches no
/// fresh memory. [`trim_to`](Self::trim_to) returns it to the system.
#[derive(Debug)]
pub struct Arena {
    backend: Backend,
    check: Check,
    plans: Vec<Plan>,
    twiddles: Twiddles,
    cells: [Buffer; 2],
    digits: [Buffer; 2],
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    /// An empty arena that uses the best vectors of this machine.
    #[must_use]
    pub fn new() -> Self {
        Self::with_backend(Backend::best())
    }

    /// An empty arena that uses the given vectors, or portable ones if this machine lacks them.
    #[must_use]
    pub fn with_backend(backend: Backend) -> Self {
        Self {
            backend,
            check: Check::random(),
            plans: Vec::new(),
            twiddles: Twiddles::default(),
            cells: Default::default(),
            digits: Default::default(),
        }
    }

    /// The bytes it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        let buffers = self.cells.iter().chain(&self.digits).map(Buffer::size).sum::<usize>();
        buffers + self.twiddles.size()
    }

    /// Returns all memory to the system if the arena holds more than the given number of bytes.
    pub fn trim_to(&mut self, bytes: usize) {
        if self.size() > bytes {
            self.twiddles = Twiddles::default();
            self.cells = Default::default();
            self.digits = Default::default();
        }
    }

    /// Appends the decimal digits of F(n).
    ///
    /// `stop` is called at the start and then every few milliseconds; the computation ends when it
    /// returns true. On an error `out` is as it was.
    ///
    /// # Errors
    /// [`DecimalError`]: stopped, too large, no memory, or a machine that computes wrongly.
    pub fn decimal(
        &mut self,
        n: u64,
        out: &mut Vec<u8>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Report, DecimalError> {
        self.decimal_from(n, Radix::for_n(n), out, stop)
    }

    /// [`decimal`](Self::decimal), beginning with the given radix where n is beyond the table.
    pub(crate) fn decimal_from(
        &mut self,
        n: u64,
        radix: Radix,
        out: &mut Vec<u8>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Report, DecimalError> {
        if n > MAX_N {
            return Err(DecimalError::TooLarge { n });
        }
        let mut pace = Pace::new(stop);
        pace.worked(0)?;
        if n <= TABLE_MAX_N {
            table::append(n, self.backend, out);
            return Ok(Report { check_failures: 0 });
        }
        let start = out.len();
        let result = self.checked(n, radix, out, &mut pace);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// Computes in smaller and smaller radixes until the digits pass the check.
    fn checked(
        &mut self,
        n: u64,
        radix: Radix,
        out: &mut Vec<u8>,
        pace: &mut Pace<'_>,
    ) -> Result<Report, DecimalError> {
        let start = out.len();
        let length = digits(n) as usize;
        out.try_reserve_exact(length).map_err(|_| DecimalError::OutOfMemory { n })?;
        // Fresh memory is slow, so it is filled in pieces, with a chance to stop between them.
        while out.len() < start + length {
            pace.worked(Pace::CELLS)?;
            out.resize((out.len() + PIECE).min(start + length), b'0');
        }
        let chars = &mut out[start..];
        let mut radix = Some(radix);
        let mut check_failures = 0;
        while let Some(tried) = radix {
            if self.compute(n, tried, chars, pace)?
                && self.check.passes(n, chars, self.backend, pace)?
            {
                return Ok(Report { check_failures });
            }
            check_failures += 1;
            radix = tried.smaller();
        }
        Err(DecimalError::CheckFailed { n })
    }

    /// Fills in the digits of F(n); returns whether their number is right.
    fn compute(
        &mut self,
        n: u64,
        radix: Radix,
        chars: &mut [u8],
        pace: &mut Pace<'_>,
    ) -> Result<bool, DecimalError> {
        let Self { backend, plans, twiddles, cells, digits, .. } = self;
        let no_memory = |_| DecimalError::OutOfMemory { n };
        let [f, g] = digits;
        let largest = Shape::for_digits(radix.digits_for(n));
        let lengths = number_lengths(largest);
        let f = f.digits(lengths[0]).map_err(no_memory)?;
        let g = g.digits(lengths[1]).map_err(no_memory)?;
        let [x, y] = cells;
        let x = x.cells(largest.cells()).map_err(no_memory)?;
        let y = y.cells(largest.cells()).map_err(no_memory)?;

        let mut used = seed(n, radix, *backend, f, g);
        for (step, to) in identity::chain(n) {
            let shape = Shape::for_digits(radix.digits_for(to));
            let plan = plan_for(plans, shape);
            let length = 2 * shape.cells();
            for digits in [&mut *f, &mut *g] {
                if used < shape.cells() {
                    digits[used..shape.cells()].fill([0; 8]);
                }
            }
            let doubling = Doubling {
                backend: *backend,
                plan,
                twiddles,
                cells: [&mut x[..shape.cells()], &mut y[..shape.cells()]],
                base: radix.base(),
                pace,
            };
            let both = if step.wants_both() { length } else { 0 };
            doubling.run(step, &mut f[..length], &mut g[..both.max(shape.cells())])?;
            used = length;
        }
        Ok(backend.run(Write { digits: &f[..used], radix, chars, pace })?)
    }
}

/// Fills in the two numbers that the chain starts with; returns their length in groups of eight
/// digits.
fn seed(n: u64, radix: Radix, backend: Backend, f: &mut [Digits], g: &mut [Digits]) -> usize {
    let k = identity::start(n);
    let length = radix.digits_for(k).div_ceil(8);
    let mut chars = Vec::new();
    for (k, digits) in [(k, f), (k - 1, g)] {
        chars.clear();
        table::append(k, backend, &mut chars);
        backend.run(Parse { radix, chars: &chars, digits: &mut digits[..length] });
    }
    length
}

/// The plan of a shape, made when it is first needed.
fn plan_for(plans: &mut Vec<Plan>, shape: Shape) -> &Plan {
    let index = plans.iter().position(|plan| plan.shape() == shape).unwrap_or_else(|| {
        plans.push(Plan::new(shape));
        plans.len() - 1
    });
    &plans[index]
}

/// Memory taken directly from the system, in large pages where possible.
#[derive(Debug, Default)]
struct Buffer(Option<MmapMut>);

impl Buffer {
    fn size(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    fn cells(&mut self, length: usize) -> std::io::Result<&mut [Cell]> {
        Ok(pulp::bytemuck::cast_slice_mut(self.bytes(length * size_of::<Cell>())?))
    }

    fn digits(&mut self, length: usize) -> std::io::Result<&mut [Digits]> {
        Ok(pulp::bytemuck::cast_slice_mut(self.bytes(length * size_of::<Digits>())?))
    }

    /// The given number of bytes, with any content, aligned to a page.
    fn bytes(&mut self, length: usize) -> std::io::Result<&mut [u8]> {
        if self.size() < length {
            // Released first, so that the two are never held at once.
            self.0 = None;
            let map = MmapMut::map_anon(length)?;
            #[cfg(target_os = "linux")]
            let _ = map.advise(Advice::HugePage); // only a hint
            self.0 = Some(map);
        }
        Ok(self.0.as_mut().map_or(&mut [][..], |map| &mut map[..length]))
    }
}
