//! Rows in codes.

use alloc::vec::Vec;

use super::super::basis::Basis;
use crate::error::Result;
use crate::exact::bounds::{Codes, Lead};
use crate::exact::float::narrow_up;
use crate::memory::{area, try_vec};
use crate::simd::{Code, CodeKernel, Coding, Lines, Measure};

/// Steps from one coded row to the next: whole cache lines.
pub(super) fn stride(d: usize) -> usize {
    d.next_multiple_of(64)
}

/// Codes of a row, and how long the row is in the coordinates of the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Side {
    /// What the codes stand for.
    pub code: Code,
    /// At least |X'| and |x^|; infinite where codes cannot serve the row.
    pub norm: f32,
}

/// Codes of rows, side by side.
#[derive(Debug)]
pub(in super::super) struct RowCodes {
    pub stride: usize,
    pub bytes: Lines,
    pub sides: Vec<Side>,
}

impl RowCodes {
    /// Room for `n` rows of `d` values.
    pub fn new(n: usize, d: usize) -> Result<Self> {
        let stride = stride(d);
        Ok(Self { stride, bytes: Lines::zeros(area(n, stride)?)?, sides: try_vec(n, Side::default())? })
    }

    /// Codes from row `first` on.
    pub fn from(&self, first: usize) -> &[u8] {
        &self.bytes.bytes()[first * self.stride..]
    }
}

/// Rows coded for pairs and for tiles of full depth.
#[derive(Debug)]
pub(in super::super) struct BlockCodes {
    pairs: RowCodes,
    /// None where the codes of pairs serve, and where no tile is read at full depth.
    tiles: Option<RowCodes>,
    /// The codes of pairs serve the tile.
    same: bool,
}

impl BlockCodes {
    /// Room for `n` rows of `d` values; `full`: for tiles of full depth, too.
    pub fn new(kernel: &CodeKernel, n: usize, d: usize, full: bool) -> Result<Self> {
        let same = kernel.pair() == kernel.tile();
        let tiles = if full && !same { Some(RowCodes::new(n, d)?) } else { None };
        Ok(Self { pairs: RowCodes::new(n, d)?, tiles, same })
    }

    /// The bytes that [`new`](Self::new) asks for with `full`.
    pub fn bytes(kernel: &CodeKernel, n: usize, d: usize) -> usize {
        let copies = if kernel.pair() == kernel.tile() { 1 } else { 2 };
        n.saturating_mul(copies * (stride(d) + size_of::<Side>()))
    }

    pub fn pairs(&self) -> &RowCodes {
        &self.pairs
    }

    /// None where only pairs were coded.
    pub fn tiles(&self) -> Option<&RowCodes> {
        self.tiles.as_ref().or(self.same.then_some(&self.pairs))
    }

    /// The parts of `step` rows each, to be filled.
    pub fn parts(&mut self, step: usize) -> impl Iterator<Item = CodesOf<'_>> {
        let stride = self.pairs.stride;
        let mut tiles = self
            .tiles
            .as_mut()
            .map(|t| t.bytes.bytes_mut().chunks_mut(step * stride).zip(t.sides.chunks_mut(step)));
        let pairs =
            self.pairs.bytes.bytes_mut().chunks_mut(step * stride).zip(self.pairs.sides.chunks_mut(step));
        pairs.map(move |pairs| CodesOf {
            stride,
            pairs,
            tiles: tiles.as_mut().and_then(|tiles| tiles.next()),
        })
    }
}

/// Some rows of a block, to be coded.
pub(in super::super) struct CodesOf<'a> {
    stride: usize,
    pairs: (&'a mut [u8], &'a mut [Side]),
    tiles: Option<(&'a mut [u8], &'a mut [Side])>,
}

impl CodesOf<'_> {
    /// Codes row `i` of these.
    pub fn set(&mut self, kernel: &CodeKernel, bound: &Codes, i: usize, row: Measured<'_>) {
        let range = i * self.stride..(i + 1) * self.stride;
        self.pairs.1[i] = encode(kernel, kernel.pair(), bound, row, &mut self.pairs.0[range.clone()]);
        if let Some((bytes, sides)) = &mut self.tiles {
            sides[i] = encode(kernel, kernel.tile(), bound, row, &mut bytes[range]);
        }
    }
}

