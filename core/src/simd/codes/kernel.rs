//! The safe face of the kernels.

use alloc::vec::Vec;

use super::super::level::{Level, unavailable};
use super::coding::{Code, Coding, DEPTH_STEP, MAX_DEPTH, Measure, Scale, WIDTH};
use super::hits::{Hit, Hits};
use super::levels::{Bodies, bodies};
use super::limits::{ErrorTerms, Limits};
use super::pairs::Pairs;
use super::panel::{Panel, pack, short_sum};
use super::scan::Scan;
use super::sums::SHORT_SUM;
use super::words::{self, Factors, NORM, WordColumn, WordPanel, WordScan};
use crate::error::Result;

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

impl CodedRows<'_> {
    /// Checks what a scan of the listed rows with a panel reads, whose codes are `codes` and whose first column is slot `first`; returns
    /// the number of rows.
    fn check(&self, list: &[u16], codes: &[i8], first: usize) -> usize {
        let (n, depth, stride) = (self.scale.len(), self.depth, self.stride);
        assert!(n <= Hit::ROWS && self.threshold.len() >= n);
        assert!(self.residue.is_empty() || self.residue.len() >= n);
        assert!(depth.is_multiple_of(DEPTH_STEP) && depth > 0 && depth <= MAX_DEPTH && stride >= depth);
        assert!(n == 0 || self.codes.len() >= (n - 1) * stride + depth);
        assert!(codes.len() == depth * WIDTH && first + WIDTH <= Hit::SLOTS);
        // The compiler vectorizes a maximum; it does not vectorize a test that may end early.
        assert!(list.is_empty() || usize::from(list.iter().fold(0, |most, &r| most.max(r))) < n);
        n
    }

    /// Null where no row has a residue.
    fn residues(&self) -> *const f32 {
        if self.residue.is_empty() { core::ptr::null() } else { self.residue.as_ptr() }
    }
}

/// By how much the first scale is larger than norms ask for: rounding makes codes longer.
const START: f32 = 1.005;
/// By how much a scale grows until the norms of codes fit.
const MORE: f32 = 1.02;

/// Whether the norm of the codes is at most [`NORM`], or the scale is 0 and so are the codes. [`NORM`] times a scale has 24 bits, so the
/// product is exact.
fn fits(code: &Code) -> bool {
    code.norm <= NORM * code.scale || code.scale == 0.0
}

/// The kernels of one level: holding them is the proof that the machine has the level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeKernel(pub(super) Bodies);

impl CodeKernel {
    pub fn new(level: Level) -> Result<Self> {
        if !level.is_available() {
            return Err(unavailable());
        }
        Ok(Self(bodies(level)))
    }

    /// The codes that [`scan`](Self::scan) and [`pack`](Self::pack) take.
    pub fn tile(&self) -> Coding {
        self.0.tile
    }

    /// The codes that [`pairs`](Self::pairs) takes: reach 127 at every level. Where it equals [`tile`](Self::tile), one copy
    /// of the codes serves both.
    pub fn pair(&self) -> Coding {
        self.0.pair
    }

    /// The sum of squares and the largest magnitude of `x`, of any length and any values.
    pub fn measure(&self, x: &[f32]) -> Measure {
        // SAFETY: the level was checked when the kernel was made.
        unsafe { (self.0.measure)(x) }
    }

    /// Writes the codes of `x`, then code 0 to the end of `out`.
    ///
    /// Right for any `scale` and any finite `x` of at most [`MAX_DEPTH`] values: codes are clamped, and the error is measured.
    /// The scale is 0 where `x` is not [`servable`](Measure::servable), and the error then |x| or infinite. Where a value is
    /// not finite, the bounds mean nothing.
    pub fn encode_row(&self, coding: Coding, x: &[f32], scale: Scale, out: &mut [u8]) -> Code {
        self.encode(coding, x, scale, coding.offset, out)
    }

