//! Storage that can be read at positions.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::SourceError;

/// Bytes that can be read at any position, and again: memory, a file, a caller's own storage.
///
/// With the feature `std` a `std::fs::File` is one on Unix and Windows; the caller opens it. On
/// Windows reading moves the file's cursor.
#[allow(clippy::len_without_is_empty, reason = "nobody asks: rows are compared with the length")]
pub trait ReadAt: Sync {
    /// How many bytes there are.
    ///
    /// # Errors
    /// The storage's own.
    fn len(&self) -> core::result::Result<u64, SourceError>;

    /// Fills `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// The storage's own, and when it ends before `out` is full.
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> core::result::Result<(), SourceError>;
}

impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn len(&self) -> core::result::Result<u64, SourceError> {
        (**self).len()
    }
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> core::result::Result<(), SourceError> {
        (**self).read_exact_at(offset, out)
    }
}

impl<R: ReadAt + ?Sized> ReadAt for Box<R> {
    fn len(&self) -> core::result::Result<u64, SourceError> {
        (**self).len()
    }
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> core::result::Result<(), SourceError> {
        (**self).read_exact_at(offset, out)
    }
}

impl ReadAt for [u8] {
    fn len(&self) -> core::result::Result<u64, SourceError> {
        Ok(<[u8]>::len(self) as u64)
    }
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> core::result::Result<(), SourceError> {
        let start = usize::try_from(offset).ok();
        let bytes = start.and_then(|start| self.get(start..start.checked_add(out.len())?));
        out.copy_from_slice(bytes.ok_or("the bytes end before")?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> core::result::Result<u64, SourceError> {
        ReadAt::len(&self[..])
    }
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> core::result::Result<(), SourceError> {
        self[..].read_exact_at(offset, out)
    }
}

#[cfg(all(feature = "std", any(unix, windows)))]
impl ReadAt for std::fs::File {
    fn len(&self) -> core::result::Result<u64, SourceError> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> core::result::Result<(), SourceError> {
        Ok(std::os::unix::fs::FileExt::read_exact_at(self, out, offset)?)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut offset: u64, mut out: &mut [u8]) -> core::result::Result<(), SourceError> {
        while !out.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(self, out, offset) {
                Ok(0) => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
                Ok(read) => {
                    offset += read as u64;
                    out = &mut out[read..];
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
