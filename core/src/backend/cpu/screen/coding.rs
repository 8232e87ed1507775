//! Rows of a search to codes.

use alloc::vec::Vec;

use super::super::basis::{Basis, TOGETHER};
use super::super::block::Name;
use super::super::codes::{BlockCodes, CodesOf, LeadCodes, Measured, TargetCodes, lead_terms};
use super::super::question::Search;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::bounds::Codes;
use crate::memory::{try_capacity, try_vec};
use crate::simd::Measure;

/// Rows that are searched together: their codes fit the second-level cache.
pub(in super::super) const BLOCK: usize = 512;

/// Codes of the rows of a search that were kept; what is missing is made where it is needed, or done without.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct RowsInCodes<'a> {
    pub rows: Option<&'a BlockCodes>,
    /// Only beside the others.
    pub lead: Option<&'a LeadCodes>,
}

impl RowsInCodes<'_> {
    /// Whether rows and targets lie in a basis.
    pub fn leads(&self, targets: &TargetCodes) -> bool {
        self.rows.is_some() && self.lead.is_some() && targets.lead.is_some()
    }
}

/// The codes of all rows of a search, where its targets lie in a basis: those of the targets, which are the same rows, or made here.
#[derive(Debug, Default)]
pub(in super::super) struct AllCodes<'s> {
    lent: Option<&'s (BlockCodes, LeadCodes)>,
    made: Option<(BlockCodes, LeadCodes)>,
}

impl<'s> AllCodes<'s> {
    /// Of the rows of the block of that name.
    pub fn new(search: &Search<'s>, name: &Name, cx: &Context) -> Result<Self> {
        let (n, d, kernel) = (search.rows.n_rows(), search.dim(), &search.cpu.codes);
        let Some(targets) = search.targets.codes_at(search.cpu.level()) else { return Ok(Self::default()) };
        let Some(basis) = &search.targets.origin.basis else { return Ok(Self::default()) };
        if let Some(rows) = targets.rows.as_ref().filter(|_| search.targets.name.is(name)) {
            return Ok(Self { lent: Some(rows), made: None });
        }
        let mut codes = BlockCodes::new(kernel, n, d, targets.tiles.is_some())?;
        let mut lead = LeadCodes::new(n, basis.size)?;
        code_rows(search, Some((&targets.bound, &mut codes)), Some((basis, &mut lead)), cx)?;
        Ok(Self { lent: None, made: Some((codes, lead)) })
    }

    pub fn rows(&self) -> RowsInCodes<'_> {
        let (rows, lead) = self.lent.or(self.made.as_ref()).map(|(rows, lead)| (rows, lead)).unzip();
        RowsInCodes { rows, lead }
    }
}

/// Codes all rows of a search, at full depth and in a basis, or in one of the two ways.
pub(in super::super) fn code_rows(
    search: &Search<'_>,
    full: Option<(&Codes, &mut BlockCodes)>,
    lead: Option<(&Basis, &mut LeadCodes)>,
    cx: &Context,
) -> Result<()> {
    let (n, d, kernel) = (search.rows.n_rows(), search.dim(), &search.cpu.codes);
    let (bound, full) = full.unzip();
    let (basis, lead) = lead.unzip();
    let size = basis.map_or(0, |basis| basis.size);
    let mut full = full.map(|full| full.parts(BLOCK));
    let mut lead = lead.map(|lead| lead.parts(BLOCK));
    let mut jobs = try_capacity(n.div_ceil(BLOCK))?;
    jobs.extend((0..n).step_by(BLOCK).map(|first| {
        Job::new((first, full.as_mut().and_then(Iterator::next), lead.as_mut().and_then(Iterator::next)))
    }));
    cx.in_waves(&mut jobs, (BLOCK * (8 + size) * d) as u64, |(first, full, lead)| {
        let mut buffer = try_vec(d, 0.0)?;
        let (mut values, mut leading) = (try_vec(TOGETHER * d, 0.0)?, try_vec(TOGETHER * size, 0.0)?);
        let mut measures: Vec<Measure> = try_capacity(TOGETHER)?;
        let rows = BLOCK.min(n - *first);
        for from in (0..rows).step_by(TOGETHER) {
            let count = TOGETHER.min(rows - from);
            measures.clear();
            for (i, values) in values.chunks_exact_mut(d.max(1)).enumerate().take(count) {
                let row = *first + from + i;
                let (row, square) = (search.row(row, &mut buffer), search.square(row));
                let norm = search.targets.frame().narrow_row(row, square, values);
                let measured = Measured::new(kernel, values, norm);
                measures.push(measured.measure);
                if let (Some(bound), Some(full)) = (bound, &mut *full) {
                    full.set(kernel, bound, from + i, measured);
                }
            }
            if let (Some(basis), Some(lead)) = (basis, &mut *lead) {
                basis.apply(&values[..count * d], &mut leading)?;
                for (i, (leading, measure)) in leading.chunks_exact(size).zip(&measures).enumerate() {
                    let terms = lead_terms(kernel, basis, d, *measure, leading);
                    lead.set(kernel, basis, from + i, leading, terms);
                }
            }
        }
        Ok(())
    })
}

/// Codes row `row` of a search as row `i` of `out`.
pub(super) fn code_row(
    search: &Search<'_>,
    bound: &Codes,
    row: usize,
    out: &mut CodesOf<'_>,
    i: usize,
    buffer: &mut [f32],
    values: &mut [f32],
) {
    let norm = search.targets.frame().narrow_row(search.row(row, buffer), search.square(row), values);
    out.set(&search.cpu.codes, bound, i, Measured::new(&search.cpu.codes, values, norm));
}
