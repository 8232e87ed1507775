//! Metadata aligned with the rows of the embeddings: `.csv` with a header line, `.jsonl` with
//! one object per line, `.txt` with one text per line (its only column is called `text`), or `.parquet`;
//! one file or several, one after the other.
//!
//! The files are read in passes, a record at a time: one pass counts the rows and collects the
//! identifiers, later ones fetch what the report shows. Texts of rows that are never shown are
//! never kept.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::ids::Ids;
use super::record::{self, Cell, Kind, missing};
use super::text::Lines;
use super::{Embeddings, file, file_name, paths};
use crate::failure::{Failure, Result};

/// Name of the only column of a `.txt` file.
pub const TEXT: &str = "text";

/// Kinds of files that hold records.
#[cfg(feature = "parquet")]
pub const KINDS: [&str; 5] = ["csv", "jsonl", "ndjson", "parquet", "txt"];
/// Kinds of files that hold records.
#[cfg(not(feature = "parquet"))]
pub const KINDS: [&str; 4] = ["csv", "jsonl", "ndjson", "txt"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Jsonl,
    Lines,
    #[cfg(feature = "parquet")]
    Parquet,
}

/// Records in files.
#[derive(Clone, Debug)]
pub struct Meta {
    files: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    path: PathBuf,
    format: Format,
    records: usize,
}

impl Meta {
    /// Opens the records beside `embeddings`, if `columns` of them are wanted: those that `named` names, else
    /// the columns of the embeddings' own files.
    ///
    /// # Errors
    /// [`Failure::Usage`] when there are no columns; those of [`open`](Meta::open).
    pub fn beside(named: Option<&Path>, embeddings: &Embeddings, columns: &[&str]) -> Result<Option<Self>> {
        let files = match (named.or(embeddings.metadata()), columns.first()) {
            (Some(path), _) => paths::files(&[path.to_path_buf()], &KINDS)?,
            (None, None) => return Ok(None),
            (None, Some(column)) => {
                let files: Vec<PathBuf> =
                    embeddings.shards().iter().map(|shard| shard.path.clone()).collect();
                if files.iter().any(|path| paths::kind(path) != "parquet") {
                    return Err(Failure::usage(format!(
                        "--meta FILE is needed: column '{column}' is asked for, and the input has no columns"
                    )));
                }
                files
            }
        };
        let shards: Vec<(&Path, usize)> =
            embeddings.shards().iter().map(|shard| (shard.path.as_path(), shard.rows)).collect();
        Self::open(&files, &shards, columns).map(Some)
    }

    /// Opens `files` and checks that they have one record for each of the rows of `shards` (file and rows), file
    /// by file where there are as many of both, and that every record has `columns`.
    ///
    /// # Errors
    /// [`Failure::Data`] with the first line that is wrong.
    pub fn open(files: &[PathBuf], shards: &[(&Path, usize)], columns: &[&str]) -> Result<Self> {
        let mut meta = Self::read(files, columns)?;
        let rows: usize = shards.iter().map(|(_, rows)| rows).sum();
        let records: usize = meta.files.iter().map(|part| part.records).sum();
        if files.len() == shards.len() && files.len() > 1 {
            for (part, (shard, rows)) in meta.files.iter().zip(shards) {
                if part.records != *rows {
                    let what = format!("has {} records, {} has {rows} rows", part.records, shard.display());
                    return Err(Failure::data(&part.path, what));
                }
            }
        } else if records != rows {
            let what = match files.len() {
                1 => format!("has {records} records, the embeddings have {rows} rows"),
                n => format!("and {} more have {records} records, the embeddings have {rows} rows", n - 1),
            };
            return Err(Failure::data(&files[0], what));
        }
        meta.files.shrink_to_fit();
        Ok(meta)
    }

    /// Opens `files`, whose every record must have `columns`.
    ///
    /// # Errors
    /// [`Failure::Data`] with the first line that is wrong.
    pub fn read(files: &[PathBuf], columns: &[&str]) -> Result<Self> {
        let mut parts = Vec::new();
        for path in files {
            let format = match paths::kind(path).as_str() {
                "csv" => Format::Csv,
                "jsonl" | "ndjson" => Format::Jsonl,
                "txt" => Format::Lines,
                #[cfg(feature = "parquet")]
                "parquet" => Format::Parquet,
                _ => {
                    let kinds: Vec<String> = KINDS.iter().map(|kind| format!(".{kind}")).collect();
                    let what = format!("is not metadata of a known kind ({})", kinds.join(", "));
                    return Err(Failure::data(path, what));
                }
            };
            let mut part = Part { path: path.clone(), format, records: 0 };
            let mut records = 0;
            part.visit(columns, &mut |_, _| {
                records += 1;
                Ok(())
            })?;
            part.records = records;
            parts.push(part);
        }
        Ok(Self { files: parts })
    }

    /// The files and the records in each.
    pub fn files(&self) -> Vec<(PathBuf, usize)> {
        self.files.iter().map(|part| (part.path.clone(), part.records)).collect()
    }

