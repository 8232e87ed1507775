//! A program without a standard library, an operating system or threads that clusters and
//! deduplicates. It has to link: a library that still asks for `std`, for a libc or for an
//! unwinder does not get this far. `run` gives its result as one number, which a host that can
//! start it compares with that of `tests/host.rs`.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};

mod answer;

const HEAP: usize = 1 << 20;

/// Gives memory out and never takes it back: enough for one run.
struct Bump {
    heap: UnsafeCell<[u64; HEAP / 8]>,
    used: AtomicUsize,
}

// SAFETY: `used` hands every byte of the heap out at most once.
unsafe impl Sync for Bump {}

// SAFETY: blocks are aligned, inside the heap and disjoint, since `used` only grows.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.heap.get() as usize;
        let start = (base + self.used.load(Ordering::Relaxed)).next_multiple_of(layout.align());
        let end = start - base + layout.size();
        if end > HEAP {
            return core::ptr::null_mut();
        }
        self.used.store(end, Ordering::Relaxed);
        start as *mut u8
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static MEMORY: Bump = Bump { heap: UnsafeCell::new([0; HEAP / 8]), used: AtomicUsize::new(0) };

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The result as one number; 0 for an error.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> u64 {
    answer::answer().unwrap_or(0)
}

/// Where a bare machine starts.
#[cfg(target_os = "none")]
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    core::hint::black_box(run());
    loop {}
}