    /// As [`encode_row`](Self::encode_row), signed.
    pub fn encode_column(&self, coding: Coding, x: &[f32], scale: Scale, out: &mut [i8]) -> Code {
        self.encode(coding, x, scale, 0, bytemuck::cast_slice_mut(out))
    }

    /// Whether the tile adds short products.
    pub fn is_short(&self) -> bool {
        self.0.short
    }

    /// Whether a unit multiplies whole tiles: products then cost little more than the scores made of them.
    pub fn is_matrix(&self) -> bool {
        self.0.matrix
    }

    /// As [`encode_column`](Self::encode_column), in codes of the tile for values of at most `largest` in magnitude. Where products
    /// are short, the scale is made so large that four steps fit 16 bits: the tile is then a quarter faster.
    pub fn encode_tile_column(&self, x: &[f32], largest: f32, out: &mut [i8]) -> Code {
        let coding = self.tile();
        let mut largest = largest;
        loop {
            let code = self.encode_column(coding, x, coding.scale(largest), out);
            let excess = if self.0.short { short_sum(out) as f32 / SHORT_SUM as f32 } else { 0.0 };
            if excess <= 1.0 {
                return code;
            }
            // A little more, because codes round up, too.
            largest *= excess * 1.03;
        }
    }

    /// Whether leading dimensions are scanned in sums of 16 bits: by [`scan_words`](Self::scan_words), of rows of
    /// [`encode_word_row`](Self::encode_word_row) and columns of [`encode_word_columns`](Self::encode_word_columns).
    pub fn in_words(&self) -> bool {
        self.0.words.is_some()
    }

    /// As [`encode_row`](Self::encode_row) in codes of the tile, for values of at most `largest` in magnitude and a norm of about `norm`;
    /// where scans are in words, codes have a norm of at most [`NORM`].
    pub fn encode_word_row(&self, x: &[f32], largest: f32, norm: f32, out: &mut [u8]) -> Code {
        let coding = self.tile();
        let of_norm = if self.in_words() { START * f32::from(coding.reach) / NORM * norm } else { 0.0 };
        let mut largest = largest.max(of_norm);
        loop {
            let code = self.encode_row(coding, x, coding.scale(largest), out);
            if !self.in_words() || fits(&code) {
                return code;
            }
            largest *= MORE;
        }
    }

    /// The codes of the columns that are rows of `size` values in `values`, `stride` apart, with one scale and norms of at most [`NORM`].
    /// No value has a magnitude above `largest`, and no column a norm much above `norm`.
    pub fn encode_word_columns(
        &self,
        values: &[f32],
        size: usize,
        [largest, norm]: [f32; 2],
        stride: usize,
        out: &mut [i8],
        codes: &mut [Code],
    ) {
        let coding = self.pair();
        let mut largest = largest.max(START * f32::from(coding.reach) / NORM * norm);
        loop {
            let scale = coding.scale(largest);
            let columns = values.chunks_exact(size).zip(out.chunks_mut(stride)).zip(&mut *codes);
            let mut all = true;
            for ((x, out), code) in columns {
                *code = self.encode_column(coding, x, scale, out);
                all &= fits(code);
            }
            if all {
                return;
            }
            largest *= MORE;
        }
    }

    fn encode(&self, coding: Coding, x: &[f32], scale: Scale, offset: u8, out: &mut [u8]) -> Code {
        assert!(x.len() <= out.len() && x.len() <= MAX_DEPTH);
        // SAFETY: the level was checked when the kernel was made, and `out` is no shorter than `x`.
        let code = unsafe { (self.0.encode)(coding, x, scale, offset, out.as_mut_ptr()) };
        out[x.len()..].fill(offset);
        code
    }

