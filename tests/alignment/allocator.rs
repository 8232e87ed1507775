//! An allocator that counts what each thread holds and can refuse the N-th large request.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
    /// Large allocations still granted; negative: all.
    static LEFT: Cell<i64> = const { Cell::new(-1) };
    static REFUSED: Cell<u64> = const { Cell::new(0) };
}

/// Bytes from which on an allocation counts for refusals.
const LARGE: usize = 1024;

struct Counting;

fn grow(bytes: i64) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

fn refuse(size: usize) -> bool {
    if size < LARGE {
        return false;
    }
    let decide = |left: &Cell<i64>| match left.get() {
        ..0 => false,
        0 => {
            REFUSED.set(REFUSED.get() + 1);
            true
        }
        n => {
            left.set(n - 1);
            false
        }
    };
    LEFT.try_with(decide).unwrap_or(false)
}

// SAFETY: every call goes to the system allocator unchanged, or returns null, as GlobalAlloc allows.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if refuse(layout.size()) {
            return std::ptr::null_mut();
        }
        grow(layout.size() as i64);
        // SAFETY: the caller's obligations are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        grow(-(layout.size() as i64));
        // SAFETY: the caller's obligations are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        if new > layout.size() && refuse(new) {
            return std::ptr::null_mut();
        }
        grow(new as i64 - layout.size() as i64);
        // SAFETY: the caller's obligations are passed on.
        unsafe { System.realloc(pointer, layout, new) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `f` returns, and the most bytes that this thread held during it beyond those before.
pub fn peak<T>(f: impl FnOnce() -> T) -> (T, i64) {
    let before = HELD.get();
    PEAK.set(before);
    let result = f();
    (result, PEAK.get() - before)
}

/// Calls `f` with the N-th large allocation and all later ones refused, for N = 0, 1, ... until none
/// is; every refusal must be an `OutOfMemory`. Returns how many there were.
pub fn every_refusal<T>(name: &str, f: impl Fn() -> pauca::Result<T>) -> u64 {
    let mut n = 0;
    loop {
        REFUSED.set(0);
        LEFT.set(n);
        let result = f();
        LEFT.set(-1);
        match (REFUSED.get(), result) {
            (0, Ok(_)) => return n as u64,
            (1.., Err(pauca::Error::OutOfMemory { bytes })) => assert!(bytes > 0, "{name}"),
            (refused, Err(error)) => panic!("{name}: allocation {n}: {error} ({refused} refused)"),
            (_, Ok(_)) => panic!("{name}: allocation {n} was refused and nobody noticed"),
        }
        n += 1;
    }
}
