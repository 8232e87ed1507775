//! Documents from files: records of a table (.jsonl, .csv, .parquet), or plain text.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::{Args, DocumentName};
use crate::failure::{Failure, Result};
use crate::input::meta::{KINDS, Meta};
use crate::input::record::Kind;
use crate::input::text::whole;
use crate::input::{file, file_name, paths};
use crate::output::filtered::{self, Twin};

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The name of the document: a column of the input, or its number.
    pub id: String,
    /// The text of the document.
    pub text: String,
    /// The value of the column `--by`.
    pub group: String,
}

impl AsRef<str> for Document {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// All documents of an input.
pub struct Texts {
    /// The files that the documents come from.
    pub files: Vec<PathBuf>,
    /// The documents, in the order of the files.
    pub documents: Vec<Document>,
    /// Tables, and the records of each; none of plain text.
    tables: Counts,
}

impl Texts {
    /// Reads the files that `inputs` name.
    ///
    /// # Errors
    /// [`Failure::Data`] with the first line or row that is wrong, [`Failure::Usage`] for flags that do not
    /// belong to this kind of file.
    pub fn read(inputs: &[PathBuf], args: &Args) -> Result<Self> {
        let files = paths::files(inputs, &KINDS)?;
        let is_table =
            |path: &&PathBuf| KINDS.contains(&paths::kind(path).as_str()) && paths::kind(path) != "txt";
        let table = files.iter().find(is_table);
        let text = files.iter().find(|path| !is_table(path));
        let (documents, tables) = match (table, text) {
            (Some(table), Some(text)) => {
                let what = format!("is plain text, {} is a table: one input is one of both", table.display());
                return Err(Failure::data(text, what));
            }
            (Some(table), None) => {
                if args.document.is_some() {
                    return Err(Failure::usage(format!(
                        "--document is for plain text; every record of {} is a document",
                        table.display()
                    )));
                }
                records(&files, args)?
            }
            (None, text) => {
                for (flag, given) in [("--id-column", args.id.is_some()), ("--by", args.by.is_some())] {
                    if given && let Some(text) = text {
                        let path = text.display();
                        return Err(Failure::usage(format!(
                            "{flag} names a column of a table, {path} is plain text"
                        )));
                    }
                }
                (plain(&files, args.document.unwrap_or(DocumentName::Paragraphs))?, Vec::new())
            }
        };
        if documents.is_empty() {
            return Err(Failure::data(&files[0], "holds no documents"));
        }
        Ok(Self { files, documents, tables })
    }

    /// The files of `--write-filtered`.
    ///
    /// # Errors
    /// [`Failure::Usage`] for plain text, and where two files would have one name.
    pub fn twins(&self, args: &Args) -> Result<Vec<Twin>> {
        if args.write_filtered && self.tables.is_empty() {
            let path = self.path().display();
            return Err(Failure::usage(format!(
                "--write-filtered writes tables again, {path} is plain text"
            )));
        }
        if args.write_filtered { filtered::named([&self.tables, &[]], None) } else { Ok(Vec::new()) }
    }

    /// The first file.
    pub fn path(&self) -> &Path {
        &self.files[0]
    }

    /// The name for a person: the file's, or that of the first and how many there are.
    pub fn name(&self) -> String {
        let first = file_name(self.path());
        match self.files.len() {
            1 => first,
            n => format!("{first} and {} more", n - 1),
        }
    }

    /// What names them in a configuration: every file by its bytes.
    ///
    /// # Errors
    /// [`Failure::Data`] when a file cannot be read again.
    pub fn describe(&self) -> Result<Value> {
        let mut files = Vec::new();
        for path in &self.files {
            let bytes = std::fs::metadata(path).map_or(0, |found| found.len());
            files.push(json!({"file": file_name(path), "bytes": bytes, "sha256": file::digest(path)?}));
        }
        let mut value = if files.len() == 1 { files.remove(0) } else { json!({"files": files}) };
        value["documents"] = json!(self.documents.len());
        Ok(value)
    }
}

/// Files, and how many records each has.
type Counts = Vec<(PathBuf, usize)>;

/// The documents of tables, and how many records each table has.
fn records(files: &[PathBuf], args: &Args) -> Result<(Vec<Document>, Counts)> {
    let columns = [Some(&args.text), args.by.as_ref()];
    let wanted: Vec<&str> = columns.into_iter().flatten().map(String::as_str).collect();
    let table = Meta::read(files, &wanted)?;
    let ids = args.id.as_ref().map(|column| table.ids(column)).transpose()?;
    let mut documents = Vec::new();
    table.visit(&wanted, &mut |row, cells| {
        if cells[0].kind != Kind::Text {
            return Err(format!("row {row}: its column '{}' is not a text", args.text));
        }
        let id = ids.as_ref().map_or_else(|| row.to_string(), |ids| ids.get(row as usize).to_string());
        let text = std::mem::take(&mut cells[0].text);
        let group = cells.get_mut(1).map_or_else(String::new, |cell| std::mem::take(&mut cell.text));
        documents.push(Document { id, text, group });
        Ok(())
    })?;
    Ok((documents, table.files()))
}

fn plain(files: &[PathBuf], kind: DocumentName) -> Result<Vec<Document>> {
    let mut texts = Vec::new();
    for path in files {
        let bytes = file::read(path, u64::MAX)?;
        texts.extend(pieces(whole(path, &bytes)?, kind));
    }
    let document = |(i, text): (usize, String)| Document { id: i.to_string(), text, group: String::new() };
    Ok(texts.into_iter().enumerate().map(document).collect())
}

/// The documents of a plain text.
fn pieces(text: &str, kind: DocumentName) -> Vec<String> {
    match kind {
        DocumentName::Whole if text.trim().is_empty() => Vec::new(),
        DocumentName::Whole => vec![text.to_string()],
        DocumentName::Lines => text.lines().map(str::to_string).collect(),
        DocumentName::Paragraphs => {
            let mut paragraphs = vec![String::new()];
            for line in text.lines() {
                if line.trim().is_empty() {
                    paragraphs.push(String::new());
                } else if let Some(last) = paragraphs.last_mut() {
                    last.push_str(line);
                    last.push('\n');
                }
            }
            paragraphs.into_iter().filter(|p| !p.is_empty()).collect()
        }
    }
}
