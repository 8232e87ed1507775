//! Documents from a file: JSON objects a line, or plain text.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::args::{Args, DocumentName};
use crate::failure::{Failure, Result};
use crate::input::hex;

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
        if path.is_dir() {
            return Err(Failure::data(path, "is a folder, a file is needed"));
        }
        let bytes = std::fs::read(path).map_err(|e| Failure::io(path, "read", &e))?;
        let text = text_of(path, &bytes)?;
        let extension =
            path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let documents = if matches!(extension.as_str(), "jsonl" | "ndjson") {
            if args.document.is_some() {
                return Err(Failure::usage(format!(
                    "--document is for plain text; every line of {} is a document",
                    path.display()
                )));
            }
            objects(text, args).map_err(|what| Failure::data(path, what))?
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

/// The bytes as text, without a byte order mark.
///
/// # Errors
/// [`Failure::Data`] with the first line that is not UTF-8.
pub fn text_of<'b>(path: &Path, bytes: &'b [u8]) -> Result<&'b str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(e) => {
            let at = e.valid_up_to();
            let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count();
            Err(Failure::data(path, format!("line {line}: is not UTF-8 text (byte {at})")))
        }
    }
}

fn objects(text: &str, args: &Args) -> std::result::Result<Vec<Document>, String> {
    let mut documents = Vec::new();
    for (row, line) in text.lines().enumerate() {
        let wrong = |what: String| format!("line {}: {what}", row + 1);
        let object: Value = serde_json::from_str(line).map_err(|e| wrong(format!("is not JSON: {e}")))?;
        let Value::Object(mut object) = object else {
            return Err(wrong("is not a JSON object".into()));
        };
        let missing = |object: &serde_json::Map<String, Value>, field: &str| {
            let names: Vec<String> = object.keys().take(12).map(|name| format!("'{name}'")).collect();
            wrong(format!("has no field '{field}'; it has {}", names.join(", ")))
        };
        let named = |field: &Option<String>, default: String| match field {
            None => Ok(default),
            Some(field) => match object.get(field) {
                Some(Value::String(text)) => Ok(text.clone()),
                Some(other) => Ok(other.to_string()),
                None => Err(missing(&object, field)),
            },
        };
        let id = named(&args.id, row.to_string())?;
        if id.contains(['\n', '\r']) {
            return Err(wrong("its identifier holds a line break".into()));
        }
        let group = named(&args.by, String::new())?;
        let text = match object.remove(&args.text) {
            Some(Value::String(text)) => text,
            Some(_) => return Err(wrong(format!("its field '{}' is not a text", args.text))),
            None => return Err(missing(&object, &args.text)),
        };
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
