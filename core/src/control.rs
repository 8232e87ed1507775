//! Progress and cancellation of one call.
//!
//! The library has no clock, no thread and no global state of its own (but for the answer whether Linux lets it use AMX), so
//! both are the caller's closures. They are called from the calling thread only, between waves of work that take at
//! most about 50 ms a thread on a current machine. A deadline is a stop question that looks at a
//! clock: `|| Instant::now() > end`.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::params::choices;
use crate::params::setters;

/// Names the stages once.
macro_rules! stages {
    ($($variant:ident $name:literal $what:literal)*) => {
        /// What a call is doing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Stage {
            $(#[doc = $what] $variant,)*
        }

        choices!(Stage: $($variant $name),*);
    };
}
stages! {
    Seed "seed" "K-means chooses its first centroids."
    Iterate "iterate" "K-means assigns rows."
    Order "order" "Deduplication sorts rows."
    Copies "copies" "Deduplication looks for copies."
    Compare "compare" "Deduplication compares rows."
    Complexity "complexity" "Density-based pruning measures clusters."
    Measure "measure" "Pairs of rows are measured."
    Align "align" "Pairs of rows are compared with their direction."
    Rank "rank" "Retrieval ranks."
    Search "search" "Hard negatives are searched."
    Statistics "statistics" "A loss gathers statistics of its rows and columns."
    Value "value" "A loss is evaluated."
    GradientX "gradient of x" "A loss is differentiated by x."
    GradientY "gradient of y" "A loss is differentiated by y."
    Layers "layers" "Layers are compared."
    Gram "gram" "CKA multiplies layers."
    Assign "assign" "A codebook assigns latents."
    Predict "predict" "A predictor is trained, or asked."
    Score "score" "Texts are scored."
}

impl core::fmt::Display for Stage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Units done in this stage.
    pub done: u64,
    /// Units in this stage.
    pub total: u64,
    /// The iteration that was finished, when one was.
    pub iteration: Option<Iteration>,
}

/// A finished iteration of a clustering.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Iteration {
    /// The number of the iteration, from 1; 0 is the assignment to the first centroids.
    pub number: u64,
    /// Rows whose label the iteration changed.
    pub moved: u64,
    /// The inertia after the iteration: sum of weight times distance, exact but for one rounding.
    pub objective: f64,
}

/// The caller's two closures, or a flag in place of the one that stops. The default asks and reports nothing.
#[derive(Clone, Copy, Default)]
pub struct Control<'a> {
    stop: Option<Stop<'a>>,
    report: Option<&'a dyn Fn(&Progress)>,
}

#[derive(Clone, Copy)]
enum Stop<'a> {
    When(&'a dyn Fn() -> bool),
    Flag(&'a AtomicBool),
}

impl<'a> Control<'a> {
    /// Never stops, reports nothing.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// The call ends with [`Error::Cancelled`] soon after `stop` first answers `true`.
        stop_when(stop: &'a dyn Fn() -> bool) { stop = Some(Stop::When(stop)) }
        /// The call ends with [`Error::Cancelled`] soon after `flag` is true, set by any thread. Replaces
        /// [`stop_when`](Control::stop_when), and is replaced by it.
        ///
        /// # Example
        /// ```
        /// use pauca::{Context, Control, Error, Exec};
        /// use std::sync::atomic::{AtomicBool, Ordering};
        /// let flag = AtomicBool::new(false);
        /// let control = Control::new().stop_flag(&flag);
        /// assert!(control.check().is_ok());
        /// std::thread::scope(|scope| scope.spawn(|| flag.store(true, Ordering::Relaxed)).join()).unwrap();
        /// assert!(matches!(control.check(), Err(Error::Cancelled)));
        /// ```
        stop_flag(flag: &'a AtomicBool) { stop = Some(Stop::Flag(flag)) }
        /// `report` hears of the progress.
        report_to(report: &'a dyn Fn(&Progress)) { report = Some(report) }
    }

    /// Reports `done` of `total`, then asks whether to stop.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn poll(&self, stage: Stage, done: u64, total: u64) -> Result<()> {
        if let Some(report) = self.report {
            report(&Progress { stage, done, total, iteration: None });
        }
        self.check()
    }

    /// Reports a finished iteration, which made `total` units.
    pub(crate) fn finished(&self, stage: Stage, total: u64, iteration: Iteration) {
        if let Some(report) = self.report {
            report(&Progress { stage, done: total, total, iteration: Some(iteration) });
        }
    }

    /// Whether somebody hears of the progress.
    pub(crate) fn is_heard(&self) -> bool {
        self.report.is_some()
    }

    /// Asks whether to stop.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        let stop = match self.stop {
            None => false,
            Some(Stop::When(stop)) => stop(),
            // Nothing is read that was written before the flag was set.
            Some(Stop::Flag(flag)) => flag.load(Ordering::Relaxed),
        };
        if stop { Err(Error::Cancelled) } else { Ok(()) }
    }
}

