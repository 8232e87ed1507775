//! A `.npy` of 64-bit floats, which is cast row by row: the library reads no wider type than `f32`.

use std::path::Path;

use memmap2::Mmap;

use super::npy::{Header, MAGIC};
use super::{file, sized, two_dimensions};
use crate::failure::{Failure, Result};

/// An `[n, d]` array of `f64` in a memory-mapped file.
pub struct Wide {
    map: Mmap,
    start: usize,
    rows: usize,
    dim: usize,
    fortran_order: bool,
}

impl Wide {
    /// Opens `path`; `None` where it is no `.npy` of 64-bit floats.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with such a file.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let map = file::map(path)?;
        if !map.starts_with(MAGIC) {
            return Ok(None);
        }
        let wrong = |what: String| Failure::data(path, what);
        let header = Header::parse(&map).map_err(wrong)?;
        if header.descr != "<f8" {
            return Ok(None);
        }
        let (rows, dim) = two_dimensions(&header.shape).map_err(wrong)?;
        sized(map.len() - header.data_start, rows, dim, 8, "f64").map_err(wrong)?;
        Ok(Some(Self { map, start: header.data_start, rows, dim, fortran_order: header.fortran_order }))
    }

    /// Rows and values in a row.
    pub fn shape(&self) -> [usize; 2] {
        [self.rows, self.dim]
    }

    /// Calls `take` with the bytes of each row as `f32`, and 1.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn write(&self, take: &mut dyn FnMut(&[u8], usize) -> Result<()>) -> Result<()> {
        let values = &self.map[self.start..];
        let value = |at: usize| f64::from_le_bytes(std::array::from_fn(|i| values[8 * at + i]));
        let mut bytes = Vec::new();
        for row in 0..self.rows {
            bytes.clear();
            for column in 0..self.dim {
                let at = if self.fortran_order { column * self.rows + row } else { row * self.dim + column };
                bytes.extend_from_slice(&narrow(value(at)));
            }
            take(&bytes, 1)?;
        }
        Ok(())
    }
}

/// Little-endian 64-bit floats as 32-bit ones, each to the nearest.
#[cfg(feature = "parquet")]
pub fn cast(bytes: &[u8]) -> Vec<u8> {
    let values = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i])));
    values.flat_map(narrow).collect()
}

fn narrow(value: f64) -> [u8; 4] {
    (value as f32).to_le_bytes()
}
