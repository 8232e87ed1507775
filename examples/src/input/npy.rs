//! The NumPy `.npy` format: its header, read and written.
//!
//! A file is the magic `\x93NUMPY`, two version bytes, the header's length (u16 in version 1,
//! u32 later), a Python dict such as `{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }`,
//! then the values. *Source*: numpy.lib.format.

use std::io::{self, Write};
use std::path::Path;

/// First bytes of every `.npy` file.
pub const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The longest header that is read. NumPy's own are below 64 kB unless an array has many fields.
const LONGEST: usize = 1 << 20;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// NumPy's type string, such as `<f4`.
    pub descr: String,
    /// Whether the first index runs fastest.
    pub fortran_order: bool,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Where the values begin.
    pub data_start: usize,
}

/// The values and the shape of a file that holds an array in C order, of the type that NumPy calls `descr`.
///
/// # Errors
/// A sentence that names the file and says what is wrong.
pub fn array(path: &Path, descr: &str) -> Result<(Vec<u8>, Vec<usize>), String> {
    let wrong = |what: String| format!("{} {what}", path.display());
    let mut bytes = std::fs::read(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let header = Header::parse(&bytes).map_err(wrong)?;
    if header.descr != descr || header.fortran_order {
        return Err(wrong(format!("is not a C-ordered array of {descr}")));
    }
    Ok((bytes.split_off(header.data_start), header.shape))
}

impl Header {
    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// One clause that says what is wrong, to follow the file's name.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("is empty (0 bytes)".into());
        }
        if !bytes.starts_with(MAGIC) {
            return Err("is not a .npy file: it does not begin with the NumPy magic".into());
        }
        let cut = || format!("is truncated inside its header ({} bytes)", bytes.len());
        let (length_bytes, text_start) = match bytes.get(6).ok_or_else(cut)? {
            1 => (2, 10),
            2 | 3 => (4, 12),
            other => return Err(format!("has .npy version {other}, known are 1 to 3")),
        };
        let mut length = [0u8; 4];
        length[..length_bytes].copy_from_slice(bytes.get(8..text_start).ok_or_else(cut)?);
        let data_start = text_start.saturating_add(u32::from_le_bytes(length) as usize);
        let length = data_start - text_start;
        if length > LONGEST {
            return Err(format!("announces a header of {length} bytes; NumPy writes at most {LONGEST}"));
        }
        let text = bytes.get(text_start..data_start).ok_or_else(cut)?;
        let text = std::str::from_utf8(text).map_err(|_| "has a header that is not text".to_string())?;
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        for (key, value) in
            entries(text).ok_or_else(|| format!("has a header that cannot be read: {}", clip(text)))?
        {
            match key {
                "descr" => descr = Some(value),
                "fortran_order" => fortran_order = Some(value),
                "shape" => shape = Some(value),
                _ => {}
            }
        }
        let without = |key: &str| format!("has a header without '{key}'");
        let descr = descr.ok_or_else(|| without("descr"))?;
        if descr.starts_with('[') {
            return Err(format!("holds records ({}), an array of floats is needed", clip(descr)));
        }
        Ok(Self {
            descr: quoted(descr).ok_or("has a header without a type")?.0.to_string(),
            fortran_order: match fortran_order.ok_or_else(|| without("fortran_order"))? {
                "True" => true,
                "False" => false,
                other => {
                    return Err(format!(
                        "has a header whose order is neither True nor False: {}",
                        clip(other)
                    ));
                }
            },
            shape: sizes(shape.ok_or_else(|| without("shape"))?)?,
            data_start,
        })
    }
}

/// The keys of a Python dict of literals with the texts of their values.
fn entries(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = text.trim().strip_prefix('{')?.trim_start();
    let mut found = Vec::new();
    while !rest.starts_with('}') {
        let (key, after) = quoted(rest)?;
        rest = after.trim_start().strip_prefix(':')?.trim_start();
        let end = value_end(rest)?;
        found.push((key, rest[..end].trim_end()));
        rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]).trim_start();
    }
    (rest == "}").then_some(found)
}

/// The text within the quotation marks at the start, and what follows them.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(mark)
}

