//! On which threads a call runs.

use pauca::{Context, Control, Exec};

/// Everything on the calling thread.
pub fn serial() -> Context<'static> {
    Context::new(Exec::serial(), Control::new())
}

/// On a pool of `n` threads.
pub fn threads(n: usize) -> Context<'static> {
    Context::new(Exec::threads(n).unwrap(), Control::new())
}
