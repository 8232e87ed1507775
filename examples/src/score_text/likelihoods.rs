//! `--perplexities`: a model's likelihood of every line, or perplexities that somebody has.

use std::path::Path;

use pauca::quality::{Perplexities, Pooling, Predicate, Split, SubsetPerplexity};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::args::Args;
use super::columns::Columns;
use super::texts::Document;
use crate::failure::{Failure, Result};
use crate::input::text::whole;
use crate::input::{file, hex};
use crate::interrupt;

/// What makes a perplexity, and adds up over lines and documents: under [`Pooling::Tokens`] tokens
/// and negative log-likelihoods, under [`Pooling::Lines`] lines and their perplexities.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// Tokens, or lines.
    pub count: f64,
    /// Negative log-likelihoods, or perplexities.
    pub sum: f64,
}

impl Part {
    /// The part of one line.
    fn of(tokens: u64, nll: f64, pooling: Pooling) -> Self {
        match pooling {
            _ if tokens == 0 => Self::default(),
            Pooling::Tokens => Self { count: tokens as f64, sum: nll },
            Pooling::Lines => Self { count: 1.0, sum: libm::exp(nll / tokens as f64) },
        }
    }

    /// The two parts together.
    pub fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum + other.sum }
    }

    /// The perplexity; `None` of nothing.
    pub fn perplexity(self, pooling: Pooling) -> Option<f64> {
        (self.count > 0.0).then(|| match pooling {
            Pooling::Tokens => libm::exp(self.sum / self.count),
            Pooling::Lines => self.sum / self.count,
        })
    }
}

/// What a file of perplexities tells.
pub struct Source {
    /// PPL_all and PPL_i; none where all weights are equal.
    pub perplexities: Option<Perplexities>,
    /// The predicates, or columns of the caller's, that they belong to.
    pub columns: Columns,
    /// Lines read, and how many of them pass each predicate; none for a .json.
    pub lines: Option<(u64, Vec<u64>)>,
    /// For each document the part of all its lines, then of those that pass each predicate; none for
    /// a .json.
    pub documents: Option<Vec<Vec<Part>>>,
    /// How parts become a perplexity.
    pub pooling: Pooling,
    /// Name of the file's kind.
    pub kind: &'static str,
    /// SHA-256 of the file in hexadecimal; none without a file.
    pub sha256: Option<String>,
}

impl Source {
    /// No perplexities: all weights are equal.
    pub fn equal(columns: Columns, args: &Args) -> Self {
        let pooling = args.pooling.into();
        Self {
            perplexities: None,
            columns,
            lines: None,
            documents: None,
            pooling,
            kind: "equal weights",
            sha256: None,
        }
    }

    /// The perplexity of all lines, where it is known.
    pub fn all(&self) -> Option<f64> {
        self.perplexities.as_ref().map(Perplexities::all)
    }

    /// The perplexity of the lines that pass predicate `i`, where it is known.
    pub fn subset(&self, i: usize) -> Option<f64> {
        self.perplexities.as_ref()?.subsets()[i]
    }
}

/// Reads the perplexities of `path` for `documents`.
///
/// # Errors
/// [`Failure::Data`] with the first line that is wrong, [`Failure::Cancelled`].
pub fn read(path: &Path, documents: &[Document], columns: Columns, args: &Args) -> Result<Source> {
    let bytes = file::read(path, u64::MAX)?;
    let text = whole(path, &bytes)?;
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let sha256 = hex(&Sha256::digest(&bytes));
    match extension.as_str() {
        "json" => given(path, text, columns, args, sha256),
        "csv" => pooled(path, text, documents, columns, args, sha256),
        _ => Err(Failure::data(path, "holds perplexities of no known kind (.csv or .json)")),
    }
}

fn given(path: &Path, text: &str, columns: Columns, args: &Args, sha256: String) -> Result<Source> {
    let wrong = |what: String| Failure::data(path, what);
    let file: Value = serde_json::from_str(text).map_err(|e| wrong(format!("is not JSON: {e}")))?;
    let all = file["all"]
        .as_f64()
        .ok_or_else(|| wrong("has no number 'all', the perplexity of all lines".into()))?;
    let named = file["predicates"]
        .as_object()
        .ok_or_else(|| wrong("has no object 'predicates' with a perplexity for each".into()))?;
    // By its place among the predicates, or the caller's columns.
    let all_names = match &columns {
        Columns::Asked(_) => Predicate::ALL.map(Predicate::name).to_vec(),
        Columns::Given(_) => columns.names(),
    };
    let place = |name: &str| match &columns {
        Columns::Asked(_) => Predicate::from_name(name).map(|p| p as usize),
        Columns::Given(_) => all_names.iter().position(|own| *own == name),
    };
    let mut found: Vec<(usize, Option<f64>)> = Vec::new();
    for (name, value) in named {
        let place = place(name).ok_or_else(|| wrong(format!("there is no predicate '{name}'")))?;
        if found.iter().any(|(p, _)| *p == place) {
            return Err(wrong(format!("the predicate '{}' is given twice", all_names[place])));
        }
        let value = match value {
            Value::Null => None,
            value => Some(
                value.as_f64().ok_or_else(|| wrong(format!("the perplexity of '{name}' is no number")))?,
            ),
        };
        found.push((place, value));
    }
    let wanted: Option<Vec<usize>> = match (&columns, &args.predicates) {
        (Columns::Given(_), _) => Some((0..all_names.len()).collect()),
        (_, wanted) => wanted.as_ref().map(|wanted| wanted.iter().map(|p| *p as usize).collect()),
    };
    if let Some(wanted) = wanted {
        if let Some(missing) = wanted.iter().find(|p| found.iter().all(|(q, _)| q != *p)) {
            return Err(wrong(format!("has no perplexity of '{}'", all_names[*missing])));
        }
        found.retain(|(p, _)| wanted.contains(p));
    }
    found.sort_by_key(|(place, _)| *place);
    let (places, values): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let columns = match columns {
        Columns::Asked(_) => Columns::Asked(places.iter().map(|&p| Predicate::ALL[p]).collect()),
        given => given,
    };
    let perplexities = Perplexities::given(all, &values).map_err(|e| data(path, &e))?;
    Ok(Source {
        perplexities: Some(perplexities),
        columns,
        lines: None,
        documents: None,
        pooling: args.pooling.into(),
        kind: "perplexities",
        sha256: Some(sha256),
    })
}

