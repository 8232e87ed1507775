//! Bytes that the library made: saved states.

use alloc::vec::Vec;
use core::ffi::c_void;

use crate::door::{Door, free};
use crate::status::{pauca_error, pauca_status};

/// Bytes of a saved state: versioned, little-endian, with a checksum; the same on every machine. Shareable, read-only.
pub struct pauca_blob {
    pub(crate) bytes: Vec<u8>,
}

/// How many bytes there are; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_blob_size(blob: *const pauca_blob) -> u64 {
    // SAFETY: the contract of the header.
    unsafe { blob.as_ref() }.map_or(0, |blob| blob.bytes.len() as u64)
}

/// Copies the bytes. out: size bytes, size as pauca_blob_size says. Errors: PAUCA_SHAPE_MISMATCH for another size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_blob_copy(
    blob: *const pauca_blob,
    out: *mut c_void,
    size: u64,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        let blob = door.get("blob", blob)?;
        door.out_exactly("out", out.cast::<u8>(), size, blob.bytes.len())?.write(&blob.bytes);
        Ok(())
    })
}

/// Frees the bytes; NULL is nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pauca_blob_free(blob: *mut pauca_blob) {
    // SAFETY: the contract of the header.
    unsafe { free(blob) }
}
