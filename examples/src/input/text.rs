//! Text as it lies on disk: UTF-8 with or without a byte order mark, lines that end in LF or CRLF.

use std::io::{BufRead, Read};
use std::path::Path;

use crate::failure::{Failure, Result};

/// Bytes of the longest line that is read; it bounds the memory that one record can take.
const LONGEST: u64 = 256 << 20;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines of a text, one at a time.
pub struct Lines<R> {
    reader: R,
    number: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The lines of what `reader` gives.
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, bytes: Vec::new() }
    }

    /// The next line without its end, and its number from 1; `None` after the last one.
    ///
    /// # Errors
    /// One clause that names the line, to follow the file's name.
    pub fn line(&mut self) -> std::result::Result<Option<(u64, &str)>, String> {
        self.bytes.clear();
        self.number += 1;
        let number = self.number;
        let mut part = (&mut self.reader).take(LONGEST + 1);
        let count = part.read_until(b'\n', &mut self.bytes).map_err(|e| format!("line {number}: {e}"))?;
        if count == 0 {
            return Ok(None);
        }
        if self.bytes.len() as u64 > LONGEST {
            return Err(format!("line {number}: is longer than {} MiB", LONGEST >> 20));
        }
        let mut line = &self.bytes[..];
        if number == 1 {
            encoding(line)?;
            line = line.strip_prefix(MARK).unwrap_or(line);
        }
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some((number, text))),
            Err(e) => Err(format!("line {number}: is not UTF-8 text (byte {})", e.valid_up_to())),
        }
    }

    /// [`line`](Lines::line), but for blank lines: a file of records has none in between.
    ///
    /// # Errors
    /// Those of [`line`](Lines::line).
    pub fn record(&mut self) -> std::result::Result<Option<(u64, &str)>, String> {
        loop {
            match self.line()? {
                None => return Ok(None),
                Some((_, line)) if line.trim().is_empty() => {}
                Some(_) => break,
            }
        }
        // The line is borrowed anew: a loop cannot return what it may also pass over.
        let line = self.bytes.strip_prefix(if self.number == 1 { MARK } else { b"" }).unwrap_or(&self.bytes);
        let text = std::str::from_utf8(line).map_err(|e| format!("line {}: {e}", self.number))?;
        Ok(Some((self.number, text.trim())))
    }
}

/// Refuses what is text of another encoding, or packed.
fn encoding(start: &[u8]) -> std::result::Result<(), String> {
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err("is UTF-16 text, UTF-8 is needed".into()),
        [0x1f, 0x8b, ..] => Err("is packed by gzip; unpack it first".into()),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Err("is packed by zstd; unpack it first".into()),
        _ => Ok(()),
    }
}

/// The bytes of a whole file as text, without a byte order mark.
///
/// # Errors
/// [`Failure::Data`] with the first line that is not UTF-8.
pub fn whole<'b>(path: &Path, bytes: &'b [u8]) -> Result<&'b str> {
    encoding(bytes).map_err(|what| Failure::data(path, what))?;
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(e) => {
            let at = e.valid_up_to();
            let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count();
            Err(Failure::data(path, format!("line {line}: is not UTF-8 text (byte {at})")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u64, String)> {
        let mut lines = Lines::new(bytes);
        let mut found = Vec::new();
        while let Some((number, line)) = lines.line().unwrap() {
            found.push((number, line.to_string()));
        }
        found
    }

    #[test]
    fn lines_lose_mark_and_ends() {
        let expected = [(1, "a b".to_string()), (2, String::new()), (3, "c".to_string())];
        for text in ["a b\n\nc", "\u{feff}a b\r\n\r\nc\r\n", "a b\n\nc\n"] {
            assert_eq!(all(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(all(b"").len(), 0);
        assert!(Lines::new(&b"ok\nb\xffd\n"[..]).line().is_ok());
        let mut bad = Lines::new(&b"ok\nb\xffd\n"[..]);
        bad.line().unwrap();
        assert_eq!(bad.line().unwrap_err(), "line 2: is not UTF-8 text (byte 1)");
        assert!(Lines::new(&b"\xff\xfea\0"[..]).line().unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn records_pass_over_blank_lines() {
        let mut lines = Lines::new("\u{feff}{1}\r\n \n\n{2}\n\n".as_bytes());
        assert_eq!(lines.record().unwrap(), Some((1, "{1}")));
        assert_eq!(lines.record().unwrap(), Some((4, "{2}")));
        assert_eq!(lines.record().unwrap(), None);
    }
}
