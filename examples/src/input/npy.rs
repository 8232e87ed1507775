//! The NumPy `.npy` format: its header, read and written.
//!
//! A file is the magic `\x93NUMPY`, two version bytes, the header's length (u16 in version 1,
//! u32 later), a Python dict such as `{'descr': '<f2', 'fortran_order': False, 'shape': (3, 4), }`,
//! then the values. *Source*: numpy.lib.format.

use std::io::{self, Write};

/// First bytes of every `.npy` file.
pub const MAGIC: &[u8; 6] = b"\x93NUMPY";

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
        let text = bytes.get(text_start..data_start).ok_or_else(cut)?;
        let text = std::str::from_utf8(text).map_err(|_| "has a header that is not text".to_string())?;
        let descr = value(text, "descr")?;
        if descr.starts_with('[') {
            return Err(format!("holds records ({}), an array of floats is needed", clip(descr)));
        }
        Ok(Self {
            descr: descr.split(['\'', '"']).nth(1).ok_or("has a header without a type")?.to_string(),
            fortran_order: value(text, "fortran_order")?.starts_with("True"),
            shape: shape(value(text, "shape")?)?,
            data_start,
        })
    }
}

/// The text that follows a key of the header's dict.
fn value<'t>(text: &'t str, key: &str) -> Result<&'t str, String> {
    ["'", "\""]
        .iter()
        .find_map(|quote| text.split_once(&format!("{quote}{key}{quote}:")))
        .map(|(_, rest)| rest.trim_start())
        .ok_or_else(|| format!("has a header without '{key}'"))
}

fn shape(text: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("has a header whose shape cannot be read: {}", clip(text));
    let inner = text.strip_prefix('(').and_then(|t| t.split_once(')')).ok_or_else(wrong)?.0;
    inner
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| item.trim_end_matches('L').parse().map_err(|_| wrong()))
        .collect()
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
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}", sizes.join(", "));
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
