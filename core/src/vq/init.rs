//! First codes by k-means.

use ndarray::{Array2, ArrayView2};

use super::ids::valid_rows;
use crate::arrays::matrix;
use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::check;
use crate::control::Context;
use crate::error::Result;
use crate::exact::float::{narrow, widen};
use crate::kmeans::KMeans;
use crate::memory::{area, try_capacity, try_collect};
use crate::real::Real;
use crate::rows::Rows;

/// The centroids of the valid rows of `z`, as first codes `[k, d]`. Spherical k-means gives unit codes.
///
/// `f64` rows are rounded to `f32` for it: these are only the first codes. Tier A.
///
/// # Errors
/// The errors of [`KMeans::fit`]; [`TooManyClusters`](crate::Error::TooManyClusters) for fewer valid rows than codes.
///
/// # Example
/// ```
/// use pauca::{KMeans, vq::kmeans_codes};
/// let z = ndarray::array![[1.0f64], [2.0], [3.0], [10.0], [11.0], [12.0]];
/// let mut codes = kmeans_codes(&KMeans::new(2).seed(1), z.view(), None)?.into_raw_vec_and_offset().0;
/// codes.sort_by(f64::total_cmp);
/// assert_eq!(codes, [2.0, 11.0]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn kmeans_codes<T: Real>(
    k_means: &KMeans,
    z: ArrayView2<'_, T>,
    mask: Option<&[bool]>,
) -> Result<Array2<T>> {
    kmeans_codes_on(&Cpu::new()?, k_means, z, mask, &Context::default())
}

/// [`kmeans_codes`] on any backend.
///
/// # Errors
/// As [`kmeans_codes`]; [`Cancelled`](crate::Error::Cancelled).
pub fn kmeans_codes_on<B: Backend, T: Real>(
    backend: &B,
    k_means: &KMeans,
    z: ArrayView2<'_, T>,
    mask: Option<&[bool]>,
    cx: &Context,
) -> Result<Array2<T>> {
    let valid = valid_rows(z.nrows(), mask)?;
    let n = valid.as_ref().map_or(z.nrows(), |v| v.len());
    let d = z.ncols();
    let mut values = try_capacity(area(n, d)?)?;
    for i in 0..n {
        let row = valid.as_ref().map_or(i, |v| v[i] as usize);
        for (col, x) in z.row(row).iter().enumerate() {
            let x = narrow(x.to_f64());
            check::finite_at("z", (row, col), x)?;
            values.push(x);
        }
    }
    let rows = matrix(n, d, values)?;
    let found = k_means.fit_on(backend, &Rows::F32(rows.view()), None, cx)?;
    drop(rows);
    let codes = try_collect(found.centroids.iter().map(|&x| T::from_f64(widen(x))))?;
    matrix(found.centroids.nrows(), d, codes)
}
