//! The one place that opens what a program reads, also what is named inside a file.
//!
//! A path is looked at before it is opened: a pipe or a device would block, or never end. Every file
//! opened here is remembered, so that a run can refuse to write over it ([`written_over`]).

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read, Seek, Take};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use super::hex;
use crate::failure::{Failure, Result};

/// How the pointer begins that Git LFS leaves in place of a large file.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Most bytes of a document that describes other files.
pub const DOCUMENT: u64 = 256 << 20;

/// What this process has opened to read.
static READ: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Opens a regular file and remembers that it is read.
///
/// # Errors
/// [`Failure::Data`] for what is no regular file, and with the system's reason.
pub fn open(path: &Path) -> Result<File> {
    let opened = |e: io::Error| Failure::io(path, "opened", &e);
    regular(path, &fs::metadata(path).map_err(opened)?)?;
    let mut file = File::open(path).map_err(opened)?;
    regular(path, &file.metadata().map_err(|e| Failure::io(path, "read", &e))?)?;
    let mut start = [0; POINTER.len()];
    if file.read_exact(&mut start).is_ok() && start == POINTER {
        let what = "is a pointer of Git LFS, not the file itself: git lfs pull fetches it";
        return Err(Failure::data(path, what));
    }
    file.rewind().map_err(|e| Failure::io(path, "read", &e))?;
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if !read.iter().any(|known| known == path) {
        read.push(path.to_path_buf());
    }
    Ok(file)
}

fn regular(path: &Path, found: &Metadata) -> Result<()> {
    if found.is_dir() {
        return Err(Failure::data(path, "is a folder, one file is needed"));
    }
    if !found.is_file() {
        return Err(Failure::data(path, "is not a regular file"));
    }
    Ok(())
}

/// Opens a regular file to be read from its beginning to the end that it has now.
///
/// # Errors
/// Those of [`open`].
pub fn stream(path: &Path) -> Result<BufReader<Take<File>>> {
    let file = open(path)?;
    let length = size(path, &file)?;
    Ok(BufReader::with_capacity(1 << 16, file.take(length)))
}

/// A whole file of at most `most` bytes.
///
/// # Errors
/// Those of [`open`]; [`Failure::Data`] when it is empty, larger, or does not fit into memory.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = open(path)?;
    let length = size(path, &file)?;
    if length == 0 {
        return Err(Failure::data(path, "is empty (0 bytes)"));
    }
    if length > most {
        let what = format!("has {length} bytes; a file of this kind has at most {most}");
        return Err(Failure::data(path, what));
    }
    let mut bytes = Vec::new();
    let reserved = usize::try_from(length).ok().and_then(|n| bytes.try_reserve_exact(n).ok());
    reserved.ok_or_else(|| Failure::data(path, format!("has {length} bytes, more than memory holds")))?;
    file.take(length).read_to_end(&mut bytes).map_err(|e| Failure::io(path, "read", &e))?;
    Ok(bytes)
}

/// Maps a whole file for reading.
///
/// # Errors
/// Those of [`open`]; [`Failure::Data`] when it is empty.
pub fn map(path: &Path) -> Result<Mmap> {
    let file = open(path)?;
    if size(path, &file)? == 0 {
        return Err(Failure::data(path, "is empty (0 bytes)"));
    }
    mapped(path, &file)
}

/// Maps an open file for reading; `path` is its name in a refusal.
///
/// # Errors
/// [`Failure::Data`] with the system's reason.
#[allow(unsafe_code, reason = "the one memory map")]
pub fn mapped(path: &Path, file: &File) -> Result<Mmap> {
    // SAFETY: the map is read-only and private to this process; its contract is that nobody
    // shortens or rewrites the file while the program runs, which no program can enforce and
    // which --help states.
    let map = unsafe { Mmap::map(file) };
    map.map_err(|e| Failure::io(path, "memory-mapped", &e))
}

/// SHA-256 of a whole file in hexadecimal, read once.
///
/// # Errors
/// Those of [`open`].
pub fn digest(path: &Path) -> Result<String> {
    let mut file = stream(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => hash.update(&buffer[..count]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Failure::io(path, "read", &e)),
        }
    }
}

fn size(path: &Path, file: &File) -> Result<u64> {
    file.metadata().map(|found| found.len()).map_err(|e| Failure::io(path, "read", &e))
}

/// The path under which this process has read the file that `place` names, if it has: by the identity
/// of the file, not by its name.
pub fn written_over(place: &Path) -> Option<PathBuf> {
    let read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    read.iter().find(|read| same(read, place)).cloned()
}

/// Whether two paths name one file that is there.
pub fn same(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        let identity = |path: &Path| fs::metadata(path).ok().map(|found| identity(&found));
        identity(a).is_some_and(|a| identity(b) == Some(a))
    }
    #[cfg(not(unix))]
    {
        fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
    }
}

/// What tells a file or folder from all others: its device and its number there.
#[cfg(unix)]
pub fn identity(found: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_identity_and_kind() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        fs::write(place("a"), "text").unwrap();
        fs::write(place("b"), "text").unwrap();
        assert_eq!(read(&place("a"), 4).unwrap(), b"text");
        assert!(read(&place("b"), 3).unwrap_err().to_string().ends_with("has at most 3"));
        assert!(open(dir.path()).unwrap_err().to_string().ends_with("is a folder, one file is needed"));
        #[cfg(unix)]
        {
            fs::hard_link(place("a"), place("link")).unwrap();
            assert_eq!(written_over(&place("link")), Some(place("a")));
            assert_eq!(written_over(&place("absent")), None);
            let text = open(Path::new("/dev/null")).unwrap_err().to_string();
            assert!(text.ends_with("is not a regular file"), "{text}");
        }
        fs::write(place("p"), "version https://git-lfs.github.com/spec/v1\noid sha256:00\n").unwrap();
        assert!(map(&place("p")).unwrap_err().to_string().contains("pointer of Git LFS"));
    }
}
