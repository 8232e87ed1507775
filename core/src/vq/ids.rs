//! Ids of codes, and blocks of the rows that have one: masks, errors with the caller's row numbers.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use crate::arrays::matrix;
use crate::check;
use crate::error::*;
use crate::memory::{try_capacity, try_collect, try_up_to};
use crate::real::Real;

/// The id of a row that the mask leaves out.
pub const MASKED: u32 = u32::MAX;

/// Values of rows that are gathered at a time when there is a mask.
const GATHER: usize = 1 << 18;

/// The rows that the mask lets through; `None` for all.
pub(super) fn valid_rows(n: usize, mask: Option<&[bool]>) -> Result<Option<Vec<u32>>> {
    check::at_most("rows of one call", n, u32::MAX as usize - 1)?;
    let Some(mask) = mask else { return Ok(None) };
    check::same_length("mask", n, mask.len())?;
    let rows = try_up_to(mask.iter().filter(|m| **m).count(), (0..n as u32).filter(|&i| mask[i as usize]))?;
    Ok(Some(rows))
}

/// Calls `f(rows, positions)` on all valid rows, block by block and in order; `positions` are those of
/// the block among the valid rows. Errors name the caller's rows.
pub(super) fn for_blocks<T: Real>(
    z: &ArrayView2<'_, T>,
    valid: Option<&[u32]>,
    mut f: impl FnMut(ArrayView2<'_, T>, core::ops::Range<usize>) -> Result<()>,
) -> Result<()> {
    let (n, d) = z.dim();
    let Some(valid) = valid else {
        return f(z.view(), 0..n).map_err(|e| e.at("z", |row| row as u64));
    };
    let step = (GATHER / d.max(1)).max(64);
    let mut start = 0;
    for rows in valid.chunks(step) {
        let mut values = try_capacity(rows.len() * d)?;
        for &i in rows {
            values.extend(z.row(i as usize).iter().copied());
        }
        let block = matrix(rows.len(), d, values)?;
        let id = |row: usize| rows.get(row).map_or(row as u64, |&r| r as u64);
        f(block.view(), start..start + rows.len()).map_err(|e| e.at("z", id))?;
        start += rows.len();
    }
    Ok(())
}

/// An integer type that holds ids; sealed.
pub trait CodeId: Copy + sealed::Id {
    /// The largest value of the type.
    const MAX: u32;
}

mod sealed {
    pub trait Id: Sized {
        fn from_u32(id: u32) -> Self;
    }
}

macro_rules! code_id {
    ($($id:ty),*) => {$(
        impl CodeId for $id {
            const MAX: u32 = <$id>::MAX as u32;
        }
        impl sealed::Id for $id {
            fn from_u32(id: u32) -> Self {
                id as $id
            }
        }
    )*};
}
code_id!(u8, u16, u32);

/// Ids of `k` codes in a smaller type; masked rows become its largest value.
///
/// # Errors
/// [`Error::TooLarge`] when `k` codes (and, where some row is masked, the mark for it) do not fit;
/// [`Error::LabelOutOfRange`] for an id of `k` or more; [`Error::OutOfMemory`].
///
/// # Example
/// ```
/// use pauca::vq::{MASKED, pack_ids};
/// assert_eq!(pack_ids::<u8>(&[0, 255], 256)?, [0, 255]);
/// assert!(pack_ids::<u8>(&[0], 257).is_err());
/// assert_eq!(pack_ids::<u8>(&[0, MASKED], 255)?, [0, 255]);
/// assert!(pack_ids::<u8>(&[0, MASKED], 256).is_err());
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn pack_ids<I: CodeId>(ids: &[u32], k: usize) -> Result<Vec<I>> {
    let masked = ids.contains(&MASKED);
    let limit = (I::MAX as u64 + u64::from(!masked)).min(usize::MAX as u64) as usize;
    check::at_most("number of codes for the type of the ids", k, limit)?;
    check_ids(ids, k)?;
    try_collect(ids.iter().map(|&id| I::from_u32(id.min(I::MAX))))
}

/// Every id must be below `k` or [`MASKED`].
pub(crate) fn check_ids(ids: &[u32], k: usize) -> Result<()> {
    let mut codes = ids.iter().enumerate().filter(|(_, id)| **id != MASKED);
    codes.try_for_each(|(row, &id)| check::label(row, id, k))
}
