//! Hard negatives: the most similar rows that do not match.

use alloc::vec::Vec;

use ndarray::Array2;

use super::matches::{Columns, Matches, Table};
use super::search::{Cosines, TILE};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::SearchStats;
use crate::memory::{try_capacity, try_vec};
use crate::rows::IntoRows;

/// The k most similar non-matching rows of y for each row of x: parameters.
///
/// *Source*: the negatives of hard-negative mining in the retrieval literature; the survey of
/// Bordes et al. 2024 (section 3.4.2) names the family without a formula, so the definition is this
/// library's: rank by cosine, leave out the matches and, within one set, the row itself.
///
/// # Shapes
/// x: [B, d], y: [M, d]; results [B, k].
/// # Units
/// Cosine. Tier A.
/// # Ties, NaN
/// Of equally similar rows the lower index comes first. NaN is an error; a row of zeros is similar
/// 0 to everything.
/// # Errors
/// `Empty`, `ShapeMismatch`, `NonFinite`, `InvalidParameter` for k = 0, `Conflict`, `TooLarge`,
/// `OutOfMemory`, `Cancelled`.
/// # Cost
/// 2 B M d flops, and the definition for about k ln(M / k) candidates a row; 12 B k bytes and
/// O(128 (d + 64)) words a thread.
/// # Example
/// ```
/// use pauca::alignment::{HardNegatives, Matches, Negatives};
/// let x = ndarray::array![[1.0f32, 0.0], [1.0, 0.1], [0.0, 1.0]];
/// // Rows 0 and 1 are the same thing: only row 2 is a negative of theirs.
/// let groups = [5, 5, 6];
/// let found = HardNegatives::new(2).find(&x, &x, Matches::Groups { x: &groups, y: &groups })?;
/// assert_eq!(found.rows.row(0).to_vec(), [2, Negatives::NONE]);
/// assert_eq!(found.rows.row(2).to_vec(), [1, 0]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardNegatives {
    count: usize,
    within: bool,
}

/// The hardest non-matching rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Negatives {
    /// `[B, k]`: rows of y, the most similar first; [`NONE`](Negatives::NONE) where there are fewer.
    pub rows: Array2<u32>,
    /// `[B, k]`: their cosines; NaN where there are fewer.
    pub similarities: Array2<f64>,
    /// Pairs settled by the bound (f64) and by the definition (truth).
    pub search: SearchStats,
}

impl Negatives {
    /// No row.
    pub const NONE: u32 = u32::MAX;
}

impl HardNegatives {
    /// The `count` hardest.
    pub fn new(count: usize) -> Self {
        Self { count, within: false }
    }

    /// x and y are the same rows: row i is never its own negative, whatever the matches say.
    pub fn within(mut self, within: bool) -> Self {
        self.within = within;
        self
    }

    /// Finds them.
    ///
    /// # Errors
    /// See the type.
    pub fn find<'a, 'b>(
        &self,
        x: impl IntoRows<'a>,
        y: impl IntoRows<'b>,
        matches: Matches<'_>,
    ) -> Result<Negatives> {
        self.find_on(x, y, matches, &Context::default())
    }

    /// [`find`](HardNegatives::find), watched and on chosen threads.
    ///
    /// # Errors
    /// See the type.
    pub fn find_on<'a, 'b>(
        &self,
        x: impl IntoRows<'a>,
        y: impl IntoRows<'b>,
        matches: Matches<'_>,
        cx: &Context,
    ) -> Result<Negatives> {
        if self.count == 0 {
            return Err(Error::InvalidParameter { name: "count", value: 0.0, expected: "at least 1" });
        }
        let (x, y) = (x.into_rows()?, y.into_rows()?);
        let cosines = Cosines::new(x.view(), y.view())?;
        let (n, m) = (cosines.n(), cosines.m());
        if self.within && n != m {
            let why = "one set has one number of rows";
            return Err(Error::Conflict { first: "within", second: "sides of different length", why });
        }
        let table = Table::new(matches, n, m)?;
        let size = n.checked_mul(self.count).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let mut rows = try_vec(size, Negatives::NONE)?;
        let mut similarities = try_vec(size, f64::NAN)?;
        let step = TILE * self.count;
        let outs = rows.chunks_mut(step).zip(similarities.chunks_mut(step));
        let search = cosines.in_tiles("search", outs, cx, |(rows, similarities), range, tile| {
            let first = range.start;
            let mut found: Vec<usize> = try_vec(range.len(), 0)?;
            let mut right: Vec<Columns<'_>> = try_capacity(range.len())?;
            right.extend(range.clone().map(|i| table.of(i)));
            cosines.for_each(range, tile, |tile, i, j, cosine| {
                let k = i - first;
                let place = k * self.count..(k + 1) * self.count;
                let (rows, similarities) = (&mut rows[place.clone()], &mut similarities[place]);
                let full = found[k] == self.count;
                tile.stats.rows += 1;
                if full && !cosines.may_exceed(cosine, similarities[self.count - 1]) {
                    tile.stats.f64 += 1;
                    return;
                }
                if (self.within && i == j) || right[k].contains(j) {
                    return;
                }
                tile.stats.truth += 1;
                let s = cosines.truth(i, j, tile);
                // j ascends: behind all that are equally similar.
                let at = similarities[..found[k]].partition_point(|other| *other >= s);
                if at == self.count {
                    return;
                }
                let end = found[k].min(self.count - 1);
                rows.copy_within(at..end, at + 1);
                similarities.copy_within(at..end, at + 1);
                (rows[at], similarities[at]) = (j as u32, s);
                found[k] = end + 1;
            })
        })?;
        let shaped = |_| Error::ShapeMismatch { what: "negatives", expected: n, found: 0 };
        Ok(Negatives {
            rows: Array2::from_shape_vec((n, self.count), rows).map_err(shaped)?,
            similarities: Array2::from_shape_vec((n, self.count), similarities).map_err(shaped)?,
            search,
        })
    }
}
