//! What a computing thread keeps between computations.

use crate::{
    ascii::Write,
    carry::Digits,
    certificate::Certificate,
    error::DecimalError,
    estimate::number_lengths,
    identity::{self, Link},
    lanes::{Backend, Cell},
    length::{MAX_N, TABLE_MAX_N, digits},
    pace::Pace,
    radix::{Parse, Radix},
    table,
    transform::{Doubling, Plan, Roots, Shape},
};
use memmap2::{Advice, MmapMut};

/// Bytes of fresh memory that are filled in about a millisecond.
const PIECE: usize = 1 << 20;

/// How a computation went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// How often the certificate found digits wrong, which were then computed anew in a smaller
    /// radix: normally never.
    pub misses: u32,
}

/// The buffers and tables of one computing thread.
///
/// They grow to what the largest n so far needed and stay, so that the next computation touches
/// no fresh memory; [`trim_to`](Self::trim_to) gives back.
#[derive(Debug)]
pub struct Arena {
    backend: Backend,
    certificate: Certificate,
    plans: Vec<Plan>,
    roots: Roots,
    cells: [Buffer; 2],
    digits: [Buffer; 2],
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    /// An empty arena that uses the best vectors the machine has.
    #[must_use]
    pub fn new() -> Self {
        Self::with_backend(Backend::best())
    }

    /// An empty arena that uses these vectors, or portable ones if the machine does not have them.
    #[must_use]
    pub fn with_backend(backend: Backend) -> Self {
        Self {
            backend,
            certificate: Certificate::random(),
            plans: Vec::new(),
            roots: Roots::default(),
            cells: Default::default(),
            digits: Default::default(),
        }
    }

    /// The bytes it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        let buffers = self.cells.iter().chain(&self.digits).map(Buffer::size).sum::<usize>();
        buffers + self.roots.size()
    }

    /// Gives everything back to the system if it holds more than so many bytes.
    pub fn trim_to(&mut self, bytes: usize) {
        if self.size() > bytes {
            self.roots = Roots::default();
            self.cells = Default::default();
            self.digits = Default::default();
        }
    }

    /// Appends the decimal digits of F(n).
    ///
    /// `stop` is asked every few milliseconds, and at the beginning; when it returns true, the
    /// computation ends there. On any error `out` is as it was.
    ///
    /// # Errors
    /// [`DecimalError`]: stopped, too large, no memory, or a machine that computes wrongly.
    pub fn decimal(
        &mut self,
        n: u64,
        out: &mut Vec<u8>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Decimal, DecimalError> {
        self.decimal_from(n, Radix::for_n(n), out, stop)
    }

    /// [`decimal`](Self::decimal), above the table in this radix first.
    pub(crate) fn decimal_from(
        &mut self,
        n: u64,
        radix: Radix,
        out: &mut Vec<u8>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Decimal, DecimalError> {
        if n > MAX_N {
            return Err(DecimalError::TooLarge { n });
        }
        let mut pace = Pace::new(stop);
        pace.worked(0)?;
        if n <= TABLE_MAX_N {
            table::append(n, self.backend, out);
            return Ok(Decimal { misses: 0 });
        }
        let start = out.len();
        let result = self.proved(n, radix, out, &mut pace);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// Tries smaller and smaller radixes until the certificate holds.
    fn proved(
        &mut self,
        n: u64,
        radix: Radix,
        out: &mut Vec<u8>,
        pace: &mut Pace<'_>,
    ) -> Result<Decimal, DecimalError> {
        let start = out.len();
        let length = digits(n) as usize;
        out.try_reserve_exact(length).map_err(|_| DecimalError::OutOfMemory { n })?;
        // Fresh memory is slow: by pieces, to be stopped between them.
        while out.len() < start + length {
            pace.worked(Pace::CELLS)?;
            out.resize((out.len() + PIECE).min(start + length), b'0');
        }
        let chars = &mut out[start..];
        let mut radix = Some(radix);
        let mut misses = 0;
        while let Some(tried) = radix {
            if self.compute(n, tried, chars, pace)?
                && self.certificate.proves(n, chars, self.backend, pace)?
            {
                return Ok(Decimal { misses });
            }
            misses += 1;
            radix = tried.smaller();
        }
        Err(DecimalError::Unproved { n })
    }

    /// Fills in the digits of F(n); says whether they are as many as there should be.
    fn compute(
        &mut self,
        n: u64,
        radix: Radix,
        chars: &mut [u8],
        pace: &mut Pace<'_>,
    ) -> Result<bool, DecimalError> {
        let Self { backend, plans, roots, cells, digits, .. } = self;
        let no_memory = |_| DecimalError::OutOfMemory { n };
        let [f, g] = digits;
        let largest = Shape::for_digits(radix.digits_for(n));
        let rooms = number_lengths(largest);
        let f = f.digits(rooms[0]).map_err(no_memory)?;
        let g = g.digits(rooms[1]).map_err(no_memory)?;
        let [x, y] = cells;
        let x = x.cells(largest.cells()).map_err(no_memory)?;
        let y = y.cells(largest.cells()).map_err(no_memory)?;

        let mut used = seed(n, radix, *backend, f, g);
        for Link { step, to } in identity::chain(n) {
            let shape = Shape::for_digits(radix.digits_for(to));
            let plan = planned(plans, shape);
            let length = 2 * shape.cells();
            for digits in [&mut *f, &mut *g] {
                if used < shape.cells() {
                    digits[used..shape.cells()].fill([0; 8]);
                }
            }
            let doubling = Doubling {
                backend: *backend,
                plan,
                roots,
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

/// Fills in the numbers the chain starts with; returns how many groups of eight digits they have.
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

/// The plan of a shape, made when it is first asked for.
fn planned(plans: &mut Vec<Plan>, shape: Shape) -> &Plan {
    let index = plans.iter().position(|plan| plan.shape() == shape).unwrap_or_else(|| {
        plans.push(Plan::new(shape));
        plans.len() - 1
    });
    &plans[index]
}

/// Memory straight from the system, in large pages where it has them.
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

    /// So many bytes, whatever they hold, from the start of a page.
    fn bytes(&mut self, length: usize) -> std::io::Result<&mut [u8]> {
        if self.size() < length {
            // First give back, then take.
            self.0 = None;
            let map = MmapMut::map_anon(length)?;
            #[cfg(target_os = "linux")]
            let _ = map.advise(Advice::HugePage); // only a hint
            self.0 = Some(map);
        }
        Ok(self.0.as_mut().map_or(&mut [][..], |map| &mut map[..length]))
    }
}
