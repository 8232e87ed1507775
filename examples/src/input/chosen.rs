//! Rows of an input that an earlier run left: `--rows kept.npy`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::ids::Ids;
use super::npy::Header;
use super::{file, file_name, hex};
use crate::failure::{Failure, Result};

/// Some rows of an input, by their numbers there.
pub struct Chosen {
    /// The file that names them.
    pub path: PathBuf,
    /// The rows, ascending.
    pub rows: Vec<usize>,
    sha256: String,
}

impl Chosen {
    /// Reads a `.npy` of row numbers (u64 or i64, ascending) of an input of `rows` rows.
    ///
    /// # Errors
    /// [`Failure::Data`] for everything that is wrong with the file.
    pub fn read(path: &Path, rows: usize) -> Result<Self> {
        let bytes = file::read(path, u64::MAX)?;
        let found = parse(&bytes, rows).map_err(|what| Failure::data(path, what))?;
        let sha256 = hex(&<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        Ok(Self { path: path.to_path_buf(), rows: found, sha256 })
    }

    /// What names it in a configuration.
    pub fn describe(&self) -> Value {
        json!({"file": file_name(&self.path), "count": self.rows.len(), "sha256": self.sha256})
    }

    /// The names of the chosen rows: those of `ids`, one for each row of the input, or their numbers.
    pub fn names(&self, ids: Option<&Ids>) -> Ids {
        let mut names = Ids::default();
        for &row in &self.rows {
            match ids {
                Some(ids) => names.push(ids.get(row)),
                None => names.push(&row.to_string()),
            }
        }
        names
    }
}

/// Numbers of rows in the input, of rows among those in use.
#[derive(Clone, Copy)]
pub struct Numbering<'c>(pub Option<&'c Chosen>);

impl Numbering<'_> {
    /// The number in the input of row `row` of those in use.
    pub fn of(self, row: usize) -> usize {
        self.0.map_or(row, |chosen| chosen.rows[row])
    }

    /// What `look` finds for rows of the input, for the rows `wanted` of those in use.
    ///
    /// # Errors
    /// Those of `look`.
    pub fn look<T>(
        self,
        wanted: &BTreeSet<u64>,
        look: impl FnOnce(&BTreeSet<u64>) -> Result<BTreeMap<u64, T>>,
    ) -> Result<BTreeMap<u64, T>> {
        let Some(chosen) = self.0 else { return look(wanted) };
        let there: BTreeMap<u64, u64> =
            wanted.iter().map(|&row| (chosen.rows[row as usize] as u64, row)).collect();
        let found = look(&there.keys().copied().collect())?;
        Ok(found.into_iter().filter_map(|(row, value)| Some((*there.get(&row)?, value))).collect())
    }
}

fn parse(bytes: &[u8], rows: usize) -> std::result::Result<Vec<usize>, String> {
    let header = Header::parse(bytes)?;
    if !matches!(header.descr.as_str(), "<u8" | "<i8") || header.shape.len() != 1 {
        return Err("is no list of row numbers (a .npy of u64, one dimension)".into());
    }
    let values = &bytes[header.data_start..];
    if Some(values.len()) != header.shape[0].checked_mul(8) {
        return Err(format!(
            "holds {} bytes of values, {} numbers are announced",
            values.len(),
            header.shape[0]
        ));
    }
    let mut found: Vec<usize> = Vec::new();
    for (place, value) in values.chunks_exact(8).enumerate() {
        let row = u64::from_le_bytes(std::array::from_fn(|i| value[i]));
        if row >= rows as u64 {
            return Err(format!("names row {row}, the input has {rows} rows"));
        }
        if found.last().is_some_and(|last| row <= *last as u64) {
            return Err(format!("does not ascend at place {place} (row {row})"));
        }
        found.push(row as usize);
    }
    if found.is_empty() {
        return Err("names no rows".into());
    }
    Ok(found)
}
