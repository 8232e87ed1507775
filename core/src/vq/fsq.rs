//! Finite scalar quantization: every column rounded to a few levels; the codebook is their product.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, ArrayView2};

use super::ids::{MASKED, check_ids, valid_rows};
use super::rows::{same_dim, same_shape};
use crate::arrays::zeros;
use crate::check;
use crate::error::Result;
use crate::memory::{try_copy, try_vec};
use crate::real::Real;

/// Finite scalar quantization with `levels[j]` levels in column j.
///
/// y = h tanh(z + s) - o with h = (L - 1)(1 + 1/1000) / 2, o = 1/2 for even L else 0, s = atanh(o / h);
/// q = round(y), ties to even; the output is q / floor(L / 2), in [-1, 1]. The id counts the levels with
/// column 0 the fastest. The gradient passes the rounding straight through: dL/dz = g h (1 - tanh²) / floor(L/2).
///
/// *Source*: Mentzer et al. 2023. Their shift uses tan, which is not the inverse of tanh, and 1 - 1/1000, which has
/// no shift for L = 2; the widespread correction is used here.
///
/// # Ties, tier
/// `tanh` and `atanh` are those of the crate libm, in `f64`, on every target, so ids are tier A.
/// # Example
/// ```
/// use pauca::vq::FiniteScalar;
/// let fsq = FiniteScalar::new(&[3, 2])?;
/// let z = ndarray::array![[-9.0f32, 9.0], [0.1, -9.0]];
/// let step = fsq.forward(z.view(), None)?;
/// assert_eq!(step.ids.to_vec(), [0 + 3 * 1, 1 + 3 * 0]);
/// assert_eq!(step.quantized, ndarray::array![[-1.0, 0.0], [0.0, -1.0]]);
/// assert_eq!(fsq.decode::<f32>(&[3, 1])?, step.quantized);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiniteScalar {
    levels: Vec<u32>,
    codes: u32,
}

/// What finite scalar quantization found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FiniteScalarCodes<T> {
    /// `[n, d]`: the levels, in [-1, 1]; zeros where masked.
    pub quantized: Array2<T>,
    /// `[n]`: which combination of levels; [`MASKED`] where masked.
    pub ids: Array1<u32>,
}

/// h, o, s, floor(L / 2).
fn bounds(levels: u32) -> (f64, f64, f64, f64) {
    let half = (levels as f64 - 1.0) * 1.001 / 2.0;
    let offset = if levels.is_multiple_of(2) { 0.5 } else { 0.0 };
    (half, offset, libm::atanh(offset / half), (levels / 2) as f64)
}

impl FiniteScalar {
    /// One column for each number of levels.
    ///
    /// # Errors
    /// [`Empty`](crate::Error::Empty), [`InvalidParameter`](crate::Error::InvalidParameter) for fewer than 2
    /// levels, [`TooLarge`](crate::Error::TooLarge) for 2^32 - 1 combinations or more,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(levels: &[u32]) -> Result<Self> {
        let mut codes = 1u64;
        for &l in levels {
            check::parameter("levels", l as f64, "at least 2 in each column", l >= 2)?;
            codes = codes.saturating_mul(l as u64);
        }
        check::not_empty("levels", levels.len())?;
        let size = usize::try_from(codes).unwrap_or(usize::MAX);
        check::at_most("combinations of levels", size, u32::MAX as usize - 1)?;
        Ok(Self { levels: try_copy(levels)?, codes: codes as u32 })
    }

    /// Number of combinations.
    pub fn n_codes(&self) -> u32 {
        self.codes
    }

    fn check<T: Real>(&self, z: &ArrayView2<'_, T>) -> Result<()> {
        check::same_length("columns of z", self.levels.len(), z.ncols())
    }

    /// Levels and ids of the valid rows.
    ///
    /// # Errors
    /// [`Empty`](crate::Error::Empty), [`ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`NonFinite`](crate::Error::NonFinite), [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn forward<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
    ) -> Result<FiniteScalarCodes<T>> {
        self.check(&z)?;
        same_dim(&z, &z)?;
        let (n, d) = z.dim();
        let valid = valid_rows(n, mask)?;
        let mut quantized = zeros::<T>(n, d)?;
        let mut ids = try_vec(n, MASKED)?;
        for i in 0..valid.as_ref().map_or(n, |v| v.len()) {
            let row = valid.as_ref().map_or(i, |v| v[i] as usize);
            let (mut id, mut basis) = (0u32, 1u32);
            for (col, (&levels, x)) in self.levels.iter().zip(z.row(row)).enumerate() {
                let x = x.to_f64();
                check::finite_at("z", (row, col), x)?;
                let (half, offset, shift, width) = bounds(levels);
                let level = libm::rint(half * libm::tanh(x + shift) - offset);
                // Beyond 1000 levels h exceeds the last level by more than a half.
                let level = level.clamp(-width, levels as f64 - 1.0 - width);
                quantized[[row, col]] = T::from_f64(level / width);
                id += (level + width) as u32 * basis;
                basis = basis.wrapping_mul(levels);
            }
            ids[row] = id;
        }
        Ok(FiniteScalarCodes { quantized, ids: Array1::from_vec(ids) })
    }

    /// dL/dz from the gradient of the output; zeros where `ids` is [`MASKED`]. Tier C.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn backward<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        ids: &[u32],
        gradient: ArrayView2<'_, T>,
    ) -> Result<Array2<T>> {
        self.check(&z)?;
        let (n, d) = z.dim();
        same_shape("gradient of the output", &z, &gradient)?;
        check::same_length("ids", n, ids.len())?;
        let mut out = zeros::<T>(n, d)?;
        for row in (0..n).filter(|&i| ids[i] != MASKED) {
            for (col, &levels) in self.levels.iter().enumerate() {
                let (half, _, shift, width) = bounds(levels);
                let t = libm::tanh(z[[row, col]].to_f64() + shift);
                let g = gradient[[row, col]].to_f64();
                out[[row, col]] = T::from_f64(g * half * (1.0 - t * t) / width);
            }
        }
        Ok(out)
    }

    /// The levels of every id, to the bits of [`forward`](FiniteScalar::forward); zeros for [`MASKED`].
    ///
    /// # Errors
    /// [`LabelOutOfRange`](crate::Error::LabelOutOfRange), [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn decode<T: Real>(&self, ids: &[u32]) -> Result<Array2<T>> {
        check_ids(ids, self.codes as usize)?;
        let (n, d) = (ids.len(), self.levels.len());
        let mut out = zeros::<T>(n, d)?;
        for (row, &id) in ids.iter().enumerate().filter(|(_, id)| **id != MASKED) {
            let mut rest = id;
            for (col, &levels) in self.levels.iter().enumerate() {
                let (_, _, _, width) = bounds(levels);
                out[[row, col]] = T::from_f64(((rest % levels) as f64 - width) / width);
                rest /= levels;
            }
        }
        Ok(out)
    }
}
