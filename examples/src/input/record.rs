//! The value of one column in one record, whatever the format: what is written, and of what kind it
//! is. A number keeps the digits that stand in the file: a name never passes through a float.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Of what kind a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    #[default]
    Null,
    /// Text.
    Text,
    /// A number, as its digits.
    Number,
    /// A number that is a float in the file; digits in the file it has none.
    Float,
    /// Bytes that are no text, in base64.
    Bytes,
    /// True, false, a list or an object.
    Other,
}

/// One value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What is written; empty for nothing.
    pub text: String,
    /// Of what kind it is.
    pub kind: Kind,
}

impl Cell {
    /// Sets the value to `text`.
    pub fn set(&mut self, kind: Kind, text: &str) {
        self.kind = kind;
        self.text.clear();
        self.text.push_str(text);
    }

    /// The value as a name: a text or a number of one line that is not empty.
    ///
    /// # Errors
    /// One clause that says why it is none, to follow the place.
    pub fn name(&self) -> Result<&str, String> {
        match self.kind {
            Kind::Null => Err("is null, a name is needed".into()),
            Kind::Float => Err(format!("is {} as a float, a name is a text or a whole number", self.text)),
            Kind::Bytes => Err("is bytes, a name is a text or a whole number".into()),
            Kind::Other => Err(format!("is {}, a name is a text or a number", self.text)),
            Kind::Text | Kind::Number if self.text.is_empty() => Err("is empty, a name is needed".into()),
            Kind::Text | Kind::Number if self.text.contains(['\n', '\r']) => Err("holds a line break".into()),
            Kind::Text | Kind::Number => Ok(&self.text),
        }
    }
}

/// The values of `columns` in the JSON object `line`.
///
/// # Errors
/// One clause that says what is wrong, to follow the place.
pub fn json(line: &str, columns: &[&str], cells: &mut [Cell]) -> Result<(), String> {
    let record: BTreeMap<String, &RawValue> = serde_json::from_str(line).map_err(|e| malformed(line, &e))?;
    for (cell, column) in cells.iter_mut().zip(columns) {
        let raw =
            record.get(*column).ok_or_else(|| missing(column, record.keys().map(String::as_str)))?.get();
        match raw.as_bytes().first() {
            Some(b'"') => {
                cell.kind = Kind::Text;
                cell.text = serde_json::from_str(raw).map_err(|e| malformed(line, &e))?;
            }
            Some(b'n') => cell.set(Kind::Null, ""),
            Some(b'-' | b'0'..=b'9') => cell.set(Kind::Number, raw),
            _ => cell.set(Kind::Other, raw),
        }
    }
    Ok(())
}

/// Why `text` is not the JSON that was expected, without the line that a parser counts.
pub fn malformed(text: &str, error: &serde_json::Error) -> String {
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or(&what);
    match text.trim_start().chars().next() {
        Some('{') => format!("is not JSON: {what} (column {})", error.column()),
        _ => "is not a JSON object".into(),
    }
}

/// That there is no such column, and which there are.
pub fn missing<'n>(column: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.take(12).map(|name| format!("'{name}'")).collect();
    format!("has no column '{column}'; it has {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_digits_and_kinds() {
        let line = r#"{"a": 18446744073709551616, "b": "x\u0041", "c": null, "d": [1], "e": 1.50}"#;
        let mut cells = vec![Cell::default(); 5];
        json(line, &["a", "b", "c", "d", "e"], &mut cells).unwrap();
        let texts: Vec<&str> = cells.iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(texts, ["18446744073709551616", "xA", "", "[1]", "1.50"]);
        assert_eq!((cells[0].name().unwrap(), cells[1].name().unwrap()), ("18446744073709551616", "xA"));
        assert_eq!(cells[2].name().unwrap_err(), "is null, a name is needed");
        assert!(cells[3].name().is_err());
        let mut one = [Cell::default()];
        assert_eq!(json("{\"a\": 1}", &["b"], &mut one).unwrap_err(), "has no column 'b'; it has 'a'");
        assert_eq!(json("[1]", &["b"], &mut one).unwrap_err(), "is not a JSON object");
        assert!(json("{\"a\": ", &["a"], &mut one).unwrap_err().starts_with("is not JSON: EOF"));
    }
}
