//! Rows written once to a file of raw values, to be mapped in place of what cannot be read at random.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::file;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::progress::Reporter;

/// A file of raw values that grows. On Unix it has no name while it is there, so that nothing is left of
/// it however the process ends.
pub struct RowFile<'r> {
    path: PathBuf,
    out: BufWriter<File>,
    rows: u64,
    written: u64,
    reporter: &'r Reporter,
}

impl<'r> RowFile<'r> {
    /// A file in `folder` for `rows` rows; `reporter` hears how many are there.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason.
    pub fn create(folder: &Path, rows: usize, reporter: &'r Reporter) -> Result<Self> {
        let path = folder.join(format!(".rows-{}.partial", std::process::id()));
        let created = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
        let file = created.map_err(|e| Failure::io(folder, "written", &e))?;
        if cfg!(unix) {
            fs::remove_file(&path).map_err(|e| Failure::io(&path, "removed", &e))?;
        }
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { path: folder.to_path_buf(), out, rows: rows as u64, written: 0, reporter })
    }

    /// Adds the bytes of `n` rows.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason, such as a full disk; [`Failure::Cancelled`].
    pub fn push(&mut self, bytes: &[u8], n: usize) -> Result<()> {
        if interrupt::requested() {
            return Err(Failure::stopped());
        }
        self.out.write_all(bytes).map_err(|e| self.failed(&e))?;
        self.written += n as u64;
        self.reporter.share("write rows", self.written, self.rows);
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::io(&self.path, "filled with the rows", error)
    }

    /// The file, mapped.
    ///
    /// # Errors
    /// [`Failure::Data`] with the system's reason.
    pub fn map(mut self) -> Result<Mmap> {
        self.out.flush().map_err(|e| self.failed(&e))?;
        file::mapped(&self.path, self.out.get_ref())
    }
}
