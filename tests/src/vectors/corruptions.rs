//! Vectors of every kind of synthetic corruption, in both syntaxes: the edits, as integers.

use pauca::corruption::{Corruption, Corruptor, Syntax};
use pauca_reference::synthetic;
use serde_json::{Map, Value};

use super::integers;

/// What lines are made of: something for every kind, and the marks that begin and end strings and
/// comments in one syntax or the other.
const PIECES: [&str; 23] = [
    "if x == y:",
    "x = items[i]",
    "return",
    "pass",
    "f(a, b)",
    "{",
    "}",
    "# c)",
    "// d;",
    "/* e",
    "*/",
    "'s:'",
    "\"\"\"",
    "not x",
    " < ",
    "x[0]",
    ";",
    "é",
    "while a and b:",
    "(",
    "items",
    " ",
    "\t",
];

/// Line i: four blanks as often as the bits of the row's first value mod 3, and a piece for each of
/// the next three by its bits mod 23.
fn text(x: &[Vec<f32>]) -> String {
    let line = |row: &Vec<f32>| {
        let pieces = row.iter().skip(1).take(3).map(|v| PIECES[v.to_bits() as usize % PIECES.len()]);
        "    ".repeat(row[0].to_bits() as usize % 3) + &pieces.collect::<String>()
    };
    x.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn bytes(text: &str) -> Value {
    integers(text.bytes().map(|b| Some(u64::from(b))))
}

/// Sites of the kind, then of each edit: first byte, byte behind the last, number of inserted
/// bytes, those bytes.
fn edits<'e>(sites: usize, edits: impl Iterator<Item = (usize, usize, &'e str)>) -> Value {
    let mut all = vec![sites as u64];
    for (start, end, inserted) in edits {
        all.extend([start as u64, end as u64, inserted.len() as u64]);
        all.extend(inserted.bytes().map(u64::from));
    }
    integers(all.into_iter().map(Some))
}

struct Case {
    text: String,
    other: String,
    rate: f64,
    seed: u64,
    row: u64,
}

impl Case {
    fn new(x: &[Vec<f32>], p: &Value) -> Self {
        let whole = |key: &str| p[key].as_u64().unwrap_or(0);
        let (rate, seed, row) = (p["rate"].as_f64().unwrap_or(0.0), whole("seed"), whole("row"));
        Self { text: text(x), other: text(&x[x.len() / 3..]), rate, seed, row }
    }

    fn outputs(&self, edits: impl Fn(Corruption, bool) -> pauca::Result<Value>) -> pauca::Result<Value> {
        let mut outputs = Map::new();
        outputs.insert("text".into(), bytes(&self.text));
        for (syntax, braces) in [("hash", false), ("slashes", true)] {
            for kind in Corruption::ALL {
                outputs.insert(format!("{syntax}_{}", kind.name().replace('-', "_")), edits(kind, braces)?);
            }
        }
        Ok(Value::Object(outputs))
    }
}

pub fn oracle(x: &[Vec<f32>], p: &Value) -> Value {
    let case = Case::new(x, p);
    let of = |kind: Corruption, braces| {
        let (other, how) = ((case.other.as_str(), case.row + 1), (case.rate, case.seed));
        let found = synthetic::corrupt(kind.name(), &case.text, case.row, other, how, braces);
        Ok(edits(
            found.sites,
            found.edits.iter().map(|(start, end, inserted)| (*start, *end, inserted.as_str())),
        ))
    };
    case.outputs(of).unwrap_or(Value::Null)
}

/// # Errors
/// The library's; the cases have none.
pub fn library(x: &[Vec<f32>], p: &Value) -> pauca::Result<Value> {
    let case = Case::new(x, p);
    case.outputs(|kind, braces| {
        let syntax = if braces { Syntax::Slashes } else { Syntax::Hash };
        let corruptor = Corruptor::new(kind).rate(case.rate).seed(case.seed).syntax(syntax);
        let found = corruptor.apply_with(&case.text, case.row, &case.other, case.row + 1)?;
        Ok(edits(found.sites, found.edits.iter().map(|e| (e.start, e.end, e.inserted.as_str()))))
    })
}
