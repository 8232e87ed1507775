//! Where work runs: on the calling thread, in a rayon pool, or in the caller's own executor.
//!
//! Algorithms split their work into tasks that write disjoint outputs and whose arithmetic does
//! not depend on the split, so the choice here never changes a bit of a result.

use alloc::vec::Vec;

#[cfg(feature = "rayon")]
use crate::error::Error;
use crate::error::Result;

/// A pool of the caller's own: OpenMP, a work-stealing runtime, a game engine's jobs.
#[cfg(feature = "std")]
pub trait Executor: Sync {
    /// How many tasks can run at once; used only to size waves of work.
    fn width(&self) -> usize;

    /// Calls `task(i)` once for every `i < tasks`, in any order and on any threads, and returns
    /// when all calls have returned. The library makes one such call at a time.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

/// Where a call runs.
///
/// # Example
/// ```
/// use pauca::Exec;
/// assert_eq!(Exec::serial().width(), 1);
/// ```
#[derive(Clone, Default)]
pub struct Exec<'a>(Kind<'a>);

#[derive(Clone, Default)]
enum Kind<'a> {
    #[cfg_attr(not(feature = "rayon"), default)]
    Serial,
    #[cfg(feature = "rayon")]
    #[default]
    CurrentPool,
    #[cfg(feature = "rayon")]
    Private(alloc::sync::Arc<rayon::ThreadPool>),
    #[cfg(feature = "std")]
    Custom(&'a dyn Executor),
    // Keeps the lifetime when no feature uses it.
    #[allow(dead_code, reason = "never built: it only carries the lifetime without std")]
    Never(core::convert::Infallible, core::marker::PhantomData<&'a ()>),
}

/// More threads than this are never started, whatever is asked.
#[cfg(feature = "rayon")]
const MAX_THREADS: usize = 256;

impl<'a> Exec<'a> {
    /// Everything on the calling thread.
    pub fn serial() -> Self {
        Self(Kind::Serial)
    }

    /// The rayon pool that the caller is in, else rayon's global one. The default.
    #[cfg(feature = "rayon")]
    pub fn rayon() -> Self {
        Self(Kind::CurrentPool)
    }

    /// A private pool of `n` threads (at most 256), ended when the last clone is dropped. One thread is the
    /// calling one: no pool is made.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) when `n` is 0 or the system refuses
    /// the threads.
    #[cfg(feature = "rayon")]
    pub fn threads(n: usize) -> Result<Self> {
        let refused = |expected| Error::InvalidParameter { name: "threads", value: n as f64, expected };
        match n {
            0 => return Err(refused("at least 1")),
            1 => return Ok(Self::serial()),
            _ => {}
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n.min(MAX_THREADS))
            .build()
            .map_err(|_| refused("as many as the system can start"))?;
        Ok(Self(Kind::Private(alloc::sync::Arc::new(pool))))
    }

    /// The caller's own pool.
    #[cfg(feature = "std")]
    pub fn custom(executor: &'a dyn Executor) -> Self {
        Self(Kind::Custom(executor))
    }

    /// How many tasks run at once.
    pub fn width(&self) -> usize {
        match &self.0 {
            Kind::Serial => 1,
            #[cfg(feature = "rayon")]
            Kind::CurrentPool => rayon::current_num_threads(),
            #[cfg(feature = "rayon")]
            Kind::Private(pool) => pool.current_num_threads(),
            #[cfg(feature = "std")]
            Kind::Custom(executor) => executor.width().max(1),
            Kind::Never(never, _) => match *never {},
        }
    }

    /// Calls `f` on every item, each as one task, and returns when all calls have returned.
    pub fn for_each<T: Send>(&self, items: &mut [T], f: impl Fn(&mut T) + Sync + Send) {
        if matches!(self.0, Kind::Serial) || items.len() < 2 {
            return items.iter_mut().for_each(f);
        }
        let f = &f;
        let mut tasks = Vec::new();
        if tasks.try_reserve_exact(items.len()).is_err() {
            return items.iter_mut().for_each(f);
        }
        tasks.extend(items.iter_mut().map(|item| move || f(item)));
        let mut erased: Vec<&mut Task<'_>> = Vec::new();
        if erased.try_reserve_exact(tasks.len()).is_err() {
            return tasks.iter_mut().for_each(|task| task());
        }
        erased.extend(tasks.iter_mut().map(|task| task as &mut Task<'_>));
        self.run(&mut erased);
    }

    /// Runs every task once. Not generic: a pool is compiled once, not for each kind of work.
    fn run(&self, tasks: &mut [&mut Task<'_>]) {
        match &self.0 {
            Kind::Serial => tasks.iter_mut().for_each(|task| task()),
            #[cfg(feature = "rayon")]
            Kind::CurrentPool => on_rayon(tasks),
            #[cfg(feature = "rayon")]
            Kind::Private(pool) => pool.install(|| on_rayon(tasks)),
            #[cfg(feature = "std")]
            Kind::Custom(executor) => on_custom(*executor, tasks),
            Kind::Never(never, _) => match *never {},
        }
    }

    /// Runs `here` on the calling thread and `aside` beside it on a thread of a rayon pool; without one, or
    /// with a pool of one thread, `here` first. When `here` fails, its error is returned after
    /// `aside` has ended.
    pub(crate) fn beside<T>(
        &self,
        aside: impl FnOnce() + Send,
        here: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        match &self.0 {
            #[cfg(feature = "rayon")]
            Kind::CurrentPool if self.width() > 1 => rayon::in_place_scope(|scope| {
                scope.spawn(|_| aside());
                here()
            }),
            #[cfg(feature = "rayon")]
            Kind::Private(pool) if self.width() > 1 => pool.in_place_scope(|scope| {
                scope.spawn(|_| aside());
                here()
            }),
            _ => {
                let done = here()?;
                aside();
                Ok(done)
            }
        }
    }
}

/// One task.
type Task<'t> = dyn FnMut() + Send + 't;

#[cfg(feature = "rayon")]
fn on_rayon(tasks: &mut [&mut Task<'_>]) {
    use rayon::prelude::*;
    tasks.par_iter_mut().with_max_len(1).for_each(|task| task());
}

/// Hands each task to the one call that has its index. The locks are never contended; they are
/// what makes the hand-over safe without `unsafe` even if an executor calls an index twice.
#[cfg(feature = "std")]
fn on_custom(executor: &dyn Executor, tasks: &mut [&mut Task<'_>]) {
    let mut slots: Vec<std::sync::Mutex<Option<&mut Task<'_>>>> = Vec::new();
    if slots.try_reserve_exact(tasks.len()).is_err() {
        return tasks.iter_mut().for_each(|task| task());
    }
    slots.extend(tasks.iter_mut().map(|task| std::sync::Mutex::new(Some(&mut **task))));
    executor.run(slots.len(), &|i| {
        let task = slots.get(i).and_then(|slot| slot.lock().ok()?.take());
        if let Some(task) = task {
            task();
        }
    });
    // An executor that skipped an index would leave its output unwritten.
    for slot in slots {
        if let Ok(Some(task)) = slot.into_inner() {
            task();
        }
    }
}

impl core::fmt::Debug for Exec<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Exec(width {})", self.width())
    }
}