/// An error of the library about the file's values: always bad data.
fn data(path: &Path, error: &pauca::Error) -> Failure {
    Failure::data(path, crate::failure::chain(error))
}

fn pooled(
    path: &Path,
    text: &str,
    documents: &[Document],
    columns: Columns,
    args: &Args,
    sha256: String,
) -> Result<Source> {
    let pooling: Pooling = args.pooling.into();
    let mut sums = SubsetPerplexity::new(columns.len(), pooling).map_err(|e| data(path, &e))?;
    let mut rows = Rows::open(path, text)?;
    let mut found = Vec::with_capacity(documents.len());
    for (d, document) in documents.iter().enumerate() {
        if interrupt::requested() {
            return Err(Failure::stopped());
        }
        let mut parts = vec![Part::default(); 1 + columns.len()];
        for (l, line) in Split::from(args.split).of(&document.text).enumerate() {
            let (tokens, nll) = rows.next(d, l)?;
            let passes = columns.passes(path, d, l, line)?;
            sums.push(&passes, tokens, nll).map_err(|e| {
                Failure::data(path, format!("line {}: {}", rows.line, crate::failure::chain(&e)))
            })?;
            let part = Part::of(tokens, nll, pooling);
            for (sum, _) in parts.iter_mut().zip(std::iter::once(true).chain(passes)).filter(|(_, p)| *p) {
                *sum = sum.plus(part);
            }
        }
        found.push(parts);
    }
    rows.end(documents.len())?;
    let perplexities = sums.finish().map_err(|e| data(path, &e))?;
    let lines = Some((sums.lines(), sums.passing().collect()));
    Ok(Source {
        perplexities: Some(perplexities),
        columns,
        lines,
        documents: Some(found),
        pooling,
        kind: "likelihoods of lines",
        sha256: Some(sha256),
    })
}

/// The rows of a .csv, which must follow the lines of the documents.
struct Rows<'t> {
    path: &'t Path,
    reader: csv::Reader<&'t [u8]>,
    columns: [usize; 4],
    record: csv::StringRecord,
    line: u64,
}

impl<'t> Rows<'t> {
    fn open(path: &'t Path, text: &'t str) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names = reader.headers().map_err(|e| Failure::data(path, e))?.clone();
        let mut columns = [0; 4];
        for (column, wanted) in columns.iter_mut().zip(["document", "line", "tokens", "nll"]) {
            let place = names.iter().position(|name| name == wanted);
            let there = names.iter().take(12).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
            *column = place
                .ok_or_else(|| Failure::data(path, format!("has no column '{wanted}'; it has {there}")))?;
        }
        Ok(Self { path, reader, columns, record: csv::StringRecord::new(), line: 1 })
    }

    /// Tokens and negative log-likelihood of line `line` of document `document`.
    fn next(&mut self, document: usize, line: usize) -> Result<(u64, f64)> {
        let path = self.path;
        if !self.reader.read_record(&mut self.record).map_err(|e| Failure::data(path, e))? {
            return Err(Failure::data(
                path,
                format!("ends before line {line} of document {document} of the input"),
            ));
        }
        self.line = self.record.position().map_or(self.line, csv::Position::line);
        let wrong = |what: String| Failure::data(path, format!("line {}: {what}", self.line));
        let [d, l, tokens, nll] = self.columns.map(|column| &self.record[column]);
        let (at, of) = (d.parse::<usize>(), l.parse::<usize>());
        if at != Ok(document) || of != Ok(line) {
            return Err(wrong(format!(
                "is of document {d}, line {l}; the input has document {document}, line {line} here"
            )));
        }
        let tokens =
            tokens.parse().map_err(|_| wrong(format!("tokens is '{tokens}', a whole number is needed")))?;
        match nll.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok((tokens, value)),
            _ => Err(wrong(format!("nll is '{nll}', a finite number from 0 on is needed"))),
        }
    }

    fn end(&mut self, documents: usize) -> Result<()> {
        let path = self.path;
        if self.reader.read_record(&mut self.record).map_err(|e| Failure::data(path, e))? {
            let line = self.record.position().map_or(0, csv::Position::line);
            return Err(Failure::data(
                path,
                format!("line {line}: goes on after the input's {documents} documents"),
            ));
        }
        Ok(())
    }
}
