//! Metadata aligned with the rows of the embeddings: `.csv` with a header line, `.jsonl` with
//! one object per line, or `.txt` with one text per line (its only column is called `text`).
//!
//! The file is read in passes, a record at a time: one pass counts the rows and collects the
//! identifiers, later ones fetch what the report shows. Texts of rows that are never shown are
//! never kept.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::ids::Ids;
use super::record::{self, Cell, Kind, missing};
use super::text::Lines;
use super::{file, file_name};
use crate::failure::{Failure, Result};

/// Name of the only column of a `.txt` file.
pub const TEXT: &str = "text";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Jsonl,
    Lines,
}

/// A metadata file whose records follow the rows of the embeddings.
#[derive(Clone, Debug)]
pub struct Meta {
    path: PathBuf,
    format: Format,
    sha256: String,
}

impl Meta {
    /// Opens `path` and checks that it has one record for each of `rows` rows and that every
    /// record has `columns`.
    ///
    /// # Errors
    /// [`Failure::Data`] with the first line that is wrong.
    pub fn open(path: &Path, rows: usize, columns: &[&str]) -> Result<Self> {
        let extension =
            path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let format = match extension.as_str() {
            "csv" => Format::Csv,
            "jsonl" | "ndjson" => Format::Jsonl,
            "txt" => Format::Lines,
            _ => return Err(Failure::data(path, "is not metadata of a known kind (.csv, .jsonl or .txt)")),
        };
        let meta = Self { path: path.to_path_buf(), format, sha256: file::digest(path)? };
        let mut found = 0;
        meta.visit(columns, &mut |_, _| {
            found += 1;
            Ok(())
        })?;
        if found != rows {
            return Err(Failure::data(path, format!("has {found} records, the embeddings have {rows} rows")));
        }
        Ok(meta)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What names it in a configuration.
    pub fn describe(&self) -> Value {
        json!({"file": file_name(&self.path), "sha256": self.sha256})
    }

    /// The names of the rows in `column`.
    ///
    /// # Errors
    /// [`Failure::Data`] for a value that is no name, and with both rows for two of one name.
    pub fn ids(&self, column: &str) -> Result<Ids> {
        let ids = self.names(column)?;
        match ids.repeated() {
            None => Ok(ids),
            Some([one, other]) => Err(Failure::data(
                &self.path,
                format!(
                    "rows {one} and {other} are both called '{}' in column '{column}'; a row needs a name of its own",
                    ids.get(one)
                ),
            )),
        }
    }

    /// The names in `column`, which several rows may share.
    ///
    /// # Errors
    /// [`Failure::Data`] for a value that is no name.
    pub fn names(&self, column: &str) -> Result<Ids> {
        self.collect(column, |row, cell| {
            cell.name().map_err(|what| format!("row {row}: the identifier in column '{column}' {what}"))
        })
    }

    /// The values of `column` as they are written, one per row; nothing is empty.
    ///
    /// # Errors
    /// [`Failure::Data`] when the file cannot be read again.
    pub fn column(&self, column: &str) -> Result<Ids> {
        self.collect(column, |_, cell| Ok(&cell.text))
    }

    fn collect(
        &self,
        column: &str,
        text: impl for<'c> Fn(u64, &'c Cell) -> std::result::Result<&'c str, String>,
    ) -> Result<Ids> {
        let mut ids = Ids::default();
        self.visit(&[column], &mut |row, cells| {
            ids.push(text(row, &cells[0])?);
            Ok(())
        })?;
        Ok(ids)
    }

