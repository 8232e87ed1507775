//! Without std the host gives memory and ends what panics: three functions that the program which links the library must
//! have. Their declarations for C are in `no-std/pauca_host.h`.

use core::alloc::{GlobalAlloc, Layout};
use core::fmt::Write;
use core::panic::PanicInfo;

unsafe extern "C" {
    /// Memory of `size` bytes, aligned to `align`, or NULL.
    fn pauca_host_alloc(size: usize, align: usize) -> *mut u8;
    /// Takes memory back.
    fn pauca_host_free(memory: *mut u8, size: usize, align: usize);
    /// Hears of a defect of the library, or of memory that was refused where no error can be returned. Must not return.
    fn pauca_host_panic(message: *const u8, length: usize) -> !;
}

struct Host;

// SAFETY: the host promises memory as `malloc` does.
unsafe impl GlobalAlloc for Host {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the host's function.
        unsafe { pauca_host_alloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the host's function, with memory that it gave.
        unsafe { pauca_host_free(memory, layout.size(), layout.align()) }
    }
}

#[global_allocator]
static MEMORY: Host = Host;

/// A text of at most so many bytes.
struct Text {
    bytes: [u8; 256],
    used: usize,
}

impl Write for Text {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        for byte in s.bytes() {
            if let Some(free) = self.bytes.get_mut(self.used) {
                *free = byte;
                self.used += 1;
            }
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut text = Text { bytes: [0; 256], used: 0 };
    let _ = write!(text, "{info}");
    // SAFETY: the host's function, with a text that lives until it returns, which it does not.
    unsafe { pauca_host_panic(text.bytes.as_ptr(), text.used) }
}

/// The tables of the compiled `core` name this function. Nothing unwinds here, so it is never called.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
