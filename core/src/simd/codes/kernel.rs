//! The safe face of the kernels.

use alloc::vec::Vec;

use super::super::level::{Level, unavailable};
use super::coding::{Code, Coding, DEPTH_STEP, MAX_DEPTH, Measure, Scale, U, WIDTH, relative};
use crate::error::{Error, Result};

/// A row and a slot that met: 14 bits for the row of the block, 18 for the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct Hit(u32);

impl Hit {
    /// Most rows of a block.
    pub const ROWS: usize = 1 << 14;
    /// Most slots: columns of all panels, padding included.
    pub const SLOTS: usize = 1 << Self::SLOT_BITS;
    const SLOT_BITS: u32 = 18;

    /// `row` below [`Hit::ROWS`], `slot` below [`Hit::SLOTS`]; higher bits are dropped.
    pub fn new(row: usize, slot: usize) -> Self {
        Self((row as u32) << Self::SLOT_BITS | slot as u32 & (Self::SLOTS as u32 - 1))
    }

    pub fn row(self) -> usize {
        (self.0 >> Self::SLOT_BITS) as usize
    }

    pub fn slot(self) -> usize {
        self.0 as usize & (Self::SLOTS - 1)
    }
}

/// The hits of one scan or of several.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    pairs: Vec<Hit>,
    scores: Vec<f32>,
    scored: bool,
}

impl Hits {
    /// Hits without their scores.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hits with their scores.
    pub fn scored() -> Self {
        Self { scored: true, ..Self::default() }
    }

    pub fn clear(&mut self) {
        self.pairs.clear();
        self.scores.clear();
    }

    /// The pairs; those of one scan in the order of its list, and of one entry by ascending slots.
    pub fn pairs(&self) -> &[Hit] {
        &self.pairs
    }

    /// z of each pair; empty unless asked for.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// Room for the hits of `rows` listed rows with one panel.
    fn reserve(&mut self, rows: usize) -> Result<()> {
        let room = rows * WIDTH + 16;
        let full = |_| Error::OutOfMemory { bytes: room * size_of::<Hit>() };
        self.pairs.try_reserve(room).map_err(full)?;
        if self.scored {
            self.scores.try_reserve(room).map_err(full)?;
        }
        Ok(())
    }
}

/// Coded rows of a block, with what a scan has to know of each. Row r has its codes at `codes[r * stride..][..depth]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodedRows<'a> {
    pub codes: &'a [u8],
    pub stride: usize,
    pub depth: usize,
    /// One a row; its length is the number of rows.
    pub scale: &'a [f32],
    /// What multiplies rho; may be empty for zeros.
    pub residue: &'a [f32],
    /// A NaN is never hit.
    pub threshold: &'a [f32],
}

/// The columns of a panel, besides their codes. [`CodeKernel::pack`] makes it; the caller sets what is public.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Panel {
    /// What products are subtracted from. A NaN, which stands in columns that are padding, is never hit.
    pub h: [f32; WIDTH],
    /// The scales of the columns.
    pub scale: [f32; WIDTH],
    /// What multiplies the residues of the rows; not looked at where the rows have none.
    pub rho: [f32; WIDTH],
    start: [i32; WIDTH],
    /// Four steps may be added in 16 bits.
    short: bool,
}

/// The kernels of one level: holding them is the proof that the machine has the level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeKernel {
    tile: Coding,
    pairs: Coding,
}

impl CodeKernel {
    pub fn new(level: Level) -> Result<Self> {
        if !level.is_available() {
            return Err(unavailable());
        }
        let signed = Coding { reach: 127, offset: 0 };
        Ok(Self { tile: signed, pairs: signed })
    }

    /// The codes that [`scan`](Self::scan) and [`pack`](Self::pack) take.
    pub fn tile(&self) -> Coding {
        self.tile
    }

    /// The codes that [`pairs`](Self::pairs) takes: reach 127 at every level. Where it equals [`tile`](Self::tile), one copy
    /// of the codes serves both.
    pub fn pair(&self) -> Coding {
        self.pairs
    }

    /// The sum of squares and the largest magnitude of `x`, of any length and any values.
    pub fn measure(&self, x: &[f32]) -> Measure {
        let largest = x.iter().fold(0, |m, v| m.max(v.to_bits() & 0x7fff_ffff));
        let mut lanes = [0.0f32; 16];
        for x in x.chunks(16) {
            for (lane, v) in lanes.iter_mut().zip(x) {
                *lane += v * v;
            }
        }
        Measure { squares: lanes.iter().sum(), largest: f32::from_bits(largest) }
    }