    /// The values of `column` at the rows `wanted`.
    ///
    /// # Errors
    /// [`Failure::Data`] when the file cannot be read again.
    pub fn values(&self, column: &str, wanted: &BTreeSet<u64>) -> Result<BTreeMap<u64, String>> {
        let mut values = BTreeMap::new();
        self.visit(&[column], &mut |row, cells| {
            if wanted.contains(&row) {
                values.insert(row, std::mem::take(&mut cells[0].text));
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// Calls `take` with the values of `columns` in every record, in order.
    fn visit(&self, columns: &[&str], take: &mut Take<'_>) -> Result<()> {
        let reader = file::stream(&self.path)?;
        let visited = match self.format {
            Format::Csv => visit_csv(reader, columns, take),
            Format::Jsonl => visit_jsonl(reader, columns, take),
            Format::Lines => visit_lines(reader, columns, take),
        };
        visited.map_err(|what| Failure::data(&self.path, what))
    }
}

/// What is done with the row and the values of one record.
type Take<'t> = dyn FnMut(u64, &mut [Cell]) -> std::result::Result<(), String> + 't;

fn visit_csv(reader: impl BufRead, columns: &[&str], take: &mut Take<'_>) -> std::result::Result<(), String> {
    let mut reader = csv::Reader::from_reader(reader);
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    let mut places = Vec::new();
    for column in columns {
        let place = names.iter().position(|name| name == *column);
        places.push(place.ok_or_else(|| missing(column, names.iter()))?);
    }
    let mut record = csv::StringRecord::new();
    let mut cells = vec![Cell::default(); columns.len()];
    let mut row = 0;
    while reader.read_record(&mut record).map_err(|e| e.to_string())? {
        for (cell, &place) in cells.iter_mut().zip(&places) {
            cell.set(Kind::Text, &record[place]);
        }
        take(row, &mut cells)?;
        row += 1;
    }
    Ok(())
}

fn visit_jsonl(
    reader: impl BufRead,
    columns: &[&str],
    take: &mut Take<'_>,
) -> std::result::Result<(), String> {
    let mut lines = Lines::new(reader);
    let mut cells = vec![Cell::default(); columns.len()];
    let mut row = 0;
    while let Some((number, line)) = lines.record()? {
        record::json(line, columns, &mut cells).map_err(|what| format!("line {number}: {what}"))?;
        take(row, &mut cells)?;
        row += 1;
    }
    Ok(())
}

fn visit_lines(
    reader: impl BufRead,
    columns: &[&str],
    take: &mut Take<'_>,
) -> std::result::Result<(), String> {
    if let Some(column) = columns.iter().find(|column| **column != TEXT) {
        return Err(missing(column, [TEXT].into_iter()));
    }
    let mut lines = Lines::new(reader);
    let mut cells = vec![Cell::default(); columns.len()];
    while let Some((number, line)) = lines.next()? {
        cells.iter_mut().for_each(|cell| cell.set(Kind::Text, line));
        take(number - 1, &mut cells)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn meta_csv_keeps_quoted_commas_and_checks_rows() {
        let (_dir, path) = file("m.csv", "id,text\na,\"one, two\"\nb,three\n");
        let meta = Meta::open(&path, 2, &["id", "text"]).unwrap();
        assert_eq!(meta.values("text", &BTreeSet::from([0])).unwrap()[&0], "one, two");
        assert_eq!(meta.ids("id").unwrap().get(1), "b");
        let error = Meta::open(&path, 3, &["id"]).unwrap_err().to_string();
        assert!(error.ends_with("has 2 records, the embeddings have 3 rows"), "{error}");
        let error = Meta::open(&path, 2, &["nope"]).unwrap_err().to_string();
        assert!(error.ends_with("has no column 'nope'; it has 'id', 'text'"), "{error}");
    }

    #[test]
    fn meta_ids_are_names_of_their_own() {
        let refused = |name: &str, text: &str, parts: &[&str]| {
            let (_dir, path) = file(name, text);
            let rows = text.lines().count() - usize::from(name.ends_with(".csv"));
            let error = Meta::open(&path, rows, &["id"]).unwrap().ids("id").unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        };
        refused("m.jsonl", "{\"id\": 7}\n{\"id\": \"7\"}\n", &["rows 0 and 1 are both called '7'"]);
        refused("m.jsonl", "{\"id\": 7}\n{\"id\": null}\n", &["row 1", "is null"]);
        refused("m.jsonl", "{\"id\": [7]}\n", &["row 0", "is [7]"]);
        refused("m.csv", "id,x\na,1\n,2\n", &["row 1", "is empty"]);
        let (_dir, path) =
            file("m.jsonl", "{\"id\": 18446744073709551616}\n{\"id\": 18446744073709551617}\n");
        let ids = Meta::open(&path, 2, &["id"]).unwrap().ids("id").unwrap();
        assert_eq!((ids.get(0), ids.get(1)), ("18446744073709551616", "18446744073709551617"));
    }

    #[test]
    fn meta_jsonl_names_the_line() {
        let (_dir, path) = file("m.jsonl", "{\"id\": 7}\n{\"id\": \"x\"}\n{\"di\": 1}\n");
        let error = Meta::open(&path, 3, &["id"]).unwrap_err().to_string();
        assert!(error.contains("line 3: has no column 'id'"), "{error}");
    }

    #[test]
    fn meta_lines_are_one_text_each() {
        let (_dir, path) = file("m.txt", "a b\n\nc");
        let meta = Meta::open(&path, 3, &[TEXT]).unwrap();
        assert_eq!(meta.column(TEXT).unwrap().get(2), "c");
    }
}
