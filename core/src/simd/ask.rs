//! Asking for memory that will be read soon. A hint: it changes nothing, and does nothing where Rust has no way to give it.

/// Bytes of a line of the cache.
pub(super) const LINE: usize = 64;

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
    if let Some(byte) = bytes.get(line * LINE) {
        ask_at(byte);
    }
}

/// Asks for the line of `byte`, wherever that is.
#[inline(always)]
pub(super) fn ask_at(byte: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 has the instruction, which faults nowhere.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(byte.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = byte;
}