    /// The first file.
    pub fn path(&self) -> &Path {
        self.files.first().map_or(Path::new(""), |part| &part.path)
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.files.iter().map(|part| part.records).sum()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What names them in a configuration: every file by its bytes.
    ///
    /// # Errors
    /// [`Failure::Data`] when a file cannot be read again.
    pub fn describe(&self) -> Result<Value> {
        let mut files = Vec::new();
        for part in &self.files {
            files.push(json!({"file": file_name(&part.path), "sha256": file::digest(&part.path)?}));
        }
        Ok(if files.len() == 1 { files.remove(0) } else { json!({"files": files}) })
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
                self.path(),
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
        Ok(self.cells(column, wanted)?.into_iter().map(|(row, cell)| (row, cell.text)).collect())
    }

    /// [`values`](Meta::values) with their kinds.
    ///
    /// # Errors
    /// [`Failure::Data`] when the file cannot be read again.
    pub fn cells(&self, column: &str, wanted: &BTreeSet<u64>) -> Result<BTreeMap<u64, Cell>> {
        let mut values = BTreeMap::new();
        self.visit(&[column], &mut |row, cells| {
            if wanted.contains(&row) {
                values.insert(row, std::mem::take(&mut cells[0]));
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// Calls `take` with the row and the values of `columns` in every record, in order.
    ///
    /// # Errors
    /// [`Failure::Data`] with the first line that is wrong, or what `take` says of it.
    pub fn visit(&self, columns: &[&str], take: &mut Take<'_>) -> Result<()> {
        let mut first = 0;
        for part in &self.files {
            part.visit(columns, &mut |row, cells| take(first + row, cells))?;
            first += part.records as u64;
        }
        Ok(())
    }
}

impl Part {
    fn visit(&self, columns: &[&str], take: &mut Take<'_>) -> Result<()> {
        let visited = match self.format {
            Format::Csv => visit_csv(file::stream(&self.path)?, columns, take),
            Format::Jsonl => visit_jsonl(file::stream(&self.path)?, columns, take),
            Format::Lines => visit_lines(file::stream(&self.path)?, columns, take),
            #[cfg(feature = "parquet")]
            Format::Parquet => super::parquet::Table::open(&self.path)?.visit(columns, take),
        };
        visited.map_err(|what| Failure::data(&self.path, what))
    }
}

/// What is done with the row and the values of one record.
pub type Take<'t> = dyn FnMut(u64, &mut [Cell]) -> std::result::Result<(), String> + 't;

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
    while let Some((number, line)) = lines.line()? {
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

    fn open(path: &Path, rows: usize, columns: &[&str]) -> Result<Meta> {
        Meta::open(&[path.to_path_buf()], &[(Path::new("x.npy"), rows)], columns)
    }

    #[test]
    fn meta_csv_keeps_quoted_commas_and_checks_rows() {
        let (_dir, path) = file("m.csv", "id,text\na,\"one, two\"\nb,three\n");
        let meta = open(&path, 2, &["id", "text"]).unwrap();
        assert_eq!(meta.values("text", &BTreeSet::from([0])).unwrap()[&0], "one, two");
        assert_eq!(meta.ids("id").unwrap().get(1), "b");
        let error = open(&path, 3, &["id"]).unwrap_err().to_string();
        assert!(error.ends_with("has 2 records, the embeddings have 3 rows"), "{error}");
        let error = open(&path, 2, &["nope"]).unwrap_err().to_string();
        assert!(error.ends_with("has no column 'nope'; it has 'id', 'text'"), "{error}");
    }

    #[test]
    fn meta_ids_are_names_of_their_own() {
        let refused = |name: &str, text: &str, parts: &[&str]| {
            let (_dir, path) = file(name, text);
            let rows = text.lines().count() - usize::from(name.ends_with(".csv"));
            let error = open(&path, rows, &["id"]).unwrap().ids("id").unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        };
        refused("m.jsonl", "{\"id\": 7}\n{\"id\": \"7\"}\n", &["rows 0 and 1 are both called '7'"]);
        refused("m.jsonl", "{\"id\": 7}\n{\"id\": null}\n", &["row 1", "is null"]);
        refused("m.jsonl", "{\"id\": [7]}\n", &["row 0", "is [7]"]);
        refused("m.csv", "id,x\na,1\n,2\n", &["row 1", "is empty"]);
        let (_dir, path) =
            file("m.jsonl", "{\"id\": 18446744073709551616}\n{\"id\": 18446744073709551617}\n");
        let ids = open(&path, 2, &["id"]).unwrap().ids("id").unwrap();
        assert_eq!((ids.get(0), ids.get(1)), ("18446744073709551616", "18446744073709551617"));
    }

    #[test]
    fn meta_jsonl_names_the_line() {
        let (_dir, path) = file("m.jsonl", "{\"id\": 7}\n{\"id\": \"x\"}\n{\"di\": 1}\n");
        let error = open(&path, 3, &["id"]).unwrap_err().to_string();
        assert!(error.contains("line 3: has no column 'id'"), "{error}");
    }

    #[test]
    fn meta_lines_are_one_text_each() {
        let (_dir, path) = file("m.txt", "a b\n\nc");
        let meta = open(&path, 3, &[TEXT]).unwrap();
        assert_eq!(meta.column(TEXT).unwrap().get(2), "c");
    }
}
