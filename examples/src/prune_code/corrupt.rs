//! `prune-code corrupt`: JSON lines of texts in, JSON lines of corrupted texts out, two texts in
//! memory at a time.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use pauca::corruption::{Corrupted, Corruption, Corruptor, Family, Syntax};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::args::{CorruptArgs, SyntaxName};
use super::languages::{self, Language};
use crate::console;
use crate::failure::{Failure, Result};
use crate::flags::Named;
use crate::input::file;
use crate::input::record::{self, Cell, Kind};
use crate::input::text::Lines;
use crate::interrupt;
use crate::output;

/// A text and its name.
pub struct Text {
    /// The name of the text.
    pub id: String,
    /// The text.
    pub text: String,
}

impl Text {
    /// The text in the JSON object `line`, by the names of its two fields, and what a third one says.
    fn of(
        line: &str,
        id: &str,
        text: &str,
        language: Option<&str>,
    ) -> std::result::Result<(Self, String), String> {
        let mut cells = [Cell::default(), Cell::default(), Cell::default()];
        let names = [id, text, language.unwrap_or(text)];
        let wanted = if language.is_some() { 3 } else { 2 };
        record::json(line, &names[..wanted], &mut cells[..wanted])?;
        let language = std::mem::take(&mut cells[2].text);
        let name = cells[0].name().map_err(|what| format!("its field '{id}' {what}"))?.to_string();
        if cells[1].kind != Kind::Text {
            return Err(format!("its field '{text}' is not a text"));
        }
        Ok((Self { id: name, text: std::mem::take(&mut cells[1].text) }, language))
    }
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
    if let Some(language) = asked(args, "").filter(|language| !language.is_built()) {
        let what = "needs the parsers that the feature grammars builds";
        return Err(Failure::usage(format!("--syntax {} {what}", language.name())));
    }
    let stdin = args.input == Path::new("-");
    let reader: Box<dyn BufRead> =
        if stdin { Box::new(BufReader::new(io::stdin())) } else { Box::new(file::stream(&args.input)?) };
    let name = if stdin { PathBuf::from("stdin") } else { args.input.clone() };
    if args.output == Path::new("-") {
        let mut out = Read { out: BufWriter::new(io::stdout().lock()), gone: false };
        let place = Path::new("stdout");
        let done = stream(args, &kinds, reader, &name, &mut out, place).and_then(|done| {
            out.flush().map_err(|e| Failure::io(place, "written", &e))?;
            Ok(done)
        });
        // Who goes away has read enough: the end of a pipeline, not a failure.
        return if out.gone { Ok(()) } else { done.map(|done| tell(&done)) };
    }
    let mut done = Ok(());
    let written = output::place(&args.output, |out| {
        let streamed = stream(args, &kinds, reader, &name, out, &args.output);
        done = streamed.map(|found| tell(&found));
        if done.is_err() { Err(io::Error::other("not complete")) } else { Ok(()) }
    });
    done.and(written)
}

/// What somebody reads, and whether the reader went away.
struct Read<W> {
    out: W,
    gone: bool,
}

impl<W: Write> Write for Read<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer);
        self.gone |= written.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        written
    }
    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.gone |= flushed.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        flushed
    }
}

/// A text and its language.
type Waiting = (Text, Option<Language>);

/// Texts read, records written, records whose text is unchanged.
struct Done {
    texts: u64,
    records: u64,
    unchanged: u64,
}

fn tell(done: &Done) {
    let Done { texts, records, unchanged } = done;
    console::say(&format!("{texts} texts read, {records} written, {unchanged} of them unchanged"));
}

