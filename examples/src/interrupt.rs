//! Ctrl-C: the first press asks the library to stop, the second ends the process at once.
//!
//! SIGTERM and SIGHUP count as a press, so that a job system that ends the program leaves a
//! state to continue from.

use std::sync::atomic::{AtomicUsize, Ordering};

static PRESSES: AtomicUsize = AtomicUsize::new(0);

/// Installs the handler; a process that has one already keeps it.
pub fn install() {
    // Refused only when a handler exists, and then there is nothing to do.
    let _ = ctrlc::set_handler(|| {
        if PRESSES.fetch_add(1, Ordering::SeqCst) > 0 {
            std::process::exit(130);
        }
    });
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    PRESSES.load(Ordering::SeqCst) > 0
}
