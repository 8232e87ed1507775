//! The yes-or-no columns of the lines: predicates of the library, or the caller's own matrix (`--matrix`).

use std::path::Path;

use ndarray::Array2;
use pauca::quality::{LineFacts, Predicate, Split};
use sha2::{Digest, Sha256};

use super::args::Args;
use super::texts::Document;
use crate::failure::{Failure, Result};
use crate::input::npy::Header;
use crate::input::{file, hex};

/// What is asked of every line.
pub enum Columns {
    /// Questions of the library.
    Asked(Vec<Predicate>),
    /// Answers of the caller's own.
    Given(Matrix),
}

/// A matrix of answers, a row for each line of the documents that is not blank, in their order.
pub struct Matrix {
    names: Vec<String>,
    /// [lines, columns].
    pub passes: Array2<bool>,
    /// [documents + 1]: document d holds the lines offsets\[d\]..offsets\[d + 1\].
    pub offsets: Vec<usize>,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
}

impl Columns {
    /// Reads the columns that `args` names.
    ///
    /// # Errors
    /// [`Failure::Usage`] for names that are empty or twice there, [`Failure::Data`] with the first thing that
    /// is wrong about the file.
    pub fn read(args: &Args, documents: &[Document]) -> Result<Self> {
        let (Some(path), Some(names)) = (&args.matrix, &args.matrix_names) else {
            let mut predicates = args.predicates.clone().unwrap_or_else(|| Predicate::ALL.to_vec());
            predicates.sort_unstable();
            predicates.dedup();
            return Ok(Self::Asked(predicates));
        };
        for (i, name) in names.iter().enumerate() {
            if name.is_empty() || names[..i].contains(name) {
                return Err(Failure::usage(format!(
                    "--matrix-names: column {i} is '{name}', names of their own are needed"
                )));
            }
        }
        let mut offsets = vec![0];
        let mut lines = 0;
        for document in documents {
            lines += Split::from(args.split).of(&document.text).count();
            offsets.push(lines);
        }
        let bytes = file::read(path, u64::MAX)?;
        let passes = parse(&bytes, lines, names).map_err(|what| Failure::data(path, what))?;
        Ok(Self::Given(Matrix {
            names: names.clone(),
            passes,
            offsets,
            sha256: hex(&Sha256::digest(&bytes)),
        }))
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Asked(predicates) => predicates.len(),
            Self::Given(matrix) => matrix.names.len(),
        }
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the columns.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Asked(predicates) => predicates.iter().map(|p| p.name()).collect(),
            Self::Given(matrix) => matrix.names.iter().map(String::as_str).collect(),
        }
    }

    /// The paper's name of column `i`; none for the caller's.
    pub fn alias(&self, i: usize) -> Option<&'static str> {
        match self {
            Self::Asked(predicates) => Some(predicates[i].alias()),
            Self::Given(_) => None,
        }
    }

    /// What line `l` of document `d` passes; `line` is its text.
    ///
    /// # Errors
    /// [`Failure::Data`] of `path` when memory runs out.
    pub fn passes(&self, path: &Path, d: usize, l: usize, line: &str) -> Result<Vec<bool>> {
        match self {
            Self::Asked(predicates) => {
                let facts = LineFacts::of(line).map_err(|e| Failure::library(path, &e))?;
                Ok(predicates.iter().map(|p| p.passes(&facts)).collect())
            }
            Self::Given(matrix) => Ok(matrix.passes.row(matrix.offsets[d] + l).to_vec()),
        }
    }
}

fn parse(bytes: &[u8], lines: usize, names: &[String]) -> std::result::Result<Array2<bool>, String> {
    let header = Header::parse(bytes)?;
    if !matches!(header.descr.trim_start_matches(['|', '<', '>', '=']), "b1" | "u1" | "?") {
        return Err(format!("holds values of type '{}', bool or uint8 is needed", header.descr));
    }
    let &[rows, columns] = header.shape.as_slice() else {
        return Err(format!("is of shape {:?}, an array of [lines, columns] is needed", header.shape));
    };
    if columns != names.len() {
        return Err(format!("holds {columns} columns, --matrix-names has {} names", names.len()));
    }
    if rows != lines {
        return Err(format!(
            "holds {rows} rows, the documents have {lines} lines that are not blank: one row each is needed"
        ));
    }
    let values = &bytes[header.data_start..];
    if Some(values.len()) != rows.checked_mul(columns) {
        let what = if values.len() < rows * columns { "is truncated" } else { "goes on after its values" };
        return Err(format!("{what}: {rows} x {columns} values are needed, it holds {} bytes", values.len()));
    }
    let value = |row: usize, column: usize| match header.fortran_order {
        true => values[column * rows + row],
        false => values[row * columns + column],
    };
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        let (found, name) = (value(row, column), &names[column]);
        if found > 1 {
            return Err(format!("row {row}, column {column} ('{name}'): is {found}, 0 or 1 is needed"));
        }
    }
    Ok(Array2::from_shape_fn((rows, columns), |(row, column)| value(row, column) == 1))
}