fn stream(
    args: &CorruptArgs,
    kinds: &[Corruption],
    reader: impl BufRead,
    input: &Path,
    out: &mut dyn Write,
    output: &Path,
) -> Result<Done> {
    let mut done = Done { texts: 0, records: 0, unchanged: 0 };
    let mut seen: HashMap<u64, u64> = HashMap::new();
    let (mut waiting, mut last): (Option<Waiting>, Option<Waiting>) = (None, None);
    let mut emit = |(text, language): &Waiting, other: Option<&Waiting>, done: &mut Done| -> Result<()> {
        let stopped = |e: pauca::Error| match e {
            pauca::Error::Cancelled => incomplete(),
            e => Failure::library(input, &e),
        };
        let read =
            |(text, language)| languages::Read::new(text, language, &interrupt::requested).map_err(stopped);
        let beside = other.map(|(other, language)| read((other, *language))).transpose()?;
        let read = read((text, *language))?;
        for &kind in kinds {
            if interrupt::requested() {
                return Err(incomplete());
            }
            let corruptor = configured(args, kind);
            let found = read.corrupt(&corruptor, kind, beside.as_ref());
            let found = found.map_err(|e| Failure::library(input, &e))?;
            done.records += 1;
            done.unchanged += u64::from(found.unchanged.is_some());
            let syntax = match read.language() {
                Some(language) => format!("{} ({})", language.name(), language.reader()),
                None if configured_syntax(args).resolve(&text.text) == Syntax::Slashes => "slashes".into(),
                None => "hash".into(),
            };
            let record = described(args, kind, text, other.map(|(other, _)| other), &found, &syntax);
            writeln!(out, "{record}").map_err(|e| Failure::io(output, "written", &e))?;
        }
        Ok(())
    };
    let mut lines = Lines::new(reader);
    while let Some((line, text)) = lines.record().map_err(|what| Failure::data(input, what))? {
        if interrupt::requested() {
            return Err(incomplete());
        }
        let wrong = |what: String| Failure::data(input, format!("line {line}: {what}"));
        let named = args.language_column.as_deref();
        let (text, said) = Text::of(text, &args.id_column, &args.text_column, named).map_err(wrong)?;
        let language = Language::from_name(&said).or_else(|| asked(args, &text.id));
        if let Some(before) = seen.insert(number(&text.id), line) {
            return Err(wrong(format!("the id {:?} was that of line {before} already", text.id)));
        }
        done.texts += 1;
        match waiting.take() {
            None => waiting = Some((text, language)),
            Some(first) => {
                let second = (text, language);
                emit(&first, Some(&second), &mut done)?;
                emit(&second, Some(&first), &mut done)?;
                last = Some(second);
            }
        }
    }
    // An odd one swaps with the one before it, which keeps its own swap.
    if let Some(text) = waiting {
        emit(&text, last.as_ref(), &mut done)?;
    }
    Ok(done)
}

/// The user asked to stop before the end.
fn incomplete() -> Failure {
    Failure::Cancelled("stopped; the output is incomplete".into())
}

/// The language that --syntax names, or by the id.
fn asked(args: &CorruptArgs, id: &str) -> Option<Language> {
    match args.syntax {
        SyntaxName::Detect => Language::of_file(id),
        SyntaxName::Hash | SyntaxName::Slashes => None,
        language => Language::from_name(&language.name()),
    }
}

fn configured_syntax(args: &CorruptArgs) -> Syntax {
    match args.syntax {
        SyntaxName::Hash => Syntax::Hash,
        SyntaxName::Slashes => Syntax::Slashes,
        _ => Syntax::Detect,
    }
}

fn configured(args: &CorruptArgs, kind: Corruption) -> Corruptor {
    Corruptor::new(kind).rate(args.rate).seed(args.seed).syntax(configured_syntax(args))
}

fn described(
    args: &CorruptArgs,
    kind: Corruption,
    text: &Text,
    other: Option<&Text>,
    found: &Corrupted,
    syntax: &str,
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
        "sites": found.sites, "unchanged": found.unchanged.map(|why| why.reason()), "syntax": syntax, "edits": edits,
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
    let mut lines = Lines::new(file::stream(path)?);
    let mut texts = Vec::new();
    while let Some((line, text)) = lines.record().map_err(|what| Failure::data(path, what))? {
        let wrong = |what: String| Failure::data(path, format!("line {line}: {what}"));
        texts.push(Text::of(text, "id", "text", None).map_err(wrong)?.0);
    }
    Ok(texts)
}