/// A row in the coordinates of the kernel.
#[derive(Clone, Copy)]
pub(in super::super) struct Measured<'a> {
    pub values: &'a [f32],
    /// Of the values.
    pub measure: Measure,
    /// At least the norm of the row.
    pub norm: f64,
}

impl<'a> Measured<'a> {
    pub fn new(kernel: &CodeKernel, values: &'a [f32], norm: f64) -> Self {
        Self { values, measure: kernel.measure(values), norm }
    }

    /// Whether codes can stand for the row.
    pub fn servable(self) -> bool {
        self.norm.is_finite() && self.measure.servable()
    }
}

/// Codes a row with the largest reach that fits it.
fn encode(kernel: &CodeKernel, coding: Coding, bound: &Codes, row: Measured<'_>, out: &mut [u8]) -> Side {
    if !row.servable() {
        out.fill(coding.offset());
        return Side { code: Code::default(), norm: f32::INFINITY };
    }
    let code = kernel.encode_row(coding, row.values, coding.scale(row.measure.largest), out);
    Side { code, norm: narrow_up(bound.norm(row.norm)).max(code.norm) }
}

/// Rows in leading dimensions, side by side: their error terms are those of [`Leading`](crate::exact::bounds::Leading).
#[derive(Debug)]
pub(in super::super) struct LeadCodes {
    pub rows: RowCodes,
    pub residues: Vec<f32>,
}

impl LeadCodes {
    /// Room for `n` rows in `size` dimensions.
    pub fn new(n: usize, size: usize) -> Result<Self> {
        Ok(Self { rows: RowCodes::new(n, size)?, residues: try_vec(n, 0.0)? })
    }

    /// The bytes that [`new`](Self::new) asks for.
    pub fn bytes(n: usize, size: usize) -> usize {
        n.saturating_mul(stride(size) + size_of::<Side>() + size_of::<f32>())
    }

    /// The parts of `step` rows each, to be filled.
    pub fn parts(&mut self, step: usize) -> impl Iterator<Item = LeadOf<'_>> {
        let RowCodes { stride, bytes, sides } = &mut self.rows;
        let stride = *stride;
        let parts = bytes.bytes_mut().chunks_mut(step * stride).zip(sides.chunks_mut(step));
        parts.zip(self.residues.chunks_mut(step)).map(move |((bytes, sides), residues)| LeadOf {
            stride,
            bytes,
            sides,
            residues,
        })
    }
}

/// Some rows in leading dimensions, to be coded.
pub(in super::super) struct LeadOf<'a> {
    stride: usize,
    bytes: &'a mut [u8],
    sides: &'a mut [Side],
    residues: &'a mut [f32],
}

impl LeadOf<'_> {
    /// Codes row `i` of these: `leading` in the basis, with their [terms](super::lead_terms).
    pub fn set(
        &mut self,
        kernel: &CodeKernel,
        basis: &Basis,
        i: usize,
        leading: &[f32],
        terms: Option<(Lead, f32)>,
    ) {
        let coding = kernel.tile();
        let out = &mut self.bytes[i * self.stride..(i + 1) * self.stride];
        let Some((lead, largest)) = terms else {
            out.fill(coding.offset());
            (self.sides[i], self.residues[i]) = (Side { norm: f32::INFINITY, ..Side::default() }, 0.0);
            return;
        };
        let norm = narrow_up(lead.norm);
        let mut code = kernel.encode_word_row(leading, largest, norm, out);
        code.norm = norm.max(code.norm);
        let defect = basis.bound.defect() * code.norm as f64;
        code.error = narrow_up(code.error as f64 + lead.error + defect);
        self.sides[i] = Side { code, norm: code.norm };
        self.residues[i] = narrow_up(lead.rho);
    }
}
