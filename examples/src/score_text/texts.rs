//! Documents from a file: JSON objects a line, or plain text.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::args::{Args, DocumentName};
use crate::failure::{Failure, Result};
use crate::input::record::{self, Cell, Kind};
use crate::input::text::{Lines, whole};
use crate::input::{file, hex};

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The name of the document: a field of the input, or its number.
    pub id: String,
    /// The text of the document.
    pub text: String,
    /// The value of the field `--by`.
    pub group: String,
}

impl AsRef<str> for Document {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// All documents of a file.
pub struct Texts {
    /// The file that the documents come from.
    pub path: PathBuf,
    /// The documents, in the order of the file.
    pub documents: Vec<Document>,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
}

impl Texts {
    /// Reads the input of `args`.
    ///
    /// # Errors
    /// [`Failure::Data`] with the first line that is wrong, [`Failure::Usage`] for flags that do not
    /// belong to this kind of file.
    pub fn read(path: &Path, args: &Args) -> Result<Self> {
        let bytes = file::read(path, u64::MAX)?;
        let text = whole(path, &bytes)?;
        let extension =
            path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let documents = if matches!(extension.as_str(), "jsonl" | "ndjson") {
            if args.document.is_some() {
                return Err(Failure::usage(format!(
                    "--document is for plain text; every line of {} is a document",
                    path.display()
                )));
            }
            objects(&bytes, args).map_err(|what| Failure::data(path, what))?
        } else {
            for (flag, given) in [("--id", args.id.is_some()), ("--by", args.by.is_some())] {
                if given {
                    let path = path.display();
                    return Err(Failure::usage(format!(
                        "{flag} names a field of a .jsonl, {path} is plain text"
                    )));
                }
            }
            plain(text, args.document.unwrap_or(DocumentName::Paragraphs))
        };
        if documents.is_empty() {
            return Err(Failure::data(path, "holds no documents"));
        }
        let sha256 = hex(&Sha256::digest(&bytes));
        Ok(Self { path: path.to_path_buf(), documents, bytes: bytes.len() as u64, sha256 })
    }
}

fn objects(text: &[u8], args: &Args) -> std::result::Result<Vec<Document>, String> {
    let columns = [Some(&args.text), args.id.as_ref(), args.by.as_ref()];
    let wanted: Vec<&str> = columns.into_iter().flatten().map(String::as_str).collect();
    let mut cells = vec![Cell::default(); wanted.len()];
    let mut lines = Lines::new(text);
    let (mut documents, mut rows) = (Vec::new(), HashMap::new());
    while let Some((number, line)) = lines.record()? {
        let wrong = |what: String| format!("line {number}: {what}");
        record::json(line, &wanted, &mut cells).map_err(wrong)?;
        if cells[0].kind != Kind::Text {
            return Err(wrong(format!("its field '{}' is not a text", args.text)));
        }
        let text = std::mem::take(&mut cells[0].text);
        let id = match &args.id {
            Some(field) => {
                cells[1].name().map_err(|what| wrong(format!("its field '{field}' {what}")))?.to_string()
            }
            None => documents.len().to_string(),
        };
        if let Some(before) = rows.insert(id.clone(), number) {
            return Err(wrong(format!(
                "is called '{id}', as line {before} is; a document needs a name of its own"
            )));
        }
        let group = args.by.as_ref().map_or_else(String::new, |_| cells[wanted.len() - 1].text.clone());
        documents.push(Document { id, text, group });
    }
    Ok(documents)
}

fn plain(text: &str, kind: DocumentName) -> Vec<Document> {
    let document = |(i, text): (usize, String)| Document { id: i.to_string(), text, group: String::new() };
    match kind {
        DocumentName::Whole if text.trim().is_empty() => Vec::new(),
        DocumentName::Whole => vec![document((0, text.to_string()))],
        DocumentName::Lines => text.lines().map(str::to_string).enumerate().map(document).collect(),
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
            paragraphs.into_iter().filter(|p| !p.is_empty()).enumerate().map(document).collect()
        }
    }
}
