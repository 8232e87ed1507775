//! `prune-code corrupt`: JSON lines of texts in, JSON lines of corrupted texts out, two texts in
//! memory at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use pauca::corruption::{Corrupted, Corruption, Corruptor, Family, Syntax};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::args::{CorruptArgs, SyntaxName};
use crate::failure::{Failure, Result};
use crate::interrupt;

/// A text and its name.
pub struct Text {
    /// The name of the text.
    pub id: String,
    /// The text.
    pub text: String,
}

/// The number of a text in the draws: the first eight bytes of the SHA-256 of its name.
pub fn number(id: &str) -> u64 {
    let hash = Sha256::digest(id.as_bytes());
    hash.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The kinds that names, "syntax", "content" or "all" stand for, each once, in the library's order.
///
/// # Errors
/// [`Failure::Usage`] for a name of nothing.
pub fn kinds(names: &[String]) -> Result<Vec<Corruption>> {
    let mut wanted = Vec::new();
    for name in names {
        let family = match name.as_str() {
            "all" => Corruption::ALL.to_vec(),
            "syntax" => Corruption::ALL.into_iter().filter(|k| k.family() == Family::Syntax).collect(),
            "content" => Corruption::ALL.into_iter().filter(|k| k.family() == Family::Content).collect(),
            name => vec![Corruption::from_name(name).ok_or_else(|| {
                let known: Vec<_> = Corruption::ALL.iter().map(|k| k.name()).collect();
                Failure::usage(format!("--kind {name} is none of syntax, content, all, {}", known.join(", ")))
            })?],
        };
        wanted.extend(family);
    }
    Ok(Corruption::ALL.into_iter().filter(|kind| wanted.contains(kind)).collect())
}

/// Runs the command.
///
/// # Errors
/// The one line to print, and the exit code; a file that was to be written is then absent.
pub fn run(args: &CorruptArgs) -> Result<()> {
    interrupt::install();
    let kinds = kinds(&args.kind)?;
    let stdin = args.input == Path::new("-");
    let reader: Box<dyn BufRead> = if stdin {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let file = File::open(&args.input).map_err(|e| Failure::io(&args.input, "opened", &e))?;
        Box::new(BufReader::new(file))
    };
    let name = if stdin { PathBuf::from("stdin") } else { args.input.clone() };
    if args.output == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        let done = stream(args, &kinds, reader, &name, &mut out, Path::new("stdout"))?;
        return finish(done, out.flush(), Path::new("stdout"));
    }
    let mut hidden = args.output.clone().into_os_string();
    hidden.push(".partial");
    let hidden = PathBuf::from(hidden);
    let file = File::create(&hidden).map_err(|e| Failure::io(&args.output, "written", &e))?;
    let mut out = BufWriter::new(file);
    let written = stream(args, &kinds, reader, &name, &mut out, &args.output).and_then(|done| {
        let flushed = out.flush().and_then(|()| std::fs::rename(&hidden, &args.output));
        finish(done, flushed, &args.output)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&hidden);
    }
    written
}

/// Texts read, records written, records whose text is unchanged.
struct Done {
    texts: u64,
    records: u64,
    unchanged: u64,
}

fn finish(done: Done, flushed: io::Result<()>, output: &Path) -> Result<()> {
    flushed.map_err(|e| Failure::io(output, "written", &e))?;
    eprintln!("{} texts read, {} written, {} of them unchanged", done.texts, done.records, done.unchanged);
    Ok(())
}

