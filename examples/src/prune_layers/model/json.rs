//! JSON as Python writes it: with the bare words Infinity, -Infinity and NaN, which JSON has not.

use serde_json::Value;

/// What stands before such a word once it is a text; no configuration begins a text so.
const MARK: &str = "\u{1}number ";
const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Reads JSON in which these words may stand.
///
/// # Errors
/// The words of the parser.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut out, mut rest, mut inside) = (String::with_capacity(text.len()), text, false);
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        let word = WORDS.iter().find(|word| !inside && rest.starts_with(**word));
        if let Some(word) = word {
            out += &Value::from(format!("{MARK}{word}")).to_string();
            length = word.len();
        } else {
            if inside && c == '\\' {
                length += rest[1..].chars().next().map_or(0, char::len_utf8);
            }
            inside ^= c == '"';
            out += &rest[..length];
        }
        rest = &rest[length..];
    }
    serde_json::from_str(&out).map_err(|e| e.to_string())
}

/// The text of what [`parse`] read.
pub fn text(value: &Value) -> String {
    let mut text = format!("{value:#}\n");
    for word in WORDS {
        text = text.replace(&Value::from(format!("{MARK}{word}")).to_string(), word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_python_are_kept() {
        let source = r#"{"limit": [0.0, Infinity, -Infinity, NaN], "text": "an \"Infinity", "eps": 1e-05}"#;
        let mut value = parse(source.as_bytes()).unwrap();
        assert_eq!(value["text"], "an \"Infinity");
        value["layers"] = 3.into();
        let back = text(&value);
        let plain: String = back.split_whitespace().collect();
        assert_eq!(
            plain,
            r#"{"limit":[0.0,Infinity,-Infinity,NaN],"text":"an\"Infinity","eps":0.00001,"layers":3}"#
        );
        assert!(parse(b"{\"a\": Infinite}").is_err() && parse(b"{\"a\": \"\\").is_err());
    }
}