impl core::fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Control")
            .field("stop", &self.stop.is_some())
            .field("report", &self.report.is_some())
            .finish()
    }
}

/// Where a call runs and how it is watched. Never changes a result.
///
/// # Example
/// ```
/// use pauca::{Context, Control, Exec, KMeans, Error};
/// let x = ndarray::array![[0.0f32], [1.0], [10.0], [11.0]];
/// let stop = || true;
/// let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
/// let backend = pauca::Cpu::new()?;
/// let rows = pauca::Rows::F32(x.view());
/// let cancelled = KMeans::new(2).fit_on(&backend, &rows, None, &cx);
/// assert!(matches!(cancelled, Err(Error::Cancelled)));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Context<'a> {
    /// Where the work runs.
    pub exec: Exec<'a>,
    /// Progress and cancellation.
    pub control: Control<'a>,
}

impl<'a> Context<'a> {
    /// A context of these two parts.
    pub fn new(exec: Exec<'a>, control: Control<'a>) -> Self {
        Self { exec, control }
    }

    /// Runs `f` on every job, in waves of about 50 ms a thread, asking between the waves whether
    /// to stop. `cost` is the work of one job in multiply-adds. Returns the error of the first
    /// job, in their order, that has one.
    ///
    /// # Errors
    /// The errors of `f`; [`Error::Cancelled`].
    /// # Example
    /// ```
    /// use pauca::{Context, backend::Job};
    /// let mut jobs: Vec<_> = (0..3u64).map(|i| Job::new((i, 0))).collect();
    /// Context::default().in_waves(&mut jobs, 1, |(i, square)| {
    ///     *square = *i * *i;
    ///     Ok(())
    /// })?;
    /// assert_eq!(jobs.iter().map(|job| job.work.1).sum::<u64>(), 5);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn in_waves<T: Send>(
        &self,
        jobs: &mut [Job<T>],
        cost: u64,
        f: impl Fn(&mut T) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        // 3 x 2^29 multiply-adds are about 50 ms on one core of a machine with AVX2.
        let per_thread = ((3u64 << 29) / cost.max(1)).clamp(1, 1 << 20) as usize;
        let wave = per_thread.saturating_mul(self.exec.width());
        jobs.chunks_mut(wave).try_for_each(|jobs| {
            self.exec.for_each(jobs, |job| job.result = f(&mut job.work));
            jobs.iter_mut().try_for_each(|job| core::mem::replace(&mut job.result, Ok(())))?;
            self.control.check()
        })
    }
}

/// Two methods of one body, inside an `impl`: one in a context, and the plain one, with the documentation that is
/// given, in the default context. `on backend` gives the first a backend, too, and the plain one the CPU.
macro_rules! with_and_without_context {
    () => {};
    (
        $(#[$doc:meta])*
        $plain:ident, $full:ident[$($generics:tt)*](&$self:ident, $($arg:ident: $type:ty),+; $cx:ident)
            -> $result:ty $body:block
        $($rest:tt)*
    ) => {
        $(#[$doc])*
        pub fn $plain<$($generics)*>(&$self, $($arg: $type),+) -> Result<$result> {
            $self.$full($($arg,)+ &Context::default())
        }

        #[doc = concat!("[`", stringify!($plain), "`](Self::", stringify!($plain), "), watched and on chosen threads.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($plain), "`](Self::", stringify!($plain), ");")]
        /// [`Cancelled`](crate::Error::Cancelled).
        pub fn $full<$($generics)*>(&$self, $($arg: $type,)+ $cx: &Context) -> Result<$result> $body

        $crate::control::with_and_without_context! { $($rest)* }
    };
    (
        $(#[$doc:meta])*
        $plain:ident, $full:ident[$($generics:tt)*] on $backend:ident(
            &$self:ident, $($arg:ident: $type:ty),+; $cx:ident
        ) -> $result:ty $body:block
        $($rest:tt)*
    ) => {
        $(#[$doc])*
        pub fn $plain<$($generics)*>(&$self, $($arg: $type),+) -> Result<$result> {
            $self.$full(&Cpu::new()?, $($arg,)+ &Context::default())
        }

        #[doc = concat!("[`", stringify!($plain), "`](Self::", stringify!($plain), ") on any backend.")]
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($plain), "`](Self::", stringify!($plain), ");")]
        /// [`Cancelled`](crate::Error::Cancelled).
        pub fn $full<B: Backend, $($generics)*>(
            &$self,
            $backend: &B,
            $($arg: $type,)+
            $cx: &Context,
        ) -> Result<$result> $body

        $crate::control::with_and_without_context! { $($rest)* }
    };
}
pub(crate) use with_and_without_context;

/// A piece of work for one thread, and how it ended.
#[derive(Debug)]
pub struct Job<T> {
    /// The work.
    pub work: T,
    result: Result<()>,
}

impl<T> Job<T> {
    /// Work that is to be done.
    pub fn new(work: T) -> Self {
        Self { work, result: Ok(()) }
    }
}
