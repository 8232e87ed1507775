//! Asking for memory that will be read soon. A hint: it changes nothing, and does nothing where Rust has no way to give it.

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Lines that are asked for at once: more would push out what is read now, and the machine itself goes on from there.
const MOST: usize = 64;

/// Asks for `bytes`, or for the first of many.
#[inline]
pub(crate) fn ask_for(bytes: &[u8]) {
    (0..bytes.len().div_ceil(LINE).min(MOST)).for_each(|line| ask_for_line(bytes, line));
}

/// Asks for a line of `bytes`, where there are as many.
#[inline(always)]
pub(super) fn ask_for_line(bytes: &[u8], line: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(line * LINE) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the byte is there; every x86-64 has the instruction, which faults nowhere.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, line);
}
