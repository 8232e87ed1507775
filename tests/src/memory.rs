//! An allocator that counts what is held, and refuses what it is told to refuse.
//!
//! A test binary that measures or refuses memory says
//! `#[global_allocator] static ALLOCATOR: Counting = Counting;` in its main.rs.
//!
//! Refusals and [`peak`] are of the calling thread, so tests beside each other do not disturb them;
//! [`peak_of_process`] counts every thread, and holds a lock so that only one is measured at a time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use pauca::Error;

/// Bytes from which on an allocation may be refused. Small allocations of fixed size (boxes, error texts) are
/// outside the promise; inputs are large enough for every allocation that grows with them to be above.
const LARGE: usize = 512;

thread_local! {
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
    /// Large allocations still granted; negative: all.
    static LEFT: Cell<i64> = const { Cell::new(-1) };
    static REFUSED: Cell<u64> = const { Cell::new(0) };
    /// Whether only one is refused, or all that follow too.
    static ONCE: Cell<bool> = const { Cell::new(false) };
}

static ALL_HELD: AtomicI64 = AtomicI64::new(0);
static ALL_PEAK: AtomicI64 = AtomicI64::new(0);

/// The allocator.
pub struct Counting;

fn grow(bytes: i64) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
    ALL_PEAK.fetch_max(ALL_HELD.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

fn refuse(size: usize) -> bool {
    if size < LARGE {
        return false;
    }
    let decide = |left: &Cell<i64>| match left.get() {
        ..0 => false,
        0 => {
            REFUSED.set(REFUSED.get() + 1);
            if ONCE.get() {
                left.set(-1);
            }
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

/// What `f` returns, and the most bytes that this thread held during it beyond those before.
pub fn peak<T>(f: impl FnOnce() -> T) -> (T, i64) {
    let before = HELD.get();
    PEAK.set(before);
    let result = f();
    (result, PEAK.get() - before)
}

/// What `f` returns, and the most bytes that all threads held during it beyond those before and those of the result.
///
/// Other tests of the binary disturb the number: they run one at a time ([`alone`]).
pub fn peak_of_process<T>(f: impl FnOnce() -> T) -> (T, i64) {
    let before = ALL_HELD.load(Relaxed);
    ALL_PEAK.store(before, Relaxed);
    let result = f();
    let held = ALL_HELD.load(Relaxed).max(before);
    (result, ALL_PEAK.load(Relaxed) - held)
}

/// The lock of the test that runs by itself.
pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Calls `f` with the `n`-th large allocation of this thread refused, and if not `once` all later ones too: what it
/// returned, and how many were refused.
pub fn refuse_from<T>(n: i64, once: bool, f: impl FnOnce() -> T) -> (T, u64) {
    ONCE.set(once);
    REFUSED.set(0);
    LEFT.set(n);
    let result = f();
    LEFT.set(-1);
    (result, REFUSED.get())
}

/// Most calls of one function with all later allocations refused.
const FOR_GOOD: usize = 24;

/// Calls `f` with the N-th large allocation refused, for N = 0, 1, ... until none is; then for some of these N, at
/// most `FOR_GOOD`, with all later ones refused as well: who fails at once cannot tell the two apart. Every refusal is
/// an `OutOfMemory`, and what is not refused equals what `f` returns with memory. Returns how many large allocations
/// there are.
pub fn refusals<T: PartialEq>(name: &str, f: impl Fn() -> pauca::Result<T>) -> i64 {
    let expected = f().unwrap_or_else(|error| panic!("{name}: {error}"));
    let refused = |n: i64, once: bool| match refuse_from(n, once, &f) {
        (Ok(result), 0) => {
            assert!(result == expected, "{name}");
            false
        }
        (Err(Error::OutOfMemory { bytes }), 1..) => {
            assert!(bytes > 0, "{name}");
            true
        }
        (Err(error), refused) => panic!("{name}: allocation {n}: {error} ({refused} refused)"),
        (Ok(_), _) => panic!("{name}: allocation {n} was refused and nobody noticed"),
    };
    let count = (0..).find(|&n| !refused(n, true)).unwrap_or(0);
    let step = (count as usize).div_ceil(FOR_GOOD).max(1);
    assert!((0..count).step_by(step).all(|n| refused(n, false)), "{name}");
    // Nothing was left behind.
    assert!(f().is_ok_and(|r| r == expected), "{name}");
    count
}

/// [`refusals`] of a call that has many large allocations.
pub fn every_refusal<T: PartialEq>(name: &str, f: impl Fn() -> pauca::Result<T>) {
    let count = refusals(name, f);
    assert!(count > 3, "{name}: only {count} large allocations");
}

/// [`refusals`] of a call that allocates once or twice.
pub fn every_refusal_few<T: PartialEq>(name: &str, f: impl Fn() -> pauca::Result<T>) {
    assert!(refusals(name, f) > 0, "{name} allocates nothing");
}
