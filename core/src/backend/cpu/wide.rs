//! The `f64` tile: for rows that the `f32` tile leaves too many targets. The last tier but the definition.

use alloc::vec::Vec;
use core::ops::Range;

use super::pack::{Frame, Panels, wide_panels};
use super::question::{Hit, Open, Question, Search, Sieve, Tier, Wanted};
use super::sweep::PackedRows;
use crate::backend::SearchStats;
use crate::control::Context;
use crate::error::Result;
use crate::exact::bounds::{Euclidean, Precision, cosine_error};
use crate::memory::{try_grow, try_vec};
use crate::simd::{Kernel, MAX_ROWS, Tile};

/// The tier, with its targets and its bound for one search.
pub(super) struct Wide {
    panels: Panels<f64>,
    /// Per row and target for Euclidean searches, one number for cosine.
    bound: Option<Euclidean>,
    uniform: f64,
}

impl Wide {
    pub fn new(search: &Search<'_>, cx: &Context) -> Result<Self> {
        let (targets, d) = (search.targets, search.dim());
        let all = targets.view()?;
        let nr = search.cpu.wide.nr();
        let panels = wide_panels(&all, &targets.order, &targets.squares, targets.frame(), nr, cx)?;
        let bound = match targets.frame() {
            Frame::Shifted { .. } => Some(Euclidean::new(Precision::F64, d, 1.0)),
            Frame::Unit => None,
        };
        Ok(Self { panels, bound, uniform: cosine_error(Precision::F64, d) })
    }

    /// The bound of the error of one pair. It is made for each pair, so that one huge target does not blur the rest.
    fn error(&self, norm: f64, target: usize) -> f64 {
        match &self.bound {
            Some(bound) => bound.error(norm, self.panels.norms[target]),
            None => self.uniform,
        }
    }

    /// The targets among `allowed` that may win a row of norm `norm` whose scores from target
    /// `base` on are `z`: those whose lower end reaches the lowest upper end.
    fn candidates(
        &self,
        z: &[f64],
        base: usize,
        norm: f64,
        allowed: impl Iterator<Item = usize> + Clone,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        out.clear();
        let mut lowest = f64::INFINITY;
        for j in allowed.clone() {
            lowest = lowest.min((z[j - base] + self.error(norm, j)).next_up());
        }
        for j in allowed {
            if (z[j - base] - self.error(norm, j)).next_down() <= lowest {
                try_grow(out, 1)?;
                out.push(j as u32);
            }
        }
        Ok(())
    }
}

impl Tier for Wide {
    fn count<'c>(&self, stats: &'c mut SearchStats) -> &'c mut u64 {
        &mut stats.f64
    }

    fn pass<Q: Question>(
        &self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        open: &Open,
        sieve: &mut Sieve,
    ) -> Result<()> {
        let (kernel, panels, d) = (&search.cpu.wide, &self.panels, search.dim());
        let mr = kernel.mr();
        let mut packed = PackedRows::new(kernel, d, f64::INFINITY, mr)?;
        let mut scores = Vec::new();
        let mut buffer = try_vec(d, 0.0f32)?;
        let mut tile = Tile::new();
        let mut found = Vec::new();
        for from in (0..open.len()).step_by(mr) {
            let n = (open.len() - from).min(mr);
            let mut numbers = [0u32; MAX_ROWS];
            let mut norms = [0.0; MAX_ROWS];
            let mut limits = [0.0; MAX_ROWS];
            let mut allowed: [Range<usize>; MAX_ROWS] = core::array::from_fn(|_| 0..0);
            let (mut low, mut high) = (usize::MAX, 0);
            for i in 0..n {
                let row = open.row(from + i);
                let start = question.start(row as usize);
                let at = first + row as usize;
                let values = search.row(at, &mut buffer);
                norms[i] = search.targets.frame().wide_row(values, search.square(at), packed.row_mut(i, d));
                if !start.targets.is_empty() {
                    (low, high) = (low.min(start.targets.start), high.max(start.targets.end));
                }
                (numbers[i], limits[i], allowed[i]) = (row, start.limit, start.targets);
            }
            let range = low.min(high) / panels.nr..high.div_ceil(panels.nr);
            let width = all_scores(kernel, &packed, panels, range.clone(), &mut tile, &mut scores)?;
            let base = range.start * panels.nr;
            for i in 0..n {
                let z = &scores[i * width..(i + 1) * width];
                match Q::WANTED {
                    Wanted::Least => match open.targets(from + i) {
                        Some(left) => {
                            let left = left.iter().map(|target| *target as usize);
                            self.candidates(z, base, norms[i], left, &mut found)?;
                        }
                        None => self.candidates(z, base, norms[i], allowed[i].clone(), &mut found)?,
                    },
                    Wanted::Every => {
                        for j in allowed[i].clone() {
                            let error = self.error(norms[i], j);
                            if (z[j - base] - error).next_down() <= limits[i] {
                                let hit = Hit { target: j as u32, z: z[j - base], error };
                                limits[i] = question.offer(numbers[i] as usize, hit, &mut buffer);
                            }
                        }
                    }
                }
                sieve.some(question, numbers[i], &found)?;
            }
        }
        Ok(())
    }
}

/// All scores of one tile of rows against the panels `range`, row after row. Returns the scores per row,
/// padding included.
fn all_scores(
    kernel: &Kernel<f64>,
    rows: &PackedRows<f64>,
    panels: &Panels<f64>,
    range: Range<usize>,
    tile: &mut Tile<f64>,
    scores: &mut Vec<f64>,
) -> Result<usize> {
    let (mr, nr) = (kernel.mr(), kernel.nr());
    let width = range.len() * nr;
    if scores.len() < mr * width {
        let more = mr * width - scores.len();
        try_grow(scores, more)?;
        scores.resize(mr * width, 0.0);
    }
    for (at, p) in range.enumerate() {
        let (panel, offset) = panels.panel(p);
        kernel.scan(panels.depth, &rows.data, rows.stride, panel, offset, &rows.threshold[..mr], tile);
        for r in 0..mr {
            scores[r * width + at * nr..][..nr].copy_from_slice(&tile.z[r * nr..][..nr]);
        }
    }
    Ok(width)
}
