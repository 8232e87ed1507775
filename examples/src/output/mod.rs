//! An output folder whose files appear together or not at all.
//!
//! Every file is written beside its final place under a hidden name, flushed to the disk, and
//! renamed only when all are complete. On any error the hidden files are removed, so that a full
//! disk or a stopped program leaves nothing half-written. `report.json` is renamed last and
//! removed first: a folder that holds it holds a finished run.

pub mod filtered;
pub mod npy;
#[cfg(feature = "parquet")]
pub mod parquet;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Result};
use crate::input::file::written_over;
use crate::input::hex;

/// The file whose presence says that a run is finished.
pub const REPORT: &str = "report.json";

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
    /// Held until the end, however the process ends; the lock tells a second program to keep away.
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
        let (lock, created) = lock(dir)?;
        let out =
            Self { dir: dir.to_path_buf(), created, lock, written: BTreeMap::new(), state: Cell::new(false) };
        let probe = out.hidden(&std::process::id().to_string());
        let proved = File::create(&probe).and_then(|_| fs::remove_file(&probe));
        proved.map_err(|e| Failure::io(dir, "written", &e))?;
        Ok(out)
    }

    /// Clears the way for the files `names`: what a killed run left of them under hidden names goes.
    ///
    /// # Errors
    /// [`Failure::Usage`] when one of them is a file that this process reads, under whatever name, or no
    /// file at all; nothing is touched then.
    pub fn claim<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<()> {
        let mut left = Vec::new();
        for name in names {
            let (place, hidden) = (self.dir.join(name), self.hidden(name));
            if place.exists() && !place.is_file() {
                return Err(Failure::usage(format!(
                    "{} is no file, and one shall go there",
                    place.display()
                )));
            }
            for file in [place, hidden.clone()] {
                if let Some(read) = written_over(&file) {
                    return Err(Failure::usage(format!(
                        "{} is read by this run, which would replace it{}; another --out keeps it",
                        read.display(),
                        if read == file { String::new() } else { format!(" as {}", file.display()) }
                    )));
                }
            }
            left.push(hidden);
        }
        left.iter().for_each(|file| drop(fs::remove_file(file)));
        Ok(())
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
    pub fn write(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<()> {
        let hidden = self.hidden(name);
        if let Some(folder) = hidden.parent() {
            fs::create_dir_all(folder).map_err(|e| Failure::io(folder, "created", &e))?;
        }
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
    pub fn replace(
        &self,
        name: &str,
        write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> Result<()> {
        place(&self.dir.join(name), write)?;
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

    /// Puts all written files in place, and removes those of `stale` that were not written again;
    /// [`REPORT`] goes first and comes last.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason.
    pub fn commit(&mut self, stale: &[&str]) -> Result<()> {
        self.remove(REPORT)?;
        let (last, first): (Vec<_>, Vec<_>) = self.written.keys().partition(|name| *name == REPORT);
        for name in first.into_iter().chain(last) {
            let place = self.dir.join(name);
            if name == REPORT {
                for name in stale.iter().filter(|name| !self.written.contains_key(**name)) {
                    self.remove(name)?;
                    self.tidy(name);
                }
            }
            fs::rename(self.hidden(name), &place).map_err(|e| Failure::io(&place, "written", &e))?;
        }
        self.sync();
        Ok(())
    }

    fn hidden(&self, name: &str) -> PathBuf {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        self.dir.join(folder).join(format!(".{file}.partial"))
    }

    /// Removes the folders of `name` within this one as far as they are empty.
    fn tidy(&self, name: &str) {
        let mut folder = Path::new(name);
        while let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            let _ = fs::remove_dir(self.dir.join(above));
            folder = above;
        }
    }

    /// Makes the renames durable where folders can be flushed.
    fn sync(&self) {
        if let Ok(dir) = File::open(&self.dir) {
            let _ = dir.sync_all();
        }
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        for name in self.written.keys() {
            let _ = fs::remove_file(self.hidden(name));
            self.tidy(name);
        }
        if self.created {
            // Only an empty folder goes: one that this program made for nothing.
            let _ = fs::remove_dir(&self.dir);
        }
        let _ = self.lock.unlock();
    }
}

/// Creates the folder `dir` where needed and locks it; also says whether it was created.
fn lock(dir: &Path) -> Result<(File, bool)> {
    // A run that made the folder for nothing removes it: then what was locked is no longer what is there.
    for _ in 0..100 {
        let created = !dir.exists();
        fs::create_dir_all(dir).map_err(|e| Failure::io(dir, "created", &e))?;
        let file = match lockable(dir) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(Failure::io(dir, "written", &e)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => break,
            // A file system without locks: go on without.
            Err(fs::TryLockError::Error(_)) => {}
        }
        if still_there(dir, &file) {
            return Ok((file, created));
        }
    }
    Err(Failure::data(dir, "another program is writing there"))
}

/// What is locked: the folder itself, which leaves nothing behind.
#[cfg(unix)]
fn lockable(dir: &Path) -> io::Result<File> {
    File::open(dir)
}

/// What is locked, where a folder cannot be opened: a file that stays, since to remove it would let two in.
#[cfg(not(unix))]
fn lockable(dir: &Path) -> io::Result<File> {
    File::create(dir.join(".lock"))
}

#[cfg(unix)]
fn still_there(dir: &Path, file: &File) -> bool {
    use crate::input::file::identity;
    let [there, locked] = [fs::metadata(dir), file.metadata()].map(|found| found.ok().map(|f| identity(&f)));
    there.is_some() && there == locked
}

#[cfg(not(unix))]
fn still_there(_: &Path, _: &File) -> bool {
    true
}

/// Puts the complete file `place` where it shall be, at once or not at all.
///
/// # Errors
/// [`Failure::Usage`] when it is a file that this process reads; [`Failure::Data`] with the system's reason.
pub fn place(place: &Path, write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>) -> Result<()> {
    if written_over(place).is_some() {
        return Err(Failure::usage(format!(
            "{} is read by this run, which would replace it",
            place.display()
        )));
    }
    let name = place.file_name().ok_or_else(|| Failure::usage(format!("{} is no file", place.display())))?;
    let hidden = place.with_file_name(format!(".{}.partial", name.to_string_lossy()));
    write_synced(&hidden, write).and_then(|_| fs::rename(&hidden, place)).map_err(|e| {
        let _ = fs::remove_file(&hidden);
        Failure::io(place, "written", &e)
    })
}

fn write_synced(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<Written> {
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
    fn out_dir_takes_no_file_that_is_read_and_no_folder() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name);
        fs::write(file("in"), "input").unwrap();
        crate::input::file::open(&file("in")).unwrap();
        fs::hard_link(file("in"), file("x")).unwrap();
        fs::create_dir(file("folder")).unwrap();
        fs::write(file(".y.partial"), "left by a killed run").unwrap();
        fs::write(file(".mine.partial"), "of somebody else").unwrap();
        let out = OutDir::open(root.path()).unwrap();
        let refused = |name: &str| out.claim(["y", name].into_iter()).unwrap_err().to_string();
        assert!(refused("in").contains("is read by this run"), "{}", refused("in"));
        assert!(refused("x").ends_with("x; another --out keeps it"), "{}", refused("x"));
        assert!(refused("folder").contains("is no file"));
        assert!(file(".y.partial").exists(), "a refused run changes nothing");
        out.claim(["y", "z"].into_iter()).unwrap();
        drop(out);
        assert_eq!(names(root.path()), [".mine.partial", "folder", "in", "x"]);
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
