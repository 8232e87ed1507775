//! A defect on purpose, so that tests see where it ends. Not in a library that is installed.

use crate::context::{pauca_context, within};
use crate::door::Door;
use crate::status::{pauca_error, pauca_status};

/// Panics: in the call (0), in a task on each thread of the context (1).
#[unsafe(no_mangle)]
#[allow(clippy::panic, reason = "what this is for")]
pub unsafe extern "C" fn pauca_test_panic(
    place: i32,
    context: *const pauca_context,
    error: *mut pauca_error,
) -> pauca_status {
    // SAFETY: the contract of the header.
    unsafe { Door::open(error) }.run(|door| {
        within(door.get_or_null("context", context)?, |call| {
            if place == 0 {
                panic!("on purpose");
            }
            let mut tasks = [0u8; 64];
            call.cx.exec.for_each(&mut tasks, |_| panic!("on purpose"));
            Ok(())
        })
    })
}
