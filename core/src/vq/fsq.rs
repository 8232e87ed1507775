//! Finite scalar quantization: every column rounded to a few levels; the codebook is their product.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, ArrayView2};

use super::ids::{MASKED, check_ids, valid_rows};
use super::rows::{same_dim, same_shape};
use crate::arrays::zeros;
use crate::check;
use crate::error::Result;
use crate::memory::{try_copy, try_vec};
use crate::params::{choices, setters};
use crate::real::Real;

/// Finite scalar quantization with `levels[j]` levels in column j.
///
/// y = h tanh(z + s) - o with o = 1/2 for even L else 0, h and s by [`Bounding`]; q = round(y), ties to even; the
/// output is q / floor(L / 2), in [-1, 1]. The id counts the levels with column 0 the fastest; more combinations than
/// ids are quantized without ids ([`quantize`](FiniteScalar::quantize)). The gradient passes the rounding straight
/// through: dL/dz = g h (1 - tanh²) / floor(L/2).
///
/// *Source*: Mentzer et al. 2023.
///
/// # Ties, tier
/// `tanh`, `atanh` and `tan` are those of the crate libm, in `f64`, on every target, so ids are tier A.
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
    /// At most the largest number that there is.
    combinations: usize,
    bounding: Bounding,
}

/// How a value is bounded before it is rounded. The two differ in about 1 id of 100 (levels 8, 5, 5, 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Bounding {
    /// h = (L - 1)(1 + 1/1000) / 2, s = atanh(o / h): 0 stays 0, every level is reached. The default, and what the
    /// library vector-quantize-pytorch computes.
    #[default]
    Inverse,
    /// h = (L - 1)(1 - 1/1000) / 2, s = tan(o / h), as printed in appendix A.1 of the paper. tan is not the inverse of
    /// tanh, so 0 does not stay 0 for even L.
    Published,
}

choices!(Bounding: Inverse "inverse", Published "published");

/// What finite scalar quantization found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FiniteScalarCodes<T> {
    /// `[n, d]`: the levels, in [-1, 1]; zeros where masked.
    pub quantized: Array2<T>,
    /// `[n]`: which combination of levels; [`MASKED`] where masked.
    pub ids: Array1<u32>,
}

/// The rounding of one column.
#[derive(Clone, Copy)]
struct Column {
    half: f64,
    offset: f64,
    shift: f64,
    /// floor(L / 2).
    width: f64,
}

impl Column {
    fn new(levels: u32, bounding: Bounding) -> Self {
        let range = levels as f64 - 1.0;
        let offset = if levels.is_multiple_of(2) { 0.5 } else { 0.0 };
        let (half, shift) = match bounding {
            Bounding::Inverse => {
                let half = range * 1.001 / 2.0;
                (half, libm::atanh(offset / half))
            }
            Bounding::Published => {
                let half = range * (1.0 - 1e-3) / 2.0;
                (half, libm::tan(offset / half))
            }
        };
        Self { half, offset, shift, width: (levels / 2) as f64 }
    }
}

