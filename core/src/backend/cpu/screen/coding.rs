//! Rows of a search to codes.

use super::super::basis::{Basis, TOGETHER};
use super::super::codes::{BlockCodes, CodesOf, LeadCodes};
use super::super::question::Search;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::bounds::Codes;
use crate::memory::{try_capacity, try_vec};

/// Rows that are searched together: their codes fit the second-level cache.
pub(in super::super) const BLOCK: usize = 512;

/// Codes of the rows of a search that were kept; what is missing is made where it is needed, or done without.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct RowsInCodes<'a> {
    pub rows: Option<&'a BlockCodes>,
    /// Only beside the others.
    pub lead: Option<&'a LeadCodes>,
}

/// The codes of all rows of a search, where its targets lie in a basis.
#[derive(Debug, Default)]
pub(in super::super) struct OwnCodes(Option<(BlockCodes, LeadCodes)>);

impl OwnCodes {
    /// Codes all rows, unless the targets have no basis.
    pub fn new(search: &Search<'_>, cx: &Context) -> Result<Self> {
        let (n, d, kernel) = (search.rows.n_rows(), search.dim(), &search.cpu.codes);
        let Some(targets) = search.targets.codes_at(search.cpu.level()) else { return Ok(Self(None)) };
        let Some(basis) = &search.targets.origin.basis else { return Ok(Self(None)) };
        let mut codes = BlockCodes::new(kernel, n, d)?;
        code_rows(search, &targets.bound, &mut codes, cx)?;
        let mut lead = LeadCodes::new(n, basis.size)?;
        lead_rows(search, basis, &mut lead, cx)?;
        Ok(Self(Some((codes, lead))))
    }

    pub fn rows(&self) -> RowsInCodes<'_> {
        let (rows, lead) = self.0.as_ref().map(|(rows, lead)| (rows, lead)).unzip();
        RowsInCodes { rows, lead }
    }
}

/// Brings all rows of a search into a basis, and codes them there.
pub(in super::super) fn lead_rows(
    search: &Search<'_>,
    basis: &Basis,
    out: &mut LeadCodes,
    cx: &Context,
) -> Result<()> {
    let (n, d) = (search.rows.n_rows(), search.dim());
    let mut jobs = try_capacity(n.div_ceil(BLOCK))?;
    jobs.extend(out.parts(BLOCK).enumerate().map(|(at, part)| Job::new((at * BLOCK, part))));
    cx.in_waves(&mut jobs, (BLOCK * basis.size * d) as u64, |(first, part)| {
        let mut buffer = try_vec(d, 0.0)?;
        let (mut values, mut leading) = (try_vec(TOGETHER * d, 0.0)?, try_vec(TOGETHER * basis.size, 0.0)?);
        for from in (0..part.len()).step_by(TOGETHER) {
            let count = TOGETHER.min(part.len() - from);
            for (i, values) in values.chunks_exact_mut(d).enumerate().take(count) {
                let row = *first + from + i;
                search.targets.frame().narrow_row(search.row(row, &mut buffer), search.square(row), values);
            }
            basis.apply(&values[..count * d], &mut leading)?;
            for (i, (values, leading)) in
                values.chunks_exact(d).zip(leading.chunks_exact(basis.size)).enumerate().take(count)
            {
                part.set(&search.cpu.codes, basis, from + i, values, leading);
            }
        }
        Ok(())
    })
}

/// Codes all rows of a search.
pub(in super::super) fn code_rows(
    search: &Search<'_>,
    bound: &Codes,
    out: &mut BlockCodes,
    cx: &Context,
) -> Result<()> {
    let (n, d) = (search.rows.n_rows(), search.dim());
    let mut jobs = try_capacity(n.div_ceil(BLOCK))?;
    jobs.extend(out.parts(BLOCK).enumerate().map(|(at, part)| Job::new((at * BLOCK, part))));
    cx.in_waves(&mut jobs, (8 * BLOCK * d) as u64, |(first, part)| {
        let (mut buffer, mut values) = (try_vec(d, 0.0)?, try_vec(d, 0.0)?);
        (0..part.len()).for_each(|i| code_row(search, bound, *first + i, part, i, &mut buffer, &mut values));
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
    out.set(&search.cpu.codes, bound, i, values, norm);
}
