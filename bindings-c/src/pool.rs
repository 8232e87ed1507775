//! Threads that belong to a context and to a process.
//!
//! A fork copies the memory of a pool and none of its threads: who waits for them waits for ever. So a pool is kept with
//! the number of the process that made it, and a forked child makes its own at its first call. The parent's pool is left
//! alone there: ending it would wait for its threads. No lock is held, because a lock that another thread had at the
//! fork would never be opened.

#[cfg(feature = "std")]
mod threads {
    use alloc::boxed::Box;
    use core::cell::Cell;
    use core::ptr::null_mut;
    use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
    use std::sync::Once;

    use pauca::{Error, Exec};

    struct Pool {
        process: u32,
        exec: Exec<'static>,
    }

    /// A pool that is made when it is first asked for.
    pub(crate) struct Threads {
        count: usize,
        pool: AtomicPtr<Pool>,
    }

    impl Threads {
        /// So many threads; 0 for one on each core.
        pub fn new(count: u32) -> Self {
            let cores = || std::thread::available_parallelism().map_or(1, usize::from);
            let count = if count == 0 { cores() } else { count as usize };
            Self { count, pool: AtomicPtr::new(null_mut()) }
        }

        /// The pool of this process, and whether it was made just now.
        pub fn exec(&self) -> Result<(Exec<'static>, bool), Error> {
            if self.count <= 1 {
                return Ok((Exec::serial(), false));
            }
            let process = std::process::id();
            let found = self.pool.load(Ordering::Acquire);
            // SAFETY: a pool that was put there is freed with `self` only.
            if let Some(pool) = unsafe { found.as_ref() }
                && pool.process == process
            {
                return Ok((pool.exec.clone(), false));
            }
            let new = Box::into_raw(Box::new(Pool { process, exec: Exec::threads(self.count)? }));
            match self.pool.compare_exchange(found, new, Ordering::AcqRel, Ordering::Acquire) {
                // What was found is of another process, or NULL: it is left alone.
                // SAFETY: `new` is valid, see above.
                Ok(_) => Ok((unsafe { (*new).exec.clone() }, true)),
                Err(other) => {
                    // Another thread of this process was faster.
                    // SAFETY: `new` was never shared; `other` was put there by that thread.
                    unsafe {
                        drop(Box::from_raw(new));
                        Ok(((*other).exec.clone(), false))
                    }
                }
            }
        }

        /// How many threads there are, or will be.
        pub fn count(&self) -> usize {
            self.count
        }
    }

    impl Drop for Threads {
        fn drop(&mut self) {
            let pool = *self.pool.get_mut();
            // SAFETY: nobody else has it any more. That of a parent is left alone.
            unsafe {
                if pool.as_ref().is_some_and(|pool| pool.process == std::process::id()) {
                    drop(Box::from_raw(pool));
                }
            }
        }
    }

    static SILENCER: Once = Once::new();
    /// Calls that are being made, by all threads.
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }

    /// Makes a call whose panics print nothing. Panics of threads that make no call, and that are not a pool's (those
    /// have no name), go to the hook that was there before.
    pub(crate) fn quiet<T>(call: impl FnOnce() -> T) -> T {
        SILENCER.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let ours = DEPTH.try_with(|depth| depth.get() > 0).unwrap_or(true);
                let pools = CALLS.load(Ordering::Relaxed) > 0 && std::thread::current().name().is_none();
                if !ours && !pools {
                    before(info);
                }
            }));
        });
        struct Inside;
        impl Drop for Inside {
            fn drop(&mut self) {
                CALLS.fetch_sub(1, Ordering::Relaxed);
                let _ = DEPTH.try_with(|depth| depth.set(depth.get() - 1));
            }
        }
        CALLS.fetch_add(1, Ordering::Relaxed);
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
        let _inside = Inside;
        call()
    }
}

#[cfg(feature = "std")]
pub(crate) use threads::{Threads, quiet};

/// Without std: the calling thread.
#[cfg(not(feature = "std"))]
pub(crate) struct Threads;

#[cfg(not(feature = "std"))]
impl Threads {
    pub fn new(_: u32) -> Self {
        Self
    }

    pub fn exec(&self) -> Result<(pauca::Exec<'static>, bool), pauca::Error> {
        Ok((pauca::Exec::serial(), false))
    }

    pub fn count(&self) -> usize {
        1
    }
}