    /// Writes the codes of `x`, then code 0 to the end of `out`.
    ///
    /// Right for any `scale` and any finite `x`: codes are clamped, and the error is measured. An `x` that is not finite, or
    /// not [`servable`](Measure::servable), gives codes and bounds that mean nothing.
    pub fn encode_row(&self, coding: Coding, x: &[f32], scale: Scale, out: &mut [u8]) -> Code {
        self.encode(coding, x, scale, coding.offset, out)
    }

    /// As [`encode_row`](Self::encode_row), signed.
    pub fn encode_column(&self, coding: Coding, x: &[f32], scale: Scale, out: &mut [i8]) -> Code {
        self.encode(coding, x, scale, 0, bytemuck::cast_slice_mut(out))
    }

    fn encode(&self, coding: Coding, x: &[f32], scale: Scale, offset: u8, out: &mut [u8]) -> Code {
        assert!(x.len() <= out.len());
        /// 1.5 * 2^23: adding it rounds to a whole number, in the low byte.
        const WHOLE: f32 = 12_582_912.0;
        let (scale, reach) = (scale.0, f32::from(coding.reach));
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        let (mut errors, mut norms) = ([0.0f32; 16], [0.0f32; 16]);
        for (x, out) in x.chunks(16).zip(out.chunks_mut(16)) {
            for (l, (v, out)) in x.iter().zip(out).enumerate() {
                let whole = (v * inverse).clamp(-reach, reach) + WHOLE;
                let r = (whole - WHOLE) * scale;
                let e = v - r;
                errors[l] += e * e;
                norms[l] += r * r;
                *out = (whole.to_bits() as u8).wrapping_add(offset);
            }
        }
        let sum = out[..x.len()].iter().map(|q| i32::from(q.wrapping_sub(offset) as i8)).sum();
        out[x.len()..].fill(offset);
        let above = |lanes: [f32; 16]| {
            let d = x.len() as f32;
            let sum = lanes.iter().sum::<f32>() * (1.0 + relative(x.len())) + d * f32::MIN_POSITIVE * 4.0;
            libm::sqrtf(sum) * (1.0 + 8.0 * U)
        };
        Code { scale, norm: above(norms), error: above(errors), sum }
    }

    /// Packs `count` columns of codes, at most [`WIDTH`], column c at `columns[c * stride..][..depth]`, into the
    /// `depth * WIDTH` places of `out`. The codes reach no farther than those of [`tile`](Self::tile).
    ///
    /// In the panel that comes back, h is 0 for each column and NaN for the padding, scale and rho are 0.
    pub fn pack(&self, columns: &[i8], stride: usize, depth: usize, count: usize, out: &mut [i8]) -> Panel {
        assert!(depth.is_multiple_of(DEPTH_STEP) && depth > 0 && depth <= MAX_DEPTH && stride >= depth);
        assert!(count <= WIDTH && (count == 0 || columns.len() >= (count - 1) * stride + depth));
        assert!(out.len() == depth * WIDTH);
        out.fill(0);
        let mut panel = Panel {
            h: [f32::NAN; WIDTH],
            rho: [0.0; WIDTH],
            start: [0; WIDTH],
            scale: [0.0; WIDTH],
            short: false,
        };
        for c in 0..count {
            let column = &columns[c * stride..][..depth];
            panel.h[c] = 0.0;
            panel.start[c] = self.tile.start(column.iter().map(|&q| i32::from(q)).sum());
            for (t, four) in column.chunks_exact(4).enumerate() {
                out[(t * WIDTH + c) * 4..][..4].copy_from_slice(four);
            }
        }
        panel
    }

    /// Appends the hits of the listed rows with a panel, whose codes are `codes` and whose first column is slot `first`.
    ///
    /// Rows are named in any order and any number of times. The integer p is exact. z carries few roundings: with
    /// M = |h| + |residue rho| + |scale_r scale_c p| it is within 5 u M + 2^-120 of the formula in real numbers, if nothing
    /// overflows and rows and columns are servable. A NaN is no hit.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] when there is no room for all possible hits; nothing is appended then.
    pub fn scan(
        &self,
        rows: &CodedRows<'_>,
        list: &[u16],
        panel: &Panel,
        codes: &[i8],
        first: usize,
        hits: &mut Hits,
    ) -> Result<()> {
        self.scan_into(rows, list, panel, codes, first, hits, None)
    }