impl FiniteScalar {
    /// One column for each number of levels.
    ///
    /// # Errors
    /// [`Empty`](crate::Error::Empty), [`InvalidParameter`](crate::Error::InvalidParameter) for fewer than 2
    /// levels, [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(levels: &[u32]) -> Result<Self> {
        let mut combinations = 1usize;
        for &l in levels {
            check::parameter("levels", l as f64, "at least 2 in each column", l >= 2)?;
            combinations = combinations.saturating_mul(l as usize);
        }
        check::not_empty("levels", levels.len())?;
        Ok(Self { levels: try_copy(levels)?, combinations, bounding: Bounding::default() })
    }

    setters! {
        /// How values are bounded.
        bounding: Bounding;
    }

    /// Number of combinations, where every one has an id: below 2^32 - 1.
    pub fn n_codes(&self) -> Option<u32> {
        u32::try_from(self.combinations).ok().filter(|codes| *codes < MASKED)
    }

    fn ids_of(&self) -> Result<u32> {
        check::at_most("combinations of levels", self.combinations, MASKED as usize - 1)?;
        Ok(self.combinations as u32)
    }

    fn columns(&self) -> impl Iterator<Item = Column> {
        self.levels.iter().map(|&levels| Column::new(levels, self.bounding))
    }

    fn check<T: Real>(&self, z: &ArrayView2<'_, T>) -> Result<()> {
        check::same_length("columns of z", self.levels.len(), z.ncols())
    }

    /// Levels and ids of the valid rows.
    ///
    /// # Errors
    /// The errors of [`quantize`](FiniteScalar::quantize); [`TooLarge`](crate::Error::TooLarge) for 2^32 - 1
    /// combinations or more.
    pub fn forward<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
    ) -> Result<FiniteScalarCodes<T>> {
        self.ids_of()?;
        let mut ids = try_vec(z.nrows(), MASKED)?;
        let quantized = self.rounded(z, mask, |row, levels| {
            let (mut id, mut basis) = (0u32, 1u32);
            for (level, &of) in levels.iter().zip(&self.levels) {
                id += level * basis;
                basis = basis.wrapping_mul(of);
            }
            ids[row] = id;
        })?;
        Ok(FiniteScalarCodes { quantized, ids: Array1::from_vec(ids) })
    }

    /// Levels of the valid rows, for any number of combinations; zeros where masked.
    ///
    /// # Errors
    /// [`Empty`](crate::Error::Empty), [`ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`NonFinite`](crate::Error::NonFinite), [`OutOfMemory`](crate::Error::OutOfMemory).
    /// # Example
    /// ```
    /// let fsq = pauca::vq::FiniteScalar::new(&[4; 16])?; // 2^32 combinations: no id, but levels
    /// assert_eq!(fsq.n_codes(), None);
    /// assert_eq!(fsq.quantize(ndarray::Array2::from_elem((1, 16), 9.0f32).view(), None)?[[0, 0]], 0.5);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn quantize<T: Real>(&self, z: ArrayView2<'_, T>, mask: Option<&[bool]>) -> Result<Array2<T>> {
        self.rounded(z, mask, |_, _| ())
    }

    /// Calls `f` with every valid row and its levels, from 0.
    fn rounded<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
        mut f: impl FnMut(usize, &[u32]),
    ) -> Result<Array2<T>> {
        self.check(&z)?;
        same_dim(&z, &z)?;
        let (n, d) = z.dim();
        let valid = valid_rows(n, mask)?;
        let mut quantized = zeros::<T>(n, d)?;
        let mut chosen = try_vec(d, 0u32)?;
        for i in 0..valid.as_ref().map_or(n, |v| v.len()) {
            let row = valid.as_ref().map_or(i, |v| v[i] as usize);
            for (col, ((by, &levels), x)) in self.columns().zip(&self.levels).zip(z.row(row)).enumerate() {
                let x = x.to_f64();
                check::finite_at("z", (row, col), x)?;
                let level = libm::rint(by.half * libm::tanh(x + by.shift) - by.offset);
                // Beyond 1000 levels h exceeds the last level by more than a half.
                let level = level.clamp(-by.width, levels as f64 - 1.0 - by.width);
                quantized[[row, col]] = T::from_f64(level / by.width);
                chosen[col] = (level + by.width) as u32;
            }
            f(row, &chosen);
        }
        Ok(quantized)
    }

    /// dL/dz from the gradient of the output; zeros where masked. Tier C.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn backward<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
        gradient: ArrayView2<'_, T>,
    ) -> Result<Array2<T>> {
        self.check(&z)?;
        let (n, d) = z.dim();
        same_shape("gradient of the output", &z, &gradient)?;
        mask.map_or(Ok(()), |mask| check::same_length("mask", n, mask.len()))?;
        let mut out = zeros::<T>(n, d)?;
        for row in (0..n).filter(|&i| mask.is_none_or(|mask| mask[i])) {
            for (col, by) in self.columns().enumerate() {
                let t = libm::tanh(z[[row, col]].to_f64() + by.shift);
                let g = gradient[[row, col]].to_f64();
                out[[row, col]] = T::from_f64(g * by.half * (1.0 - t * t) / by.width);
            }
        }
        Ok(out)
    }

    /// The levels of every id, to the bits of [`forward`](FiniteScalar::forward); zeros for [`MASKED`].
    ///
    /// # Errors
    /// [`LabelOutOfRange`](crate::Error::LabelOutOfRange), [`TooLarge`](crate::Error::TooLarge) for 2^32 - 1 combinations or
    /// more, [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn decode<T: Real>(&self, ids: &[u32]) -> Result<Array2<T>> {
        check_ids(ids, self.ids_of()? as usize)?;
        let (n, d) = (ids.len(), self.levels.len());
        let mut out = zeros::<T>(n, d)?;
        for (row, &id) in ids.iter().enumerate().filter(|(_, id)| **id != MASKED) {
            let mut rest = id;
            for (col, &levels) in self.levels.iter().enumerate() {
                let width = (levels / 2) as f64;
                out[[row, col]] = T::from_f64(((rest % levels) as f64 - width) / width);
                rest /= levels;
            }
        }
        Ok(out)
    }
}
