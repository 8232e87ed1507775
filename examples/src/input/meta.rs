//! Metadata aligned with the rows of the embeddings: `.csv` with a header line, `.jsonl` with
//! one object per line, or `.txt` with one text per line (its only column is called `text`).
//!
//! The file is read in passes, a record at a time: one pass counts the rows and collects the
//! identifiers, later ones fetch what the report shows. Texts of rows that are never shown are
//! never kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::hex;
use super::ids::Ids;
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
    rows: usize,
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
        let mut meta = Self { path: path.to_path_buf(), format, rows: 0, sha256: digest(path)? };
        let mut found = 0;
        meta.visit(columns, &mut |_, _| {
            found += 1;
            Ok(())
        })?;
        if found != rows {
            return Err(Failure::data(path, format!("has {found} records, the embeddings have {rows} rows")));
        }
        meta.rows = rows;
        Ok(meta)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The values of `column`, one per row.
    ///
    /// # Errors
    /// [`Failure::Data`]: a value that holds a line break cannot be an identifier.
    pub fn ids(&self, column: &str) -> Result<Ids> {
        let mut ids = Ids::default();
        self.visit(&[column], &mut |row, values| {
            if values[0].contains(['\n', '\r']) {
                return Err(format!("row {row}: the identifier in column '{column}' holds a line break"));
            }
            ids.push(&values[0]);
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
        self.visit(&[column], &mut |row, record| {
            if wanted.contains(&row) {
                values.insert(row, std::mem::take(&mut record[0]));
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// Calls `take` with the values of `columns` in every record, in order.
    fn visit(&self, columns: &[&str], take: &mut Take<'_>) -> Result<()> {
        let file = File::open(&self.path).map_err(|e| Failure::io(&self.path, "opened", &e))?;
        let visited = match self.format {
            Format::Csv => visit_csv(file, columns, take),
            Format::Jsonl | Format::Lines => visit_lines(file, self.format, columns, take),
        };
        visited.map_err(|what| Failure::data(&self.path, what))
    }
}

/// What is done with the row and the values of one record.
type Take<'t> = dyn FnMut(u64, &mut [String]) -> std::result::Result<(), String> + 't;

fn visit_csv(file: File, columns: &[&str], take: &mut Take<'_>) -> std::result::Result<(), String> {
    let mut reader = csv::Reader::from_reader(BufReader::new(file));
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    let mut places = Vec::new();
    for column in columns {
        let place = names.iter().position(|name| name == *column);
        places.push(place.ok_or_else(|| missing(column, names.iter()))?);
    }
    let mut record = csv::StringRecord::new();
    let mut values = vec![String::new(); columns.len()];
    let mut row = 0;
    while reader.read_record(&mut record).map_err(|e| e.to_string())? {
        for (value, &place) in values.iter_mut().zip(&places) {
            value.clear();
            value.push_str(&record[place]);
        }
        take(row, &mut values)?;
        row += 1;
    }
    Ok(())
}

fn visit_lines(
    file: File,
    format: Format,
    columns: &[&str],
    take: &mut Take<'_>,
) -> std::result::Result<(), String> {
    if format == Format::Lines
        && let Some(column) = columns.iter().find(|column| **column != TEXT)
    {
        return Err(missing(column, [TEXT].into_iter()));
    }
    let mut values = vec![String::new(); columns.len()];
    for (row, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|e| format!("line {}: {e}", row + 1))?;
        if format == Format::Lines {
            values.fill(line);
        } else {
            let wrong = |what: &dyn std::fmt::Display| format!("line {}: {what}", row + 1);
            let record: serde_json::Value = serde_json::from_str(&line).map_err(|e| wrong(&e))?;
            let record = record.as_object().ok_or_else(|| wrong(&"is not a JSON object"))?;
            for (value, column) in values.iter_mut().zip(columns) {
                *value = match record.get(*column) {
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => return Err(wrong(&missing(column, record.keys().map(String::as_str)))),
                };
            }
        }
        take(row as u64, &mut values)?;
    }
    Ok(())
}

fn missing<'n>(column: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.take(12).map(|name| format!("'{name}'")).collect();
    format!("has no column '{column}'; it has {}", names.join(", "))
}

/// SHA-256 of a whole file, read once.
///
/// # Errors
/// [`Failure::Data`] with the system's reason.
pub fn digest(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|e| Failure::io(path, "opened", &e))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => hash.update(&buffer[..count]),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Failure::io(path, "read", &e)),
        }
    }
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
    fn meta_jsonl_names_the_line() {
        let (_dir, path) = file("m.jsonl", "{\"id\": 7}\n{\"id\": \"x\"}\n{\"di\": 1}\n");
        let error = Meta::open(&path, 3, &["id"]).unwrap_err().to_string();
        assert!(error.contains("line 3: has no column 'id'"), "{error}");
    }

    #[test]
    fn meta_lines_are_one_text_each() {
        let (_dir, path) = file("m.txt", "a b\n\nc");
        let meta = Meta::open(&path, 3, &[TEXT]).unwrap();
        assert_eq!(meta.ids(TEXT).unwrap().get(2), "c");
    }
}
