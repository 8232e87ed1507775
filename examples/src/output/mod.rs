//! An output folder whose files appear together or not at all.
//!
//! Every file is written beside its final place under a hidden name, flushed to the disk, and
//! renamed only when all are complete. On any error the hidden files are removed, so that a full
//! disk or a stopped program leaves nothing half-written. `report.json` is renamed last and
//! removed first: a folder that holds it holds a finished run.

pub mod npy;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result};
use crate::input::hex;

/// The file whose presence says that a run is finished.
pub const REPORT: &str = "report.json";
const LOCK: &str = ".lock";

/// Size and digest of a written file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// An output folder, locked for this process.
pub struct OutDir {
    dir: PathBuf,
    created: bool,
    /// Held until the end; its lock tells a second program to keep away.
    lock: File,
    written: BTreeMap<String, Written>,
    /// Whether the saved state in the folder is that of this run.
    state: Cell<bool>,
}

impl OutDir {
    /// Creates `dir` where needed, locks it and proves that it can be written.
    ///
    /// # Errors
    /// [`Failure::Data`] when it cannot be written or another program works in it.
    pub fn open(dir: &Path) -> Result<Self> {
        let created = !dir.exists();
        fs::create_dir_all(dir).map_err(|e| Failure::io(dir, "created", &e))?;
        let path = dir.join(LOCK);
        let lock = File::create(&path).map_err(|e| Failure::io(dir, "written", &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Failure::data(dir, "another program is writing there"));
            }
            // A file system without locks: go on without.
            Err(fs::TryLockError::Error(_)) => {}
        }
        let out =
            Self { dir: dir.to_path_buf(), created, lock, written: BTreeMap::new(), state: Cell::new(false) };
        out.remove_partial();
        Ok(out)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Notes that the saved state in the folder is that of this run.
    pub fn adopt_state(&self) {
        self.state.set(true);
    }

    /// Whether the saved state in the folder is that of this run: saved by it, or what it went on from.
    pub fn holds_state(&self) -> bool {
        self.state.get()
    }

    /// Everything completed so far, by name.
    pub fn written(&self) -> &BTreeMap<String, Written> {
        &self.written
    }

    /// Writes the file `name` through `write`, under its hidden name for now.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason, such as a full disk.
    pub fn write(&mut self, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let hidden = self.hidden(name);
        let written = write_synced(&hidden, write).map_err(|e| {
            let _ = fs::remove_file(&hidden);
            Failure::io(&self.dir.join(name), "written", &e)
        })?;
        self.written.insert(name.to_string(), written);
        Ok(())
    }

    /// Writes the text `name`.
    ///
    /// # Errors
    /// The errors of [`write`](OutDir::write).
    pub fn text(&mut self, name: &str, text: &str) -> Result<()> {
        self.write(name, |w| w.write_all(text.as_bytes()))
    }

    /// What an earlier run left in the folder, by its report; null where a report is not of these programs.
    pub fn earlier(&self) -> Option<Value> {
        let bytes = fs::read(self.dir.join(REPORT)).ok()?;
        let report: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        Some(if report["configuration"].is_object() { report } else { Value::Null })
    }

    /// Where the file `name` lies between [`write`](OutDir::write) and [`commit`](OutDir::commit):
    /// to read back what was written.
    pub fn pending(&self, name: &str) -> PathBuf {
        self.hidden(name)
    }

    /// Puts the complete file `name` in place at once: for checkpoints.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason; an earlier file of that name is untouched.
    pub fn replace(&self, name: &str, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let hidden = self.hidden(name);
        let place = self.dir.join(name);
        write_synced(&hidden, write).and_then(|_| fs::rename(&hidden, &place)).map_err(|e| {
            let _ = fs::remove_file(&hidden);
            Failure::io(&place, "written", &e)
        })?;
        self.sync();
        Ok(())
    }

    /// Removes the file `name` if it is there.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason.
    pub fn remove(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.dir.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(Failure::io(&self.dir.join(name), "removed", &e))
            }
            _ => Ok(()),
        }
    }

    /// Puts all written files in place, after removing those of `stale` that were not written
    /// again; [`REPORT`] goes first and comes last.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason.
    pub fn commit(&mut self, stale: &[&str]) -> Result<()> {
        self.remove(REPORT)?;
        for name in stale.iter().filter(|name| !self.written.contains_key(**name)) {
            self.remove(name)?;
        }
        let (last, first): (Vec<_>, Vec<_>) = self.written.keys().partition(|name| *name == REPORT);
        for name in first.into_iter().chain(last) {
            let place = self.dir.join(name);
            fs::rename(self.hidden(name), &place).map_err(|e| Failure::io(&place, "written", &e))?;
        }
        self.sync();
        Ok(())
    }

    fn hidden(&self, name: &str) -> PathBuf {
        self.dir.join(format!(".{name}.partial"))
    }

    /// Makes the renames durable where folders can be flushed.
    fn sync(&self) {
        if let Ok(dir) = File::open(&self.dir) {
            let _ = dir.sync_all();
        }
    }

    fn remove_partial(&self) {
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(".partial") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        self.remove_partial();
        let _ = fs::remove_file(self.dir.join(LOCK));
        let _ = self.lock.unlock();
        if self.created {
            // Only an empty folder goes: one that this program made for nothing.
            let _ = fs::remove_dir(&self.dir);
        }
    }
}

fn write_synced(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Written> {
    let mut out = BufWriter::with_capacity(
        1 << 18,
        Hashing { file: File::create(path)?, hash: Sha256::new(), bytes: 0 },
    );
    write(&mut out)?;
    let hashing = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    hashing.file.sync_all()?;
    Ok(Written { bytes: hashing.bytes, sha256: hex(&hashing.hash.finalize()) })
}

struct Hashing {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn out_dir_dropped_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        let mut out = OutDir::open(&dir).unwrap();
        out.write("x", |w| w.write_all(b"1")).unwrap();
        assert!(out.write("y", |w| w.write_all(b"1").and(Err(io::Error::other("full")))).is_err());
        assert!(OutDir::open(&dir).is_err(), "locked");
        drop(out);
        assert!(!dir.exists());
    }

    #[test]
    fn out_dir_commit_replaces_an_older_run() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("old.npy"), b"old").unwrap();
        let mut out = OutDir::open(root.path()).unwrap();
        out.write("x", |w| w.write_all(b"abc")).unwrap();
        out.write(REPORT, |w| w.write_all(b"{}")).unwrap();
        assert_eq!(
            out.written()["x"].sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        out.commit(&["old.npy"]).unwrap();
        drop(out);
        assert_eq!(names(root.path()), [REPORT, "x"]);
    }
}
