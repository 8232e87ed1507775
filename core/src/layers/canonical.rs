//! Similarities that need a singular value decomposition: SVCCA, PWCCA, Procrustes.
//!
//! All three see two states as the subspaces and shapes that the columns of their centred rows
//! span in the space of samples. Canonical correlations are the cosines of the principal angles
//! between two such subspaces: the singular values of Q_x' Q_y for orthonormal bases Q.
//!
//! With no more samples than columns every subspace is all of the space and every correlation 1:
//! such results say so ([`Svcca::saturated`]). Implementations in use return the 1 alone.
//!
//! The decompositions are nalgebra's, in f64. Tier C.
//!
//! **Memory.** The centred copies of both states (n d values each) and products of factors may be
//! refused. What nalgebra allocates may not: a process without memory for it is ended by Rust's
//! allocation handler. With k = min(n, d) that is, for each state, its factors (n k and k d values) and
//! matrices of the same sizes while they are made; then what the decomposition of the product of the
//! two left factors takes (k_x k_y). Nothing grows faster than n d or d².

use alloc::vec::Vec;

use nalgebra::{DMatrix, Dyn, SVD};
use ndarray::{ArrayView2, s};

use crate::arrays::{self, zeros};
use crate::check;
use crate::error::{Error, Result};
use crate::memory::{area, try_collect, try_vec};
use crate::products;
use crate::rows::{IntoRows, Rows};

/// Iterations of the decomposition for each singular value, at most: many times what it needs.
const ITERATIONS: usize = 200;

/// Canonical correlations of two states.
#[derive(Clone, Debug, PartialEq)]
pub struct Svcca {
    /// The similarity, in [0, 1].
    pub value: f64,
    /// Canonical correlations, descending, in [0, 1].
    pub correlations: Vec<f64>,
    /// Directions kept of either state.
    pub kept: [usize; 2],
    /// Whether the two subspaces together have more directions than centred samples have (n - 1):
    /// some correlations are then 1 whatever the data.
    pub saturated: bool,
}

/// A state less its mean, decomposed: x = u diag(s) v'.
struct Decomposed {
    u: DMatrix<f64>,
    s: Vec<f64>,
    v_t: DMatrix<f64>,
}

fn decompose(rows: &Rows<'_>) -> Result<Option<Decomposed>> {
    let (n, d) = (rows.n_rows(), rows.dim());
    check::not_empty("x", n.min(d))?;
    let size = area(n, d)?;
    let mut x = DMatrix::from_vec(n, d, try_vec(size, 0.0)?);
    let (mut row, mut first, mut mean) = (try_vec(d, 0.0)?, try_vec(d, 0.0)?, try_vec(d, 0.0)?);
    rows.read_row(0, &mut first)?;
    for i in 0..n {
        rows.read_row(i, &mut row)?;
        check::finite_row("x", i as u64, row.iter().copied())?;
        for (j, v) in row.iter().enumerate() {
            // Less the first row, so that equal rows are exactly 0.
            x[(i, j)] = v - first[j];
            mean[j] += x[(i, j)];
        }
    }
    for j in 0..d {
        x.column_mut(j).add_scalar_mut(-mean[j] / n as f64);
    }
    let largest = x.amax();
    if largest == 0.0 {
        return Ok(None);
    }
    // Scaled, so that squares of extreme values neither overflow nor vanish.
    x /= largest;
    let svd = decomposition(x, true, true)?;
    let (Some(u), Some(v_t)) = (svd.u, svd.v_t) else {
        return Ok(None);
    };
    let s = try_collect(svd.singular_values.iter().map(|s| s * largest))?;
    Ok(Some(Decomposed { u, s, v_t }))
}

fn decomposition(x: DMatrix<f64>, u: bool, v_t: bool) -> Result<SVD<f64, Dyn, Dyn>> {
    let iterations = ITERATIONS * x.nrows().min(x.ncols());
    let (first, second, why) = ("these states", "the decomposition", "it did not converge");
    x.try_svd(u, v_t, f64::EPSILON, iterations).ok_or(Error::Conflict { first, second, why })
}