    /// Packs `count` columns of codes, at most [`WIDTH`], column c at `columns[c * stride..][..depth]`, into the
    /// `depth * WIDTH` places of `out`. The codes reach no farther than those of [`tile`](Self::tile).
    ///
    /// In the panel that comes back, h is 0 for each column and NaN for the padding, scale and rho are 0.
    pub fn pack(&self, columns: &[i8], stride: usize, depth: usize, count: usize, out: &mut [i8]) -> Panel {
        assert!(depth.is_multiple_of(DEPTH_STEP) && depth > 0 && depth <= MAX_DEPTH && stride >= depth);
        assert!(count <= WIDTH && (count == 0 || columns.len() >= (count - 1) * stride + depth));
        assert!(out.len() == depth * WIDTH);
        pack(self.0.tile, self.0.group, columns, stride, depth, count, out)
    }

    /// Packs columns of [`encode_word_columns`](Self::encode_word_columns), of one scale, for [`scan_words`](Self::scan_words): as many as `of`
    /// tells of, column c at `columns[c * stride..][..depth]`, into the `depth * WIDTH` places of `out`.
    pub fn pack_words(
        &self,
        columns: &[i8],
        stride: usize,
        depth: usize,
        scale: f32,
        of: &[WordColumn],
        out: &mut [i8],
    ) -> WordPanel {
        assert!(depth.is_multiple_of(DEPTH_STEP) && depth > 0 && depth <= MAX_DEPTH && stride >= depth);
        assert!(of.len() <= WIDTH && (of.is_empty() || columns.len() >= (of.len() - 1) * stride + depth));
        assert!(out.len() == depth * WIDTH && self.in_words());
        words::pack(self.0.tile, columns, stride, depth, scale, of, out)
    }

    /// As [`scan`](Self::scan), in sums of 16 bits: every pair whose score by the formula in real numbers is at most the threshold is a hit,
    /// and some others: mostly within a few units of the products, and where a product looks larger than it is, whatever the threshold.
    /// `numbers` is scratch: three numbers for each row.
    ///
    /// # Panics
    /// If the level has no such scan, or hits are wanted with scores.
    #[allow(clippy::too_many_arguments, reason = "the plain signature of one kernel call")]
    pub fn scan_words(
        &self,
        rows: &CodedRows<'_>,
        list: &[u16],
        panel: &WordPanel,
        codes: &[i8],
        first: usize,
        hits: &mut Hits,
        numbers: &mut [Vec<i32>; 3],
    ) -> Result<()> {
        let n = rows.check(list, codes, first);
        let Some(body) = self.0.words else { panic!("the level has no scan in words") };
        let (pairs, scores) = hits.room(list.len())?;
        assert!(scores.is_null(), "a scan in words makes no scores");
        assert!(numbers.iter().all(|numbers| numbers.len() >= n));
        let (scale, threshold) = (rows.scale.as_ptr(), rows.threshold.as_ptr());
        let out = numbers.each_mut().map(Vec::as_mut_ptr);
        let factors = Factors { n, scale, residue: rows.residues(), threshold, panel, out };
        let scan = WordScan {
            steps: rows.depth / 4,
            rows: rows.codes.as_ptr(),
            stride: rows.stride,
            factors: out.map(<*mut i32>::cast_const),
            list,
            panel,
            codes: codes.as_ptr(),
            first: first as u32,
            pairs,
        };
        // SAFETY: the level was checked when the kernel was made; the lengths were checked above and cover every access that
        // the bodies document; `room` reserved for all hits, of which the body wrote as many as it says.
        unsafe {
            (body.factors)(&factors);
            let count = (body.scan)(&scan);
            hits.add(count);
        }
        Ok(())
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
        least: Option<&mut [f32]>,
    ) -> Result<()> {
        rows.check(list, codes, first);
        let (pairs, scores) = hits.room(list.len())?;
        let scan = Scan {
            steps: rows.depth / 4,
            rows: rows.codes.as_ptr(),
            stride: rows.stride,
            scale: rows.scale.as_ptr(),
            residue: rows.residues(),
            threshold: rows.threshold.as_ptr(),
            list,
            panel,
            codes: codes.as_ptr(),
            first: first as u32,
            pairs,
            scores,
            least: least.map_or(core::ptr::null_mut(), <[f32]>::as_mut_ptr),
        };
        // SAFETY: the level was checked when the kernel was made; the lengths were checked above and cover every access that
        // the body documents; `room` reserved for all hits, of which the body wrote as many as it says.
        unsafe {
            let count = (self.0.scan)(&scan);
            hits.add(count);
        }
        Ok(())
    }

