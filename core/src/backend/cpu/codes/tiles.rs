//! Targets in panels of codes, as the tile reads them.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::{area, try_capacity, try_vec};
use crate::simd::{CodeKernel, DEPTH_STEP, Lines, Panel, WIDTH, WordColumn, WordPanel};

/// A panel, by the kernel that scans it.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant, reason = "all panels of a search are of one kind")]
pub(in super::super) enum Packed {
    Scores(Panel),
    Words(WordPanel),
}

/// Targets as the tile reads them, at full depth or in leading dimensions.
#[derive(Debug)]
pub(in super::super) struct Tiles {
    /// Codes of a target.
    pub depth: usize,
    panels: Vec<Packed>,
    codes: Lines,
    /// Of each target, what the norm of a row is multiplied by, and what its error is multiplied by.
    pub terms: Vec<[f32; 2]>,
    /// The largest of each panel.
    pub worst: Vec<[f32; 2]>,
}

/// One panel of [`Tiles`], to be filled.
pub(super) struct Tile<'a> {
    pub depth: usize,
    panel: &'a mut Option<Packed>,
    codes: &'a mut [i8],
    terms: &'a mut [[f32; 2]],
    worst: &'a mut [f32; 2],
}

/// [`Tiles`] while they are made.
pub(super) struct Making {
    depth: usize,
    panels: Vec<Option<Packed>>,
    codes: Lines,
    terms: Vec<[f32; 2]>,
    worst: Vec<[f32; 2]>,
}

impl Making {
    pub fn new(d: usize, count: usize) -> Result<Self> {
        let (depth, width) = (d.next_multiple_of(DEPTH_STEP), count.div_ceil(WIDTH));
        Ok(Self {
            depth,
            panels: try_vec(width, None)?,
            codes: Lines::zeros(area(width * WIDTH, depth)?)?,
            terms: try_vec(count, [0.0; 2])?,
            worst: try_vec(width, [0.0; 2])?,
        })
    }

    pub fn parts(&mut self) -> impl Iterator<Item = Tile<'_>> {
        let depth = self.depth;
        let sides = self.panels.iter_mut().zip(self.codes.codes_mut().chunks_mut(WIDTH * depth));
        let terms = self.terms.chunks_mut(WIDTH).zip(&mut self.worst);
        sides.zip(terms).map(move |((panel, codes), (terms, worst))| Tile {
            depth,
            panel,
            codes,
            terms,
            worst,
        })
    }

    pub fn made(self) -> Result<Tiles> {
        let Self { depth, panels: some, codes, terms, worst } = self;
        let mut panels = try_capacity(some.len())?;
        panels.extend(some.into_iter().flatten());
        Ok(Tiles { depth, panels, codes, terms, worst })
    }
}

impl Tile<'_> {
    /// Packs columns of codes, `stride` apart, with their scales, offsets and residues.
    pub fn pack(&mut self, kernel: &CodeKernel, columns: &[i8], stride: usize, of: impl Fn(usize) -> Column) {
        let count = self.terms.len();
        let mut panel = kernel.pack(columns, stride, self.depth, count, self.codes);
        for c in 0..count {
            let column = of(c);
            (panel.h[c], panel.scale[c], panel.rho[c]) = (column.h, column.scale, column.rho);
            self.tell(c, column.terms);
        }
        *self.panel = Some(Packed::Scores(panel));
    }

    /// As [`pack`](Self::pack), of one scale, for a scan in sums of 16 bits.
    pub fn pack_words(
        &mut self,
        kernel: &CodeKernel,
        columns: &[i8],
        stride: usize,
        of: impl Fn(usize) -> Column,
    ) {
        let count = self.terms.len();
        let (mut some, mut scale) = ([WordColumn::default(); WIDTH], 0.0);
        for (c, word) in some[..count].iter_mut().enumerate() {
            let column = of(c);
            scale = column.scale;
            *word = WordColumn { h: column.h, rho: column.rho };
            self.tell(c, column.terms);
        }
        let panel = kernel.pack_words(columns, stride, self.depth, scale, &some[..count], self.codes);
        *self.panel = Some(Packed::Words(panel));
    }

    fn tell(&mut self, c: usize, terms: [f32; 2]) {
        self.terms[c] = terms;
        for (worst, term) in self.worst.iter_mut().zip(terms) {
            *worst = worst.max(term);
        }
    }
}

/// What a panel is told of a column.
pub(super) struct Column {
    pub h: f32,
    pub scale: f32,
    pub rho: f32,
    pub terms: [f32; 2],
}

impl Tiles {
    pub fn n_panels(&self) -> usize {
        self.panels.len()
    }

    /// A panel and its codes.
    pub fn panel(&self, p: usize) -> (&Packed, &[i8]) {
        (&self.panels[p], &self.codes.codes()[p * WIDTH * self.depth..][..WIDTH * self.depth])
    }
}