/// Where the comma or brace stands that ends the value at the start.
fn value_end(text: &str) -> Option<usize> {
    let (mut depth, mut open) = (0usize, None);
    for (at, c) in text.char_indices() {
        match (open, c) {
            (Some(mark), _) => open = (c != mark).then_some(mark),
            (None, '\'' | '"') => open = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.checked_sub(1)?,
            (None, ',' | '}') if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

fn sizes(text: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("has a header whose shape cannot be read: {}", clip(text));
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).ok_or_else(wrong)?;
    inner
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| item.trim_end_matches('L').parse().map_err(|_| wrong()))
        .collect()
}

/// A shape for a message, as NumPy writes it; only its first sizes where there are many.
pub fn shape_text(shape: &[usize]) -> String {
    const SHOWN: usize = 6;
    let sizes: Vec<String> = shape.iter().take(SHOWN).map(usize::to_string).collect();
    match shape.len() {
        1 => format!("({},)", sizes[0]),
        n if n > SHOWN => format!("({}, ...)", sizes.join(", ")),
        _ => format!("({})", sizes.join(", ")),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Writes a version 1 header for C-ordered values of type `descr`; the values begin at a
/// multiple of 64 bytes.
///
/// # Errors
/// The writer's.
pub fn write_header(out: &mut impl Write, descr: &str, shape: &[usize]) -> io::Result<()> {
    write_any(out, &format!("'{descr}'"), shape)
}

/// [`write_header`] for `n` records, whose type is the Python list `descr`.
///
/// # Errors
/// The writer's.
pub fn write_records(out: &mut impl Write, descr: &str, n: usize) -> io::Result<()> {
    write_any(out, descr, &[n])
}

fn write_any(out: &mut impl Write, descr: &str, shape: &[usize]) -> io::Result<()> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut text =
        format!("{{'descr': {descr}, 'fortran_order': False, 'shape': ({}{comma}), }}", sizes.join(", "));
    while !(10 + text.len() + 1).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&(text.len() as u16).to_le_bytes())?;
    out.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_written_is_read_back() {
        for shape in [vec![], vec![7], vec![3174, 256], vec![0, 4], vec![2, 3, 4]] {
            let mut bytes = Vec::new();
            write_header(&mut bytes, "<f2", &shape).unwrap();
            assert_eq!(bytes.len() % 64, 0);
            let header = Header::parse(&bytes).unwrap();
            assert_eq!(
                header,
                Header { descr: "<f2".into(), fortran_order: false, shape, data_start: bytes.len() }
            );
        }
    }

    #[test]
    fn header_cut_anywhere_is_an_error() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, "<f4", &[2, 2]).unwrap();
        for end in 0..bytes.len() {
            assert!(Header::parse(&bytes[..end]).is_err(), "cut at {end}");
        }
    }

    fn parsed(text: &str) -> Result<Header, String> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        Header::parse(&bytes)
    }

    #[test]
    fn header_is_a_python_literal() {
        for text in [
            "{'descr' : '<f4', 'fortran_order': False, 'shape': (2, 3)}",
            "{ \"shape\":(2,3) , \"fortran_order\" :False,\"descr\":\"<f4\" }  \n",
            "{'shape': (2L, 3L,), 'x': [('a', '}')], 'fortran_order': False, 'descr': '<f4', }",
        ] {
            let header = parsed(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((header.shape, header.descr.as_str()), (vec![2, 3], "<f4"), "{text}");
        }
        for (text, part) in [
            ("{'descr': '<f4', 'fortran_order': False}", "without 'shape'"),
            ("{'descr': '<f4', 'fortran_order': 1, 'shape': (2, 3)}", "neither True nor False"),
            ("{'descr': '<f4'", "cannot be read"),
            ("{'descr': '<f4', 'shape': ((2), 3", "cannot be read"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}", "shape cannot be read"),
        ] {
            assert!(parsed(text).unwrap_err().contains(part), "{text}");
        }
        let many = shape_text(&[1; 100_000]);
        assert_eq!(
            (many.as_str(), shape_text(&[7]), shape_text(&[])),
            ("(1, 1, 1, 1, 1, 1, ...)", "(7,)".into(), "()".into())
        );
    }

    #[test]
    fn header_of_version_2_and_fortran_order() {
        let text = b"{\"descr\": \"<f4\", 'fortran_order': True, 'shape': (2L, 3L)}\n";
        let mut bytes = MAGIC.to_vec();
        bytes.extend([2, 0]);
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text);
        let header = Header::parse(&bytes).unwrap();
        assert!(header.fortran_order);
        assert_eq!((header.shape, header.descr.as_str()), (vec![2, 3], "<f4"));
    }
}