/// nalgebra's matrix (column by column) as a view.
fn view(matrix: &DMatrix<f64>) -> Result<ArrayView2<'_, f64>> {
    Ok(arrays::view(matrix.as_slice(), matrix.ncols(), matrix.nrows())?.reversed_axes())
}

/// a b, for nalgebra: its columns are the rows of b' a'.
fn product(a: &ArrayView2<'_, f64>, b: &ArrayView2<'_, f64>) -> Result<DMatrix<f64>> {
    let (m, n) = (a.nrows(), b.ncols());
    let mut values = try_vec(area(m, n)?, 0.0)?;
    products::add_product(&mut arrays::view_mut(&mut values, n, m)?, 1.0, &b.t(), &a.t())?;
    Ok(DMatrix::from_vec(m, n, values))
}

impl Decomposed {
    /// Directions above the rounding of the decomposition.
    fn rank(&self) -> usize {
        let largest = self.s.first().copied().unwrap_or(0.0);
        let floor = largest * f64::EPSILON * self.u.nrows().max(self.v_t.ncols()) as f64;
        self.s.iter().take_while(|s| **s > floor).count()
    }

    /// Fewest directions that hold the share `keep` of the variance, the last one included.
    fn directions(&self, keep: f64) -> usize {
        let largest = self.s.first().copied().unwrap_or(1.0);
        let share = |s: &f64| s / largest * (s / largest);
        let rank = self.rank();
        let total: f64 = self.s.iter().take(rank).map(share).sum();
        let mut sum = 0.0;
        let enough = |s| {
            sum += share(s);
            sum >= keep * total
        };
        self.s.iter().take(rank).position(enough).map_or(rank, |last| last + 1)
    }
}

/// Both states decomposed; `None` where one does not vary.
fn both<'a>(x: impl IntoRows<'a>, y: impl IntoRows<'a>) -> Result<Option<[Decomposed; 2]>> {
    let (x, y) = (x.into_rows()?, y.into_rows()?);
    check::same_length("y", x.n_rows(), y.n_rows())?;
    Ok(decompose(&x)?.zip(decompose(&y)?).map(|(x, y)| [x, y]))
}

/// Canonical correlations between the first `kept` directions of both, and the left factor of
/// their decomposition.
fn correlate(x: &Decomposed, y: &Decomposed, kept: [usize; 2]) -> Result<(Vec<f64>, DMatrix<f64>)> {
    let (u, v) = (view(&x.u)?, view(&y.u)?);
    let product = product(&u.slice(s![.., ..kept[0]]).t(), &v.slice(s![.., ..kept[1]]))?;
    let svd = decomposition(product, true, false)?;
    let correlations = try_collect(svd.singular_values.iter().map(|rho| rho.clamp(0.0, 1.0)))?;
    Ok((correlations, svd.u.unwrap_or_default()))
}

fn saturated(x: &Decomposed, kept: [usize; 2]) -> bool {
    kept[0] + kept[1] >= x.u.nrows()
}

/// Singular vector canonical correlation analysis: of each state the fewest directions that hold
/// the share `keep` of its variance, then the mean canonical correlation between them. `None`
/// where a state does not vary. *Source*: Raghu et al. 2017, section 2, with keep = 0.99.
///
/// # Shapes
/// x: [n, d_x], y: [n, d_y].
/// # Tier
/// C; in [0, 1].
/// # Errors
/// [`Error::InvalidParameter`] for `keep` outside (0, 1], [`Error::ShapeMismatch`],
/// [`Error::NonFinite`], [`Error::Empty`], [`Error::OutOfMemory`] for a part of the memory only (see
/// the module's head), [`Error::SimdLevel`] (of `PAUCA_SIMD`).
/// # Cost
/// O(n d min(n, d)).
/// # Example
/// ```
/// use pauca::layers::canonical::svcca;
/// let x = ndarray::array![[1.0f32, 0.0], [0.0, 2.0], [-1.0, 1.0], [0.5, 3.0], [2.0, 2.0], [1.0, 1.5]];
/// let y = x.dot(&ndarray::array![[0.0f32, -1.0], [1.0, 0.0]]) * 2.0 + 1.0;
/// let found = svcca(&x, &y, 0.99)?.expect("both vary");
/// assert!((found.value - 1.0).abs() < 1e-6 && !found.saturated);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn svcca<'a>(x: impl IntoRows<'a>, y: impl IntoRows<'a>, keep: f64) -> Result<Option<Svcca>> {
    check::positive_fraction("keep", keep)?;
    let Some([x, y]) = both(x, y)? else { return Ok(None) };
    let kept = [x.directions(keep), y.directions(keep)];
    let (correlations, _) = correlate(&x, &y, kept)?;
    let value = correlations.iter().sum::<f64>() / correlations.len() as f64;
    Ok(Some(Svcca { value, correlations, kept, saturated: saturated(&x, kept) }))
}