    /// `out[i]` is `upper[i]` and `grown` times the error of row i against a column whose codes err by `column[0]` and whose
    /// norm is `column[1]`, with at most 8 roundings.
    pub fn limits(
        &self,
        upper: &[f32],
        terms: &ErrorTerms<'_>,
        column: [f32; 2],
        grown: f32,
        out: &mut [f32],
    ) {
        let (n, ErrorTerms { fixed, norm, error }) = (out.len(), *terms);
        assert!([upper, fixed, norm, error].iter().all(|of| of.len() == n));
        let (upper, out) = (upper.as_ptr(), out.as_mut_ptr());
        let (fixed, norm, error) = (fixed.as_ptr(), norm.as_ptr(), error.as_ptr());
        // SAFETY: the level was checked when the kernel was made; all slices have n numbers.
        unsafe { (self.0.limits)(&Limits { n, upper, fixed, norm, error, column, grown, out }) }
    }

    /// The exact inner products of the codes of single pairs, without the offset: `out[e]` of the row and the slot of
    /// `list[e]`, in any order.
    ///
    /// - `coding`: that of the rows, [`pair`](Self::pair) or [`tile`](Self::tile); columns reach 127 in either case;
    /// - `rows`: row r at `rows[r * stride..][..depth]`;
    /// - `columns`: slot s at `columns[s * stride..][..depth]`, signed; `start[s]`: [`Coding::start`] of its sum;
    /// - `far`: the columns of the list are hardly in the nearest cache. This is for speed alone.
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
        far: bool,
        out: &mut [i32],
    ) {
        assert!(coding == self.0.pair || coding == self.0.tile);
        assert!(
            depth.is_multiple_of(DEPTH_STEP)
                && depth <= MAX_DEPTH
                && stride >= depth
                && out.len() >= list.len()
        );
        // Rows and slots that lie inside: how many of `stride` codes fit, the last one perhaps cut to `depth`.
        let inside = |len: usize| {
            if len < depth { 0 } else { (len - depth).checked_div(stride).map_or(usize::MAX, |n| n + 1) }
        };
        let (n, slots) = (inside(rows.len()), inside(columns.len()).min(start.len()));
        let (row, slot) = Hit::largest(list);
        assert!(list.is_empty() || (row < n && slot < slots));
        let run = if coding == self.0.pair { self.0.pairs } else { self.0.tile_pairs };
        let (rows, columns, start) = (rows.as_ptr(), columns.as_ptr(), start.as_ptr());
        let pairs = Pairs { rows, columns, start, stride, depth, list, far, out: out.as_mut_ptr() };
        // SAFETY: the level was checked when the kernel was made; the lengths were checked above and cover every access that
        // the body documents.
        unsafe { run(&pairs) }
    }

    /// The exact inner product of two columns of the same depth, a multiple of [`DEPTH_STEP`] and at most [`MAX_DEPTH`].
    pub fn dot(&self, a: &[i8], b: &[i8]) -> i32 {
        assert!(a.len() == b.len() && a.len() <= MAX_DEPTH && a.len().is_multiple_of(DEPTH_STEP));
        // SAFETY: the level was checked when the kernel was made; both have that many codes, a multiple of 16.
        unsafe { (self.0.dot)(a.as_ptr().cast(), b.as_ptr().cast(), a.len()) }
    }
}
