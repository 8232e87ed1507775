//! A stopped run on disk: `checkpoint.bin`.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `PAUCACKP` |
//! | 4 | format version, u32 little-endian |
//! | 8 + a | length and text of the configuration (JSON), the input's identity within |
//! | 8 + b | length and bytes of the library's own state |
//! | 32 | SHA-256 of everything before |
//!
//! The configuration holds what decides the result and nothing else: a run may be continued with
//! other threads, blocks or SIMD level, and ends in the same bytes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result};
use crate::output::OutDir;

/// Name of the file in the output folder.
pub const NAME: &str = "checkpoint.bin";
const MAGIC: &[u8; 8] = b"PAUCACKP";
const VERSION: u32 = 1;

/// Writes the state of a run with `configuration` into `out`, at once or not at all.
///
/// # Errors
/// [`Failure::Data`] with the system's reason.
pub fn save(out: &OutDir, configuration: &Value, state: &[u8]) -> Result<()> {
    out.replace(NAME, |file| {
        let mut file = Hashing(file, Sha256::new());
        let text = configuration.to_string();
        file.write_all(MAGIC)?;
        file.write_all(&VERSION.to_le_bytes())?;
        for part in [text.as_bytes(), state] {
            file.write_all(&(part.len() as u64).to_le_bytes())?;
            file.write_all(part)?;
        }
        let digest = file.1.finalize();
        file.0.write_all(&digest)
    })?;
    out.adopt_state();
    Ok(())
}

struct Hashing<'w>(&'w mut dyn Write, Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.0.write(buffer)?;
        self.1.update(&buffer[..count]);
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The library's state saved in `dir`, if there is one; it must be of a run with
/// `configuration`.
///
/// # Errors
/// [`Failure::Data`] when the file is damaged; [`Failure::Usage`] when it is of another run,
/// with the first setting that differs.
pub fn load(dir: &Path, configuration: &Value) -> Result<Option<Vec<u8>>> {
    let path = dir.join(NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Failure::io(&path, "read", &e)),
    };
    let damaged = || {
        Failure::data(
            &path,
            format!("is not a usable checkpoint ({} bytes, damaged or of another program)", bytes.len()),
        )
    };
    let (body, digest) = bytes.split_at_checked(bytes.len().wrapping_sub(32)).ok_or_else(damaged)?;
    let rest = body.strip_prefix(MAGIC).ok_or_else(damaged)?;
    if Sha256::digest(body)[..] != *digest {
        return Err(damaged());
    }
    let (version, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
    if u32::from_le_bytes(*version) != VERSION {
        return Err(Failure::data(
            &path,
            format!("has checkpoint version {}, this program reads {VERSION}", u32::from_le_bytes(*version)),
        ));
    }
    let (text, rest) = part(rest).ok_or_else(damaged)?;
    let (state, _) = part(rest).ok_or_else(damaged)?;
    let saved: Value = serde_json::from_slice(text).map_err(|_| damaged())?;
    match difference(&saved, configuration) {
        None => Ok(Some(state.to_vec())),
        Some(what) => Err(Failure::usage(format!(
            "{} is of another run: {what}; give the same flags and data to --resume, or --overwrite to start anew",
            path.display()
        ))),
    }
}

/// Whether `out` holds the state of a stopped run, of this program or another.
pub fn is_in(out: &OutDir) -> bool {
    let mut start = [0; MAGIC.len()];
    File::open(out.path().join(NAME)).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == *MAGIC
}

/// What to say when the program stops and its state is in `out`.
pub fn kept(out: &OutDir) -> Failure {
    let quoted =
        std::env::args().map(|arg| quote(&arg)).filter(|arg| arg != "--resume" && arg != "--overwrite");
    let command: Vec<String> = quoted.collect();
    Failure::Cancelled(format!(
        "stopped; the state is in {}; to continue: {} --resume",
        out.path().join(NAME).display(),
        command.join(" ")
    ))
}

/// An argument as a shell takes it.
fn quote(arg: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=+:,@%".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_string()
    } else {
        format!("'{}'", arg.replace('\'', "'\\''"))
    }
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// The first setting in which two configurations differ, as "`a.b` is 1 there and 2 here".
pub fn difference(there: &Value, here: &Value) -> Option<String> {
    fn walk(name: &str, there: &Value, here: &Value) -> Option<String> {
        match (there, here) {
            (Value::Object(a), Value::Object(b)) => {
                let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
                keys.into_iter().find_map(|key| {
                    let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    walk(&name, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null))
                })
            }
            _ if there == here => None,
            _ => Some(format!("{name} is {there} there and {here} here")),
        }
    }
    walk("", there, here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn checkpoint_round_trip_and_refusals() {
        let root = tempfile::tempdir().unwrap();
        let out = OutDir::open(root.path()).unwrap();
        let configuration = json!({"method": "d4", "input": {"sha256": "ab"}});
        assert_eq!(load(root.path(), &configuration).unwrap(), None);
        save(&out, &configuration, b"state").unwrap();
        assert_eq!(load(root.path(), &configuration).unwrap().unwrap(), b"state");
        let other = json!({"method": "d4", "input": {"sha256": "cd"}});
        let error = load(root.path(), &other).unwrap_err().to_string();
        assert!(error.contains("input.sha256 is \"ab\" there and \"cd\" here"), "{error}");
        let path = root.path().join(NAME);
        let whole = std::fs::read(&path).unwrap();
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            assert!(matches!(load(root.path(), &configuration), Err(Failure::Data(_))), "cut at {end}");
        }
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            assert!(load(root.path(), &configuration).is_err(), "changed at {place}");
        }
    }
}
