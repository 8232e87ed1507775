//! Which code a row gets.

use ndarray::{Array1, ArrayView2};

use super::by_type::Targets;
use super::ids::{MASKED, for_blocks, valid_rows};
use super::rows::row_of;
use crate::backend::{Backend, SearchStats, equal_but_for_search};
use crate::check;
use crate::control::{Context, Stage};
use crate::error::Result;
use crate::exact::Metric;
use crate::memory::try_vec;
use crate::real::Real;

/// The nearest code of every row.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Assignment {
    /// `[n]`: index of the nearest code; [`MASKED`] where the mask is false. Tier A.
    pub ids: Array1<u32>,
    /// `[n]`: squared Euclidean distance to it, or 1 - cosine; NaN where the mask is false. Tier A.
    pub distances: Array1<f64>,
    /// How the rows were settled. Depends on the SIMD level.
    pub search: SearchStats,
}

equal_but_for_search!(Assignment: ids, distances);

/// Fills in ids and distances, one for each row of z.
pub(super) fn assign<B: Backend, T: Real>(
    backend: &B,
    (z, codes, metric): (&ArrayView2<'_, T>, &ArrayView2<'_, T>, Metric),
    mask: Option<&[bool]>,
    ids: &mut [u32],
    distances: &mut [f64],
    cx: &Context,
) -> Result<SearchStats> {
    check::at_most("number of codes", codes.nrows(), u32::MAX as usize)?;
    let n = z.nrows();
    check::same_length("ids", n, ids.len())?;
    check::same_length("distances", n, distances.len())?;
    let valid = valid_rows(n, mask)?;
    let targets = Targets::new(backend, codes, metric, cx).map_err(|e| e.at("codes", |row| row as u64))?;
    ids.fill(MASKED);
    distances.fill(f64::NAN);
    let mut search = SearchStats::default();
    for_blocks(z, valid.as_deref(), |rows, at| {
        let range = at.clone();
        let (ids, distances) = (&mut ids[range.clone()], &mut distances[range]);
        search.merge(&targets.nearest(backend, rows, metric, ids, distances, cx)?);
        check::labels(&*ids, codes.nrows())?;
        cx.control.poll(Stage::Assign, at.end as u64, n as u64)
    })?;
    if let Some(valid) = &valid {
        // Results lie side by side; each moves to a place not before its own.
        for (from, &to) in valid.iter().enumerate().rev() {
            ids.swap(from, to as usize);
            distances.swap(from, to as usize);
        }
    }
    Ok(search)
}

/// The first valid row that is all zeros is an error.
pub(super) fn refuse_zero_rows<T: Real>(z: &ArrayView2<'_, T>, mask: Option<&[bool]>) -> Result<()> {
    let mut buffer = try_vec(z.ncols(), T::default())?;
    for i in 0..z.nrows() {
        let counted = mask.is_none_or(|m| m.get(i).copied().unwrap_or(false));
        let is_zero = counted && row_of(z, i, &mut buffer).iter().all(|x| x.to_f64() == 0.0);
        check::direction(i as u64, is_zero)?;
    }
    Ok(())
}
