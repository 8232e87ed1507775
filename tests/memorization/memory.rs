//! Memory in use: what a scan asks for does not depend on the vocabulary.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use pauca::memorization::{LogitScan, LogitSpread};
use pauca::{Context, Control, Exec};

thread_local! {
    /// Bytes in use by this thread since it last asked, and the most.
    static IN_USE: Cell<i64> = const { Cell::new(0) };
    static MOST: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: i64) {
    let _ = IN_USE.try_with(|used| {
        used.set(used.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(used.get())));
    });
}

// SAFETY: every call goes to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's obligations are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller's obligations are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        count(new as i64 - layout.size() as i64);
        // SAFETY: the caller's obligations are passed on.
        unsafe { System.realloc(pointer, layout, new) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that both passes over `v` ids have in use beyond the tile.
fn most_bytes(t: usize, v: usize, width: usize) -> i64 {
    let cx = Context::new(Exec::serial(), Control::new());
    let tile = vec![0.25f32; t * width];
    let targets: Vec<u32> = (0..t as u32).collect();
    let before = IN_USE.get();
    MOST.set(before);
    let mut scan = LogitScan::new(&targets, v).unwrap();
    for first in (0..v).step_by(width) {
        scan.push_in(first, (&tile[..], t, width), &cx).unwrap();
    }
    let scores = scan.finish().unwrap();
    let mut second = LogitSpread::new(&scores).unwrap();
    for first in (0..v).step_by(width) {
        second.push_in(first, (&tile[..], t, width), &cx).unwrap();
    }
    second.finish().unwrap();
    MOST.get() - before
}

#[test]
fn memory_does_not_depend_on_the_vocabulary() {
    let small = most_bytes(200, 1_000, 500);
    let large = most_bytes(200, 50_000, 500);
    assert_eq!(small, large);
    // First pass 84 bytes a token, scores 44, second pass 2 x 144 and its results.
    assert!(large < 700 * 200, "{large} bytes for 200 tokens");
    println!("{} bytes a token for 1,000 and for 50,000 ids", large / 200);
}
