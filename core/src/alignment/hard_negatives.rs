//! Hard negatives: the most similar rows that do not match.

use alloc::vec::Vec;

use ndarray::Array2;

use super::matches::{Matches, Table};
use super::sides::Sides;
use crate::arrays::matrix;
use crate::backend::cpu::Cpu;
use crate::backend::{Above, Backend, Boundary, Pair, Pairs, SearchStats, Threshold, Work};
use crate::check;
use crate::control::{Context, Stage};
use crate::error::Result;
use crate::memory::{area, try_vec};
use crate::params::setters;
use crate::rows::IntoRows;

/// Rows of y with which every row of x is compared before there is a similarity to beat.
const FIRST: usize = 32;

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
/// The lower index of equally similar rows comes first. NaN is an error; a row of zeros is similar
/// 0 to everything.
/// # Errors
/// `Empty`, `ShapeMismatch`, `NonFinite`, `InvalidParameter` for k = 0, `Conflict`, `TooLarge`,
/// `OutOfMemory`, `Cancelled`.
/// # Cost
/// 2 B M d flops of the backend's fast arithmetic, and the definition for about 32 + k log2(M / 32)
/// candidates a row; 12 B k + 8 M bytes and a block of each side (1024 and 4096 rows on the CPU).
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
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Negatives {
    /// `[B, k]`: rows of y, the most similar first; [`NONE`](Negatives::NONE) where there are fewer.
    pub rows: Array2<u32>,
    /// `[B, k]`: their cosines; NaN where there are fewer.
    pub similarities: Array2<f64>,
    /// How the rows were settled, for each block of y.
    pub search: SearchStats,
}

impl PartialEq for Negatives {
    /// Compares the rows, and the similarities by their bits (missing ones are NaN).
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
            && self.similarities.iter().zip(&other.similarities).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

impl Negatives {
    /// No row.
    pub const NONE: u32 = u32::MAX;
}

impl HardNegatives {
    /// Asks for the `count` hardest negatives of every row of x.
    pub fn new(count: usize) -> Self {
        Self { count, within: false }
    }

    setters! {
        /// x and y are the same rows: row i is never its own negative, whatever the matches say.
        within: bool;
    }

    /// Finds the hardest negatives.
    ///
    /// # Errors
    /// The errors that [`HardNegatives`] lists.
    pub fn find<'a, 'b>(
        &self,
        x: impl IntoRows<'a>,
        y: impl IntoRows<'b>,
        matches: Matches<'_>,
    ) -> Result<Negatives> {
        self.find_on(&Cpu::new()?, x, y, matches, &Context::default())
    }

    /// [`find`](HardNegatives::find) on any backend.
    ///
    /// # Errors
    /// The errors that [`HardNegatives`] lists.
    pub fn find_on<'a, 'b, B: Backend>(
        &self,
        backend: &B,
        x: impl IntoRows<'a>,
        y: impl IntoRows<'b>,
        matches: Matches<'_>,
        cx: &Context,
    ) -> Result<Negatives> {
        check::at_least_one("count", self.count)?;
        let (x, y) = (x.into_rows()?, y.into_rows()?);
        let sides = Sides::new(backend, x.view(), y.view(), cx)?;
        let (n, m) = (sides.n(), sides.m());
        let why = "one set has one number of rows";
        check::conflict(!self.within || n == m, "within", "sides of different length", why)?;
        let table = Table::new(matches, n, m)?;
        let size = area(n, self.count)?;
        let mut rows = try_vec(size, Negatives::NONE)?;
        let mut similarities = try_vec(size, f64::NAN)?;
        let mut search = SearchStats::default();
        for range in sides.blocks(Work::ListedPairs) {
            // The similarity that a row of y must exceed; the last of the k found, once there are so many.
            let mut beaten = try_vec(range.len(), f64::NEG_INFINITY)?;
            let mut found = try_vec(range.len(), 0usize)?;
            let mut pairs: Vec<Pair> = Vec::new();
            // Each piece is as large as all before: about k pairs of a row pass in each.
            sides.meet(
                Stage::Search,
                range.clone(),
                |seen| seen.max(FIRST),
                cx,
                |block, targets, first| {
                    let threshold = Threshold::Each(&beaten);
                    let above = Above { threshold, boundary: Boundary::Gt, first_only: false };
                    pairs.clear();
                    search.merge(&backend.pairs_above(
                        block,
                        targets,
                        Pairs::Across,
                        above,
                        &mut pairs,
                        cx,
                    )?);
                    for pair in &pairs {
                        let (k, j) = (pair.later as usize, first + pair.earlier as usize);
                        let known = k < range.len() && j < m;
                        check::shape("position of a row that the backend found", m, j, known)?;
                        let i = range.start + k;
                        if (self.within && i == j) || table.of(i).contains(j) {
                            continue;
                        }
                        let place = i * self.count..(i + 1) * self.count;
                        let (rows, similarities) = (&mut rows[place.clone()], &mut similarities[place]);
                        // j ascends: behind all that are equally similar.
                        let at = similarities[..found[k]].partition_point(|other| *other >= pair.similarity);
                        if at == self.count {
                            continue;
                        }
                        let end = found[k].min(self.count - 1);
                        rows.copy_within(at..end, at + 1);
                        similarities.copy_within(at..end, at + 1);
                        (rows[at], similarities[at]) = (j as u32, pair.similarity);
                        found[k] = end + 1;
                        if found[k] == self.count {
                            beaten[k] = similarities[self.count - 1];
                        }
                    }
                    Ok(())
                },
            )?;
        }
        let (rows, similarities) = (matrix(n, self.count, rows)?, matrix(n, self.count, similarities)?);
        Ok(Negatives { rows, similarities, search })
    }
}