fn stream(
    args: &CorruptArgs,
    kinds: &[Corruption],
    reader: impl BufRead,
    input: &Path,
    out: &mut impl Write,
    output: &Path,
) -> Result<Done> {
    let mut done = Done { texts: 0, records: 0, unchanged: 0 };
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let (mut waiting, mut last): (Option<Text>, Option<Text>) = (None, None);
    let mut emit = |text: &Text, other: Option<&Text>, done: &mut Done| -> Result<()> {
        for &kind in kinds {
            let corruptor = configured(args, kind);
            let found = corrupt(&corruptor, text, other).map_err(|e| Failure::library(input, &e))?;
            done.records += 1;
            done.unchanged += u64::from(found.unchanged.is_some());
            let record = record(args, kind, text, other, &found);
            writeln!(out, "{record}").map_err(|e| Failure::io(output, "written", &e))?;
        }
        Ok(())
    };
    for (line, read) in reader.lines().enumerate() {
        if interrupt::requested() {
            return Err(Failure::Cancelled("stopped; the output is incomplete".into()));
        }
        let wrong = |what: String| Failure::data(input, format!("line {}: {what}", line + 1));
        let text = parse(args, &read.map_err(|e| wrong(e.to_string()))?).map_err(wrong)?;
        if let Some(before) = seen.insert(number(&text.id), line as u64 + 1) {
            return Err(wrong(format!("the id {:?} was that of line {before} already", text.id)));
        }
        done.texts += 1;
        match waiting.take() {
            None => waiting = Some(text),
            Some(first) => {
                emit(&first, Some(&text), &mut done)?;
                emit(&text, Some(&first), &mut done)?;
                last = Some(text);
            }
        }
    }
    // An odd one swaps with the one before it, which keeps its own swap.
    if let Some(text) = waiting {
        emit(&text, last.as_ref(), &mut done)?;
    }
    Ok(done)
}

fn configured(args: &CorruptArgs, kind: Corruption) -> Corruptor {
    let syntax = match args.syntax {
        SyntaxName::Detect => Syntax::Detect,
        SyntaxName::Hash => Syntax::Hash,
        SyntaxName::Slashes => Syntax::Slashes,
    };
    Corruptor::new(kind).rate(args.rate).seed(args.seed).syntax(syntax)
}

/// Corrupts `text`, beside another where there is one.
///
/// # Errors
/// The library's.
pub fn corrupt(corruptor: &Corruptor, text: &Text, other: Option<&Text>) -> pauca::Result<Corrupted> {
    match other {
        Some(other) => corruptor.apply_with(&text.text, number(&text.id), &other.text, number(&other.id)),
        None => corruptor.apply(&text.text, number(&text.id)),
    }
}

fn parse(args: &CorruptArgs, line: &str) -> std::result::Result<Text, String> {
    let mut record: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let field = |record: &mut Value, name: &str| match record.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Number(number)) if name == args.id_column => Ok(number.to_string()),
        Some(_) => Err(format!("the field '{name}' is not a text")),
        None => Err(format!("has no field '{name}'")),
    };
    let id = field(&mut record, &args.id_column)?;
    Ok(Text { id, text: field(&mut record, &args.text_column)? })
}

fn record(
    args: &CorruptArgs,
    kind: Corruption,
    text: &Text,
    other: Option<&Text>,
    found: &Corrupted,
) -> Value {
    let edits: Vec<Value> = found
        .edits
        .iter()
        .map(|e| {
            json!({"start": e.start, "end": e.end, "line": e.line, "removed": e.removed, "inserted": e.inserted})
        })
        .collect();
    let mut record = json!({
        "id": text.id, "kind": kind.name(), "family": kind.family().name(), "rate": args.rate, "seed": args.seed,
        "sites": found.sites, "unchanged": found.unchanged.map(|why| why.reason()), "edits": edits,
    });
    if kind == Corruption::SwappedLines {
        record["other"] = json!(other.map(|other| &other.id));
    }
    record["text"] = json!(found.text);
    record
}

/// Texts of a .jsonl file with "id" and "text", for showing.
///
/// # Errors
/// [`Failure::Data`] with the first line that is wrong.
pub fn texts(path: &Path) -> Result<Vec<Text>> {
    let file = File::open(path).map_err(|e| Failure::io(path, "opened", &e))?;
    let mut texts = Vec::new();
    for (line, read) in BufReader::new(file).lines().enumerate() {
        let wrong = |what: String| Failure::data(path, format!("line {}: {what}", line + 1));
        let record: Value = serde_json::from_str(&read.map_err(|e| wrong(e.to_string()))?)
            .map_err(|e| wrong(e.to_string()))?;
        match (record["id"].as_str(), record["text"].as_str()) {
            (Some(id), Some(text)) => texts.push(Text { id: id.into(), text: text.into() }),
            _ => return Err(wrong("the fields 'id' and 'text' must be texts".into())),
        }
    }
    Ok(texts)
}