/// Projection weighted canonical correlation: the mean of all canonical correlations, weighted by
/// how much of x each canonical direction h_i accounts for, sum_j |<h_i, x_j>| over the columns
/// of x. Not symmetric. `None` where a state does not vary. *Source*: Morcos et al. 2018,
/// section 3.
///
/// # Shapes, Tier, Errors, Cost
/// As [`svcca`].
pub fn pwcca<'a>(x: impl IntoRows<'a>, y: impl IntoRows<'a>) -> Result<Option<Svcca>> {
    let Some([x, y]) = both(x, y)? else { return Ok(None) };
    let kept = [x.rank(), y.rank()];
    let (correlations, left) = correlate(&x, &y, kept)?;
    // h_i' x = (left' diag(s) v')_i.
    let mut scaled = arrays::copy(&view(&x.v_t)?.slice(s![..kept[0], ..]))?;
    let largest = x.s.first().copied().unwrap_or(1.0);
    for (mut row, s) in scaled.rows_mut().into_iter().zip(&x.s) {
        row *= *s / largest;
    }
    let mut on = zeros(left.ncols(), scaled.ncols())?;
    products::add_product(&mut on.view_mut(), 1.0, &view(&left)?.t(), &scaled.view())?;
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, rho) in on.rows().into_iter().zip(&correlations) {
        let weight: f64 = row.iter().map(|v| v.abs()).sum();
        sum += weight * rho;
        total += weight;
    }
    let value = (sum / total).clamp(0.0, 1.0);
    Ok(Some(Svcca { value, correlations, kept, saturated: saturated(&x, kept) }))
}

/// Orthogonal Procrustes distance between states of length 1 (Frobenius, centred): what is left of
/// |x|² + |y|² - 2 |x'y|_* = 2 - 2 |x'y|_* after the best rotation, from 0 (the same shape) to 2;
/// |.|_* is the sum of the singular values. `None` where a state does not vary. *Source*: Ding et
/// al. 2021, section 3.
///
/// # Shapes, Tier, Errors, Cost
/// As [`svcca`].
/// # Example
/// ```
/// use pauca::layers::canonical::procrustes;
/// let x = ndarray::array![[1.0f32, 0.0], [0.0, 2.0], [-1.0, 1.0]];
/// let y = x.dot(&ndarray::array![[0.0f32, -1.0], [1.0, 0.0]]) * 2.0 + 1.0;
/// assert!(procrustes(&x, &y)?.expect("both vary") < 1e-6);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn procrustes<'a>(x: impl IntoRows<'a>, y: impl IntoRows<'a>) -> Result<Option<f64>> {
    let Some([x, y]) = both(x, y)? else { return Ok(None) };
    // The singular values of x'y = v_x s_x u_x' u_y s_y v_y' are those of its middle.
    let unit = |of: &Decomposed| {
        let largest = of.s.first().copied().unwrap_or(1.0);
        let sum: f64 = of.s.iter().map(|s| s / largest * (s / largest)).sum();
        libm::sqrt(sum) * largest
    };
    let (nx, ny) = (unit(&x), unit(&y));
    let mut middle = product(&view(&x.u)?.t(), &view(&y.u)?)?;
    for (mut row, s) in middle.row_iter_mut().zip(&x.s) {
        row *= *s / nx;
    }
    for (mut column, s) in middle.column_iter_mut().zip(&y.s) {
        column *= *s / ny;
    }
    let svd = decomposition(middle, false, false)?;
    Ok(Some((2.0 - 2.0 * svd.singular_values.sum()).clamp(0.0, 2.0)))
}