    /// [`scan`](Self::scan); `least[e]` becomes the least z of list entry e that is no hit and no NaN, else infinity.
    #[allow(clippy::too_many_arguments, reason = "the plain signature of one kernel call")]
    pub fn scan_least(
        &self,
        rows: &CodedRows<'_>,
        list: &[u16],
        panel: &Panel,
        codes: &[i8],
        first: usize,
        hits: &mut Hits,
        least: &mut [f32],
    ) -> Result<()> {
        assert!(least.len() >= list.len());
        self.scan_into(rows, list, panel, codes, first, hits, Some(least))
    }

    #[allow(clippy::too_many_arguments, reason = "the plain signature of one kernel call")]
    fn scan_into(
        &self,
        rows: &CodedRows<'_>,
        list: &[u16],
        panel: &Panel,
        codes: &[i8],
        first: usize,
        hits: &mut Hits,
        mut least: Option<&mut [f32]>,
    ) -> Result<()> {
        let (n, depth, stride) = (rows.scale.len(), rows.depth, rows.stride);
        assert!(n <= Hit::ROWS && rows.threshold.len() >= n);
        assert!(rows.residue.is_empty() || rows.residue.len() >= n);
        assert!(depth.is_multiple_of(DEPTH_STEP) && depth > 0 && depth <= MAX_DEPTH && stride >= depth);
        assert!(n == 0 || rows.codes.len() >= (n - 1) * stride + depth);
        assert!(codes.len() == depth * WIDTH && first + WIDTH <= Hit::SLOTS);
        assert!(list.iter().all(|&r| usize::from(r) < n));
        hits.reserve(list.len())?;
        for (e, &r) in list.iter().enumerate() {
            let r = usize::from(r);
            let row = &rows.codes[r * stride..][..depth];
            let mut rest = f32::INFINITY;
            for c in 0..WIDTH {
                let mut p = 0i32;
                for (t, q) in row.chunks_exact(4).enumerate() {
                    for (q, k) in q.iter().zip(&codes[(t * WIDTH + c) * 4..][..4]) {
                        p = p.wrapping_add(i32::from(*q as i8) * i32::from(*k));
                    }
                }
                let residue = rows.residue.get(r).map_or(0.0, |q| q * panel.rho[c]);
                let z = (panel.h[c] - residue) - rows.scale[r] * (panel.scale[c] * p as f32);
                if z <= rows.threshold[r] {
                    hits.pairs.push(Hit::new(r, first + c));
                    if hits.scored {
                        hits.scores.push(z);
                    }
                } else if z < rest {
                    rest = z;
                }
            }
            if let Some(least) = least.as_deref_mut() {
                least[e] = rest;
            }
        }
        Ok(())
    }

    /// The exact inner products of the codes of single pairs, without the offset: `out[e]` of the row and the slot of
    /// `list[e]`, in any order.
    ///
    /// - `coding`: that of the rows, [`pair`](Self::pair) or [`tile`](Self::tile); columns reach 127 in either case;
    /// - `rows`: row r at `rows[r * stride..][..depth]`;
    /// - `columns`: slot s at `columns[s * stride..][..depth]`, signed; `start[s]`: [`Coding::start`] of its sum.
    #[allow(clippy::too_many_arguments, reason = "the plain signature of one kernel call")]
    pub fn pairs(
        &self,
        coding: Coding,
        rows: &[u8],
        columns: &[i8],
        start: &[i32],
        stride: usize,
        depth: usize,
        list: &[Hit],
        out: &mut [i32],
    ) {
        assert!(coding == self.pairs || coding == self.tile);
        assert!(
            depth.is_multiple_of(DEPTH_STEP)
                && depth <= MAX_DEPTH
                && stride >= depth
                && out.len() >= list.len()
        );
        for (hit, out) in list.iter().zip(out) {
            let (r, s) = (hit.row(), hit.slot());
            let (row, column) = (&rows[r * stride..][..depth], &columns[s * stride..][..depth]);
            *out = row
                .iter()
                .zip(column)
                .fold(start[s], |p, (&q, &k)| p.wrapping_add(i32::from(q as i8) * i32::from(k)));
        }
    }

    /// The exact inner product of two columns of the same depth, a multiple of [`DEPTH_STEP`] and at most [`MAX_DEPTH`].
    pub fn dot(&self, a: &[i8], b: &[i8]) -> i32 {
        assert!(a.len() == b.len() && a.len() <= MAX_DEPTH && a.len().is_multiple_of(DEPTH_STEP));
        a.iter().zip(b).fold(0i32, |p, (&a, &b)| p.wrapping_add(i32::from(a) * i32::from(b)))
    }
}
