//! Rows of a search to codes.

use super::super::codes::{BlockCodes, CodesOf};
use super::super::question::Search;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::bounds::Codes;
use crate::memory::{try_capacity, try_vec};

/// Rows that are searched together: their codes fit the second-level cache.
pub(in super::super) const BLOCK: usize = 512;

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
